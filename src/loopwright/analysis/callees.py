"""Which functions run inside a loop, by way of others too: where the time of the loop is spent."""

from __future__ import annotations

from loopwright.analysis.purity import words
from loopwright.analysis.syntax import Function, Stmt, Unit

Lines = tuple[str, int, int]
"""A file, and the first and the last line of a function in it."""

_FOUND_BY_ARGUMENT = frozenset(words("swap begin end rbegin rend size data empty get iter_move iter_swap"))
"""Functions outside of classes that the standard library calls by name, for a class of the user."""

_PROTOCOLS = _FOUND_BY_ARGUMENT | frozenset(
    words("""
    allocate assign await_ready await_resume await_suspend back compare construct copy deallocate destroy
    emplace_back find front insert length lock max min move pop_back pop_front push_back push_front try_lock
    unlock
    """)
)
"""Methods that its templates call: of containers, allocators, traits of characters, locks and generators."""


def is_called_by_templates(function: Function) -> bool:
    """Whether templates of system headers may call it, which no code of the user shows: std::make_unique
    calls constructors, std::sort operators. A virtual one runs where another one is called.
    """
    if "#" not in function.key:
        return False  # C, which has no templates: a key of C++ has the types of the parameters
    in_class = "@S" in function.key.partition("@F@")[0]
    return bool(function.owner) or function.virtual or is_called_by_name(function.name, in_class)


def is_called_by_name(name: str, in_class: bool) -> bool:
    """Whether templates of the standard library may call what has this name."""
    return name.startswith(("~", "operator")) or name in (_PROTOCOLS if in_class else _FOUND_BY_ARGUMENT)


class Callees:
    """The calls of a unit as they are written. Has to be made before calls are inlined."""

    def __init__(self, unit: Unit) -> None:
        self._lines = {key: function.lines for key, function in unit.functions.items()}
        self._sites: dict[str, tuple[tuple[int, str], ...]] = {}
        for key, function in unit.functions.items():
            self._sites[key] = tuple(
                (expr.start, expr.key)
                for root in function.body.expressions()
                for expr in root.walk()
                if expr.kind == "call" and expr.key in unit.functions
            )

    def inside(self, function: str, loop: Stmt) -> tuple[Lines, ...]:
        """The functions that run in `loop`, which stands in `function`."""
        waiting = [key for offset, key in self._sites.get(function, ()) if loop.start <= offset < loop.end]
        found: dict[str, None] = {}
        while waiting:
            key = waiting.pop()
            if key not in found and key != function:
                found[key] = None
                waiting += [called for _, called in self._sites[key]]
        return tuple(self._lines[key] for key in found)

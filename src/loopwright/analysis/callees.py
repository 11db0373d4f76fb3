"""Which functions run inside a loop, by way of others too: where the time of the loop is spent."""

from __future__ import annotations

from loopwright.analysis.syntax import Stmt, Unit

Lines = tuple[str, int, int]
"""A file, and the first and the last line of a function in it."""


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

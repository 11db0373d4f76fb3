"""Whether a value is needed before or after a nest. False only where the text of the function proves it."""

from __future__ import annotations

from collections.abc import Iterator

from loopwright.analysis.scopes import Effects
from loopwright.analysis.syntax import Expr, Function, Stmt, Variable


class Liveness:
    """Answers for the nest `outermost` of a function."""

    def __init__(self, function: Function, whole: Effects, outermost: Stmt) -> None:
        self.function = function
        self.whole = whole
        self.nest = outermost
        self.jumps = any(s.kind in ("goto", "label") for s in function.body.walk())
        self.uses: dict[Variable, list[int]] = {}
        for expr in _all_expressions(function.body):
            if expr.kind == "ref" and expr.variable is not None:
                self.uses.setdefault(expr.variable, []).append(expr.start)
        # A region stands for statements of the block; what follows its last one follows it.
        last = outermost.body[-1] if outermost.kind == "region" else outermost
        self.path = _path(function.body, last)

    def _is_private(self, variable: Variable) -> bool:
        """Whether only this text can read or write it."""
        own = variable.scope in ("local", "param") and variable.type.kind not in ("reference", "pointer")
        by_value = variable.type.kind != "array" or variable.scope == "local"
        seen = variable in self.whole.address_taken or variable in self.whole.exposed
        return own and by_value and not seen

    def after(self, variable: Variable) -> bool:
        """Whether its value may be read after the nest."""
        if not self._is_private(variable) or self.jumps:
            return True
        if not any(start >= self.nest.end for start in self.uses.get(variable, [])):
            return False
        return self._read_after(variable)

    def _read_after(self, variable: Variable) -> bool:
        # From the nest outwards: what follows it in its block, then what follows that block.
        for block, index in reversed(self.path):
            for sibling in block.body[index + 1 :]:
                overwritten = _overwrites(sibling, variable)
                if overwritten is not None:
                    return not overwritten
            if block.kind not in ("block", "if"):
                return True
        return False

    def before(self, variable: Variable) -> bool:
        """Whether its value before the nest may be read in it."""
        if not self._is_private(variable) or self.jumps or variable.scope == "param":
            return True
        return variable.init is not None or any(s < self.nest.start for s in self.uses.get(variable, []))

    def after_loop(self, variable: Variable, loop: Stmt) -> bool:
        """Whether the induction variable of a loop may be read after it (before it is set again)."""
        if loop.init is not None and loop.init.kind == "decl":
            return False
        if not self._is_private(variable) or self.jumps:
            return True
        set_again = [
            (s.start, s.end)
            for s in self.function.body.walk()
            if s.kind == "for" and s is not loop and _sets(s, variable) and not _contains(s, loop)
        ]
        inside = [
            start
            for start in self.uses.get(variable, [])
            if self.nest.start <= start < self.nest.end and not loop.start <= start < loop.end
        ]
        if any(not any(a <= start < b for a, b in set_again) for start in inside):
            return True
        return self.after(variable)


def _overwrites(stmt: Stmt, variable: Variable) -> bool | None:
    """True: the statement sets the variable before it reads it. False: it may read it. None: no mention."""
    if not any(e.kind == "ref" and e.variable is variable for e in _all_expressions(stmt)):
        return None
    if stmt.kind == "for":
        return _sets(stmt, variable)
    expr = stmt.expr
    if stmt.kind == "expr" and expr is not None and expr.kind == "assign" and expr.op == "=":
        target, value = expr.args
        reads = any(e.kind == "ref" and e.variable is variable for e in value.walk())
        return target.kind == "ref" and target.variable is variable and not reads
    return False


def _sets(loop: Stmt, variable: Variable) -> bool:
    """Whether the loop header starts with `variable = ...`."""
    expr = loop.init.expr if loop.init is not None else None
    if expr is None or expr.kind != "assign" or expr.op != "=" or expr.args[0].variable is not variable:
        return False
    return not any(e.kind == "ref" and e.variable is variable for e in expr.args[1].walk())


def _contains(outer: Stmt, inner: Stmt) -> bool:
    return any(s is inner for s in outer.walk())


def _path(stmt: Stmt, target: Stmt) -> list[tuple[Stmt, int]]:
    """The blocks around `target`, outermost first, each with the position of the child that leads to it."""
    for index, child in enumerate(stmt.body):
        if child is target:
            return [(stmt, index)]
        below = _path(child, target)
        if below:
            return [(stmt, index), *below]
    return []


def _all_expressions(stmt: Stmt) -> Iterator[Expr]:
    for root in stmt.expressions():
        yield from root.walk()

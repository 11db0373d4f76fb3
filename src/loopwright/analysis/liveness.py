"""Whether a value is needed before or after a loop. False only where the text of the function proves it.

The text is structured (a function with `goto` or labels proves nothing), so the paths from a statement
onwards are: the statements after it in its block, once more around each loop that it stands in, and what
follows that loop. A value is not needed where every such path sets the variable before it reads it.
"""

from __future__ import annotations

from collections.abc import Iterable

from loopwright.analysis.scopes import Effects
from loopwright.analysis.syntax import Expr, Function, Stmt, Variable

_LOOPS = ("for", "while", "do", "range-for")
_LEAVES = ("break", "continue", "return")


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

    def _is_private(self, variable: Variable) -> bool:
        """Whether only this text can read or write it."""
        own = variable.scope in ("local", "param") and variable.type.kind not in ("reference", "pointer")
        by_value = variable.type.kind != "array" or variable.scope == "local"
        seen = variable in self.whole.address_taken or variable in self.whole.exposed
        return own and by_value and not seen

    def after(self, variable: Variable) -> bool:
        """Whether its value may be read after the nest."""
        return self._needed_after(variable, self.nest)

    def before(self, variable: Variable) -> bool:
        """Whether its value before the nest may be read in it."""
        if not self._is_private(variable) or self.jumps or variable.scope == "param":
            return True
        return variable.init is not None or any(s < self.nest.start for s in self.uses.get(variable, []))

    def after_loop(self, variable: Variable, loop: Stmt) -> bool:
        """Whether the induction variable of a loop may be read after it (before it is set again)."""
        if loop.init is not None and loop.init.kind == "decl":
            return False
        return self._needed_after(variable, loop)

    def _needed_after(self, variable: Variable, statement: Stmt) -> bool:
        if not self._is_private(variable) or self.jumps:
            return True
        # A region stands for statements of one block: what follows its last one follows it.
        last = statement.body[-1] if statement.kind == "region" else statement
        path = _path(self.function.body, last)
        return not path or _read_on(path, variable)


def _read_on(path: list[tuple[Stmt, int]], variable: Variable) -> bool:
    """Whether some way on from the end of `path` reads the variable before it is set."""
    for around, index in reversed(path):
        if around.kind == "block":
            rest = around.body[index + 1 :]
            for sibling in rest:
                reads, sets = _use(sibling, variable)
                if reads:
                    return True
                if sets and not any(_leaves(one) for one in rest):
                    return False
                if sets:
                    break  # what leaves the block on the way goes on outside of it
        elif around.kind in _LOOPS:
            # Once more around: increment, condition, body. The way out is what follows the loop.
            if _read_around(around, variable):
                return True
        elif around.kind != "if":
            return True
    return False


def _read_around(loop: Stmt, variable: Variable) -> bool:
    for expr in (loop.increment, loop.expr if loop.kind != "range-for" else None):
        if expr is not None:
            reads, sets = _value_use(expr, variable)
            if reads or sets:
                return reads
    return any(_use(child, variable)[0] for child in loop.body)


def _use(stmt: Stmt, variable: Variable) -> tuple[bool, bool]:
    """Whether the statement may read the value from before it, and whether it certainly sets the variable."""
    match stmt.kind:
        case "block":
            return _in_turn(_use(child, variable) for child in stmt.body)
        case "expr":
            return (False, False) if stmt.expr is None else _value_use(stmt.expr, variable)
        case "decl":
            return _in_turn(_value_use(e, variable) for e in stmt.own_expressions())
        case "if":
            condition = (False, False) if stmt.expr is None else _value_use(stmt.expr, variable)
            branches = [_use(child, variable) for child in stmt.body]
            together = any(r for r, _ in branches), len(branches) == 2 and all(s for _, s in branches)
            return _in_turn((condition, together))
        case "for" | "while":
            return _loop_use(stmt, variable)
        case "null" | "break" | "continue":
            return False, False
        case "asm" | "other":
            return True, False
    # What is not understood may read whatever it mentions, and sets nothing for certain.
    return any(e.kind == "ref" and e.variable is variable for e in _all_expressions(stmt)), False


def _loop_use(loop: Stmt, variable: Variable) -> tuple[bool, bool]:
    before = [] if loop.init is None else [_use(loop.init, variable)]
    if loop.expr is not None:
        before.append(_value_use(loop.expr, variable))
    reads, sets = _in_turn(before)
    if reads or sets:
        return reads, sets
    # The body may run no time at all, so it sets nothing for what follows the loop.
    body = _in_turn(_use(child, variable) for child in loop.body)
    skips = any(_leaves(child) for child in loop.body)
    step = (False, False) if loop.increment is None else _value_use(loop.increment, variable)
    return body[0] or (step[0] and (skips or not body[1])), False


def _value_use(expr: Expr, variable: Variable) -> tuple[bool, bool]:
    """As `_use`, for an expression: only plain assignments that are always evaluated count as setting."""
    match expr.kind:
        case "assign" if expr.op == "=" and expr.args[0].kind == "ref" and expr.args[0].variable is variable:
            return _value_use(expr.args[1], variable)[0], True
        case "binary" if expr.op == ",":
            return _in_turn(_value_use(arg, variable) for arg in expr.args)
        case "assign" if expr.op == "=" and expr.args[0].kind == "ref":
            return _value_use(expr.args[1], variable)
        case "cast":
            return _in_turn(_value_use(arg, variable) for arg in expr.args)
    return any(e.kind == "ref" and e.variable is variable for e in expr.walk()), False


def _in_turn(uses: Iterable[tuple[bool, bool]]) -> tuple[bool, bool]:
    for reads, sets in uses:
        if reads or sets:
            return reads, sets
    return False, False


def _leaves(stmt: Stmt) -> bool:
    """Whether control may go from inside the statement to elsewhere than its end."""
    return any(s.kind in _LEAVES for s in stmt.walk())


def _path(stmt: Stmt, target: Stmt) -> list[tuple[Stmt, int]]:
    """The statements around `target`, outermost first, each with the position of the child on the way."""
    for index, child in enumerate(stmt.body):
        if child is target:
            return [(stmt, index)]
        below = _path(child, target)
        if below:
            return [(stmt, index), *below]
    return []


def _all_expressions(stmt: Stmt) -> Iterable[Expr]:
    for root in stmt.expressions():
        yield from root.walk()

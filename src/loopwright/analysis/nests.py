"""From one outermost loop of the source to one :class:`~loopwright.analysis.ir.LoopNest`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from loopwright.analysis.headers import Header, element_of_range, guard_forms, read_header, read_range
from loopwright.analysis.ir import AccessKind, SourceRange, Unknown
from loopwright.analysis.layout import Layout
from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.scopes import CallSummary, Effects, effects_of
from loopwright.analysis.statements import RawAccess, Reading, StatementReader
from loopwright.analysis.syntax import Expr, Function, Stmt, Unit, Variable
from loopwright.analysis.updates import self_update
from loopwright.analysis.values import Scope

LOOPS = ("for", "while", "do", "range-for")
REGION = "region"
"""Kind of the statement that stands for consecutive statements of one block (see `frontend.regions`)."""
Guard = tuple[Polynomial, bool]


@dataclass
class RawStatement:
    """A statement before its subscripts are known to be affine."""

    range: SourceRange
    reading: Reading
    guards: tuple[Guard, ...]
    exact: bool
    is_condition: bool
    text: str = ""
    id: str = ""


@dataclass
class RawLoop:
    """A loop before its bounds are known to be affine."""

    id: str
    statement: Stmt
    header: Header
    ranges: dict[str, SourceRange]
    items: list[RawLoop | RawStatement] = field(default_factory=list)
    problems: list[Unknown] = field(default_factory=list)

    def statements(self) -> Iterable[tuple[RawStatement, tuple[RawLoop, ...]]]:
        """All statements below, each with the loops around it, outermost first."""
        for item in self.items:
            if isinstance(item, RawLoop):
                for statement, loops in item.statements():
                    yield statement, (self, *loops)
            else:
                yield item, (self,)


@dataclass
class RawNest:
    """A nest as read: its loops, the scope it was read in, and where each local is declared."""

    root: RawLoop
    scope: Scope
    declared_in: dict[Variable, str]


class NestReader:
    """Reads one nest of a function."""

    def __init__(self, unit: Unit, function: Function, whole: Effects, summary: CallSummary) -> None:
        self.unit = unit
        self.layout = Layout(unit)
        self.function = function
        self.whole = whole
        self.summary = summary
        self.open: list[RawLoop] = []
        self.declared_in: dict[Variable, str] = {}
        self.count = 0

    def read(self, outermost: Stmt) -> RawNest:
        """The nest whose outermost loop is `outermost`."""
        inside = effects_of([outermost], self.summary)
        if self.unit.may_alias:
            inside.stored_types.add("char")  # what is written may be of any type
        self.scope = Scope(
            inside, self.whole, self.unit.source, nest_start=outermost.start, nest_end=outermost.end
        )
        self.reader = StatementReader(self.scope, self.summary)
        for name in ("min", "max"):
            self.scope.taken.add(name)
        root = self._region(outermost) if outermost.kind == REGION else self._loop(outermost, (), True)
        return RawNest(root, self.scope, self.declared_in)

    # -- regions

    def _region(self, stmt: Stmt) -> RawLoop:
        """Consecutive statements as the body of a loop that runs once, and that the source does not have."""
        once = (Polynomial.constant(0),), (Polynomial.constant(1),)
        header = Header(None, False, *once, 1, ())
        ranges = dict.fromkeys(("range", "body"), self.layout.range(stmt.start, stmt.end))
        ranges |= dict.fromkeys(
            ("header", "init", "condition", "increment"), self.layout.range(stmt.start, stmt.start)
        )
        region = RawLoop(self._loop_id(header, stmt), stmt, header, ranges)
        self.open.append(region)
        for child in stmt.body:
            self._statement(child, (), True)
        self.open.pop()
        return region

    # -- loops

    def _loop(self, stmt: Stmt, guards: tuple[Guard, ...], exact: bool) -> RawLoop:
        if stmt.kind == "for":
            header = read_header(stmt, self.scope)
        elif stmt.kind == "range-for":
            header = read_range(stmt, self.scope)
        else:
            words = {"while": "a while loop", "do": "a do loop"}
            header = Header(None, False, None, None, None, (f"{words[stmt.kind]} has no iteration count",))
        loop = RawLoop(self._loop_id(header, stmt), stmt, header, self.layout.ranges(stmt))
        loop.problems = [
            Unknown(reason, stmt.line, local=not header.opaque)
            for reason in (*header.problems, *self.layout.obstacles(stmt, loop.ranges["header"]))
        ]
        self._enter_header(loop, stmt, guards, exact)
        self.open.append(loop)
        variable = header.variable
        shadowed = self.scope.known.pop(variable, None) if variable is not None else None
        outer = self.scope.loops.get(variable) if variable is not None else None
        usable = variable is not None and header.step is not None
        if usable and variable is not None:
            self.scope.loops[variable] = loop.id
        if header.natural:
            self.scope.natural.add(loop.id)
        self._condition_inside(loop, stmt, guards, exact)
        if stmt.kind == "range-for":
            self._range_variable(stmt, header, guards, exact)
        self._body(stmt.body[0], loop, guards, exact)
        if usable and variable is not None:
            del self.scope.loops[variable]
            if outer is not None:
                self.scope.loops[variable] = outer
            if shadowed is not None:
                self.scope.known[variable] = shadowed
        self.open.pop()
        if outer is not None:
            loop.problems.append(Unknown("its variable is that of an outer loop too", stmt.line))
        return loop

    def _loop_id(self, header: Header, stmt: Stmt) -> str:
        wish = header.variable.name if header.variable is not None else stmt.kind.replace("-", "_") + "_loop"
        name, number = wish, 2
        while name in self.scope.taken:
            name, number = f"{wish}_{number}", number + 1
        self.scope.taken.add(name)
        return name

    def _enter_header(self, loop: RawLoop, stmt: Stmt, guards: tuple[Guard, ...], exact: bool) -> None:
        """What the header does before the first iteration, beyond setting its variable to an affine value."""
        if not self.open or stmt.kind in ("do", "range-for") or _is_counted(loop.header):
            return
        init, variable = stmt.init, loop.header.variable
        if init is not None and loop.header.step is None:
            if init.kind == "decl":
                for declared in init.variables:
                    self.declared_in[declared] = self.open[-1].id
                self._simple(init, self.reader.declaration(init), guards, exact)
            else:
                self._simple(init, self.reader.read([init.expr]), guards, exact)
            init = None
        parts: list[Expr | None] = []
        if init is not None:
            own = init.expr
            parts.append(own.args[1] if own is not None and own.kind == "assign" else own)
            parts += [v.init for v in init.variables]
        reading = self.reader.read([*parts, stmt.expr])
        reading.accesses = [a for a in reading.accesses if a.place.root is not variable or a.place.path]
        if _touches_memory(reading) or reading.unknowns:
            header = loop.ranges["header"]
            place = self.layout.range(header.start, max(header.start, header.end))
            self._append(RawStatement(place, reading, guards, exact, True))

    def _condition_inside(self, loop: RawLoop, stmt: Stmt, guards: tuple[Guard, ...], exact: bool) -> None:
        """The condition of a loop that is not counted is part of each iteration, and so is its increment
        when the induction variable is an ordinary variable to the analysis.
        """
        header = loop.header
        if _is_counted(header) or stmt.kind == "range-for":
            return
        parts = [stmt.expr] if header.step is not None else [stmt.expr, stmt.increment]
        reading = self.reader.read(parts)
        shown = stmt.expr or stmt.increment
        if shown is not None and (_touches_memory(reading) or reading.unknowns):
            self._append(
                RawStatement(self.layout.range(shown.start, shown.end), reading, guards, exact, True)
            )

    def _range_variable(self, stmt: Stmt, header: Header, guards: tuple[Guard, ...], exact: bool) -> None:
        """The variable of a range-based loop is the element that the iteration is about, or a copy of it."""
        for variable in stmt.variables:
            self.scope.known[variable] = None
            self.declared_in[variable] = self.open[-1].id
        if header.variable is None or stmt.expr is None or len(stmt.variables) != 1:
            return
        variable, element = stmt.variables[0], element_of_range(stmt.expr, header.variable)
        place = self.scope.place(element)
        if place is None:
            return
        if variable.type.kind == "reference":
            self.scope.known[variable] = place
            return
        del self.scope.known[variable]
        range_ = self.layout.range(stmt.expr.start, stmt.expr.end)
        self._append(RawStatement(range_, self.reader.copied(variable, element), guards, exact, False))

    # -- statements

    def _append(self, item: RawStatement) -> None:
        item.id = f"S{self.count}"
        item.text = self.unit.source[item.range.start : item.range.end].decode("utf-8", "replace")
        self.count += 1
        self.open[-1].items.append(item)

    def _body(self, stmt: Stmt, loop: RawLoop, guards: tuple[Guard, ...], exact: bool) -> None:
        self._statement(stmt, guards, exact)

    def _statement(
        self, stmt: Stmt, guards: tuple[Guard, ...], exact: bool
    ) -> tuple[tuple[Guard, ...], bool]:
        """Reads a statement; returns the guards under which what follows in the same block runs."""
        match stmt.kind:
            case "block":
                inner, inner_exact = guards, exact
                for child in stmt.body:
                    inner, inner_exact = self._statement(child, inner, inner_exact)
                return inner, inner_exact
            case "decl":
                for variable in stmt.variables:
                    self.declared_in[variable] = self.open[-1].id
                self._simple(stmt, self.reader.declaration(stmt), guards, exact)
            case "expr":
                self._simple(stmt, self.reader.read([stmt.expr], for_effect=True), guards, exact)
            case "if":
                return self._if(stmt, guards, exact)
            case "for" | "while" | "do" | "range-for":
                loop = self._loop(stmt, guards, exact)
                self.open[-1].items.append(loop)
            case "null":
                pass
            case "break":
                self._problem(self.open[-1:], "break", stmt)
            case "continue":
                return guards, False
            case "return":
                self._problem(self.open, "return", stmt)
                self._simple(stmt, self.reader.read([stmt.expr]), guards, exact)
            case "goto" | "label":
                self._problem(self.open, stmt.kind, stmt)
                for child in stmt.body:
                    self._statement(child, guards, False)
                return guards, False
            case "switch" | "case":
                if stmt.kind == "switch":
                    self._problem(self.open[-1:], "switch", stmt)
                    self._condition(stmt, guards, exact)
                for child in stmt.body:
                    self._statement(child, guards, False)
            case _:
                words = {"asm": "inline assembly"}.get(stmt.kind, stmt.name.lower().replace("_", " "))
                reading = self.reader.read([stmt.expr])
                reading.unknowns.append(Unknown(f"{words} is not understood", stmt.line))
                self._simple(stmt, reading, guards, exact)
                for child in stmt.body:
                    self._statement(child, guards, False)
        return guards, exact

    def _if(self, stmt: Stmt, guards: tuple[Guard, ...], exact: bool) -> tuple[tuple[Guard, ...], bool]:
        condition = stmt.expr
        if condition is None:
            return guards, False
        whole = self._extremum(stmt)
        if whole is not None:
            self._simple(stmt, whole, guards, exact)
            return guards, exact
        self._condition(stmt, guards, exact)
        after, after_exact = guards, exact
        for index, branch in enumerate(stmt.body):
            forms = guard_forms(condition, self.scope, holds=index == 0)
            inner = guards if forms is None else (*guards, *forms)
            self._statement(branch, inner, exact and forms is not None)
            if _always_continues(branch):
                other = guard_forms(condition, self.scope, holds=index != 0)
                after = after if other is None else (*after, *other)
                after_exact = after_exact and other is not None
            elif _may_continue(branch):
                after_exact = False
        return after, after_exact

    def _condition(self, stmt: Stmt, guards: tuple[Guard, ...], exact: bool) -> None:
        reading = self.reader.read([stmt.expr])
        expr = stmt.expr
        if expr is not None:
            self._append(RawStatement(self.layout.range(expr.start, expr.end), reading, guards, exact, True))

    def _extremum(self, stmt: Stmt) -> Reading | None:
        """`if (e > s) s = e;` as one minimum or maximum; None for any other `if`."""
        condition, branch = stmt.expr, stmt.body[0]
        while branch.kind == "block" and len(branch.body) == 1:
            branch = branch.body[0]
        expr = branch.expr
        if len(stmt.body) != 1 or branch.kind != "expr" or condition is None or expr is None:
            return None
        if expr.kind != "assign" or expr.op != "=" or condition.kind != "binary":
            return None
        target, value = expr.args
        made = Expr("cond", expr.type, stmt.start, stmt.end, stmt.line, args=(condition, value, target))
        joined = Expr("assign", expr.type, stmt.start, stmt.end, stmt.line, args=(target, made), op="=")
        if self_update(target, made) not in ("min", "max"):
            return None
        return self.reader.read([joined], for_effect=True)

    def _simple(self, stmt: Stmt, reading: Reading, guards: tuple[Guard, ...], exact: bool) -> None:
        if reading.accesses or reading.unknowns or stmt.kind in ("expr", "decl"):
            self._append(RawStatement(self.layout.range(stmt.start, stmt.end), reading, guards, exact, False))

    def _problem(self, loops: list[RawLoop], reason: str, stmt: Stmt) -> None:
        for loop in loops:
            local = reason in ("break", "switch")
            loop.problems.append(Unknown(f"{reason} in the loop body", stmt.line, local=local))


def _is_counted(header: Header) -> bool:
    return header.lower is not None and header.upper is not None and header.step is not None


def _touches_memory(reading: Reading) -> bool:
    return any(
        a.kind is AccessKind.WRITE or a.place.subscripts or a.place.path or a.place.type.kind != "pointer"
        for a in reading.accesses
    )


def _always_continues(branch: Stmt) -> bool:
    return branch.kind == "continue" or (
        branch.kind == "block" and bool(branch.body) and _always_continues(branch.body[-1])
    )


def _may_continue(branch: Stmt) -> bool:
    if branch.kind in LOOPS:
        return False
    return branch.kind == "continue" or any(_may_continue(child) for child in branch.body)


__all__ = ["LOOPS", "NestReader", "RawAccess", "RawLoop", "RawNest", "RawStatement"]

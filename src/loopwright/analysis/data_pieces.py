"""Reads the pieces of a program: from statements, loops and calls to what they do to arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from loopwright.analysis.data_bases import Base, View
from loopwright.analysis.data_device import DeviceLoop, StaysOnHost, device_loop
from loopwright.analysis.data_elements import Flow, renamed, substituted, then, without
from loopwright.analysis.data_host import touches_of
from loopwright.analysis.data_piece import HostLoop, HostTouch, Launch, Piece, Times
from loopwright.analysis.data_sizes import Size, declared_size, polynomial_of, trips_of
from loopwright.analysis.frontend import UnitReader
from loopwright.analysis.polyhedral import OutOfTime
from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.scopes import effects_of
from loopwright.analysis.syntax import Expr, Function, Stmt, Variable


class Pieces:
    """The pieces of a program.

    `denied` are loops that were found unfit for the device, and why; `closed` the keys of functions that are
    not followed into, since they are called where no region is, too: their loops have to map for themselves.
    """

    def __init__(
        self, view: View, denied: Mapping[int, str] | None = None, closed: frozenset[str] = frozenset()
    ) -> None:
        self.view = view
        self.denied = denied or {}
        self.closed = closed
        self._loops: dict[int, DeviceLoop | str] = {}
        self._bodies: dict[str, Piece] = {}
        self._sizes: dict[tuple[str, Base], Size | None] = {}
        self._busy: set[str] = set()

    def limited(self, denied: Mapping[int, str], closed: frozenset[str] = frozenset()) -> Pieces:
        """The pieces of the program with more loops kept on the host, and more functions closed."""
        made = Pieces(self.view, {**self.denied, **denied}, self.closed | closed)
        made._loops, made._sizes = self._loops, self._sizes
        return made

    def piece(self, reader: UnitReader, function: Function, stmt: Stmt) -> Piece:
        """The piece of a statement of a function."""
        return _Reader(self, reader, function).statement(stmt)

    def body(self, function: Function) -> Piece:
        """The piece of a whole function, computed once; a barrier when it calls itself."""
        if function.key in self._busy:
            return Piece(barrier=f"{function.name} calls itself")
        if function.key not in self._bodies:
            reader, _ = self.view.functions[function.key]
            self._busy.add(function.key)
            self._bodies[function.key] = self.piece(reader, function, function.body)
            self._busy.discard(function.key)
        return self._bodies[function.key]

    def size(self, reader: UnitReader, function: Function, base: Base) -> Size | None:
        """The size of an array as stated, declared or allocated."""
        key = (function.key, base)
        if key not in self._sizes:
            self._sizes[key] = declared_size(base, self.view, reader, function)
        return self._sizes[key]

    def device(self, reader: UnitReader, function: Function, loop: Stmt) -> DeviceLoop | str:
        """The loop on a device, or why it stays on the host."""
        if id(loop) in self.denied:
            return self.denied[id(loop)]
        if id(loop) not in self._loops:
            self._loops[id(loop)] = self._try(reader, function, loop)
        return self._loops[id(loop)]

    def _try(self, reader: UnitReader, function: Function, loop: Stmt) -> DeviceLoop | str:
        if not function.in_main_file or not self.view.editable(reader.unit.file):
            return "it stands in a file that may not be changed"
        if self.view.on_device is not None and not self.view.on_device(reader.unit.file, loop.start):
            return "it stays on the host"
        try:
            return device_loop(reader, function, loop)
        except StaysOnHost as reason:
            return str(reason)
        except OutOfTime:
            return "the elements that it touches could not be told in time"


class _Reader:
    def __init__(self, pieces: Pieces, reader: UnitReader, function: Function) -> None:
        self.pieces, self.reader, self.function = pieces, reader, function

    def _size(self, base: Base) -> Polynomial | None:
        known = self.pieces.size(self.reader, self.function, base)
        return None if known is None else known.elements

    def statement(self, stmt: Stmt) -> Piece:
        match stmt.kind:
            case "block":
                return self._sequence(self.statement(child) for child in stmt.body)
            case "for" | "while" | "do" | "range-for":
                return self._loop(stmt)
            case "if":
                made = self._simple(stmt, stmt.own_expressions())
                for branch in stmt.body:
                    inner = self.statement(branch)
                    inner.possible()
                    made.add(inner, self._size, certain=False)
                made.on_host(stmt)
                return made
            case "expr" | "decl" | "return":
                made = self._simple(stmt, stmt.own_expressions())
                made.declared |= set(stmt.variables)
                made.changed |= {v.name for v in stmt.variables}
                if stmt.kind == "return":
                    made.barrier = made.barrier or "the function is left in it"
                return made
            case "null" | "break" | "continue":
                return Piece()
        made = self._simple(stmt, stmt.own_expressions())
        for child in stmt.body:
            inner = self.statement(child)
            inner.possible()
            made.add(inner, self._size, certain=False)
        made.on_host(stmt)
        made.barrier = made.barrier or f"a {stmt.kind} statement"
        return made

    def _sequence(self, parts: Iterable[Piece]) -> Piece:
        made = Piece()
        for part in parts:
            made.add(part, self._size)
        return made

    def _loop(self, stmt: Stmt) -> Piece:
        found = self.pieces.device(self.reader, self.function, stmt)
        if not isinstance(found, str):
            return self._launched(found)
        count, exact = trips_of(stmt, self.reader, self.function)
        times = Times(count, exact)
        made = Piece()
        if stmt.init is not None:
            made.add(self.statement(stmt.init), self._size)
        inner = self._simple(stmt, (e for e in (stmt.expr, stmt.increment) if e is not None))
        for child in stmt.body:
            inner.add(self.statement(child), self._size)
        inner.changed |= {v.name for v in stmt.variables}
        inner.declared |= set(stmt.variables)
        inner.repeated(times)
        # What the header touches is made good once, before the loop.
        inner.touches = [replace(t, times=Times()) if t.statement is stmt else t for t in inner.touches]
        inner.loops.insert(0, HostLoop(self.function, stmt, found, inner.has_device, Times()))
        made.add(inner, self._size)
        made.on_host(stmt)
        return made

    def _launched(self, found: DeviceLoop) -> Piece:
        made = Piece()
        effects = effects_of([found.statement], self.reader.summaries)
        made.assigned = set(effects.writes)
        made.changed = {v.name for v in effects.writes}
        if found.statement.init is not None:
            made.changed |= {v.name for v in found.statement.init.variables}
        made.flows = {base: without(flow, made.changed) for base, flow in found.flows.items()}
        made.sizes = {base: [bound] for base, bound in found.bounds.items()}
        made.launches = [Launch(found, self.reader, Times(), {base: base for base in found.flows})]
        return made

    # -- simple statements and calls

    def _simple(self, stmt: Stmt, exprs: Iterable[Expr]) -> Piece:
        made = Piece()
        for expr in exprs:
            effects = effects_of([expr], self.reader.summaries)
            made.assigned |= set(effects.writes)
            made.changed |= {v.name for v in effects.writes} | effects.stored_members
            skipped = {id(call) for call, _ in calls_in(expr) if self._runs_loops(call)}
            for call, certain in calls_in(expr):
                if id(call) in skipped:
                    self._called(made, call, certain=certain)
            for touch in touches_of(expr, self.reader, skipped):
                made.touches.append(HostTouch(touch, stmt, Times()))
                if touch.frees:
                    made.barrier = made.barrier or "memory is given back in it"
                if touch.base is None and touch.writes:
                    self._anything(made)
            lent = {e.args[0].variable for e in expr.walk() if e.kind == "unary" and e.op == "&"}
            self._set(made, (v for v in lent if v is not None))
        return made

    def _anything(self, made: Piece) -> None:
        """Code that is not followed may set every variable that it can find."""
        taken = self.reader.aliasing.effects(self.function).address_taken
        self._set(made, [v for v in (*self.reader.unit.variables, *taken) if not v.type.const])

    def _set(self, made: Piece, variables: Iterable[Variable]) -> None:
        chosen = set(variables)
        made.assigned |= chosen
        made.changed |= {v.name for v in chosen}

    def _callee(self, call: Expr) -> Function | None:
        known = self.pieces.view.functions.get(call.key)
        if known is None or call.method or known[1].is_method or known[1].doubt:
            return None
        return known[1]

    def _runs_loops(self, call: Expr) -> bool:
        callee = self._callee(call)
        return callee is not None and self.pieces.body(callee).has_device

    def _called(self, made: Piece, call: Expr, *, certain: bool) -> None:
        """Adds what a function does that starts device loops itself."""
        callee = self._callee(call)
        assert callee is not None
        body = self.pieces.body(callee)
        inner, why = self._translated(call, callee, body)
        if not certain:
            inner.possible()
        made.add(inner, self._size, certain=certain)
        if why:
            made.barrier = made.barrier or f"{callee.name}: {why}"

    def _translated(self, call: Expr, callee: Function, body: Piece) -> tuple[Piece, str]:
        """The piece of a called function in terms of the caller, and why no region may hold the call."""
        given: dict[Variable, Expr] = dict(zip(callee.parameters, call.args, strict=False))
        values = {
            parameter.name: polynomial_of(arg, self.reader, self.function)
            for parameter, arg in given.items()
            if parameter.type.kind == "int"
        }
        values |= {v.name: None for v in callee.parameters if v.type.kind == "int" and v in body.assigned}
        bases: dict[Base, Base] = {}
        why = ""
        for base in body.flows:
            outer = self._argument(base, given)
            if outer is None:
                why = why or f"its array {base.name} is its own, or is given as more than a name"
            else:
                bases[base] = outer
        twice = [o for o in set(bases.values()) if list(bases.values()).count(o) > 1]
        if any(body.flows[b].writes and o in twice for b, o in bases.items()):
            why = why or "it is given an array twice that it changes"
        if body.barrier and body.barrier != "the function is left in it":
            why = why or body.barrier
        if any(base.variable in body.assigned for base in bases if base.is_parameter):
            why = why or "it changes its pointers"
        if callee.key in self.pieces.closed:
            why = why or "it is called outside of data regions, too"
        early = [s for s in callee.body.walk() if s.kind == "return"]
        early = [s for s in early if not callee.body.body or s is not callee.body.body[-1]]
        made = Piece()
        self._set(made, (v for v in body.assigned if v.scope in ("global", "static")))
        for base, outer in bases.items():
            flow = renamed(body.flows[base], values)
            flow = replace(flow, must=()) if early else flow
            made.flows[outer] = then(made.flows.get(outer, Flow()), flow, None)
            needed = [None if s is None else substituted(s, values) for s in body.sizes.get(base, [])]
            made.sizes.setdefault(outer, []).extend(needed)
        for launch in body.launches:
            inner = {b: bases[o] for b, o in launch.bases.items() if o in bases}
            made.launches.append(replace(launch, bases=inner, times=_in_call(launch.times, values)))
        for held in body.touches:
            touch = held.touch
            if touch.base is not None:
                outer = self._argument(touch.base, given)
                if outer is None and touch.base.variable.scope == "local" and not touch.base.pointed:
                    continue
                touch = replace(touch, base=outer)
            made.touches.append(HostTouch(touch, held.statement, _in_call(held.times, values), called=True))
        made.loops = [replace(x, times=_in_call(x.times, values)) for x in body.loops]
        return made, why

    def _argument(self, base: Base, given: Mapping[Variable, Expr]) -> Base | None:
        """The caller's array that the callee calls `base`; None when that has no name."""
        if base.is_global:
            return base
        arg = given.get(base.variable)
        while arg is not None and arg.kind == "cast":
            arg = arg.args[0]
        if arg is None or arg.kind != "ref" or arg.variable is None:
            return None
        kind = arg.variable.type.kind
        if kind not in ("pointer", "array"):
            return None
        return Base(arg.variable, kind == "pointer")


def _in_call(times: Times, values: Mapping[str, Polynomial | None]) -> Times:
    if times.count is None:
        return times
    count = substituted(times.count, values)
    return Times(count, times.exact and count is not None)


def calls_in(expr: Expr, *, certain: bool = True) -> Iterator[tuple[Expr, bool]]:
    """The calls in an expression, inner ones first, and whether each is certainly evaluated."""
    for position, arg in enumerate(expr.args):
        chosen = expr.kind == "cond" or (expr.kind == "binary" and expr.op in ("&&", "||"))
        yield from calls_in(arg, certain=certain and not (chosen and position > 0))
    if expr.kind == "call":
        yield expr, certain

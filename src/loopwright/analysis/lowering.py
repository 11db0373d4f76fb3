"""From a nest as read to the shared types of :mod:`loopwright.analysis.ir`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from loopwright.analysis.callees import Lines
from loopwright.analysis.delinearise import delinearise
from loopwright.analysis.invariants import Relations
from loopwright.analysis.ir import (
    Access,
    AccessKind,
    Affine,
    Array,
    Constraint,
    Loop,
    Parameter,
    Relation,
    SourceRange,
    Statement,
    Storage,
)
from loopwright.analysis.liveness import Liveness
from loopwright.analysis.nests import RawLoop, RawNest, RawStatement
from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.ranges import Domain
from loopwright.analysis.statements import RawAccess
from loopwright.analysis.syntax import CType, Expr, Stmt, Variable

Key = tuple[Variable | None, tuple[str, ...]]


@dataclass
class LoweredObject:
    """One object of the nest: what names it, its id, and its shape. `owner` is the struct whose member is the
    last pointer on the way to it. `reads_first`: each write of it is an update of what is read just before.
    """

    key: Key
    id: str
    name: str
    type: CType
    extents: tuple[Affine | None, ...]
    storage: Storage
    owner: str = ""
    delinearised: bool = False
    reads_first: bool = False
    row_of: str | None = None
    """The innermost loop that chooses among the pointers of an array of them."""
    subscripts: dict[int, tuple[Affine | None, ...]] = field(default_factory=dict)
    """By the position of the access in the nest."""


class Lowering:
    """Lowers one nest."""

    def __init__(
        self,
        nest: RawNest,
        liveness: Liveness,
        relations: Relations,
        callees: Callable[[Stmt], tuple[Lines, ...]] = lambda loop: (),
    ) -> None:
        self.nest = nest
        self.callees = callees
        self.assumptions = _assumptions(nest.scope.meaning, relations)
        self.liveness = liveness
        self.scope = nest.scope
        self.loop_ids = frozenset(loop.id for loop in _loops(nest.root))
        self.objects: dict[Key, LoweredObject] = {}
        self.accesses: list[tuple[RawAccess, Domain]] = []
        self._positions: dict[int, int] = {}
        self._collect()

    def _collect(self) -> None:
        by_key: dict[Key, list[int]] = {}
        domains: dict[tuple[int, int], Domain] = {}
        for statement, loops in self.nest.root.statements():
            domain = domains.setdefault(
                (id(loops[-1]), hash(statement.guards)), self._domain(statement, loops)
            )
            for access in statement.reading.accesses:
                self._positions[id(access)] = len(self.accesses)
                by_key.setdefault(access.place.key, []).append(len(self.accesses))
                self.accesses.append((access, domain))
        for key, positions in by_key.items():
            self.objects[key] = self._object(key, positions)

    def _linear(self, form: Polynomial) -> Affine | None:
        return self.scope.linear(form, self.loop_ids)

    def _domain(self, statement: RawStatement, loops: tuple[RawLoop, ...]) -> Domain:
        constraints: list[Constraint] = list(self.assumptions)
        for loop in loops:
            symbol = Polynomial.symbol(loop.id)
            for bound in loop.header.lower or ():
                constraints += self._at_least_zero(symbol - bound)
            for bound in loop.header.upper or ():
                constraints += self._at_least_zero(bound - symbol - Polynomial.constant(1))
        for form, is_equal in statement.guards:
            affine = self._linear(form)
            if affine is not None:
                constraints.append(Constraint(affine, Relation.EQ if is_equal else Relation.GE))
        return Domain(constraints)

    # -- objects

    def _object(self, key: Key, positions: list[int]) -> LoweredObject:
        root, path = key
        name = _name(key)
        ranks = {len(self.accesses[p][0].place.subscripts) for p in positions}
        rank = max(ranks)
        extents, owner = self._declared_extents(root, path)
        if len(extents) != rank:
            extents = (None,) * rank
        made = LoweredObject(
            key,
            self._object_id(name),
            name,
            self.accesses[positions[0]][0].place.type.stripped,
            extents,
            self._storage(key),
            owner,
            reads_first=_reads_first([self.accesses[p][0] for p in positions]),
        )
        raw = {p: self.accesses[p][0].place.subscripts for p in positions}
        if len(ranks) > 1 or self._are_shifted(positions):
            made.subscripts = dict.fromkeys(positions, (None,) * rank)
            return made
        made.row_of = self._row_of(positions[0])
        plain = {p: tuple(None if s is None else self._linear(s) for s in subs) for p, subs in raw.items()}
        made.subscripts = plain
        if rank == 1 and any(s[0] is None for s in plain.values()):
            self._delinearised(made, positions)
        return made

    def _are_shifted(self, positions: list[int]) -> bool:
        """Whether equal subscripts of these accesses, of which one writes, may be other elements: they are by
        way of several pointers of an array of pointers, or in part by a flat pointer.
        """
        accesses = [self.accesses[p][0] for p in positions]
        if all(access.kind is AccessKind.READ for access in accesses):
            return False
        ways = {(access.place.rows, access.place.flat) for access in accesses}
        return len(ways) > 1 or None in accesses[0].place.rows

    def _row_of(self, position: int) -> str | None:
        found: set[str] = set()
        for row in self.accesses[position][0].place.rows:
            if isinstance(row, Variable):
                found |= {self.nest.declared_in.get(row, "")}
            elif row is not None:
                found |= row.symbols
        inner = [loop.id for loop in _loops(self.nest.root) if loop.id in found]
        return inner[-1] if inner else None

    def _delinearised(self, made: LoweredObject, positions: list[int]) -> None:
        given = []
        for position in positions:
            access, domain = self.accesses[position]
            subscript = access.place.subscripts[0]
            if subscript is not None:
                given.append((position, subscript, domain))
        if not given or all(self._linear(s) is not None for _, s, _ in given):
            return
        shape = delinearise([(s, d) for _, s, d in given], self.loop_ids, self._linear)
        if shape is None:
            made.subscripts = dict.fromkeys(positions, (None,))
            return
        rank = len(shape.extents) + 1
        made.subscripts = dict.fromkeys(positions, (None,) * rank)
        for (position, _, _), subscripts in zip(given, shape.subscripts, strict=True):
            made.subscripts[position] = tuple(subscripts)
        made.extents = (None, *(self._linear(e) for e in shape.extents))
        made.delinearised = True

    def _object_id(self, name: str) -> str:
        used = {o.id for o in self.objects.values()} | self.loop_ids
        id_, number = name, 2
        while id_ in used:
            id_, number = f"{name}_{number}", number + 1
        return id_

    def _declared_extents(
        self, root: Variable | None, path: tuple[str, ...]
    ) -> tuple[tuple[Affine | None, ...], str]:
        """The extents of each dimension as declared, and the struct that holds the last pointer followed."""
        if root is None:
            return (), ""
        sizes = list(root.extents)
        extents: list[Affine | None] = []
        type_, owner, previous = root.type.stripped, "", ""
        followed_only = root not in self.scope.function.indexed and bool(path[1:]) and path[0] == "*"
        for index, step in enumerate((*path, "")):
            while (type_.kind == "array" or type_.container) and type_.element is not None:
                extents.append(self._count(type_, sizes))
                type_ = type_.element.stripped
            if step == "*":
                if not (index == 0 and followed_only):
                    extents.append(None)
                if type_.element is None:
                    return (), ""
                owner = previous
                type_ = type_.element
            elif step:
                member = dict(type_.fields).get(step[1:])
                if member is None:
                    return (), ""
                previous = type_.spelling
                type_ = member.stripped
        return tuple(extents), owner

    def _count(self, type_: CType, sizes: list[Expr]) -> Affine | None:
        if type_.container == "vector":
            return None
        # `double c[][30]` has no size to take for its first dimension.
        size = sizes.pop(0) if sizes and "[]" not in type_.spelling else None
        if type_.count is not None:
            return Affine(type_.count)
        value = self.scope.size_of_array(size) if size is not None else None
        return None if value is None else self._linear(value)

    def _storage(self, key: Key) -> Storage:
        root, path = key
        if root is None or "*" in path or root.type.kind == "reference":
            return Storage.POINTED
        if root.scope == "param" and root.type.kind == "array":
            return Storage.POINTED
        if root in self.scope.function.address_taken or root in self.scope.function.exposed:
            return Storage.POINTED
        return Storage.GLOBAL if root.scope in ("global", "static") else Storage.LOCAL

    # -- results

    def arrays(self) -> tuple[Array, ...]:
        """All objects."""
        return tuple(
            Array(
                id=o.id,
                name=o.name,
                dtype=o.type.spelling,
                element_bytes=o.type.size,
                extents=o.extents,
                storage=o.storage,
                declared_in=self._declared_in(o.key) or o.row_of,
                is_float=o.type.kind == "float",
                delinearised=o.delinearised,
                live_out=self._live(o, self.liveness.after),
                live_in=self._live(o, self.liveness.before),
            )
            for o in self.objects.values()
        )

    def _live(self, made: LoweredObject, ask: Callable[[Variable], bool]) -> bool:
        root, path = made.key
        if root is None or "*" in path:
            return True
        # What is declared in the nest lives in one iteration: it neither comes from before nor goes on.
        return False if root in self.nest.declared_in else ask(root)

    def _declared_in(self, key: Key) -> str | None:
        # What a pointer declared in a loop leads to is another array in each iteration.
        root, _ = key
        return self.nest.declared_in.get(root) if root is not None else None

    def loop(self, raw: RawLoop) -> Loop:
        """The loop and everything in it."""
        header, ranges = raw.header, raw.ranges
        variable = header.variable
        items = tuple(self.loop(i) if isinstance(i, RawLoop) else self.statement(i) for i in raw.items)
        return Loop(
            id=raw.id,
            variable=variable.name if variable is not None else "",
            lower=self._bounds(header.lower),
            upper=self._bounds(header.upper),
            step=header.step,
            body_items=items,
            range=ranges["range"],
            header=ranges["header"],
            init=ranges["init"],
            condition=ranges["condition"],
            increment=ranges["increment"],
            body=ranges["body"],
            declared_here=header.declared_here,
            unsigned_variable=variable.type.unsigned if variable is not None else False,
            variable_type=variable.type.spelling if variable is not None else "",
            over_range=raw.statement.kind == "range-for",
            callees=self.callees(raw.statement),
            live_out_variable=variable is not None and self.liveness.after_loop(variable, raw.statement),
            problems=tuple(raw.problems),
        )

    def _bounds(self, forms: tuple[Polynomial, ...] | None) -> tuple[Affine, ...] | None:
        if forms is None:
            return None
        affine = [self._linear(form) for form in forms]
        return None if any(a is None for a in affine) else tuple(a for a in affine if a is not None)

    def _at_least_zero(self, form: Polynomial) -> list[Constraint]:
        affine = self._linear(form)
        return [] if affine is None else [Constraint(affine)]

    def statement(self, raw: RawStatement) -> Statement:
        """One statement with its accesses in terms of loops and parameters."""
        guards, exact = [], raw.exact
        for form, is_equal in raw.guards:
            affine = self._linear(form)
            if affine is None:
                exact = False
            else:
                guards.append(Constraint(affine, Relation.EQ if is_equal else Relation.GE))
        accesses = tuple(self._access(a, raw) for a in raw.reading.accesses)
        return Statement(
            id=raw.id,
            range=raw.range,
            accesses=accesses,
            guards=tuple(guards),
            exact_guards=exact,
            is_condition=raw.is_condition,
            unknowns=tuple(raw.reading.unknowns),
            flops=raw.reading.flops,
            text=raw.text,
        )

    def _access(self, access: RawAccess, statement: RawStatement) -> Access:
        made = self.objects[access.place.key]
        expr, whole = access.expr, statement.range
        start, end = expr.start, expr.end
        if start < whole.start or end > whole.end:
            start, end = whole.start, whole.end
        return Access(
            array=made.id,
            kind=access.kind,
            subscripts=made.subscripts[self._positions[id(access)]],
            range=self._range(whole, start, end),
            reduction=access.reduction,
            conditional=access.conditional,
        )

    def _range(self, whole: SourceRange, start: int, end: int) -> SourceRange:
        source = self.scope.source
        line = whole.line + source.count(b"\n", whole.start, start)
        column = start - (source.rfind(b"\n", 0, start) + 1) + 1
        return SourceRange(whole.file, start, end, line, column, line + source.count(b"\n", start, end))

    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters that were introduced."""
        return tuple(self.scope.parameters.values())


def _assumptions(meaning: dict[str, Expr], relations: Relations) -> tuple[Constraint, ...]:
    """What is known about the differences of the parameters."""
    found = []
    for first, second in itertools.combinations(meaning, 2):
        difference = relations.between(meaning[first], meaning[second])
        if difference is not None:
            form = Affine.of(-difference, **{first: 1, second: -1})
            found.append(Constraint(form, Relation.EQ))
    return tuple(found)


def _reads_first(accesses: list[RawAccess]) -> bool:
    read = {id(a.expr) for a in accesses if a.kind is AccessKind.READ}
    return all(a.kind is AccessKind.READ or a.reduction or id(a.expr) in read for a in accesses)


def _name(key: Key) -> str:
    """What people call the object. A pointer that is followed shows as ->, so that the members g->u and g->v,
    which may lead to the same memory, do not look like the members s.x and s.y of one struct.
    """
    root, path = key
    name = root.name if root is not None else "this"
    if not path and root is not None and root.type.kind == "pointer":
        return f"{name} (pointer)"  # the variable itself; what it points to has the plain name
    last = max((i for i, step in enumerate(path) if step == "*"), default=-1)
    before = "".join("->" + step[1:] for step in path[: last + 1] if step != "*")
    return name + before + "".join(path[last + 1 :])


def _loops(root: RawLoop) -> list[RawLoop]:
    found = [root]
    for item in root.items:
        if isinstance(item, RawLoop):
            found += _loops(item)
    return found

"""Loop nests as data: what the frontend reads from C or C++ and what dependence analysis works on.

Everything here is plain data. The frontend fills it; where it cannot see exactly what the code does it
says so with an :class:`Unknown`, and no analysis may conclude 'proved' across one that matters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True)
class SourceRange:
    """A piece of one file: byte offsets [start, end), and 1-based line and column of its start."""

    file: str
    start: int
    end: int
    line: int
    column: int
    end_line: int


@dataclass(frozen=True)
class Unknown:
    """Something that the analysis does not understand, in words for people, and where it stands."""

    reason: str
    line: int = 0
    local: bool = False
    """As a problem of a loop: it concerns that loop only (a `break` or `continue` of its own, how its text
    is written), so that the loops around it may still be proved. A `return` or `goto` is never local."""


@dataclass(frozen=True)
class Affine:
    """constant + sum of coefficient * symbol, over integers.

    Symbols are `Loop.id`s (the value of that loop's induction variable, not its trip number) and
    `Parameter.name`s. `terms` is sorted by symbol and has no zero coefficient.
    """

    constant: int = 0
    terms: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, constant: int = 0, **terms: int) -> Affine:
        """Affine.of(1, n=2) is 2*n + 1."""
        return cls(constant, tuple(sorted((s, c) for s, c in terms.items() if c)))

    def __add__(self, other: Affine) -> Affine:
        terms = dict(self.terms)
        for symbol, coefficient in other.terms:
            terms[symbol] = terms.get(symbol, 0) + coefficient
        return Affine(self.constant + other.constant, tuple(sorted((s, c) for s, c in terms.items() if c)))

    def scaled(self, factor: int) -> Affine:
        """This form times an integer."""
        if factor == 0:
            return Affine()
        return Affine(self.constant * factor, tuple((s, c * factor) for s, c in self.terms))

    def coefficient(self, symbol: str) -> int:
        """The factor of `symbol`, 0 when it does not occur."""
        return dict(self.terms).get(symbol, 0)

    @property
    def symbols(self) -> frozenset[str]:
        """All symbols with a coefficient other than zero."""
        return frozenset(symbol for symbol, _ in self.terms)


@dataclass(frozen=True)
class Parameter:
    """An integer that does not change while the nest runs (a size). `text` is how the source writes it."""

    name: str
    text: str
    minimum: int | None = None
    """A lower bound that is proved, as from a preceding guard; None when nothing is known."""


class Relation(StrEnum):
    """How an affine form compares with zero in a :class:`Constraint`."""

    GE = ">= 0"
    EQ = "== 0"


@dataclass(frozen=True)
class Constraint:
    """`form relation 0`, as in i - j - 1 >= 0."""

    form: Affine
    relation: Relation = Relation.GE


class Storage(StrEnum):
    """Where an object lives, which decides who else can touch it."""

    LOCAL = "local"
    """Declared inside the nest (see `Array.declared_in`) or in the enclosing function, address not taken."""
    GLOBAL = "global"
    POINTED = "pointed"
    """Reached through a pointer or reference: may overlap with others (see `LoopNest.disjoint`)."""


@dataclass(frozen=True)
class Array:
    """A named object that the nest reads or writes; a scalar has no dimensions.

    Attributes:
        id: unique in the nest. For a member access such as `p[i].x` or `s.x` the id is "p.x" or "s.x":
            members of one struct type are distinct objects.
        name: as the source writes it. dtype: C spelling of the element type, as in "double".
        extents: per dimension the affine number of elements, None when unknown (the first one often is).
        declared_in: id of the innermost loop whose body declares it, or chooses the pointer that leads to it
            out of an array of pointers; None when declared outside the nest.
        is_float: whether the elements are floating point.
        live_out: whether its value may be read after the nest (False only when that is proved).
        live_in: whether its value before the nest may be read in it (False only when that is proved).
    """

    id: str
    name: str
    dtype: str
    element_bytes: int
    extents: tuple[Affine | None, ...] = ()
    storage: Storage = Storage.POINTED
    declared_in: str | None = None
    is_float: bool = False
    live_out: bool = True
    live_in: bool = True
    delinearised: bool = False
    """The dimensions were made from flat indexing such as `a[i * n + j]`: the language does not keep an inner
    subscript within its extent, so that analysis has to prove it before it tells rows apart."""
    first: str = ""
    """The address of its first element in C; empty when `length` is."""
    length: str = ""
    """How many elements it has all in all, in C that may stand before the nest; empty when not proved."""

    @property
    def is_scalar(self) -> bool:
        """Whether this is one value rather than an array of them."""
        return not self.extents


class AccessKind(StrEnum):
    """Whether an access reads or writes. `a += x` is a read followed by a write."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True)
class Access:
    """One read or write. `subscripts` has one entry per dimension of the array; None means not affine
    (indirect, product of variables, a call); `reads_for_subscript` names arrays read to compute it.
    """

    array: str
    kind: AccessKind
    subscripts: tuple[Affine | None, ...]
    range: SourceRange
    reduction: str | None = None
    """Set on both accesses of an update `x = x op e`, when e does not read x: one of + * min max & | ^ && ||.
    A subtraction counts as +."""
    conditional: bool = False
    """Its own statement may run without it: it stands behind `?`, `&&` or `||`, or in a function called."""


@dataclass(frozen=True)
class Statement:
    """One simple statement (expression, declaration with initialiser). Accesses in order of evaluation.

    `guards` are the conditions under which it runs, beyond the loops' bounds; `exact_guards` is False
    when a condition could not be expressed: then it may or may not run. Reads made by conditions belong
    to a statement of their own (`is_condition`), placed before the guarded ones. `unknowns` lists what
    was not understood: with any of them nothing can be proved about the loops around it.
    """

    id: str
    range: SourceRange
    accesses: tuple[Access, ...]
    guards: tuple[Constraint, ...] = ()
    exact_guards: bool = True
    is_condition: bool = False
    unknowns: tuple[Unknown, ...] = ()
    flops: int = 0
    text: str = ""


@dataclass(frozen=True)
class Loop:
    """One loop, with its body in order.

    Attributes:
        id: unique in the nest; also the symbol of its induction variable in affine forms. Two loops that
            use the same variable name have different ids.
        variable: name of the induction variable. `declared_here`: declared in the `for` header.
        lower: the variable is >= every form; upper: it is < every form (normalised: `i <= n` gives n + 1).
            None when not affine. For a negative step, `lower`/`upper` still bound the set of values.
        step: constant increment, may be negative; None when it is not a constant.
        header: `for (...)` up to and including the closing parenthesis; init, condition, increment: the
            three parts in it (without semicolons). body: the statement after it, braces included.
        unsigned_variable: the induction variable has an unsigned type.
        variable_type: C spelling, as in "int" or "size_t".
        live_out_variable: the induction variable may be read after the loop.
        over_range: a range-based `for`. Its variable counts the elements; it has no name in the source, and
            `variable` is no identifier but reads `x : values`.
        callees: (file, first line, last line) of the functions that run in the loop.
        problems: what prevents a transformation of this loop (break, goto, return, macro expansion,
            volatile, inline assembly, existing OpenMP pragma...), in words.
    """

    id: str
    variable: str
    lower: tuple[Affine, ...] | None
    upper: tuple[Affine, ...] | None
    step: int | None
    body_items: tuple[Loop | Statement, ...]
    range: SourceRange
    header: SourceRange
    init: SourceRange
    condition: SourceRange
    increment: SourceRange
    body: SourceRange
    declared_here: bool = True
    unsigned_variable: bool = False
    variable_type: str = "int"
    live_out_variable: bool = False
    over_range: bool = False
    callees: tuple[tuple[str, int, int], ...] = ()
    problems: tuple[Unknown, ...] = ()

    @property
    def loops(self) -> tuple[Loop, ...]:
        """The loops directly inside this one."""
        return tuple(item for item in self.body_items if isinstance(item, Loop))

    @property
    def is_perfect(self) -> bool:
        """Whether the body is exactly one loop."""
        return len(self.body_items) == 1 and isinstance(self.body_items[0], Loop)

    def walk(self) -> tuple[Loop, ...]:
        """This loop and all loops below it, outermost first."""
        return (self, *(inner for child in self.loops for inner in child.walk()))

    def statements(self) -> tuple[Statement, ...]:
        """All statements below this loop, in source order."""
        found: list[Statement] = []
        for item in self.body_items:
            found += item.statements() if isinstance(item, Loop) else (item,)
        return tuple(found)


@dataclass(frozen=True)
class PointerParameter:
    """A parameter that points to numbers, and whether `restrict` is right for it.

    Attributes:
        name: of the parameter. start, end: byte range of its declaration in the file.
        is_restrict: whether it has the qualifier already.
        reason: why it is not proved that its objects are reached by no other way; empty when it is.
        by_type: the proof rests on element types (C11 6.5p7), as in `LoopNest.disjoint_by_type`.
    """

    name: str
    start: int
    end: int
    is_restrict: bool = False
    reason: str = ""
    by_type: bool = False


@dataclass(frozen=True)
class LoopNest:
    """An outermost loop of a function with everything that is known about what it touches.

    Attributes:
        function: name of the enclosing function.
        arrays: every object accessed, by id. parameters: the symbols other than loops.
        assumptions: constraints over parameters that are proved at this point.
        disjoint: pairs of array ids (sorted) proved not to overlap. Two arrays with other storage than
            POINTED never overlap and need no pair. Two pointed arrays that are in no pair may overlap.
        depth_outside: number of loops around it when this is a nest inside another one, else 0.
    """

    function: str
    root: Loop
    arrays: tuple[Array, ...]
    parameters: tuple[Parameter, ...] = ()
    assumptions: tuple[Constraint, ...] = ()
    disjoint: frozenset[tuple[str, str]] = frozenset()
    disjoint_by_type: frozenset[tuple[str, str]] = frozenset()
    """Those of `disjoint` that are apart only because no object may be accessed as both element types (C11
    6.5p7): true unless the program is built with -fno-strict-aliasing. In C two arrays of numbers whose
    elements are set without being read first are in it only when one of them is declared as an array."""
    unknowns: tuple[Unknown, ...] = field(default_factory=tuple)
    pointers: tuple[PointerParameter, ...] = ()
    """The parameters of the function that point to numbers, inside loops or not."""

    def array(self, id: str) -> Array:
        """The array called `id`; KeyError when there is none."""
        for array in self.arrays:
            if array.id == id:
                return array
        raise KeyError(id)

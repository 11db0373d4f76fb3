"""The part of C and C++ that the frontend understands, as plain data: expressions, statements, functions.

The reader of libclang's tree (`clang_reader.py`) makes these; everything after it is independent of
libclang. What has no place here becomes an expression or a statement of kind "other", whose `name`
says what it was. Parentheses and implicit conversions that keep the value are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from loopwright.core.task import Language


@dataclass(eq=False)
class CType:
    """A canonical type.

    Attributes:
        spelling: without qualifiers. kind: "int" (bool, char and enum included), "float", "pointer",
            "array", "record", "reference", "void", "other".
        size: bytes, 0 when it is not constant.
        element: what a pointer, reference, array or std::vector/std::array holds.
        count: constant number of elements of an array or std::array, else None.
        container: "vector" or "array" for std::vector and std::array, else "".
        fields: members of a record in order, empty for unions and opaque classes.
        bases: the classes that a class is derived from; `fields` is empty when there are any.
        parts: the types of all members of a class of the user, its bases included.
        runs_code: code of the user runs when an object of it is destroyed, copied or assigned.
        made_by_code: code of the user runs when an object of it is made of nothing.
    """

    spelling: str
    kind: str
    size: int = 0
    element: CType | None = None
    count: int | None = None
    container: str = ""
    fields: tuple[tuple[str, CType], ...] = ()
    bases: tuple[CType, ...] = ()
    parts: tuple[CType, ...] = ()
    union: bool = False
    unsigned: bool = False
    const: bool = False
    volatile: bool = False
    restrict: bool = False
    runs_code: bool = False
    made_by_code: bool = False

    @property
    def is_arithmetic(self) -> bool:
        """Whether a value of it is one number."""
        return self.kind in ("int", "float")

    @property
    def stripped(self) -> CType:
        """The type that a reference refers to; any other type is itself."""
        return self.element if self.kind == "reference" and self.element is not None else self

    def derives_from(self, other: CType) -> bool:
        """Whether it is this class, or one that is derived from it."""
        return self.spelling == other.spelling or any(base.derives_from(other) for base in self.bases)


@dataclass(eq=False)
class Variable:
    """A declared object. `extents` are the sizes of a variable-length array type, outermost first.

    scope: "param", "local", "static" (a local that keeps its value), "global". `internal`: no other
    translation unit can name it. `cleaned_up`: a function may run when it goes out of scope. Offsets are
    bytes in the main file, -1 when declared elsewhere.
    """

    name: str
    type: CType
    scope: str
    start: int = -1
    end: int = -1
    line: int = 0
    init: Expr | None = None
    extents: tuple[Expr, ...] = ()
    internal: bool = False
    per_thread: bool = False
    cleaned_up: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether it is a number, or an array of numbers, that nothing may change (C11 6.7.3p6)."""
        type_, const = self.type, self.type.const
        while type_.kind == "array" and type_.element is not None:
            type_ = type_.element
            const = const or type_.const
        lasting = self.scope in ("global", "static")
        return lasting and const and type_.is_arithmetic and not type_.volatile


@dataclass(eq=False)
class Expr:
    """One expression. `kind` decides what the other fields mean:

    ref (variable), function (name), int (value), float, string, binary/assign/unary (op), call (name, key:
    the callee; args, after the object when `method`), member (name; owner: the class that declares it),
    index (array, subscript), cond, cast, init (a braced list; op "." when parts name their members, which
    leaves the order open), constant (sizeof: value), new (op "placement" when it gets a place), lambda (body;
    args: what captures start with), this, other (name says what; body: statements inside of it).
    `by_reference` says per argument whether the callee gets a reference through which it may write;
    `refers` says so of every reference, const ones included, and `keeps` whether the callee may keep it;
    `reference`: a member is declared as a reference.
    `library`: the callee is declared in a system header, or built in, and not defined by the user.
    Unary operators are + - ! ~ * & ++_ --_ _++ _--.
    """

    kind: str
    type: CType
    start: int
    end: int
    line: int
    args: tuple[Expr, ...] = ()
    op: str = ""
    name: str = ""
    key: str = ""
    owner: str = ""
    value: int | None = None
    variable: Variable | None = None
    method: bool = False
    const_method: bool = False
    by_reference: tuple[bool, ...] = ()
    refers: tuple[bool, ...] = ()
    keeps: tuple[bool, ...] = ()
    library: bool = False
    reference: bool = False
    body: Stmt | None = None

    def walk(self) -> Iterator[Expr]:
        """This expression and all below it, the bodies of lambdas included."""
        yield self
        for arg in self.args:
            yield from arg.walk()
        if self.body is not None:
            for expr in self.body.expressions():
                yield from expr.walk()


@dataclass(eq=False)
class Stmt:
    """One statement. `kind`: block, decl, expr, if, for, while, do, range-for, switch, return, break,
    continue, goto, label, case, null, asm, other.

    `expr` is the condition of if/while/do/switch and the value of expr/return. For `for`, `init` is a
    statement, `expr` the condition, `increment` the third part; `body` holds the children of every kind.
    """

    kind: str
    start: int
    end: int
    line: int
    body: tuple[Stmt, ...] = ()
    expr: Expr | None = None
    init: Stmt | None = None
    increment: Expr | None = None
    variables: tuple[Variable, ...] = ()
    name: str = ""

    def walk(self) -> Iterator[Stmt]:
        """This statement and all below it."""
        yield self
        if self.init is not None:
            yield from self.init.walk()
        for child in self.body:
            yield from child.walk()

    def own_expressions(self) -> Iterator[Expr]:
        """The expressions that belong to this statement itself, in order of evaluation."""
        for variable in self.variables:
            yield from variable.extents
            if variable.init is not None:
                yield variable.init
        if self.expr is not None:
            yield self.expr
        if self.increment is not None:
            yield self.increment

    def expressions(self) -> Iterator[Expr]:
        """The topmost expressions of this statement and of all below it."""
        for statement in self.walk():
            yield from statement.own_expressions()


@dataclass(eq=False)
class Function:
    """A function with its body. `key` identifies it; `internal`: static or in an anonymous namespace.

    `lines` are its file, its first and its last line. Of a constructor, `inits` are the members set in its
    initialiser list (without a name: a base class), and `owner` is its class. `virtual`: a call may run
    another function, as that of a derived class. `doubt`: why it may do other things than the body says;
    empty when it does not.
    """

    name: str
    key: str
    parameters: tuple[Variable, ...]
    body: Stmt
    result: CType
    internal: bool = False
    is_method: bool = False
    in_main_file: bool = True
    inits: tuple[tuple[str, Expr], ...] = ()
    owner: str = ""
    lines: tuple[str, int, int] = ("", 0, 0)
    virtual: bool = False
    doubt: str = ""


@dataclass(frozen=True)
class Token:
    """One token of the file as it is written, before macros are expanded."""

    start: int
    end: int
    text: str
    line: int


@dataclass(eq=False)
class Unit:
    """One source file, parsed. `functions` are those with a body, by key; `tokens` those of the main file;
    `macros` the byte ranges of macro uses in it, `called` the functions it calls by key that it does not
    define, those of system headers left out; `defaults` the members (struct, name) that the struct itself
    gives a value. `unread` are the names in code that is not among all this: what has such a name may
    change, or be called, where nobody has looked. `may_alias`: it or a header of the user names the attribute
    that lets a type share memory with every other. `errors` are in words, with lines; empty when it parsed.
    """

    file: str
    source: bytes
    functions: dict[str, Function] = field(default_factory=dict)
    variables: list[Variable] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    macros: list[tuple[int, int]] = field(default_factory=list)
    errors: list[tuple[str, int]] = field(default_factory=list)
    language: Language = Language.C
    called: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    defaults: set[tuple[str, str]] = field(default_factory=set)
    may_alias: bool = False

    @property
    def in_cxx(self) -> bool:
        """Whether it is C++."""
        return self.language is Language.CXX

    def all_variables(self) -> Iterator[Variable]:
        """Every variable that the file declares, inside functions (lambdas included) and outside."""
        yield from self.variables
        for statement in self.all_statements():
            yield from statement.variables

    def all_statements(self) -> Iterator[Stmt]:
        """Every statement of functions and lambdas, with its parts."""
        bodies = [function.body for function in self.functions.values()]
        bodies += [expr.body for expr in self.all_expressions() if expr.body is not None]
        for body in bodies:
            yield from body.walk()

    def all_expressions(self) -> Iterator[Expr]:
        """Every expression of the file with its parts: initial values of variables outside of functions,
        initialiser lists of constructors, and bodies.
        """
        for variable in self.variables:
            if variable.init is not None:
                yield from variable.init.walk()
        for function in self.functions.values():
            for _, init in function.inits:
                yield from init.walk()
            for root in function.body.expressions():
                yield from root.walk()

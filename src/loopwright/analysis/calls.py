"""What calling a function does to its arguments: which it reads, which it writes, and that it keeps none.

A function has a summary when its body only computes with its parameters, its own locals and globals that it
reads; it then neither prints nor allocates what outlives it, and keeps no pointer that it was given. What it
reads and writes through a pointer is one element (`*p`, `p->x`) or any element of the array at it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from loopwright.analysis.flat_types import holds_flat, is_flat, is_number_or_array, is_one, is_plain_object
from loopwright.analysis.purity import is_pure_by_name
from loopwright.analysis.syntax import Expr, Function, Stmt, Unit, Variable

STEPS = ("++_", "--_", "_++", "_--")
CONTAINER_METHODS = ("operator[]", "at", "size", "length", "empty", "data")
"""Methods of std::vector and std::array that give access to elements and change nothing themselves."""


@dataclass(frozen=True)
class Use:
    """What happens to the object that a pointer or reference parameter leads to.

    `whole`: elements beyond the first may be touched. `sets`: the object is certainly written before it is
    read, so that its value from before the call does not matter.
    """

    reads: bool = False
    writes: bool = False
    whole: bool = False
    sets: bool = False


@dataclass(frozen=True)
class CallEffects:
    """A summary: per parameter its use (None: passed by value), of the object of a method, and the globals
    that are read.
    """

    parameters: tuple[Use | None, ...]
    owner: Use | None = None
    globals: tuple[Variable, ...] = ()

    @property
    def is_pure(self) -> bool:
        """Whether it is a value computed from the values of its arguments."""
        return self.owner is None and not self.globals and all(use is None for use in self.parameters)

    def arguments(self, call: Expr) -> tuple[tuple[Expr, Use | None], ...]:
        """The arguments of a call with their uses, the object of a method first."""
        uses = (self.owner, *self.parameters) if call.method else self.parameters
        return tuple(zip(call.args, uses, strict=False))


def name_throwing_calls(unit: Unit) -> None:
    """What `at` throws may leave a loop for a handler, here or in a caller: it gives no access to an element
    any more. Where nothing catches, it ends the program, from any thread.
    """
    for expr in unit.all_expressions():
        if expr.method and expr.name == "at" and expr.args[0].type.stripped.container:
            expr.name = "at, which may throw to a handler"


class Summaries:
    """Summaries of the functions of a translation unit, by the calls of them."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._known: dict[str, CallEffects | None] = {}

    def __call__(self, call: Expr) -> CallEffects | None:
        """The summary of the function that is called; None when anything may happen."""
        function = self.unit.functions.get(call.key)
        if function is None or function.virtual or function.doubt or call.method != function.is_method:
            return None
        if len(call.args) != len(function.parameters) + call.method:
            return None
        if call.method and not is_plain_object(call.args[0].type.stripped):
            return None
        if function.key not in self._known:
            self._known[function.key] = None  # what calls itself is not understood
            self._known[function.key] = _Body(function, self).effects()
        return self._known[function.key]


class _NotUnderstood(Exception):
    """The function does something that a summary has no words for."""


@dataclass
class _Touched:
    reads: bool = False
    writes: bool = False
    whole: bool = False


@dataclass
class _Body:
    """Reads the body of one function."""

    function: Function
    summaries: Summaries
    shared: dict[Variable, _Touched] = field(default_factory=dict)
    owner: _Touched = field(default_factory=_Touched)
    globals: dict[Variable, None] = field(default_factory=dict)

    def effects(self) -> CallEffects | None:
        """The summary, None when there is none."""
        result = self.function.result
        if result.kind not in ("void", "int", "float") and not is_flat(result):
            return None
        try:
            for parameter in self.function.parameters:
                if _is_shared(parameter):
                    self.shared[parameter] = _Touched()
            for statement in self.function.body.walk():
                self._statement(statement)
        except _NotUnderstood:
            return None
        uses = tuple(self._use(p) for p in self.function.parameters)
        owner = None
        if self.function.is_method:
            if self.owner.writes:
                return None
            owner = Use(reads=self.owner.reads, whole=True)
        return CallEffects(uses, owner, tuple(self.globals))

    def _use(self, parameter: Variable) -> Use | None:
        touched = self.shared.get(parameter)
        if touched is None:
            return None
        sets = touched.writes and not touched.whole and _sets_first(self.function.body, parameter)
        return Use(touched.reads, touched.writes, touched.whole, sets)

    # -- statements

    def _statement(self, statement: Stmt) -> None:
        if statement.kind in ("asm", "other", "goto", "label"):
            raise _NotUnderstood
        for variable in statement.variables:
            self._declared(variable)
        for expr in statement.own_expressions():
            self._value(expr)

    def _declared(self, variable: Variable) -> None:
        type_ = variable.type
        if variable.is_constant and _is_number(variable.init):
            return  # a constant of the function that depends on its first call is none
        if variable.scope != "local" or variable.cleaned_up or type_.volatile:
            raise _NotUnderstood
        if type_.kind == "reference":
            # Read through only; what it refers to is looked at where it is bound.
            if type_.element is None or not type_.element.const or not is_flat(type_.element):
                raise _NotUnderstood
        elif type_.kind == "pointer":
            if type_.element is None or not is_flat(type_.element):
                raise _NotUnderstood
        elif type_.made_by_code or not (is_flat(type_) or holds_flat(type_)):
            raise _NotUnderstood

    # -- expressions

    def _value(self, expr: Expr) -> None:
        if expr.type.volatile or expr.type.stripped.volatile:
            raise _NotUnderstood
        if expr.type.kind == "pointer" and _leads_anywhere(expr):
            raise _NotUnderstood
        match expr.kind:
            case "int" | "float" | "string" | "constant":
                return
            case "ref":
                self._mentioned(expr)
            case "this":
                self.owner.reads = True
            case "assign":
                self._value(expr.args[1])
                self._target(expr.args[0], reads=expr.op != "=")
            case "unary" if expr.op in STEPS:
                self._target(expr.args[0], reads=True)
            case "unary" if expr.op == "*" and self._parameter(expr.args[0]) is not None:
                self._touch(self._parameter(expr.args[0]))
            case "unary" if expr.op in ("-", "+", "!", "~", "*"):
                self._value(expr.args[0])
            case "index" if self._parameter(expr.args[0]) is not None:
                subscript = expr.args[1]
                self._value(subscript)
                first = subscript.kind == "int" and subscript.value == 0
                self._touch(self._parameter(expr.args[0]), whole=not first)
            case "member" if self._leads(expr.args[0]):
                self._touch(self._parameter(expr.args[0]))
            case "binary" if expr.op != "?":
                for arg in expr.args:
                    self._value(arg)
            case "index" | "member" | "cast" | "cond" | "init":
                for arg in expr.args:
                    self._value(arg)
            case "call":
                self._call(expr)
            case _:
                raise _NotUnderstood

    def _parameter(self, expr: Expr) -> Variable | None:
        """The shared parameter that an expression is, when it is nothing else."""
        return expr.variable if expr.kind == "ref" and expr.variable in self.shared else None

    def _touch(self, variable: Variable | None, *, writes: bool = False, whole: bool = False) -> None:
        assert variable is not None
        touched = self.shared[variable]
        touched.whole |= whole
        if writes:
            touched.writes = True
        else:
            touched.reads = True

    def _mentioned(self, expr: Expr) -> None:
        variable = expr.variable
        if variable is None:
            raise _NotUnderstood
        if variable in self.shared:
            one = variable.type.kind == "reference" and is_one(variable.type.stripped)
            self._touch(variable, whole=not one)
        elif variable.scope in ("global", "static"):
            if variable.type.volatile or variable.per_thread or not is_number_or_array(variable.type):
                raise _NotUnderstood
            if not variable.is_constant:
                self.globals[variable] = None

    def _target(self, target: Expr, *, reads: bool) -> None:
        """An lvalue that is assigned to: of the function itself, or through a parameter."""
        if target.type.volatile or (target.type.kind == "pointer" and target.kind != "ref"):
            raise _NotUnderstood
        bare, whole = target.kind == "ref", False
        while target.kind != "ref":
            inner = target.args[0] if target.args else target
            if target.kind == "index" and (inner.type.stripped.kind == "array" or self._leads(inner)):
                self._value(target.args[1])
                first = target.args[1].kind == "int" and target.args[1].value == 0
                whole |= not first
            elif target.kind == "call" and target.method and target.name in ("operator[]", "at"):
                if not inner.type.stripped.container:
                    raise _NotUnderstood
                self._value(target.args[1])
                whole = True
            elif target.kind == "member":
                if inner.type.kind == "pointer" and not self._leads(inner):
                    raise _NotUnderstood
            elif not (target.kind == "unary" and target.op == "*" and self._leads(inner)):
                raise _NotUnderstood
            target = inner
        variable = target.variable
        if variable in self.shared and variable is not None:
            if bare and variable.type.kind != "reference":
                raise _NotUnderstood  # the pointer itself moves
            self._touch(variable, writes=True, whole=whole)
            if reads:
                self._touch(variable, whole=whole)
            return
        own = variable is not None and variable.scope in ("local", "param")
        if not own or variable is None or variable.type.kind == "reference":
            raise _NotUnderstood

    def _leads(self, expr: Expr) -> bool:
        return self._parameter(expr) is not None and expr.type.kind == "pointer"

    def _call(self, expr: Expr) -> None:
        if expr.method and expr.args and expr.args[0].type.stripped.container:
            if expr.name not in CONTAINER_METHODS:
                raise _NotUnderstood
            for arg in expr.args:
                self._value(arg)
            return
        builds = expr.name == "constructor" and (is_flat(expr.type) or holds_flat(expr.type))
        library = expr.type.container and expr.name == "constructor"
        if is_pure_by_name(expr) or (builds and library):
            for arg in expr.args:
                self._value(arg)
            return
        effects = self.summaries(expr)
        if effects is None:
            raise _NotUnderstood
        for variable in effects.globals:
            self.globals[variable] = None
        for arg, use in effects.arguments(expr):
            if use is None or not use.writes:
                self._value(arg if use is None else _lent(arg))
            else:
                self._lent_for_writing(arg, use)

    def _lent_for_writing(self, arg: Expr, use: Use) -> None:
        if (parameter := self._parameter(arg)) is not None and arg.type.stripped.kind != "record":
            self._touch(parameter, writes=True, whole=use.whole)
            if use.reads:
                self._touch(parameter, whole=use.whole)
            return
        target = _lent(arg)
        if target is arg and arg.type.kind in ("pointer",):
            raise _NotUnderstood
        if target.kind == "index" and use.whole:
            root = target
            while root.kind == "index":
                root = root.args[0]
            if (parameter := self._parameter(root)) is not None:
                self._touch(parameter, writes=True, whole=True)
        self._target(target, reads=use.reads)


def _lent(arg: Expr) -> Expr:
    """What `&x` leads to; anything else is itself."""
    return arg.args[0] if arg.kind == "unary" and arg.op == "&" else arg


def _leads_anywhere(pointer: Expr) -> bool:
    """Whether a pointer was kept in an object, or made of a number."""
    if pointer.kind == "cast":
        return pointer.args[0].type.kind not in ("pointer", "array")
    return pointer.kind in ("member", "index")


def _is_number(init: Expr | None) -> bool:
    """Whether a constant is made of numbers and of other constants."""
    kinds = ("int", "float", "constant", "cast", "unary", "binary", "cond", "init")
    return init is None or all(
        p.kind in kinds
        or (p.kind == "ref" and p.variable is not None and p.variable.is_constant)
        or (p.kind == "call" and is_pure_by_name(p))
        for p in init.walk()
    )


def _is_shared(parameter: Variable) -> bool:
    """Whether the function gets at an object of its caller through this parameter. Raises when it is
    something that a summary has no words for.
    """
    type_ = parameter.type
    if type_.kind in ("pointer", "array"):
        if type_.element is None or not is_flat(type_.element):
            raise _NotUnderstood
        return True
    if type_.kind == "reference":
        inner = type_.stripped
        if not is_flat(inner) and not holds_flat(inner):
            raise _NotUnderstood
        # A constant number may be a temporary; it is a value like any other.
        return not (inner.const and inner.is_arithmetic)
    if not is_flat(type_):
        raise _NotUnderstood
    return False


def _sets_first(body: Stmt, parameter: Variable) -> bool:
    """Whether a statement directly in the body certainly sets the number at `parameter` before anything else
    looks at it.
    """
    for statement in body.body:
        expr = statement.expr
        if statement.kind == "expr" and expr is not None and expr.kind == "assign" and expr.op == "=":
            target, value = expr.args
            plain = target.kind == "ref" and target.variable is parameter
            through = target.kind == "unary" and target.op == "*" and target.args[0].variable is parameter
            first = (
                target.kind == "index" and target.args[0].variable is parameter and target.args[1].value == 0
            )
            if (plain or through or first) and target.type.stripped.is_arithmetic:
                return not _mentions(value, parameter)
        if any(s.kind in ("return", "break", "continue", "switch") for s in statement.walk()):
            return False
        if any(_mentions(e, parameter) for e in statement.expressions()):
            return False
    return False


def _mentions(expr: Expr, variable: Variable) -> bool:
    return any(e.kind == "ref" and e.variable is variable for e in expr.walk())

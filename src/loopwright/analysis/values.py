"""What expressions are worth inside a nest: integers as polynomials, lvalues as places in objects."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from loopwright.analysis.integers import folded, held, is_constant, is_negative
from loopwright.analysis.ir import Affine, Parameter
from loopwright.analysis.places import Place, Pointer
from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.scopes import Effects, gives_element
from loopwright.analysis.syntax import CType, Expr, Variable

_SIZE_METHODS = {"size", "length"}


@dataclass
class Scope:
    """What is known while a nest is read: open loops, substituted locals, parameters.

    `inside` are the effects of the nest, `function` those of the whole function. `loops` maps the
    variables of the open loops to their ids, `known` the locals that were substituted, and `meaning` the
    parameters to what they stand for.
    """

    inside: Effects
    function: Effects
    source: bytes
    loops: dict[Variable, str] = field(default_factory=dict)
    known: dict[Variable, Polynomial | Place | Pointer | None] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    meaning: dict[str, Expr] = field(default_factory=dict)
    _names: dict[object, str] = field(default_factory=dict)
    _declared_by: dict[object, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    natural: set[str] = field(default_factory=set)
    """Ids of loops whose variable is never negative."""

    # -- integers

    def size_of_array(self, size: Expr) -> Polynomial | None:
        """The size of a declared dimension; None unless its variables never change."""
        refs = [part.variable for part in size.walk() if part.kind == "ref"]
        if any(v is None or self.function.changes(v) or v.scope in ("global", "static") for v in refs):
            return None
        return self.integer(size)

    def integer(self, expr: Expr) -> Polynomial | None:
        """The value of an integer expression over loops and parameters, None when it is not such a one."""
        value = self._integer(expr)
        if value is not None:
            return value
        return self._invariant_parameter(expr)

    def integer_without_parameter(self, expr: Expr) -> Polynomial | None:
        """Like `integer`, but a choice or a call is not made a parameter of its own."""
        return self._integer(expr)

    def _integer(self, expr: Expr) -> Polynomial | None:
        return held(self._computed(expr), expr.type.stripped)

    def _computed(self, expr: Expr) -> Polynomial | None:
        if expr.type.stripped.kind not in ("int",):
            return None
        match expr.kind:
            case "int":
                return None if expr.value is None else Polynomial.constant(expr.value)
            case "ref":
                return self._variable(expr)
            case "cast":
                below = expr.args[0].type.stripped
                if below.kind == "int" and 4 <= below.size <= expr.type.size:
                    return self.integer(expr.args[0])
                value = self.integer(expr.args[0]) if below.kind == "int" else None
                return value if value is not None and value.value is not None else None
            case "unary" if expr.op in ("-", "+"):
                inner = self.integer(expr.args[0])
                if inner is None or (expr.op == "-" and expr.type.stripped.unsigned):
                    return None
                return inner.scaled(-1 if expr.op == "-" else 1)
            case "binary" if expr.op in ("+", "-", "*"):
                left, right = self.integer(expr.args[0]), self.integer(expr.args[1])
                if left is None or right is None:
                    return None
                if expr.type.stripped.unsigned and (is_negative(left) or is_negative(right)):
                    return None  # it becomes a large number first
                return left + right if expr.op == "+" else left - right if expr.op == "-" else left * right
            case "binary" if expr.op in ("/", "%", "<<", ">>"):
                left, right = self.integer(expr.args[0]), self.integer(expr.args[1])
                return None if left is None or right is None else folded(expr.op, left, right)
        return None

    def _variable(self, expr: Expr) -> Polynomial | None:
        variable = expr.variable
        if variable is None:
            return None
        if variable in self.loops:
            return Polynomial.symbol(self.loops[variable])
        if variable in self.known:
            value = self.known[variable]
            return value if isinstance(value, Polynomial) else None
        if not self.is_invariant(expr):
            return None
        if variable.init is not None and self._settled(variable):
            value = self._integer(variable.init) if self._init_is_settled(variable.init) else None
            fits = variable.init.type.kind == "int" and variable.init.type.size <= variable.type.size
            if value is not None and fits and held(value, variable.type) is not None:
                self.known[variable] = value
                return value
        name = self._parameter(variable, variable.name, variable.name)
        self.meaning.setdefault(name, expr)
        return Polynomial.symbol(name)

    def _settled(self, variable: Variable) -> bool:
        """Whether it keeps the value it is declared with for all its life."""
        if variable.scope in ("global", "static"):
            return variable.type.const
        return not self.function.changes(variable)

    def _init_is_settled(self, init: Expr) -> bool:
        for part in init.walk():
            if part.kind == "ref" and part.variable is not None:
                keeps = part.variable.scope == "param" and not self.function.changes(part.variable)
                if not keeps and not (part.variable.init is not None and self._settled(part.variable)):
                    return False
            elif part.kind not in ("int", "binary", "unary", "cast"):
                return False
        return True

    def _parameter(self, key: object, wish: str, text: str) -> str:
        if key not in self._names:
            words = "".join(c if c.isalnum() or c == "_" else " " for c in wish).split()
            base = "_".join(words) or "size"
            name, number = base, 2
            while name in self.taken:
                name, number = f"{base}_{number}", number + 1
            self.taken.add(name)
            self._names[key] = name
            self.parameters[name] = Parameter(name, text)
        return self._names[key]

    def linear(self, form: Polynomial, loops: frozenset[str]) -> Affine | None:
        """The form where a product of parameters, such as n*m, counts as a parameter of its own; None when a
        loop is multiplied by anything but a number.
        """
        total = Affine()
        for monomial, coefficient in form.terms:
            if not monomial:
                total = total + Affine(coefficient)
                continue
            name = monomial[0]
            if len(monomial) > 1:
                if loops & set(monomial):
                    return None
                text = "*".join(self.parameters[s].text for s in monomial)
                name = self._parameter(monomial, "_".join(monomial), text)
            total = total + Affine(0, ((name, coefficient),))
        return total

    def _invariant_parameter(self, expr: Expr) -> Polynomial | None:
        if expr.type.stripped.kind != "int" or expr.kind in ("ref", "int") or not self.is_invariant(expr):
            return None
        if is_constant(expr):
            return None  # a number that its type does not hold
        text = self.text(expr)
        name = self._parameter(structure(expr), text, text)
        self.meaning.setdefault(name, expr)
        return Polynomial.symbol(name)

    def length(self, container: Expr) -> Polynomial:
        """The size of a std::vector that keeps it all through the nest."""
        at, text = container, self.text(container)
        size = Expr("call", at.type, at.start, at.end, at.line, args=(at,), name="size")
        return Polynomial.symbol(self._parameter(structure(size), f"{text} size", f"{text}.size()"))

    def is_invariant(self, expr: Expr) -> bool:
        """Whether the expression has one value all through the nest and no effect."""
        match expr.kind:
            case "int" | "float" | "constant" | "this":
                return True
            case "ref":
                return expr.variable is not None and self._is_invariant_variable(expr.variable)
            case "member":
                stored = expr.name in self.inside.stored_members or self.inside.may_store(expr.type)
                return not (stored or expr.reference) and self.is_invariant(expr.args[0])
            case "binary" | "cast" | "cond":
                return all(self.is_invariant(arg) for arg in expr.args)
            case "unary":
                return expr.op in ("-", "+", "!", "~") and self.is_invariant(expr.args[0])
            case "call":
                known = (
                    expr.method and expr.name in _SIZE_METHODS and bool(expr.args[0].type.stripped.container)
                )
                return known and self.is_invariant(expr.args[0])
        return False

    def _is_invariant_variable(self, variable: Variable) -> bool:
        if variable in self.loops or variable in self.known or variable.type.volatile:
            return False
        if variable.start >= 0 and self.declared_inside(variable):
            return False
        if self.inside.may_change_referred(variable, self.function.address_taken):
            return False
        if variable.scope in ("global", "static") and not variable.type.const:
            hidden = self.inside.may_store(variable.type)
            return variable not in self.inside.writes and not hidden
        if variable in self.function.address_taken and self.inside.may_store(variable.type):
            return False
        return variable not in self.inside.writes and variable not in self.inside.address_taken

    nest_start: int = 0
    nest_end: int = 0

    def declared_inside(self, variable: Variable) -> bool:
        """Whether the variable is declared inside the nest."""
        return variable.scope in ("local", "static") and self.nest_start <= variable.start < self.nest_end

    def text(self, expr: Expr) -> str:
        """The expression as the source writes it, white space squeezed."""
        return " ".join(self.source[expr.start : expr.end].decode("utf-8", "replace").split())

    # -- places

    def place(self, expr: Expr) -> Place | None:
        """The object that an lvalue names, None when it cannot be told."""
        match expr.kind:
            case "this":
                return Place(None, (), (), expr.type)
            case "ref" if expr.variable is not None:
                known = self.known.get(expr.variable)
                if isinstance(known, Place):
                    return known
                if expr.variable.type.kind == "reference" and expr.variable in self.known:
                    return None
                return Place(expr.variable, (), (), expr.type.stripped)
            case "index":
                base, subscript = expr.args
                if base.type.kind == "int":
                    base, subscript = subscript, base
                pointer = self.pointer(base)
                if pointer is None:
                    return None
                return self._element(pointer, self.integer(subscript), expr.type)
            case "unary" if expr.op == "*":
                pointer = self.pointer(expr.args[0])
                if pointer is None:
                    return None
                return self._element(pointer, Polynomial(), expr.type)
            case "member":
                return self._member(expr)
            case "call" if gives_element(expr):
                owner = self.place(expr.args[0])
                if owner is None or len(expr.args) != 2:
                    return None
                subscript_ = self.integer(expr.args[1])
                return replace(owner, subscripts=(*owner.subscripts, subscript_), type=expr.type.stripped)
        return None

    def _element(self, pointer: Pointer, subscript: Polynomial | None, type_: CType) -> Place:
        whole = None if subscript is None or pointer.offset is None else pointer.offset + subscript
        return replace(pointer.array, subscripts=(*pointer.array.subscripts, whole), type=type_)

    def _member(self, expr: Expr) -> Place | None:
        base = expr.args[0]
        if base.type.kind == "pointer" or base.kind == "this":
            if base.kind == "this":
                owner: Place | None = Place(None, (), (), base.type)
            elif base.kind == "ref" and base.variable is not None and self._only_followed(base.variable):
                owner = Place(base.variable, ("*",), (), expr.type)
            else:
                pointer = self.pointer(base)
                owner = None if pointer is None else self._element(pointer, Polynomial(), expr.type)
        else:
            owner = self.place(base)
        if owner is None or (expr.reference and expr.type.stripped.kind == "pointer"):
            return None
        way = (f".{expr.name}", "*")[: 1 + expr.reference]
        if self._declared_by.setdefault((owner.root, owner.path + way), expr.owner) != expr.owner:
            return None  # a member of a base class, hidden by another one of its name
        if expr.reference:  # what two objects are bound to may be one and the same
            owner = replace(owner, subscripts=(None,) * len(owner.subscripts))
        return replace(owner, path=owner.path + way, type=expr.type.stripped)

    def _only_followed(self, variable: Variable) -> bool:
        return variable not in self.function.indexed and variable not in self.known

    def pointer(self, expr: Expr) -> Pointer | None:
        """The array and offset that a pointer expression stands for, None when it cannot be told."""
        # libclang gives a sum with an array parameter the array's type, though it is a pointer.
        if expr.type.stripped.kind == "array" and expr.kind not in ("binary", "cast"):
            place = self.place(expr)
            return None if place is None else Pointer(place, Polynomial())
        match expr.kind:
            case "ref" if expr.variable is not None:
                return self._pointer_variable(expr.variable, expr.type)
            case "binary" if expr.op in ("+", "-"):
                base, offset = expr.args
                if base.type.stripped.kind == "int":
                    base, offset = offset, base
                pointer, moved = self.pointer(base), self.integer(offset)
                if pointer is None or offset.type.stripped.kind != "int":
                    return None
                if moved is None or pointer.offset is None:
                    return Pointer(pointer.array, None)
                return Pointer(
                    pointer.array, pointer.offset + (moved if expr.op == "+" else moved.scaled(-1))
                )
            case "unary" if expr.op == "&":
                place = self.place(expr.args[0])
                if place is None or not place.subscripts or expr.args[0].kind not in ("index", "call"):
                    return None
                return Pointer(replace(place, subscripts=place.subscripts[:-1]), place.subscripts[-1])
            case "cast":
                inner = self.pointer(expr.args[0]) if expr.args[0].type.kind in ("pointer", "array") else None
                return inner if inner is not None and _same_element(expr.type, expr.args[0].type) else None
            case "call" if expr.method and expr.name == "data" and expr.args[0].type.stripped.container:
                owner = self.place(expr.args[0])
                return None if owner is None else Pointer(owner, Polynomial())
            case "member" | "index":
                holder = self.place(expr)
                return None if holder is None else Pointer.out_of(holder)
        return None

    def _pointer_variable(self, variable: Variable, type_: CType) -> Pointer | None:
        if variable in self.known:
            value = self.known[variable]
            return value if isinstance(value, Pointer) else None
        if self._stands_for_another(variable):
            value = self.pointer(variable.init) if variable.init is not None else None
            if value is not None and value.offset is not None:
                self.known[variable] = value = value.held_by(variable)
                return value
        return Pointer(Place(variable, ("*",), (), type_), Polynomial())

    def _stands_for_another(self, variable: Variable) -> bool:
        """Whether a pointer declared before the nest is a fixed place in an array that has a name itself."""
        init = variable.init
        if init is None or variable.scope != "local" or variable.type.restrict or not self._settled(variable):
            return False
        if self.declared_inside(variable):
            return False
        parts = [p for p in init.walk() if p.kind == "ref" and p.variable is not None]
        plain = all(p.kind in ("ref", "int", "binary", "unary", "cast", "index") for p in init.walk())
        return bool(parts) and plain and all(self._holds(p.variable) for p in parts if p.variable is not None)

    def _holds(self, variable: Variable) -> bool:
        if variable.type.stripped.kind == "array":
            return variable.scope != "param" or not self.function.changes(variable)
        return variable.scope in ("param", "local") and self._settled(variable)


def _same_element(a: CType, b: CType) -> bool:
    if a.element is None or b.element is None:
        return False
    return a.element.spelling.replace("const ", "") == b.element.spelling.replace("const ", "")


def structure(expr: Expr) -> object:
    """A hashable form of the expression: equal for expressions that are the same but for their place."""
    return (
        expr.kind,
        expr.op,
        expr.name,
        expr.owner,
        expr.value,
        id(expr.variable) if expr.variable is not None else 0,
        expr.type.spelling if expr.kind == "cast" else "",
        tuple(structure(arg) for arg in expr.args),
    )

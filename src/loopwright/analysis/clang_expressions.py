"""Expressions: from libclang's tree to :mod:`loopwright.analysis.syntax`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from loopwright.analysis.calls import STEPS
from loopwright.analysis.clang_declared import (
    FUNCTIONS,
    in_union,
    is_defined_by_the_user,
    is_flexible,
    is_library,
    is_placement,
    is_reference,
)
from loopwright.analysis.clang_setup import BINARY_OPERATORS, UNARY_OPERATORS, evaluated, initialiser, library
from loopwright.analysis.clang_types import TypeReader
from loopwright.analysis.flat_types import is_flat
from loopwright.analysis.syntax import CType, Expr, Stmt, Unit, Variable

_CASTS = {
    "CSTYLE_CAST_EXPR",
    "CXX_STATIC_CAST_EXPR",
    "CXX_FUNCTIONAL_CAST_EXPR",
    "CXX_REINTERPRET_CAST_EXPR",
    "CXX_CONST_CAST_EXPR",
    "CXX_DYNAMIC_CAST_EXPR",
}


DEEPEST = 200
"""Levels of nesting that are read; each takes some frames of the Python stack."""


class ExpressionReader:
    """Reads expressions. Statements (the bodies of lambdas) and variables are left to the class below it."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.types = TypeReader()
        self.depth = 0
        self.macro_ends: dict[int, int] = {}
        """Where the uses of macros in the file end, by where they begin."""
        self.callees: dict[str, Any] = {}
        """Functions of the user that are called, by key: cursors of their definitions."""
        self.nodes: set[int] = set()
        """The expressions that were read, as libclang's addresses of them."""
        self.places: set[tuple[str, int]] = set()
        """Where the functions stand that were read; instances of a template stand in one place."""

    def statement(self, cursor: Any) -> Stmt:
        """One statement. RecursionError when it is nested too deep."""
        raise NotImplementedError

    def variable(self, cursor: Any) -> Variable:
        """The one Variable for a declaration."""
        raise NotImplementedError

    def expression(self, cursor: Any) -> Expr:
        """One expression. RecursionError when it is nested too deep."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise RecursionError
        self.nodes.add(cursor.data[1])
        try:
            return self._expression(cursor)
        finally:
            self.depth -= 1

    def end_of(self, extent: Any) -> int:
        """Where an extent ends in the file: where that is inside of a macro's body, libclang says the place
        where the macro's name begins.
        """
        end = int(extent.end.offset)
        return self.macro_ends.get(end, end)

    def _expression(self, cursor: Any) -> Expr:
        kind = cursor.kind.name
        extent = cursor.extent
        children = list(cursor.get_children())
        made = Expr(
            "other",
            self.types.of(cursor.type),
            extent.start.offset,
            self.end_of(extent),
            extent.start.line,
            name=kind,
        )
        lib = library()
        match kind:
            case "UNEXPOSED_EXPR":
                return self._unexposed(made, children)
            case "PAREN_EXPR":
                return self.expression(children[0])
            case "INTEGER_LITERAL" | "CHARACTER_LITERAL" | "CXX_BOOL_LITERAL_EXPR" | "CXX_UNARY_EXPR":
                made.kind, made.value = "int", evaluated(cursor)
                if made.value is None:
                    made.kind = "constant"
                if kind == "CXX_UNARY_EXPR" and made.value is None:
                    self._size(made, children)
            case "FLOATING_LITERAL" | "IMAGINARY_LITERAL":
                made.kind, made.name = (
                    "float",
                    self.unit.source[made.start : made.end].decode("utf-8", "replace"),
                )
            case "STRING_LITERAL":
                made.kind = "string"
            case "DECL_REF_EXPR":
                self._reference(made, cursor)
            case "MEMBER_REF_EXPR":
                made.kind, made.name = "member", cursor.spelling
                made.args = tuple(self.expression(c) for c in children if c.kind.is_expression())[:1]
                if not made.args:
                    made.args = (Expr("this", self._owner(cursor), made.start, made.end, made.line),)
                referenced = cursor.referenced
                made.reference = referenced is not None and is_reference(referenced)
                made.owner = self._declaring(referenced)
                if in_union(cursor):
                    # Another member, of any type, is the same memory.
                    made.kind, made.name = "other", f"the member '{cursor.spelling}' of a union"
                elif referenced is not None and referenced.is_bitfield():
                    # Its neighbours share its memory (C11 3.14); it holds fewer values than its type.
                    made.kind, made.name = "other", f"the bit-field '{cursor.spelling}'"
                elif referenced is not None and is_flexible(referenced) and made.args[0].kind != "ref":
                    # Behind one of several structs it is where the next one lies.
                    made.kind, made.name = "other", f"the flexible member '{cursor.spelling}' of an element"
                elif referenced is not None and referenced.kind.name == "VAR_DECL":
                    self._static_member(made, cursor)
            case "ARRAY_SUBSCRIPT_EXPR":
                made.kind, made.args = "index", tuple(self.expression(c) for c in children)
            case "BINARY_OPERATOR" | "COMPOUND_ASSIGNMENT_OPERATOR":
                made.op = BINARY_OPERATORS.get(lib.clang_getCursorBinaryOperatorKind(cursor), "?")
                made.kind = (
                    "assign"
                    if made.op.endswith("=") and made.op not in ("==", "!=", "<=", ">=")
                    else "binary"
                )
                made.args = tuple(self.expression(c) for c in children)
            case "UNARY_OPERATOR":
                made.op = UNARY_OPERATORS.get(lib.clang_getCursorUnaryOperatorKind(cursor), "?")
                made.kind, made.args = "unary", tuple(self.expression(c) for c in children)
            case "CONDITIONAL_OPERATOR":
                made.kind, made.args = "cond", tuple(self.expression(c) for c in children)
            case "INIT_LIST_EXPR":
                made.kind, made.args = (
                    "init",
                    tuple(self.expression(c) for c in children if c.kind.is_expression()),
                )
                parts = (part for c in children for part in c.get_children())
                made.op = "." if any(part.kind.name == "MEMBER_REF" for part in parts) else ""
            case "CALL_EXPR":
                self._call(made, cursor, children)
            case "CXX_NEW_EXPR":
                made.kind, made.args = (
                    "new",
                    tuple(self.expression(c) for c in children if c.kind.is_expression()),
                )
                made.op = "placement" if is_placement(cursor) else ""
            case "CXX_THIS_EXPR":
                made.kind = "this"
            case "CXX_NULL_PTR_LITERAL_EXPR" | "GNU_NULL_EXPR":
                made.kind, made.value = "int", 0
            case "LAMBDA_EXPR":
                made.kind = "lambda"
                bodies = [c for c in children if c.kind.name == "COMPOUND_STMT"]
                made.body = self.statement(bodies[0]) if bodies else None
                made.args = tuple(self._captures(children))
            case _ if kind in _CASTS:
                inner = [c for c in children if c.kind.is_expression()]
                if inner:
                    made.kind, made.args = "cast", (self.expression(inner[-1]),)
            case _:
                made.args = tuple(self.expression(c) for c in children if c.kind.is_expression())
                inner = [c for c in children if c.kind.is_statement()]
                if inner:
                    # Statements inside of an expression, a GNU extension: whatever they name is used.
                    body = tuple(self.statement(c) for c in inner)
                    made.body = Stmt("block", made.start, made.end, made.line, body=body)
        return made

    def _size(self, made: Expr, children: list[Any]) -> None:
        """The size of an array of variable length is computed, with all that its expression does."""
        made.args = tuple(self.expression(c) for c in children if c.kind.is_expression())
        if any(map(does_more, made.args)):
            made.kind = "other"
        else:
            made.args = ()

    def _captures(self, children: list[Any]) -> Iterator[Expr]:
        """What the captures of a lambda that are given a value start with: the others are not listed as
        variables of their own, and are seen where the body uses them.
        """
        for child in children:
            captured = child.referenced if child.kind.name == "VARIABLE_REF" else None
            if captured is None or captured.location.offset != child.location.offset:
                continue
            init = initialiser(captured)
            if init is not None:
                value = self.expression(init)
                yield address_of(value) if is_reference(captured) else value

    def _static_member(self, made: Expr, cursor: Any) -> None:
        """A static data member is one variable, whatever object it is named with."""
        if any(e.kind in ("call", "assign") or e.op in ("++_", "--_", "_++", "_--") for e in made.walk()):
            made.kind, made.name = "other", f"the static member '{cursor.spelling}' of an expression"
        else:
            made.args = ()
            self._reference(made, cursor)

    def _owner(self, member: Any) -> CType:
        """The class that a member named without an object belongs to."""
        referenced = member.referenced
        parent = referenced.semantic_parent if referenced is not None else None
        return self.types.of(member.type if parent is None else parent.type)

    def _declaring(self, member: Any) -> str:
        """The class that declares a member, which the object may only be derived from. What stands in a
        struct without a name belongs to the class around that.
        """
        parent = member.semantic_parent if member is not None else None
        while parent is not None and library().clang_Cursor_isAnonymousRecordDecl(parent):
            parent = parent.semantic_parent
        return "" if parent is None else self.types.of(parent.type).spelling

    def _unexposed(self, made: Expr, children: list[Any]) -> Expr:
        inner = [c for c in children if c.kind.is_expression()]
        if len(inner) != 1:
            made.args = tuple(self.expression(c) for c in inner)
            return made
        below = self.expression(inner[0])
        if "va_list" in below.type.spelling and "va_list" not in made.type.spelling:
            made.name, made.args = "va_arg", (address_of(below),)
            return made
        if below.type.stripped.kind == "record" and made.type.stripped.kind != "record":
            made.args = (below,)  # co_await
            return made
        if below.type.kind == "int" and made.type.kind == "int" and below.type.size > made.type.size:
            # An implicit conversion to a narrower integer may change the value.
            made.kind, made.name, made.args = "cast", "", (below,)
            return made
        if below.type.is_arithmetic and made.type.is_arithmetic and below.type.kind != made.type.kind:
            made.kind, made.name, made.args = "cast", "", (below,)
            return made
        return below

    def _reference(self, made: Expr, cursor: Any) -> None:
        referenced = cursor.referenced
        kind = referenced.kind.name if referenced is not None else ""
        made.name = cursor.spelling
        if kind in ("VAR_DECL", "PARM_DECL"):
            made.kind, made.variable = "ref", self.variable(referenced)
            if made.variable.init is None and made.variable.scope == "global":
                self._global_constant(referenced, made.variable)
        elif kind == "ENUM_CONSTANT_DECL":
            made.kind, made.value = "int", referenced.enum_value
        elif kind == "FIELD_DECL":
            self.unit.unread.add(made.name)  # a pointer to a member
        elif kind in FUNCTIONS or kind == "FUNCTION_TEMPLATE":
            made.kind, made.key = "function", referenced.get_usr()
            self._follow(referenced)

    def _global_constant(self, cursor: Any, variable: Variable) -> None:
        if not variable.type.const or variable.type.kind != "int":
            return
        init = initialiser(cursor)
        if init is not None:
            variable.init = self.expression(init)

    def _call(self, made: Expr, cursor: Any, children: list[Any]) -> None:
        referenced = cursor.referenced
        made.kind = "call"
        made.name = cursor.spelling
        made.key = referenced.get_usr() if referenced is not None else ""
        made.library = is_library(referenced)
        if referenced is not None and not made.library:
            self._follow(referenced)
        if referenced is not None and is_defined_by_the_user(referenced):
            self.unit.called.add(made.key)
        args = [self.expression(c) for c in children if c.kind.is_expression()]
        if referenced is not None and referenced.kind.name == "CONSTRUCTOR":
            made.name = "constructor"
            copies = (
                made.type.kind == "record"
                and len(args) == 1
                and args[0].type.stripped.spelling == made.type.spelling
            )
            made.args = tuple(args)
            self._bind(made, referenced)
            if copies and referenced.is_default_method():
                made.kind = "cast"
            return
        bound = bool(children) and "bound member function" in children[0].type.spelling
        if bound and args and args[0].kind == "member" and referenced is not None:
            # A call of a method: the object is the first argument.
            made.args = (*args[0].args, *args[1:])
            made.method, made.const_method = True, referenced.is_const_method()
            self._bind(made, referenced, mine=(not made.const_method,))
            return
        if len(args) >= 2 and args[1].kind == "function" and args[1].key == made.key:
            # An overloaded operator: object, operator, further operands.
            made.args = (args[0], *args[2:])
            made.method = referenced.kind.name == "CXX_METHOD"
            if made.name == "operator=" and referenced.is_default_method() and is_flat(args[0].type.stripped):
                # A struct of numbers is copied as it stands.
                made.kind, made.op = "assign", "="
                return
            made.const_method = made.method and referenced.is_const_method()
            mine = (not made.const_method,) if made.method else ()
            self._bind(made, referenced, mine=mine)
            return
        if args and args[0].kind == "function":
            args = args[1:]
        made.args = tuple(args)
        if referenced is not None:
            self._bind(made, referenced)

    def _follow(self, function: Any) -> None:
        """Has a function read that is called, or may be: it may be an instance of a template."""
        key = function.get_usr()
        if key not in self.unit.functions and key not in self.callees and not is_library(function):
            definition = function.get_definition()
            if definition is not None and definition.kind.name in FUNCTIONS:
                self.callees[key] = definition

    def _bind(self, made: Expr, function: Any, mine: tuple[bool, ...] = ()) -> None:
        """Notes which arguments are bound to references. `mine`: of the object of a method, that it may be
        changed.
        """
        if function.type.kind.name != "FUNCTIONPROTO":
            made.by_reference = mine
            return
        types = [self.types.of(t) for t in function.type.argument_types()]
        refers = tuple(t.kind == "reference" and t.element is not None for t in types)
        writes = (t.element is not None and not t.element.const for t in types)
        made.by_reference = (*mine, *(r and w for r, w in zip(refers, writes, strict=True)))
        made.refers = (*(False for _ in mine), *refers)
        builds = made.name == "constructor"
        result = made.type if builds else self.types.of(function.result_type)
        holds = may_refer(result)
        if made.library:
            # The standard library keeps references in the objects that it makes for it, nowhere else.
            kept = [r and holds and made.name not in ("make_pair", "make_tuple") for r in refers]
        else:
            # Another function may keep them anywhere. Objects that it gets are looked at where they are used.
            kept = [
                r and (holds or (not builds and t.stripped.is_arithmetic))
                for r, t in zip(refers, types, strict=True)
            ]
        made.keeps = (*(False for _ in mine), *kept)


def may_refer(type_: CType) -> bool:
    """Whether an object of this class may hold a reference or a pointer to something else."""
    if type_.container and type_.element is not None:
        return type_.element.kind in ("record", "pointer") and may_refer(type_.element)
    if type_.kind != "record":
        return False
    if any(t.kind in ("pointer", "reference") for _, t in type_.fields):
        return True
    if not type_.fields:
        return "basic_string<" not in type_.spelling
    return any(may_refer(t) for _, t in type_.fields)


def does_more(expr: Expr) -> bool:
    """Whether computing it may do more than give a value."""
    acts = ("assign", "call", "lambda", "new", "other")
    return any(part.kind in acts or part.op in STEPS for part in expr.walk())


def address_of(expr: Expr) -> Expr:
    """`&expr`: for what is bound to a name, or handed to something, that may change it later."""
    pointer = CType(f"{expr.type.spelling} *", "pointer", element=expr.type)
    return Expr("unary", pointer, expr.start, expr.end, expr.line, args=(expr,), op="&")

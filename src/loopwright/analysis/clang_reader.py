"""From libclang's tree to :mod:`loopwright.analysis.syntax`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopwright.analysis.clang_setup import (
    BINARY_OPERATORS,
    UNARY_OPERATORS,
    arguments,
    evaluated,
    initialiser,
    library,
)
from loopwright.analysis.clang_types import TypeReader
from loopwright.analysis.syntax import Expr, Function, Stmt, Token, Unit, Variable
from loopwright.core.task import Language

_CASTS = {
    "CSTYLE_CAST_EXPR",
    "CXX_STATIC_CAST_EXPR",
    "CXX_FUNCTIONAL_CAST_EXPR",
    "CXX_REINTERPRET_CAST_EXPR",
    "CXX_CONST_CAST_EXPR",
    "CXX_DYNAMIC_CAST_EXPR",
}
_FUNCTIONS = {"FUNCTION_DECL", "CXX_METHOD", "CONSTRUCTOR", "DESTRUCTOR", "CONVERSION_FUNCTION"}
_JUMPS = {
    "BREAK_STMT": "break",
    "CONTINUE_STMT": "continue",
    "GOTO_STMT": "goto",
    "INDIRECT_GOTO_STMT": "goto",
    "NULL_STMT": "null",
    "ASM_STMT": "asm",
    "MS_ASM_STMT": "asm",
}
_DEEPEST = 200


def parse_unit(
    file: str,
    files: Mapping[str, bytes],
    language: Language,
    root: str,
    *,
    include: Sequence[str] = (),
    defines: Sequence[str] = (),
    standard: str | None = None,
) -> Unit:
    """Parse `file`. `files` are laid out under the folder `root`, which must exist. Never raises for what
    the source says: errors are in the result.
    """
    from clang import cindex

    library()
    unit = Unit(file, files[file])
    folders = [f"{root}/{folder}" if not folder.startswith("/") else folder for folder in include]
    args = arguments(language, folders, defines, standard)
    try:
        tu = cindex.Index.create().parse(f"{root}/{file}", args=args, options=1)
    except cindex.TranslationUnitLoadError as error:
        unit.errors.append((f"libclang cannot read the file: {error}", 0))
        return unit
    for diagnostic in tu.diagnostics:
        if diagnostic.severity >= cindex.Diagnostic.Error:
            unit.errors.append((diagnostic.spelling, diagnostic.location.line))
    if unit.errors:
        return unit
    try:
        _UnitReader(unit, f"{root}/{file}", root).read(tu)
    except RecursionError:
        unit.errors.append((f"expressions or blocks are nested more than {_DEEPEST} deep", 0))
    return unit


class _UnitReader:
    def __init__(self, unit: Unit, path: str, root: str) -> None:
        self.unit = unit
        self.path = path
        self.root = root
        self.types = TypeReader()
        self.variables: dict[tuple[str, int], Variable] = {}
        self.depth = 0

    def read(self, tu: Any) -> None:
        for token in tu.get_tokens(extent=tu.cursor.extent):
            if token.kind.name != "COMMENT":
                extent = token.extent
                self.unit.tokens.append(
                    Token(extent.start.offset, extent.end.offset, token.spelling, extent.start.line)
                )
        self._declarations(tu.cursor)

    def _declarations(self, parent: Any) -> None:
        for cursor in parent.get_children():
            file = cursor.location.file
            kind = cursor.kind.name
            if kind == "MACRO_INSTANTIATION":
                if file is not None and file.name == self.path:
                    extent = cursor.extent
                    self.unit.macros.append((extent.start.offset, extent.end.offset))
                continue
            if file is None or not file.name.startswith(self.root):
                continue
            if kind in _FUNCTIONS:
                self._function(cursor, file.name == self.path)
            elif kind == "VAR_DECL":
                variable = self.variable(cursor)
                if variable not in self.unit.variables:
                    self.unit.variables.append(variable)
                self._initialiser(cursor, variable)
            elif kind in ("NAMESPACE", "LINKAGE_SPEC", "UNEXPOSED_DECL", "STRUCT_DECL", "CLASS_DECL"):
                self._declarations(cursor)

    def _function(self, cursor: Any, in_main_file: bool) -> None:
        if not cursor.is_definition():
            return
        children = list(cursor.get_children())
        bodies = [c for c in children if c.kind.name == "COMPOUND_STMT"]
        if not bodies:
            return
        parameters = []
        for child in children:
            if child.kind.name == "PARM_DECL":
                variable = self.variable(child)
                self._extents(child, variable, has_init=False)
                parameters.append(variable)
        function = Function(
            name=cursor.spelling,
            key=cursor.get_usr(),
            parameters=tuple(parameters),
            body=self.statement(bodies[0]),
            result=self.types.of(cursor.result_type),
            internal=cursor.linkage.name in ("INTERNAL", "UNIQUE_EXTERNAL"),
            is_method=cursor.kind.name != "FUNCTION_DECL" and not cursor.is_static_method(),
            in_main_file=in_main_file,
        )
        self.unit.functions[function.key] = function

    # -- declarations of variables

    def variable(self, cursor: Any) -> Variable:
        """The one Variable for a declaration, made at its first mention."""
        cursor = cursor.canonical
        location = cursor.location
        key = (location.file.name if location.file else "", location.offset)
        if key in self.variables:
            return self.variables[key]
        here = key[0] == self.path
        extent = cursor.extent
        self.variables[key] = variable = Variable(
            name=cursor.spelling,
            type=self.types.of(cursor.type),
            scope=_scope(cursor),
            start=extent.start.offset if here else -1,
            end=extent.end.offset if here else -1,
            line=location.line,
            per_thread=cursor.tls_kind.name != "NONE",
            internal=cursor.linkage.name in ("INTERNAL", "UNIQUE_EXTERNAL", "NO_LINKAGE"),
        )
        return variable

    def _declared(self, cursor: Any) -> Variable:
        variable = self.variable(cursor)
        self._initialiser(cursor, variable)
        return variable

    def _initialiser(self, cursor: Any, variable: Variable) -> None:
        init = initialiser(cursor)
        if init is not None:
            variable.init = self.expression(init)
        self._extents(cursor, variable, has_init=init is not None)

    def _extents(self, cursor: Any, variable: Variable, *, has_init: bool) -> None:
        # libclang lists the sizes of a variable-length array before the initialiser, innermost first.
        sizes = [c for c in cursor.get_children() if c.kind.is_expression()]
        if has_init:
            sizes = sizes[:-1]
        if "[" in variable.type.spelling and sizes:
            variable.extents = tuple(self.expression(size) for size in reversed(sizes))

    # -- statements

    def statement(self, cursor: Any) -> Stmt:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise RecursionError
        try:
            return self._statement(cursor)
        finally:
            self.depth -= 1

    def _statement(self, cursor: Any) -> Stmt:
        kind = cursor.kind.name
        extent = cursor.extent
        start, end, line = extent.start.offset, extent.end.offset, extent.start.line
        if cursor.kind.is_expression():
            end = self._through_semicolon(end)
            return Stmt("expr", start, end, line, expr=self.expression(cursor))
        children = list(cursor.get_children())
        match kind:
            case "COMPOUND_STMT":
                return Stmt("block", start, end, line, body=tuple(self.statement(c) for c in children))
            case "DECL_STMT":
                found = tuple(self._declared(c) for c in children if c.kind.name == "VAR_DECL")
                return Stmt("decl", start, end, line, variables=found)
            case "FOR_STMT":
                return self._for(start, line, children)
            case "IF_STMT" | "WHILE_STMT" | "SWITCH_STMT":
                return self._conditional(kind, start, end, line, children)
            case "DO_STMT":
                body = self.statement(children[0])
                end = self._through_semicolon(end)
                return Stmt("do", start, end, line, body=(body,), expr=self.expression(children[1]))
            case "CXX_FOR_RANGE_STMT":
                body = self.statement(children[-1])
                declared = tuple(self._declared(c) for c in children if c.kind.name == "VAR_DECL")
                ranges = [c for c in children[:-1] if c.kind.is_expression()]
                over = self.expression(ranges[0]) if ranges else None
                return Stmt("range-for", start, body.end, line, body=(body,), variables=declared, expr=over)
            case "RETURN_STMT":
                value = self.expression(children[0]) if children else None
                return Stmt("return", start, self._through_semicolon(end), line, expr=value)
            case "LABEL_STMT":
                inner = tuple(self.statement(c) for c in children)
                return Stmt("label", start, inner[-1].end if inner else end, line, body=inner)
            case "CASE_STMT" | "DEFAULT_STMT":
                inner = tuple(
                    self.statement(c) for c in children if not c.kind.is_expression() or c is children[-1]
                )
                return Stmt("case", start, end, line, body=inner)
        if kind in _JUMPS:
            return Stmt(_JUMPS[kind], start, self._through_semicolon(end), line)
        inner = tuple(self.statement(c) for c in children if c.kind.is_statement())
        return Stmt("other", start, end, line, body=inner, name=kind)

    def _conditional(self, kind: str, start: int, end: int, line: int, children: list[Any]) -> Stmt:
        expressions = [i for i, c in enumerate(children) if c.kind.is_expression()]
        first = expressions[0] if expressions else 0
        # What stands before the condition (an init statement or a declaration of C++17) is kept as a child.
        before = tuple(
            self.statement(c)
            if c.kind.is_statement()
            else Stmt("other", start, end, line, name="CONDITION_DECL")
            for c in children[:first]
        )
        bodies = tuple(self.statement(c) for c in children[first + 1 :])
        name = {"IF_STMT": "if", "WHILE_STMT": "while", "SWITCH_STMT": "switch"}[kind]
        condition = self.expression(children[first]) if expressions else None
        if before:
            return Stmt("other", start, bodies[-1].end, line, body=before + bodies, expr=condition, name=kind)
        return Stmt(name, start, bodies[-1].end if bodies else end, line, body=bodies, expr=condition)

    def _for(self, start: int, line: int, children: list[Any]) -> Stmt:
        body = self.statement(children[-1])
        semicolons = self._header_semicolons(start)
        result = Stmt("for", start, body.end, line, body=(body,))
        if semicolons is None:
            result.name = "macro"
            return result
        for child in children[:-1]:
            offset = child.extent.start.offset
            if offset < semicolons[0]:
                result.init = self.statement(child)
            elif offset < semicolons[1]:
                if child.kind.is_expression():
                    result.expr = self.expression(child)
                else:
                    result.name = "declaration"
            else:
                result.increment = self.expression(child)
        return result

    def _header_semicolons(self, start: int) -> tuple[int, int] | None:
        index = self._token_at(start)
        tokens = self.unit.tokens
        if index is None or tokens[index].text != "for":
            return None
        depth, found = 0, []
        for token in tokens[index + 1 :]:
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.text, 0)
            if depth == 0:
                break
            if token.text == ";" and depth == 1:
                found.append(token.start)
        return (found[0], found[1]) if len(found) == 2 else None

    def _token_at(self, offset: int) -> int | None:
        from bisect import bisect_left

        index = bisect_left(self.unit.tokens, offset, key=lambda t: t.start)
        if index < len(self.unit.tokens) and self.unit.tokens[index].start == offset:
            return index
        return None

    def _through_semicolon(self, end: int) -> int:
        from bisect import bisect_left

        index = bisect_left(self.unit.tokens, end, key=lambda t: t.start)
        if index < len(self.unit.tokens) and self.unit.tokens[index].text == ";":
            return self.unit.tokens[index].end
        return end

    # -- expressions

    def expression(self, cursor: Any) -> Expr:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise RecursionError
        try:
            return self._expression(cursor)
        finally:
            self.depth -= 1

    def _expression(self, cursor: Any) -> Expr:
        kind = cursor.kind.name
        extent = cursor.extent
        children = list(cursor.get_children())
        made = Expr(
            "other",
            self.types.of(cursor.type),
            extent.start.offset,
            extent.end.offset,
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
                    made.args = (Expr("this", made.type, made.start, made.end, made.line),)
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
            case "CALL_EXPR":
                self._call(made, cursor, children)
            case "CXX_NEW_EXPR":
                made.kind, made.args = (
                    "new",
                    tuple(self.expression(c) for c in children if c.kind.is_expression()),
                )
            case "CXX_THIS_EXPR":
                made.kind = "this"
            case "CXX_NULL_PTR_LITERAL_EXPR" | "GNU_NULL_EXPR":
                made.kind, made.value = "int", 0
            case "LAMBDA_EXPR":
                made.kind = "lambda"
                bodies = [c for c in children if c.kind.name == "COMPOUND_STMT"]
                made.body = self.statement(bodies[0]) if bodies else None
            case _ if kind in _CASTS:
                inner = [c for c in children if c.kind.is_expression()]
                if inner:
                    made.kind, made.args = "cast", (self.expression(inner[-1]),)
            case _:
                made.args = tuple(self.expression(c) for c in children if c.kind.is_expression())
        return made

    def _unexposed(self, made: Expr, children: list[Any]) -> Expr:
        inner = [c for c in children if c.kind.is_expression()]
        if len(inner) != 1:
            made.args = tuple(self.expression(c) for c in inner)
            return made
        below = self.expression(inner[0])
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
        elif kind in _FUNCTIONS or kind == "FUNCTION_TEMPLATE":
            made.kind, made.key = "function", referenced.get_usr()

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
        if referenced is not None and _is_defined_by_the_user(referenced):
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
            if copies and referenced.is_default_method():
                made.kind = "cast"
            return
        bound = bool(children) and "bound member function" in children[0].type.spelling
        if bound and args and args[0].kind == "member" and referenced is not None:
            # A call of a method: the object is the first argument.
            made.args = (*args[0].args, *args[1:])
            made.method, made.const_method = True, referenced.is_const_method()
            made.by_reference = (not made.const_method, *self._references(referenced))
            return
        if len(args) >= 2 and args[1].kind == "function" and args[1].key == made.key:
            # An overloaded operator: object, operator, further operands.
            made.args = (args[0], *args[2:])
            made.method = referenced.kind.name == "CXX_METHOD"
            made.const_method = made.method and referenced.is_const_method()
            mine = (not made.const_method,) if made.method else ()
            made.by_reference = (*mine, *self._references(referenced))
            return
        if args and args[0].kind == "function":
            args = args[1:]
        made.args = tuple(args)
        if referenced is not None:
            made.by_reference = self._references(referenced)

    def _references(self, function: Any) -> tuple[bool, ...]:
        if function.type.kind.name != "FUNCTIONPROTO":
            return ()
        types = [self.types.of(t) for t in function.type.argument_types()]
        return tuple(t.kind == "reference" and t.element is not None and not t.element.const for t in types)


def _is_defined_by_the_user(function: Any) -> bool:
    if function.kind.name not in ("FUNCTION_DECL", "CXX_METHOD") or function.get_definition() is not None:
        return False
    return function.location.file is not None and not function.location.is_in_system_header


def _scope(cursor: Any) -> str:
    if cursor.kind.name == "PARM_DECL":
        return "param"
    parent = cursor.semantic_parent
    if parent is None or parent.kind.name not in _FUNCTIONS | {"FUNCTION_TEMPLATE"}:
        return "global"
    return "static" if cursor.storage_class.name in ("STATIC", "EXTERN") else "local"

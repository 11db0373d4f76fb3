"""From libclang's tree to :mod:`loopwright.analysis.syntax`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from loopwright.analysis.clang_attributes import is_another_name, is_cleaned_up, is_weak, names_may_alias
from loopwright.analysis.clang_declared import FUNCTIONS
from loopwright.analysis.clang_errors import errors_of, folder_of_missing_header
from loopwright.analysis.clang_expressions import DEEPEST, ExpressionReader, address_of, does_more
from loopwright.analysis.clang_parts import (
    binds_references,
    has_other_instances,
    headed,
    header_semicolons,
    instantiates,
    parts_of_header,
    scope_of,
    through_semicolon,
)
from loopwright.analysis.clang_setup import (
    arguments,
    header_folders,
    initialiser,
    library,
)
from loopwright.analysis.clang_unread import UnreadReader
from loopwright.analysis.syntax import Function, Stmt, Token, Unit, Variable
from loopwright.core.task import Language

_JUMPS = {
    "BREAK_STMT": "break",
    "CONTINUE_STMT": "continue",
    "GOTO_STMT": "goto",
    "INDIRECT_GOTO_STMT": "goto",
    "NULL_STMT": "null",
    "ASM_STMT": "asm",
    "MS_ASM_STMT": "asm",
}


def parse_unit(
    file: str,
    files: Mapping[str, bytes],
    language: Language,
    root: str,
    *,
    include: Sequence[str] = (),
    defines: Sequence[str] = (),
    standard: str | None = None,
    threads: frozenset[str] = frozenset(),
) -> Unit:
    """Parse `file`. `files` are laid out under the folder `root`, which must exist; `threads` are the
    variables of which each thread has its own, by name. Never raises for what the source says: errors are
    in the result.
    """
    from clang import cindex

    library()
    unit = Unit(file, files[file], language=language)
    folders = [f"{root}/{folder}" if not folder.startswith("/") else folder for folder in include]
    args = arguments(language, folders, defines, standard)
    found: list[str] = []
    while True:
        try:
            tu = cindex.Index.create().parse(f"{root}/{file}", args=args, options=1)
        except cindex.TranslationUnitLoadError as error:
            unit.errors.append((f"libclang cannot read the file: {error}", 0))
            return unit
        folder = folder_of_missing_header(tu, files)
        if folder is None or folder in found:
            break
        found.append(folder)
        args += ["-idirafter", f"{root}/{folder}"]
    unit.errors += errors_of(tu, root)
    if unit.errors:
        return unit
    try:
        _UnitReader(unit, f"{root}/{file}", root, threads).read(tu, files, defines)
        unit.may_alias = names_may_alias(tu, header_folders(language))
    except RecursionError:
        unit.errors.append((f"expressions or blocks are nested more than {DEEPEST} deep", 0))
    return unit


class _UnitReader(ExpressionReader):
    def __init__(self, unit: Unit, path: str, root: str, threads: frozenset[str]) -> None:
        super().__init__(unit)
        self.threads = threads
        self.path = path
        self.root = root
        self.variables: dict[tuple[str, int, str], Variable] = {}
        self.other_names: set[Variable] = set()
        self.doubt = ""
        """Of the function that is being read, see `Function`."""

    def read(self, tu: Any, files: Mapping[str, bytes], defines: Sequence[str]) -> None:
        for token in tu.get_tokens(extent=tu.cursor.extent):
            if token.kind.name != "COMMENT":
                extent = token.extent
                self.unit.tokens.append(
                    Token(extent.start.offset, extent.end.offset, token.spelling, extent.start.line)
                )
        self._declarations(tu.cursor)
        self._instantiations()
        unread = UnreadReader(self, self._function, files, self.root)
        unread.read(tu)
        self._instantiations()
        unread.conditionals(tu, defines)
        for expr in self.unit.all_expressions():
            if expr.kind == "ref" and expr.variable in self.other_names:
                # What it names may change under the name of another variable.
                expr.kind, expr.name = "other", f"the variable '{expr.name}', another name of an object,"
        self.unit.defaults |= self.types.defaults

    def _declarations(self, parent: Any) -> None:
        for cursor in parent.get_children():
            file = cursor.location.file
            kind = cursor.kind.name
            if kind == "MACRO_INSTANTIATION":
                if file is not None and file.name == self.path:
                    extent = cursor.extent
                    self.unit.macros.append((extent.start.offset, extent.end.offset))
                    self.macro_ends[extent.start.offset] = extent.end.offset
                continue
            if file is None or not file.name.startswith(self.root):
                continue
            if kind in FUNCTIONS:
                self._function(cursor, file.name == self.path)
            elif kind == "VAR_DECL":
                variable = self.variable(cursor)
                if variable not in self.unit.variables:
                    self.unit.variables.append(variable)
                self._initialiser(cursor, variable)
            elif kind in ("NAMESPACE", "LINKAGE_SPEC", "UNEXPOSED_DECL", "STRUCT_DECL", "CLASS_DECL"):
                self._declarations(cursor)

    def _instantiations(self) -> None:
        """Reads the templates that are called, as they were instantiated, and what these call."""
        found: dict[tuple[str, int], list[Function]] = {}
        explicit = instantiates([t.text for t in self.unit.tokens])
        while self.callees:
            key, cursor = self.callees.popitem()
            file = cursor.location.file
            if key in self.unit.functions or file is None or not file.name.startswith(self.root):
                continue
            self._function(cursor, False)
            if key in self.unit.functions:
                place = (file.name, cursor.location.offset)
                found.setdefault(place, []).append(self.unit.functions[key])
                if explicit or has_other_instances(cursor, self.types.records()):
                    found[place] += found[place]
        for (name, _), functions in found.items():
            # An edit of the template is an edit of the one function that it stands for.
            functions[0].in_main_file = name == self.path and len(functions) == 1

    def _function(self, cursor: Any, in_main_file: bool) -> None:
        if not cursor.is_definition():
            return
        children = list(cursor.get_children())
        # `try { } catch` may stand in the place of a body, and a coroutine has no block either.
        bodies = [c for c in children if c.kind.is_statement()]
        if not bodies:
            return
        parameters = []
        for child in children:
            if child.kind.name == "PARM_DECL":
                variable = self.variable(child)
                self._extents(child, variable, has_init=False)
                parameters.append(variable)
        sizes = (size for parameter in parameters for size in parameter.extents)
        self.doubt = "sizes of parameters that do something" if any(map(does_more, sizes)) else ""
        function = Function(
            name=cursor.spelling,
            key=cursor.get_usr(),
            parameters=tuple(parameters),
            body=self.statement(bodies[-1]),
            result=self.types.of(cursor.result_type),
            internal=cursor.linkage.name in ("INTERNAL", "UNIQUE_EXTERNAL"),
            is_method=cursor.kind.name != "FUNCTION_DECL" and not cursor.is_static_method(),
            in_main_file=in_main_file,
            virtual=cursor.is_virtual_method() or is_weak(cursor),
        )
        function.doubt = self.doubt
        file, extent = cursor.location.file, cursor.extent
        if file is not None:
            self.places.add((file.name, cursor.location.offset))
            path = file.name.removeprefix(self.root).lstrip("/")
            function.lines = (path, extent.start.line, extent.end.line)
        if cursor.kind.name == "CONSTRUCTOR":
            function.owner = self.types.of(cursor.semantic_parent.type).spelling
            function.inits = tuple(
                (member.spelling if member.kind.name == "MEMBER_REF" else "", self.expression(value))
                for member, value in itertools.pairwise(children)
                if value.kind.is_expression()
            )
        self.unit.functions[function.key] = function

    # -- declarations of variables

    def variable(self, cursor: Any) -> Variable:
        """The one Variable for a declaration, made at its first mention."""
        cursor = cursor.canonical
        location = cursor.location
        key = (location.file.name if location.file else "", location.offset, cursor.get_usr())
        if key in self.variables:
            return self.variables[key]
        here = key[0] == self.path
        extent = cursor.extent
        self.variables[key] = variable = Variable(
            name=cursor.spelling,
            type=self.types.of(cursor.type),
            scope=scope_of(cursor),
            start=extent.start.offset if here else -1,
            end=extent.end.offset if here else -1,
            line=location.line,
            per_thread=cursor.tls_kind.name != "NONE" or cursor.spelling in self.threads,
            cleaned_up=is_cleaned_up(cursor),
            internal=cursor.linkage.name in ("INTERNAL", "UNIQUE_EXTERNAL", "NO_LINKAGE"),
        )
        return variable

    def _declared(self, cursor: Any) -> Variable:
        variable = self.variable(cursor)
        self._initialiser(cursor, variable)
        return variable

    def _initialiser(self, cursor: Any, variable: Variable) -> None:
        if is_another_name(cursor):
            self.other_names.add(variable)
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
        if self.depth > DEEPEST:
            raise RecursionError
        try:
            return self._statement(cursor)
        finally:
            self.depth -= 1

    def _statement(self, cursor: Any) -> Stmt:
        kind = cursor.kind.name
        extent = cursor.extent
        start, end, line = extent.start.offset, self.end_of(extent), extent.start.line
        if cursor.kind.is_expression():
            end = through_semicolon(self.unit.tokens, end)
            return Stmt("expr", start, end, line, expr=self.expression(cursor))
        children = list(cursor.get_children())
        match kind:
            case "COMPOUND_STMT":
                return Stmt("block", start, end, line, body=tuple(self.statement(c) for c in children))
            case "DECL_STMT":
                for c in children:
                    if c.kind.name in ("STRUCT_DECL", "CLASS_DECL"):
                        self.types.declared(c)
                if any(c.kind.name == "UNEXPOSED_DECL" or c.kind.is_expression() for c in children):
                    # A structured binding: its initialiser stands beside the names.
                    return Stmt("other", start, end, line, body=self.kept(children), name="BINDING")
                found = tuple(self._declared(c) for c in children if c.kind.name == "VAR_DECL")
                return Stmt("decl", start, end, line, variables=found)
            case "FOR_STMT":
                return self._for(start, line, children)
            case "IF_STMT" | "WHILE_STMT" | "SWITCH_STMT":
                return self._conditional(cursor, children)
            case "DO_STMT":
                body = self.statement(children[0])
                end = through_semicolon(self.unit.tokens, end)
                return Stmt("do", start, end, line, body=(body,), expr=self.expression(children[1]))
            case "CXX_FOR_RANGE_STMT":
                body = self.statement(children[-1])
                if parts_of_header(cursor) != 1:
                    self._hidden(cursor)
                # What initialises the variable is the compiler's own iterator; the range says as much.
                declared = tuple(self.variable(c) for c in children if c.kind.name == "VAR_DECL")
                # Before the range stands how names of a structured binding get their value.
                ranges = [c for c in children[:-1] if c.kind.is_expression()]
                over = self.expression(ranges[-1]) if ranges else None
                if over is not None and binds_references(children):
                    over = address_of(over)
                return Stmt("range-for", start, body.end, line, body=(body,), variables=declared, expr=over)
            case "RETURN_STMT":
                value = self.expression(children[0]) if children else None
                return Stmt("return", start, through_semicolon(self.unit.tokens, end), line, expr=value)
            case "LABEL_STMT":
                inner = tuple(self.statement(c) for c in children)
                return Stmt("label", start, inner[-1].end if inner else end, line, body=inner)
            case "CASE_STMT" | "DEFAULT_STMT":
                inner = tuple(
                    self.statement(c) for c in children if not c.kind.is_expression() or c is children[-1]
                )
                return Stmt("case", start, end, line, body=inner)
        if kind in _JUMPS:
            end = through_semicolon(self.unit.tokens, end)
            # Assembly changes what it names: as much as a pointer to it that is handed on.
            named = tuple(self._pointed_at(c) for c in children if c.kind.is_expression())
            return Stmt(_JUMPS[kind], start, end, line, body=named)
        return Stmt("other", start, end, line, body=self.kept(children), name=kind)

    def kept(self, children: Sequence[Any], *, bound: bool = False) -> tuple[Stmt, ...]:
        """The parts of something that has no place in the syntax, as statements: every name that is used in
        it is seen as used. `bound`: they are what a structured binding refers to.
        """
        found: list[Stmt] = []
        references = bound or binds_references(children)
        for child in children:
            extent = child.extent
            start, end, line = extent.start.offset, self.end_of(extent), extent.start.line
            if child.kind.is_expression() and references:
                found.append(self._pointed_at(child))
            elif child.kind.is_expression() or child.kind.is_statement():
                found.append(self.statement(child))
            elif child.kind.name == "VAR_DECL":
                found.append(Stmt("decl", start, end, line, variables=(self._declared(child),)))
            elif child.kind.name == "UNEXPOSED_DECL":
                inner = self.kept(list(child.get_children()), bound=binds_references([child]))
                found.append(Stmt("other", start, end, line, body=inner, name="BINDING"))
        return tuple(found)

    def _pointed_at(self, cursor: Any) -> Stmt:
        expr = address_of(self.expression(cursor))
        return Stmt("expr", expr.start, expr.end, expr.line, expr=expr)

    def _conditional(self, cursor: Any, children: list[Any]) -> Stmt:
        kind, extent = cursor.kind.name, cursor.extent
        start, end, line = extent.start.offset, extent.end.offset, extent.start.line
        expressions = [i for i, c in enumerate(children) if c.kind.is_expression()]
        first = expressions[0] if expressions else 0
        if self.unit.in_cxx and len(children) > first + 2 and children[first + 1].kind.is_expression():
            # Two expressions: the first may be an init statement.
            parts = parts_of_header(cursor)
            if parts == 0:
                return Stmt("other", start, end, line, body=self.kept(children), name=kind)
            first += parts - 1
        if kind == "SWITCH_STMT" and self.unit.in_cxx and parts_of_header(cursor) != 1:
            self._hidden(cursor)
        # What stands before the condition (an init statement or a declaration of C++17) is kept as a child.
        before = self.kept(children[:first])
        bodies = tuple(self.statement(c) for c in children[first + 1 :])
        name = {"IF_STMT": "if", "WHILE_STMT": "while", "SWITCH_STMT": "switch"}[kind]
        condition = self.expression(children[first]) if expressions else None
        if before:
            return Stmt("other", start, bodies[-1].end, line, body=before + bodies, expr=condition, name=kind)
        return Stmt(name, start, bodies[-1].end if bodies else end, line, body=bodies, expr=condition)

    def _hidden(self, cursor: Any) -> None:
        """libclang does not show the init statement of this one."""
        line = cursor.extent.start.line
        self.doubt = self.doubt or f"a header in line {line} that is not understood"
        self.unit.unread |= {token.spelling for token in cursor.get_tokens()}

    def _for(self, start: int, line: int, children: list[Any]) -> Stmt:
        body = self.statement(children[-1])
        semicolons = header_semicolons(self.unit.tokens, start)
        result = Stmt("for", start, body.end, line, body=(body,))
        if semicolons is None:
            result.name = "macro"
            result.body = (headed(self.kept(children[:-1]), body),)
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
                    result.body = (headed(self.kept([child]), body),)
            else:
                result.increment = self.expression(child)
        return result

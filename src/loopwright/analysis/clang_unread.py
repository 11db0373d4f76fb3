"""The parts of the user's files that reading functions and variables has passed over.

In-class initialisers, default arguments, template arguments, local classes, constructors and operators of
templates that only system headers instantiate: what is named there may change in a way that nobody has
followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from loopwright.analysis.callees import is_called_by_name
from loopwright.analysis.clang_declared import FUNCTIONS
from loopwright.analysis.clang_expressions import ExpressionReader, address_of, does_more
from loopwright.analysis.clang_parts import binds_references, headed
from loopwright.analysis.clang_setup import predefined_macros
from loopwright.analysis.conditionals import Region, conditionals
from loopwright.analysis.syntax import Expr, Function, Stmt, Variable
from loopwright.analysis.text import NAME, identifiers

_CLASS_TEMPLATES = ("CLASS_TEMPLATE", "CLASS_TEMPLATE_PARTIAL_SPECIALIZATION")
_SPECIAL = ("CONSTRUCTOR", "DESTRUCTOR", "CONVERSION_FUNCTION")
_NAMES = ("DECL_REF_EXPR", "MEMBER_REF_EXPR", "MEMBER_REF", "OVERLOADED_DECL_REF", "VARIABLE_REF")
_FIXED = ("ENUM_CONSTANT_DECL", "TEMPLATE_NON_TYPE_PARAMETER")
_LOOPS = ("for", "while", "do", "range-for")

_HARMLESS = re.compile(
    rb"\b(?:if|while|switch|return|sizeof|free)\s*\(|\w+\s*=\s*(?:nullptr|NULL|0)\s*;|[<>=!]="
)
_CONDITION = re.compile(rb"#\s*if")
_CHANGE = re.compile(rb"=|\+\+|--|&|\w\s*[({]")


_OTHER_NAME = re.compile(
    rb"\b(?:__)?(?:alias|weakref|ifunc)(?:__)?\s*\(\s*\"|#\s*pragma\s+(?:weak|redefine_extname)\b"
    rb"|(?!volatile)\b\w+[\])]*\s+(?:__)?asm(?:__)?\s*\(\s*\"[\w.@]*\"\s*\)\s*[;=,]"
)
"""Attributes, pragmas and labels that make two names one object, or give it another name."""


class UnreadReader:
    """Finds them; `reader` has read everything else, and `function` reads a definition."""

    def __init__(
        self,
        reader: ExpressionReader,
        function: Callable[[Any, bool], None],
        files: Mapping[str, bytes],
        root: str,
    ) -> None:
        self.reader = reader
        self.unit = reader.unit
        self.function = function
        self.files = files
        self.root = root
        self.patterns: dict[str, list[bytes]] = {}

    def read(self, tu: Any) -> None:
        """Adds the names to the unit; what stands in a function that was read is added to its body."""
        for cursor in tu.cursor.get_children():
            file = cursor.location.file
            if file is not None and file.name.startswith(self.root) and not cursor.kind.is_preprocessing():
                self._visit(cursor, None)
        waiting = [name for name in self.patterns if name in self.unit.unread]
        while waiting:
            for text in self.patterns.pop(waiting.pop()):
                self.unit.unread |= identifiers(text)
            waiting = [name for name in self.patterns if name in self.unit.unread]

    def conditionals(self, tu: Any, defines: Sequence[str]) -> None:
        """Marks the functions that may be others for the compiler."""
        names = (tu.spelling, *(inclusion.include.name for inclusion in tu.get_includes()))
        paths = {str(PurePosixPath(name.removeprefix(self.root).lstrip("/"))) for name in names}
        read = {path: self.files[path] for path in paths & self.files.keys()}
        asked = any(_CONDITION.search(content) for content in read.values())
        compilers = predefined_macros(self.unit.language) if asked else ()
        found = conditionals(read, defines, self.files, compilers)
        found.declare([function.lines for function in self.unit.functions.values()])
        self.unit.unread |= found.unread
        if any(_OTHER_NAME.search(content) for content in self.files.values()):
            for function in self.unit.functions.values():
                function.doubt = function.doubt or "names that the linker gives to one object"
        for function in self.unit.functions.values():
            mine = [*function.parameters, *(v for s in function.body.walk() for v in s.variables)]
            for region in found.inside(*function.lines):
                region.variables = {v.name for v in mine}
            if where := found.of(*function.lines):
                function.doubt = function.doubt or f"code that depends on the compiler ({where})"
                continue
            for region in found.inside(*function.lines):
                _insert(function.body, self._named_in(region, mine))

    def _named_in(self, region: Region, variables: Sequence[Variable]) -> Stmt:
        """A statement that may change all variables of a function that are named in conditional code."""
        lines = self.files[region.path].splitlines(keepends=True)
        at = sum(map(len, lines[: region.first - 1]))
        named = {name for text in region.branches for name in NAME.findall(text)}
        pointers = [
            address_of(Expr("ref", v.type, at, at, region.first, name=v.name, variable=v))
            for v in variables
            if v.name in named
        ]
        body = tuple(Stmt("expr", at, at, region.first, expr=pointer) for pointer in pointers)
        return Stmt("other", at, at, region.first, body=body, name="CODE_THAT_DEPENDS_ON_THE_COMPILER")

    def _visit(self, cursor: Any, around: Function | None) -> None:
        kind = cursor.kind.name
        if kind in ("CXX_UNARY_EXPR", "STATIC_ASSERT"):
            return  # nothing in it is evaluated when the program runs
        if kind == "FUNCTION_TEMPLATE":
            self._pattern(cursor)
        elif kind in _CLASS_TEMPLATES:
            self._members(cursor)
        elif kind in FUNCTIONS:
            if cursor.is_definition() and cursor.get_usr() not in self.unit.functions:
                self.function(cursor, False)
            self._children(cursor, self.unit.functions.get(cursor.get_usr()))
        elif cursor.kind.is_expression() and cursor.data[1] not in self.reader.nodes:
            self._expression(cursor, around)
        else:
            if around is None and binds_references([cursor]):
                # The names of a structured binding outside of functions are those of members, too.
                types = [child.type.get_canonical() for child in cursor.get_children()]
                self.unit.unread |= {field.spelling for type_ in types for field in type_.get_fields()}
            self._children(cursor, around)

    def _children(self, cursor: Any, around: Function | None) -> None:
        # The variable of a range-based loop starts with the compiler's own iterator.
        kind = cursor.kind.name
        for child in cursor.get_children():
            own = kind == "CXX_FOR_RANGE_STMT" and child.kind.name == "VAR_DECL"
            if not own and not (kind == "VAR_DECL" and self._is_idle(child)):
                self._visit(child, around)

    def _is_idle(self, cursor: Any) -> bool:
        """Whether it is an expression in the type of a variable, as in typeof(x), that does nothing."""
        if not cursor.kind.is_expression() or cursor.data[1] in self.reader.nodes:
            return False
        return not does_more(self.reader.expression(cursor))

    def _expression(self, cursor: Any, around: Function | None) -> None:
        names = {name for part in cursor.walk_preorder() for name in _named(part)}
        if not names:
            return
        if around is None:
            self.unit.unread |= names
            return
        expr = self.reader.expression(cursor)
        inner = Stmt("expr", expr.start, expr.end, expr.line, expr=expr)
        made = Stmt("other", expr.start, expr.end, expr.line, body=(inner,), name="PART_OF_A_DECLARATION")
        _insert(around.body, made)

    # -- templates

    def _members(self, class_: Any) -> None:
        children = list(class_.get_children())
        # Which methods of a derived class are virtual may depend on what the template is given.
        derived = any(child.kind.name == "CXX_BASE_SPECIFIER" for child in children)
        for child in children:
            if child.kind.name in FUNCTIONS or child.kind.name == "FUNCTION_TEMPLATE":
                self._pattern(child, in_class=True, derived=derived)
            else:
                self._visit(child, None)

    def _pattern(self, cursor: Any, *, in_class: bool = False, derived: bool = False) -> None:
        """A function of which no instance was read may have some that only system headers ask for."""
        extent, file = cursor.extent, cursor.location.file
        if file is None or not cursor.is_definition():
            return
        if (file.name, cursor.location.offset) in self.reader.places:
            return
        path = str(PurePosixPath(file.name.removeprefix(self.root).lstrip("/")))
        text = self.files.get(path, b"")[extent.start.offset : extent.end.offset]
        _, _, body = text.partition(b")")
        if not _CHANGE.search(_HARMLESS.sub(b" ", body)):
            return
        name = cursor.spelling
        special = derived or cursor.kind.name in _SPECIAL or cursor.is_virtual_method()
        special = special or is_called_by_name(name, in_class)
        if special:
            self.unit.unread |= identifiers(body)
        else:
            self.patterns.setdefault(name.partition("<")[0], []).append(body)


def _named(part: Any) -> tuple[str, ...]:
    """The name of something that may change, or be called, when a cursor names it."""
    if part.kind.name not in _NAMES:
        return ()
    referenced = part.referenced
    if referenced is not None and referenced.kind.name in _FIXED:
        return ()
    if referenced is not None and referenced.kind.name == "VAR_DECL":
        type_ = referenced.type.get_canonical()
        if type_.is_const_qualified() and type_.kind.name not in ("RECORD", "POINTER"):
            return ()
    return (part.spelling,) if part.spelling else tuple(t.spelling for t in part.get_tokens())


def _insert(within: Stmt, made: Stmt) -> bool:
    """Puts a statement before the one that it belongs to; into the body of a loop when that is its header."""
    for index, child in enumerate(within.body):
        if child.start <= made.start < child.end:
            if not _insert(child, made):
                joined = Stmt("block", child.start, child.end, child.line, body=(made, child))
                new = (made, child) if within.kind == "block" else (joined,)
                within.body = (*within.body[:index], *new, *within.body[index + 1 :])
            return True
    if within.kind in _LOOPS:
        within.body = (headed((made,), within.body[0]), *within.body[1:])
    elif within.kind in ("block", "other"):
        within.body = (made, *within.body)
    else:
        return False
    return True

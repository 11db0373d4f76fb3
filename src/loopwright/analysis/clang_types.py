"""libclang's types as :class:`~loopwright.analysis.syntax.CType`."""

from __future__ import annotations

from typing import Any

from loopwright.analysis.calls import STEPS
from loopwright.analysis.clang_setup import BINARY_OPERATORS, UNARY_OPERATORS, library
from loopwright.analysis.syntax import CType

_SIGNED = {"CHAR_S", "SCHAR", "SHORT", "INT", "LONG", "LONGLONG", "INT128", "WCHAR"}
_UNSIGNED = {"BOOL", "CHAR_U", "UCHAR", "CHAR16", "CHAR32", "USHORT", "UINT", "ULONG", "ULONGLONG", "UINT128"}
_FLOATS = {"FLOAT", "DOUBLE", "LONGDOUBLE", "FLOAT128", "HALF", "FLOAT16", "COMPLEX"}
_ARRAYS = {"CONSTANTARRAY", "INCOMPLETEARRAY", "VARIABLEARRAY"}

_SIZED = _SIGNED | _UNSIGNED | _FLOATS | {"ENUM", "POINTER", "CONSTANTARRAY", "RECORD", "NULLPTR"}


class TypeReader:
    """Makes one CType per distinct type of a translation unit."""

    def __init__(self) -> None:
        self._known: dict[str, CType] = {}
        self.defaults: set[tuple[str, str]] = set()
        """(struct, member) for members that the struct itself gives a value."""

    def records(self) -> set[str]:
        """The names of all structs and classes so far."""
        return {made.spelling for made in self._known.values() if made.kind == "record"}

    def declared(self, class_: Any) -> None:
        """Notes a class of a function, which may have the name of another one: they are told apart by their
        names only, so that nothing is known of either then.
        """
        known, made = self.of(class_.type), CType(class_.type.spelling, "other")
        self._fill(made, class_.type.get_canonical())
        if _shape(made) != _shape(known):
            known.fields, known.runs_code, known.made_by_code = (), True, True

    def of(self, type_: Any) -> CType:
        """The canonical form of a libclang type."""
        canonical = type_.get_canonical()
        spelling = canonical.spelling
        if spelling not in self._known:
            made = CType(spelling, "other")
            self._known[spelling] = made
            self._fill(made, canonical)
        return self._known[spelling]

    def _fill(self, made: CType, canonical: Any) -> None:
        try:
            kind = canonical.kind.name
        except ValueError:
            return  # a type that the bindings have no name for, such as _Float16
        if kind in _SIZED:  # libclang 18 crashes when asked for the size of some others
            made.size = max(0, canonical.get_size())
        made.const = canonical.is_const_qualified()
        made.volatile = canonical.is_volatile_qualified()
        made.restrict = canonical.is_restrict_qualified()
        words = [
            w for w in made.spelling.split(" ") if w not in ("const", "volatile", "restrict", "__restrict")
        ]
        if kind in _SIGNED or kind in _UNSIGNED or kind == "ENUM":
            made.kind, made.unsigned, made.spelling = "int", kind in _UNSIGNED, " ".join(words)
            if kind == "ENUM":
                made.unsigned = self.of(canonical.get_declaration().enum_type).unsigned
        elif kind in _FLOATS:
            made.kind, made.spelling = "float", " ".join(words)
        elif kind == "POINTER":
            made.kind, made.element = "pointer", self.of(canonical.get_pointee())
        elif kind in ("LVALUEREFERENCE", "RVALUEREFERENCE"):
            made.kind, made.element = "reference", self.of(canonical.get_pointee())
        elif kind in _ARRAYS:
            made.kind, made.element = "array", self.of(canonical.element_type)
            made.count = canonical.element_count if kind == "CONSTANTARRAY" else None
            made.volatile = made.volatile or made.element.volatile
            made.runs_code = made.element.runs_code
            made.made_by_code = made.element.made_by_code
        elif kind == "VOID":
            made.kind = "void"
        elif kind == "RECORD":
            self._record(made, canonical, " ".join(words))

    def _record(self, made: CType, canonical: Any, spelling: str) -> None:
        made.kind, made.spelling = "record", spelling
        for name in ("vector", "array"):
            if spelling.startswith((f"std::{name}<", f"std::__cxx1998::{name}<", f"std::__1::{name}<")):
                element = self.of(canonical.get_template_argument_type(0))
                if name == "vector" and element.spelling == "bool":
                    return  # std::vector<bool> packs bits: its elements are not objects
                made.container, made.element, made.runs_code = name, element, element.runs_code
                made.made_by_code = element.made_by_code
                if name == "array" and element.size:
                    made.count = made.size // element.size
                return
        declaration = canonical.get_declaration()
        made.union = declaration.kind.name == "UNION_DECL"
        if declaration.kind.name not in ("STRUCT_DECL", "CLASS_DECL"):
            return
        members = _members(declaration)
        bases = [c for c in members if c.kind.name == "CXX_BASE_SPECIFIER"]
        fields = list(canonical.get_fields())
        if declaration.location.is_in_system_header:
            # Such as std::unique_ptr: it destroys and copies what it holds.
            given = range(max(0, canonical.get_num_template_arguments()))
            parts = tuple(self.of(canonical.get_template_argument_type(n)) for n in given)
        else:
            made.bases = tuple(self.of(base.type) for base in bases)
            made.parts = parts = (*made.bases, *(self.of(f.type) for f in fields))
            made.runs_code = any(map(_runs_code, members))
            made.made_by_code = any(map(_is_made, members)) or any(part.made_by_code for part in parts)
        made.runs_code = made.runs_code or any(part.runs_code for part in parts)
        for one in fields:
            values = [child for child in one.get_children() if child.kind.is_expression()]
            if values:
                self.defaults.add((spelling, one.spelling))
            made.runs_code = made.runs_code or any(_acts(p) for v in values for p in v.walk_preorder())
        if bases:
            return
        if all(f.spelling and not f.is_bitfield() for f in fields):
            made.fields = tuple((f.spelling, self.of(f.type)) for f in fields)


def _shape(made: CType) -> object:
    members = tuple((name, type_.spelling) for name, type_ in made.fields)
    return made.kind, made.size, made.union, made.runs_code, made.made_by_code, members


def _members(declaration: Any) -> list[Any]:
    """The members of a class as declared; libclang shows those of an instance at its template only."""
    template = library().clang_getSpecializedCursorTemplate(declaration)
    own = list(declaration.get_children())
    return own if own or template is None else list(template.get_children())


def _acts(part: Any) -> bool:
    """Whether a part of an initial value may do more than give it."""
    if part.kind.name == "CALL_EXPR":
        return part.referenced is None or not part.referenced.location.is_in_system_header
    if part.kind.name == "UNARY_OPERATOR":
        return UNARY_OPERATORS.get(library().clang_getCursorUnaryOperatorKind(part), "") in STEPS
    if part.kind.name == "BINARY_OPERATOR":
        return BINARY_OPERATORS.get(library().clang_getCursorBinaryOperatorKind(part)) == "="
    return part.kind.name in ("COMPOUND_ASSIGNMENT_OPERATOR", "LAMBDA_EXPR")


def _runs_code(member: Any) -> bool:
    """Whether it is a destructor, a copy or an assignment that the user wrote, and that may do something."""
    kind = member.kind.name
    if kind not in ("DESTRUCTOR", "CONSTRUCTOR", "CXX_METHOD"):
        return False
    if member.is_default_method() or member.is_deleted_method():
        return False
    if kind == "DESTRUCTOR":
        definition = member.get_definition()
        bodies = (
            [c for c in definition.get_children() if c.kind.name == "COMPOUND_STMT"] if definition else []
        )
        return not bodies or any(True for _ in bodies[0].get_children())
    if kind == "CONSTRUCTOR":
        return bool(member.is_copy_constructor() or member.is_move_constructor())
    return bool(member.spelling == "operator=")


def _is_made(member: Any) -> bool:
    """Whether it is a constructor without arguments that does something."""
    if member.kind.name != "CONSTRUCTOR" or not member.is_default_constructor() or member.is_default_method():
        return False
    definition = member.get_definition()
    parts = list(definition.get_children()) if definition else []
    bodies = [part for part in parts if part.kind.is_statement()]
    values = [part for part in parts if part.kind.is_expression()]
    does_something = not bodies or any(True for body in bodies for _ in body.get_children())
    return does_something or any(_acts(p) for value in values for p in value.walk_preorder())

"""CUDA C++ as a syntax tree: kernels, launches, and questions about pieces of code. By tree-sitter.

What a translation cannot keep is raised as :class:`NotTranslated`, with its file and line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser


class NotTranslated(Exception):
    """Something that has no translation here: `what`, and where it stands."""

    def __init__(self, what: str, file: str, line: int) -> None:
        super().__init__(f"{file}:{line}: {what}")
        self.what = what
        self.file = file
        self.line = line


@dataclass(frozen=True)
class Change:
    """New text for the bytes from `start` to `end` of a file."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class CudaFile:
    """One parsed file. `root` covers all of it."""

    path: str
    data: bytes
    root: Node

    def text(self, node: Node) -> str:
        """The source of `node`, as it stands."""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "surrogateescape")

    def refused(self, node: Node, what: str) -> NotTranslated:
        """The reason why `node` is not translated, with its place."""
        return NotTranslated(what, self.path, node.start_point[0] + 1)

    def changed(self, node: Node, changes: Iterable[Change]) -> str:
        """The source of `node` with `changes`; of changes inside of others only the outer ones count."""
        made: list[bytes] = []
        at = node.start_byte
        for change in sorted(changes, key=lambda c: (c.start, -c.end)):
            if change.start < at or change.end > node.end_byte:
                continue
            made += (self.data[at : change.start], change.text.encode("utf-8", "surrogateescape"))
            at = change.end
        made.append(self.data[at : node.end_byte])
        return b"".join(made).decode("utf-8", "surrogateescape")


def parse(path: str, data: bytes) -> CudaFile:
    """The syntax tree of one file. Any bytes give a tree; where they are no CUDA C++ it has errors."""
    return CudaFile(path, data, _parser().parse(data).root_node)


@cache
def _parser() -> Parser:
    import tree_sitter_cuda
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_cuda.language()))


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it, in the order of the source."""
    yield node
    for child in node.children:
        yield from walk(child)


def of_type(node: Node, *types: str) -> Iterator[Node]:
    """What below `node`, itself included, is of one of `types`."""
    return (each for each in walk(node) if each.type in types)


def words(file: CudaFile, node: Node) -> set[str]:
    """The identifiers in `node`, without names of members and types."""
    return {file.text(each) for each in of_type(node, "identifier")}


def calls(file: CudaFile, node: Node) -> Iterator[tuple[str, Node]]:
    """Every call in `node`: the name that is called, without scope and template arguments, and the call."""
    for call in of_type(node, "call_expression"):
        function = call.child_by_field_name("function")
        while function is not None and function.type in ("qualified_identifier", "template_function"):
            function = function.child_by_field_name("name")
        if function is not None:
            yield file.text(function), call


def arguments(call: Node) -> list[Node]:
    """The arguments of a call, comments left out."""
    listed = call.child_by_field_name("arguments")
    return [] if listed is None else [each for each in listed.named_children if each.type != "comment"]


def declared_name(declarator: Node | None) -> Node | None:
    """The identifier in a declarator, through pointers, arrays, references and initialisers."""
    while declarator is not None and declarator.type not in ("identifier", "field_identifier"):
        inner = declarator.child_by_field_name("declarator")
        if inner is None and declarator.type == "reference_declarator":
            inner = next(iter(declarator.named_children), None)
        declarator = inner
    return declarator


def qualifier(node: Node, word: str) -> Node | None:
    """The token `word`, as in `__global__`, in the head of a declaration or function; None without."""
    for child in node.children:
        if child.type == word:
            return child
        if child.type in ("type_qualifier", "storage_class_specifier") and any(
            each.type == word for each in child.children
        ):
            return child
    return None


@dataclass(frozen=True)
class KernelCode:
    """A `__global__` function. `dynamic` tells whether its block has memory as large as the launch says."""

    name: str
    file: CudaFile
    node: Node
    parameters: Node
    body: Node
    dynamic: bool


def kernels_of(file: CudaFile) -> list[KernelCode]:
    """The kernels that `file` defines, in order.

    Raises:
        NotTranslated: for one whose head is not understood.
    """
    found: list[KernelCode] = []
    for node in of_type(file.root, "function_definition"):
        if qualifier(node, "__global__") is None:
            continue
        head = next(of_type(node, "function_declarator"), None)
        name = declared_name(head)
        body = node.child_by_field_name("body")
        if head is None or name is None or body is None:
            raise file.refused(node, "the head of this kernel is not understood")
        parameters = head.child_by_field_name("parameters")
        assert parameters is not None
        dynamic = any(
            qualifier(each, "__shared__") is not None and qualifier(each, "extern") is not None
            for each in of_type(body, "declaration")
        )
        found.append(KernelCode(file.text(name), file, node, parameters, body, dynamic))
    return found


@dataclass(frozen=True)
class Launch:
    """One `kernel<<<grid, block, bytes, stream>>>(...)`; `configuration` are the two to four expressions."""

    kernel: str
    file: CudaFile
    call: Node
    syntax: Node
    configuration: tuple[Node, ...]


def launches_of(file: CudaFile) -> list[Launch]:
    """Every launch in `file`, in order."""
    found: list[Launch] = []
    for name, call in calls(file, file.root):
        syntax = next((each for each in call.children if each.type == "kernel_call_syntax"), None)
        if syntax is not None:
            parts = tuple(each for each in syntax.named_children if each.type != "comment")
            found.append(Launch(name, file, call, syntax, parts))
    return found


def dimensions(files: Iterable[CudaFile], expression: CudaFile, node: Node) -> int:
    """How many dimensions a part of a launch has: 1 for a number, up to 3, and 3 when it is not known.

    Only what is declared as `dim3` (or as something whose type does not show) can have more than one.
    """
    if node.type == "call_expression" and next(calls(expression, node), ("", node))[0] == "dim3":
        return max(1, len(arguments(node)))
    named = words(expression, node)
    if named & {"dim3", "uint3"}:
        return 3
    return max((_declared_dimensions(file, named) for file in files), default=1)


def _declared_dimensions(file: CudaFile, named: set[str]) -> int:
    """The most dimensions that a name out of `named` has by a declaration in `file`; 1 when none has."""
    most = 1
    grown: set[str] = set()
    for node in of_type(file.root, *_DECLARES):
        kind = node.child_by_field_name("type")
        spelt = file.text(kind) if kind is not None else ""
        if spelt not in _VECTORS:
            continue
        for declarator in node.children_by_field_name("declarator"):
            name = declared_name(declarator)
            if name is not None and file.text(name) in named:
                grown.add(file.text(name))
                most = max(most, _extents(file, declarator) if node.type == "declaration" else 3)
    for node in of_type(file.root, "assignment_expression", "preproc_def", "preproc_function_def"):
        if node.type == "assignment_expression":
            left = node.child_by_field_name("left")
            changed = left is not None and bool(words(file, left) & grown)
        else:
            text = file.text(node).split()
            changed = any("dim3" in word for word in text) and bool(set(text[1:2]) & named)
        if changed:
            return 3
    return most


_DECLARES = ("declaration", "parameter_declaration", "field_declaration", "function_definition")
_VECTORS = ("dim3", "uint3", "auto")


def _extents(file: CudaFile, declarator: Node) -> int:
    """The number of extents in `dim3 block(16, 8)`; 3 for every other way to write it."""
    if declarator.type == "function_declarator":
        # `dim3 block(kTile, kTile)` could be a function to a parser that knows no names.
        listed = declarator.child_by_field_name("parameters")
    else:
        listed = declarator.child_by_field_name("value")
        if listed is not None and listed.type == "call_expression":
            listed = listed.child_by_field_name("arguments")
    if listed is None or listed.type not in ("argument_list", "initializer_list", "parameter_list"):
        return 3
    return max(1, len([each for each in listed.named_children if each.type != "comment"]))

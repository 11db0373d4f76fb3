"""The statements of a kernel, sorted by what becomes of them when its threads become loops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from loopwright.moves.cuda_syntax import (
    CudaFile,
    arguments,
    calls,
    declared_name,
    of_type,
    qualifier,
    words,
)
from loopwright.moves.cuda_uniform import LOOPS, Values, condition_of, jumps_out

if TYPE_CHECKING:
    from tree_sitter import Node

BARRIERS = frozenset({"__syncthreads", "__syncwarp"})
LANES = frozenset({"__shfl_sync", "__shfl_down_sync", "__shfl_up_sync", "__shfl_xor_sync"})
REFUSED_CALLS = {
    "__ballot_sync": "a vote of a warp",
    "__any_sync": "a vote of a warp",
    "__all_sync": "a vote of a warp",
    "__match_any_sync": "a match of a warp",
    "__match_all_sync": "a match of a warp",
    "__activemask": "__activemask",
    "__syncthreads_count": "a barrier that counts",
    "__syncthreads_and": "a barrier that votes",
    "__syncthreads_or": "a barrier that votes",
    "clock64": "the clock of a multiprocessor",
    "clock": "the clock of a multiprocessor",
}
"""Functions of CUDA that have no translation, in words."""
_REFUSED_NODES = {
    "goto_statement": "goto",
    "labeled_statement": "a label",
    "lambda_expression": "a lambda in a kernel",
    "asm_statement": "inline PTX",
    "gnu_asm_expression": "inline PTX",
    "ERROR": "code that the parser does not understand",
    "try_statement": "try",
}


@dataclass(frozen=True)
class Item:
    """One statement. `notes` are the comments in front of it and `tail` the one behind it."""

    node: Node
    notes: tuple[str, ...] = ()
    tail: str = ""


@dataclass(frozen=True)
class Barrier(Item):
    """All threads meet."""


@dataclass(frozen=True)
class Shared(Item):
    """Memory of the block. `name` and, where the launch says how much, `element` (its type)."""

    name: str = ""
    element: str = ""


@dataclass(frozen=True)
class Declared(Item):
    """One variable of each thread, a number or a pointer, out of the declaration `node`."""

    name: str = ""
    kind: str = ""
    value: Node | None = None


@dataclass(frozen=True)
class Plain(Item):
    """What each thread does by itself."""


@dataclass(frozen=True)
class Jump(Item):
    """`if (condition) return;`, or break or continue, that all threads of a block take together."""


@dataclass(frozen=True)
class Lanes(Item):
    """A statement that reads variables of other threads of its warp: `calls` are the shuffles in it."""

    calls: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Control(Item):
    """A statement with a barrier inside: all threads take it together. Each branch: (its node, its items)."""

    branches: tuple[tuple[Node, tuple[Item, ...]], ...] = field(default=())


def items_of(file: CudaFile, body: Node, values: Values) -> tuple[Item, ...]:
    """The items of a kernel's body.

    Raises:
        NotTranslated: naming what cannot be translated.
    """
    for node in of_type(body, *_REFUSED_NODES):
        raise file.refused(node, _REFUSED_NODES[node.type])
    for name, call in calls(file, body):
        if name in REFUSED_CALLS:
            raise file.refused(call, REFUSED_CALLS[name])
    if (launch := next(of_type(body, "kernel_call_syntax"), None)) is not None:
        raise file.refused(launch, "a launch in a kernel (dynamic parallelism)")
    return _Reader(file, body, values).listed(body)


def has_barrier(file: CudaFile, node: Node) -> bool:
    """Whether threads meet, or read each other's variables, in `node`."""
    return any(name in BARRIERS or name in LANES for name, _ in calls(file, node))


@dataclass(frozen=True)
class _Reader:
    file: CudaFile
    body: Node
    values: Values

    def listed(self, block: Node) -> tuple[Item, ...]:
        """The items of a block, or of the statement that stands in its place."""
        nodes = block.named_children if block.type == "compound_statement" else [block]
        found: list[Item] = []
        notes: list[str] = []
        for node in nodes:
            if node.type == "comment":
                text = self.file.text(node)
                before = node.prev_sibling
                if found and before is not None and before.end_point[0] == node.start_point[0]:
                    found[-1] = replace(found[-1], tail=text)
                else:
                    notes.append(text)
                continue
            if node.type.startswith("preproc"):
                if "unroll" not in self.file.text(node):
                    raise self.file.refused(node, "a directive of the preprocessor in a kernel")
                continue
            items = list(self._items(node))
            if items and notes:
                items[0] = replace(items[0], notes=tuple(notes))
                notes = []
            found += items
        return tuple(found)

    def _items(self, node: Node) -> Iterator[Item]:
        if node.type == "declaration" and qualifier(node, "__shared__") is not None:
            yield self._shared(node)
        elif node.type == "expression_statement" and self._is_barrier(node):
            yield Barrier(node)
        elif has_barrier(self.file, node):
            yield from self._meeting(node)
        elif any(qualifier(each, "__shared__") is not None for each in of_type(node, "declaration")):
            raise self.file.refused(node, "__shared__ in a block of its own")
        elif node.type == "declaration":
            yield from self._declared(node)
        elif (jump := next(jumps_out(node), None)) is not None:
            yield self._jump(node, jump)
        else:
            yield Plain(node)

    def _is_barrier(self, node: Node) -> bool:
        expression = next(iter(node.named_children), None)
        return (
            expression is not None
            and expression.type == "call_expression"
            and next(calls(self.file, expression), ("", node))[0] in BARRIERS
        )

    def _shared(self, node: Node) -> Shared:
        declarators = node.children_by_field_name("declarator")
        names = [name for each in declarators if (name := declared_name(each)) is not None]
        if not names or any(each.type == "init_declarator" for each in declarators):
            raise self.file.refused(node, "this __shared__ declaration is not understood")
        kind = node.child_by_field_name("type")
        element = ""
        if qualifier(node, "extern") is not None:
            if kind is None or len(names) != 1:
                raise self.file.refused(node, "this extern __shared__ declaration is not understood")
            element = self.file.text(kind)
        return Shared(node, name=self.file.text(names[0]), element=element)

    def _declared(self, node: Node) -> Iterator[Item]:
        """A declaration of numbers and pointers variable by variable; any other one as it stands."""
        kind = node.child_by_field_name("type")
        simple = kind is not None and self.file.text(kind) != "auto"
        made: list[Declared] = []
        for declarator in node.children_by_field_name("declarator"):
            inner = (
                declarator.child_by_field_name("declarator")
                if declarator.type == "init_declarator"
                else declarator
            )
            name = declared_name(declarator)
            stars = 0
            while inner is not None and inner.type == "pointer_declarator":
                stars, inner = stars + 1, inner.child_by_field_name("declarator")
            value = declarator.child_by_field_name("value")
            bracketed = value is not None and value.type in ("argument_list", "initializer_list")
            if inner is None or inner.type != "identifier" or name is None or kind is None or bracketed:
                simple = False
            else:
                spelt = self._spelt(node, kind, stars)
                made.append(Declared(node, name=self.file.text(name), kind=spelt, value=value))
        if simple and not any(qualifier(node, word) for word in ("static", "volatile")):
            yield from made
        else:
            yield Plain(node)

    def _spelt(self, node: Node, kind: Node, stars: int) -> str:
        """The type of a variable that can be assigned to: const counts for what a pointer points to only."""
        const = "const " if stars and qualifier(node, "const") is not None else ""
        return f"{const}{self.file.text(kind)}{' ' + '*' * stars if stars else ''}"

    def _jump(self, node: Node, jump: Node) -> Item:
        condition = condition_of(node)
        if (
            node.type != "if_statement"
            or node.child_by_field_name("alternative") is not None
            or condition is None
            or self.values.differs(self.file, condition)
            or not self._is_only(node.child_by_field_name("consequence"))
        ):
            if jump.type != "return_statement":
                raise self.file.refused(
                    jump, "threads of a block may leave a loop with a barrier at different times"
                )
            # Allowed where nothing comes after it; the writer knows.
            return Plain(node)
        return Jump(node)

    @staticmethod
    def _is_only(node: Node | None) -> bool:
        """Whether a branch is one jump and nothing else."""
        while node is not None and node.type == "compound_statement":
            if len(node.named_children) != 1:
                return False
            node = node.named_children[0]
        return node is not None and node.type in ("return_statement", "break_statement", "continue_statement")

    def _meeting(self, node: Node) -> Iterator[Item]:
        """A statement in which threads meet."""
        if node.type in ("expression_statement", "declaration"):
            found = tuple(call for name, call in calls(self.file, node) if name in LANES)
            barriers = [call for name, call in calls(self.file, node) if name in BARRIERS]
            if barriers or any(self._conditional(call, node) for call in found):
                raise self.file.refused(node, "a barrier or shuffle inside of an expression")
            for call in found:
                self._check_lanes(call)
            if node.type == "declaration":
                declared = list(self._declared(node))
                if len(declared) != 1 or not isinstance(declared[0], Declared):
                    raise self.file.refused(node, "a shuffle in a declaration of several variables")
            yield Lanes(node, calls=found)
            return
        if node.type == "compound_statement":
            yield Control(node, branches=((node, self.listed(node)),))
            return
        if node.type not in ("if_statement", *LOOPS) or node.type == "for_range_loop":
            raise self.file.refused(node, f"a barrier in a {node.type.replace('_', ' ')}")
        self._check_together(node)
        parts = [node.child_by_field_name(name) for name in ("consequence", "body")]
        branches = [(part, self.listed(part)) for part in parts if part is not None]
        other = node.child_by_field_name("alternative")
        if other is not None:
            statement = other.named_children[-1] if other.type == "else_clause" else other
            branches.append((statement, self.listed(statement)))
        yield Control(node, branches=tuple(branches))

    def _check_together(self, node: Node) -> None:
        """All threads have to take the same way through a statement with a barrier in it."""
        condition = condition_of(node)
        if condition is not None and self.values.differs(self.file, condition):
            culprits = sorted(words(self.file, condition) & self.values.varying)
            raise self.file.refused(
                node,
                f"a barrier where threads go different ways: {', '.join(culprits) or 'what it asks'} differs",
            )

    def _conditional(self, call: Node, statement: Node) -> bool:
        at = call
        while (above := at.parent) is not None and at != statement:
            if condition_of(above) is not None:
                return True
            at = above
        return False

    def _check_lanes(self, call: Node) -> None:
        given = arguments(call)
        if len(given) < 3 or given[1].type != "identifier":
            raise self.file.refused(call, "a shuffle of something that is not a variable")
        if any(self.values.differs(self.file, each) for each in (given[0], *given[3:])):
            raise self.file.refused(call, "a shuffle whose mask or width differs between threads")

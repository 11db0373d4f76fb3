"""Where each variable of a kernel lives once its threads are loops.

Statements between two barriers form a group, which becomes one loop over the threads. A variable that one
group alone uses stays in its loop. One that more groups use is of the *block* when all threads agree on it,
is *computed again* in each group when that is cheap, and is else *kept*: an array with an element a thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loopwright.moves.cuda_items import Barrier, Control, Declared, Item, Jump, Lanes, Plain, Shared
from loopwright.moves.cuda_syntax import (
    CudaFile,
    arguments,
    calls,
    declared_name,
    of_type,
    words,
)
from loopwright.moves.cuda_uniform import Values, condition_of

if TYPE_CHECKING:
    from tree_sitter import Node

_INDICES = frozenset({"threadIdx", "blockIdx", "blockDim", "gridDim", "warpSize"})
_NOT_CHEAP = ("subscript_expression", "pointer_expression", "assignment_expression", "update_expression")
_CHEAP_CALLS = frozenset({"min", "max", "int", "unsigned", "size_t", "float", "double"})


@dataclass(frozen=True)
class Places:
    """Names of variables by where they live; `kept` and `again` have what declares them."""

    block: frozenset[str]
    again: dict[str, Declared]
    kept: dict[str, Declared]

    def is_block_item(self, file: CudaFile, item: Item) -> bool:
        """Whether an item is done once a block."""
        if isinstance(item, Declared):
            return item.name in self.block
        return isinstance(item, Plain) and changed_name(file, item.node) in self.block


def changed_name(file: CudaFile, node: Node) -> str:
    """The variable that a statement assigns to and does nothing else with; "" for other statements."""
    if node.type != "expression_statement" or not node.named_children:
        return ""
    expression = node.named_children[0]
    if expression.type not in ("assignment_expression", "update_expression"):
        return ""
    left = expression.child_by_field_name("left") or expression.child_by_field_name("argument")
    return file.text(left) if left is not None and left.type == "identifier" else ""


def head_of(node: Node) -> Iterator[Node]:
    """The parts of a control statement that are not its branches."""
    for name in ("initializer", "condition", "update"):
        if (part := node.child_by_field_name(name)) is not None:
            yield part


def lane_names(file: CudaFile, item: Lanes) -> list[str]:
    """The variables that are read from other threads."""
    return [file.text(arguments(call)[1]) for call in item.calls]


def places_of(file: CudaFile, items: tuple[Item, ...], values: Values, parameters: frozenset[str]) -> Places:
    """Where the variables live that the items of a kernel declare.

    Raises:
        NotTranslated: for one that cannot live where it has to.
    """
    survey = _Survey(file, values)
    survey.take(items)
    declared = survey.declared
    block = set(survey.heads)
    while True:
        groups = _Groups(file, Places(frozenset(block), {}, {}))
        groups.take(items)
        needed = {name for name in groups.at_block if name in declared or name in survey.heads}
        shared_names = set(groups.read_by_lanes)
        for name, used in groups.uses.items():
            if len(used) > 1 and name in declared and name not in shared_names and survey.may_be_block(name):
                needed.add(name)
        for name in sorted(needed | block):
            needed |= {each for each in survey.sources(name) if each in declared}
        for name in sorted(needed - block):
            if not survey.may_be_block(name):
                raise file.refused(
                    declared[name][0].node,
                    f"all threads of a block need the same '{name}', which is not proved",
                )
        if needed <= block:
            break
        block |= needed
    again: dict[str, Declared] = {}
    kept: dict[str, Declared] = {}
    for name, found in declared.items():
        if name in block or (len(groups.uses.get(name, ())) < 2 and name not in groups.read_by_lanes):
            continue
        if name not in groups.read_by_lanes and survey.is_cheap(found, again, block, parameters):
            again[name] = found[0]
        elif len(found) > 1 or len([a for a in values.assignments[name] if a.declares]) > 1:
            raise file.refused(
                found[1 if len(found) > 1 else 0].node,
                f"a second '{name}' beside one that is kept over a barrier",
            )
        else:
            kept[name] = found[0]
    for opaque, node in _opaque(file, items):
        if len(groups.uses.get(opaque, ())) > 1 or opaque in groups.at_block:
            raise file.refused(node, f"'{opaque}' is kept over a barrier: an array, a reference or auto")
    return Places(frozenset(block), again, kept)


@dataclass
class _Survey:
    """What declares and changes each variable, and where that stands."""

    file: CudaFile
    values: Values
    declared: dict[str, list[Declared]] = field(default_factory=dict)
    heads: set[str] = field(default_factory=set)
    openly: dict[str, int] = field(default_factory=dict)

    def take(self, items: Iterable[Item]) -> None:
        for item in items:
            if isinstance(item, Declared):
                self.declared.setdefault(item.name, []).append(item)
                self._note(item.name)
            elif isinstance(item, Plain) and (name := changed_name(self.file, item.node)):
                self._note(name)
            elif isinstance(item, Lanes) and item.node.type == "declaration":
                name_node = declared_name(item.node.child_by_field_name("declarator"))
                kind = item.node.child_by_field_name("type")
                assert name_node is not None and kind is not None
                made = Declared(item.node, name=self.file.text(name_node), kind=self.file.text(kind))
                self.declared.setdefault(made.name, []).append(made)
            elif isinstance(item, Control):
                self._head(item)
                for _, branch in item.branches:
                    self.take(branch)

    def may_be_block(self, name: str) -> bool:
        """Whether all threads agree on `name`, and it changes only where they all do it together."""
        return name not in self.values.varying and self.openly.get(name, 0) == len(
            self.values.assignments.get(name, ())
        )

    def sources(self, name: str) -> set[str]:
        """What the values of `name` are made of."""
        found: set[str] = set()
        for place in self.values.assignments.get(name, ()):
            if place.value is not None:
                found |= words(self.file, place.value)
        return found

    def is_cheap(
        self, found: list[Declared], again: dict[str, Declared], block: set[str], parameters: frozenset[str]
    ) -> bool:
        """Whether a variable is set once, to arithmetic on what stays as it is."""
        item = found[0]
        if len(found) > 1 or item.value is None or not self.values.set_once(item.name):
            return False
        if any(name not in _CHEAP_CALLS for name, _ in calls(self.file, item.value)):
            return False
        if next(of_type(item.value, *_NOT_CHEAP), None) is not None:
            return False
        members = [each.named_children[0] for each in of_type(item.value, "field_expression")]
        if any(self.file.text(member) not in _INDICES for member in members):
            return False
        constants = _constants(self.file)
        return all(
            each in _INDICES
            or each in again
            or each in constants
            or (each in parameters and each not in self.values.assignments)
            or (each in block and self.values.set_once(each))
            for each in words(self.file, item.value)
            if each not in _CHEAP_CALLS
        )

    def _note(self, name: str) -> None:
        self.openly[name] = self.openly.get(name, 0) + 1

    def _head(self, item: Control) -> None:
        for part in head_of(item.node):
            if self.values.differs(self.file, part):
                raise self.file.refused(item.node, "a barrier in a loop that differs between threads")
            for name, places in self.values.assignments.items():
                inside = [p for p in places if part.start_byte <= p.node.start_byte < part.end_byte]
                for place in inside:
                    self._note(name)
                    if place.declares:
                        self.heads.add(name)


@dataclass
class _Groups:
    """Which groups of statements use each name, when the places are as they are."""

    file: CudaFile
    places: Places
    number: int = 0
    uses: dict[str, set[int]] = field(default_factory=dict)
    at_block: set[str] = field(default_factory=set)
    read_by_lanes: set[str] = field(default_factory=set)

    def take(self, items: Iterable[Item]) -> None:
        for item in items:
            if isinstance(item, Barrier):
                self.number += 1
            elif isinstance(item, Shared):
                continue
            elif isinstance(item, Control):
                self.number += 1
                for part in head_of(item.node):
                    self.at_block |= words(self.file, part)
                for _, branch in item.branches:
                    self.take(branch)
                    self.number += 1
            elif isinstance(item, Jump):
                self.number += 1
                condition = condition_of(item.node)
                assert condition is not None
                self.at_block |= words(self.file, condition)
            elif self.places.is_block_item(self.file, item):
                self.number += 1
                self.at_block |= _named(self.file, item)
            else:
                if isinstance(item, Lanes):
                    self.number += 1
                    self.read_by_lanes |= set(lane_names(self.file, item))
                for name in _named(self.file, item):
                    self.uses.setdefault(name, set()).add(self.number)


def _named(file: CudaFile, item: Item) -> set[str]:
    if isinstance(item, Declared):
        return {item.name, *(words(file, item.value) if item.value is not None else ())}
    return words(file, item.node)


def _opaque(file: CudaFile, items: Iterable[Item]) -> Iterator[tuple[str, Node]]:
    """Variables of declarations that are no numbers or pointers."""
    for item in items:
        if isinstance(item, Plain) and item.node.type == "declaration":
            for declarator in item.node.children_by_field_name("declarator"):
                if (name := declared_name(declarator)) is not None:
                    yield file.text(name), item.node
        elif isinstance(item, Control):
            for _, branch in item.branches:
                yield from _opaque(file, branch)


def _constants(file: CudaFile) -> set[str]:
    """Names that stand for one number for ever: constexpr, const and macros of this file, enumerators."""
    found: set[str] = set()
    for node in file.root.children:
        if node.type == "declaration" and {"const", "constexpr"} & set(file.text(node).split()[:3]):
            found |= {
                file.text(name)
                for declarator in node.children_by_field_name("declarator")
                if (name := declared_name(declarator)) is not None
            }
        elif node.type == "preproc_def" and (macro := node.child_by_field_name("name")) is not None:
            found.add(file.text(macro))
    return found

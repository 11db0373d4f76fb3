"""Which values of a kernel are the same in all threads of a block, and which are never changed once set.

A value differs when it comes from `threadIdx` or out of a function that is not known to be pure, or was
assigned where threads go different ways. What is loaded from an address that all share is the same for all:
between two barriers nobody may change it without a race.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopwright.moves.cuda_syntax import (
    CudaFile,
    arguments,
    calls,
    declared_name,
    of_type,
    qualifier,
    walk,
    words,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_PURE = re.compile(
    r"(?:min|max|abs|sizeof|int|float|double|unsigned|size_t|__ldg|r?sqrtf?"
    r"|(?:exp|log|sin|cos|pow|fmin|fmax|fma|fabs|floor|ceil|tanh)f?)$"
)
_BY_VALUE = re.compile(r"(?:printf|__sync(?:threads|warp)|atomic\w+|__shfl\w*)$")
LOOPS = ("for_statement", "while_statement", "do_statement", "for_range_loop")


@dataclass(frozen=True)
class Assignment:
    """A place where the variable `name` gets a value; `value` is None where none is told (`int i;`)."""

    name: str
    value: Node | None
    node: Node
    declares: bool = False


@dataclass(frozen=True)
class Values:
    """What is known about the variables of one kernel.

    Attributes:
        varying: names that may differ between threads of a block.
        assignments: by name; declarations too. escaped: names whose address is known elsewhere.
    """

    varying: frozenset[str]
    assignments: dict[str, tuple[Assignment, ...]]
    escaped: frozenset[str]

    def differs(self, file: CudaFile, node: Node) -> bool:
        """Whether the value of an expression may differ between threads."""
        return _differs(file, node, self.varying)

    def set_once(self, name: str) -> bool:
        """Whether a variable has the value of its only declaration for good."""
        made = self.assignments.get(name, ())
        return len(made) == 1 and made[0].declares and name not in self.escaped


def values_of(file: CudaFile, body: Node) -> Values:
    """What is known about the variables in the body of a kernel."""
    made: dict[str, list[Assignment]] = {}
    for each in _assignments(file, body):
        made.setdefault(each.name, []).append(each)
    escaped = frozenset(_escaped(file, body))
    varying = {"threadIdx", *escaped, *_private_objects(file, body)}
    while True:
        found = {
            name
            for name, places in made.items()
            if name not in varying and any(_place_differs(file, body, p, varying) for p in places)
        }
        if not found:
            return Values(frozenset(varying), {n: tuple(p) for n, p in made.items()}, escaped)
        varying |= found


def condition_of(node: Node) -> Node | None:
    """What decides whether, or how often, the parts of a statement or expression run; None for others."""
    if node.type in ("if_statement", "switch_statement", "conditional_expression", *LOOPS):
        return node.child_by_field_name("condition")
    if node.type == "binary_expression" and any(c.type in ("&&", "||") for c in node.children):
        return node.child_by_field_name("left")
    return None


def jumps_out(node: Node) -> Iterator[Node]:
    """The return, break and continue statements in `node` that leave it."""
    yield from _jumps(node, node.type in (*LOOPS, "switch_statement"), node.type in LOOPS)


def _jumps(node: Node, breaks: bool, continues: bool) -> Iterator[Node]:
    for child in node.children:
        leaves = (
            child.type == "return_statement"
            or (child.type == "break_statement" and not breaks)
            or (child.type == "continue_statement" and not continues)
        )
        if leaves:
            yield child
        elif child.type != "lambda_expression":
            loop = child.type in LOOPS
            yield from _jumps(child, breaks or loop or child.type == "switch_statement", continues or loop)


def _differs(file: CudaFile, node: Node, varying: set[str] | frozenset[str]) -> bool:
    return bool(words(file, node) & varying) or any(
        # What an unknown function gives may differ from call to call: it may count them.
        not _PURE.match(name)
        for name, _ in calls(file, node)
    )


def _place_differs(file: CudaFile, body: Node, place: Assignment, varying: set[str]) -> bool:
    if place.value is not None and _differs(file, place.value, varying):
        return True
    at = place.node
    while (above := at.parent) is not None and at != body:
        condition = condition_of(above)
        if condition is not None and _differs(file, condition, varying):
            return True
        if above.type in LOOPS and _left_by_some(file, above, varying):
            return True
        at = above
    return False


def _left_by_some(file: CudaFile, loop: Node, varying: set[str]) -> bool:
    """Whether some threads may leave `loop`, or one of its iterations, before others."""
    for jump in of_type(loop, "break_statement", "continue_statement", "return_statement", "goto_statement"):
        at = jump
        while (above := at.parent) is not None and at != loop:
            condition = condition_of(above)
            if condition is not None and _differs(file, condition, varying):
                return True
            at = above
    return False


def _assignments(file: CudaFile, body: Node) -> Iterator[Assignment]:
    for node in walk(body):
        if node.type == "declaration" and qualifier(node, "__shared__") is None:
            for declarator in node.children_by_field_name("declarator"):
                name = declared_name(declarator)
                if name is not None:
                    value = declarator.child_by_field_name("value")
                    yield Assignment(file.text(name), value, node, declares=True)
        elif node.type == "assignment_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            plain = any(child.type == "=" for child in node.children)
            if left is not None and (name := _object(left)) is not None:
                yield Assignment(file.text(name), right if plain and left == name else node, node)
        elif node.type == "update_expression":
            changed = node.child_by_field_name("argument")
            if changed is not None and (name := _object(changed)) is not None:
                yield Assignment(file.text(name), changed, node)


def _object(left: Node) -> Node | None:
    """The variable that an assignment to `left` changes: itself or a member of it; None behind pointers."""
    while left.type in ("field_expression", "parenthesized_expression"):
        if any(child.type == "->" for child in left.children):
            return None
        inner = left.child_by_field_name("argument") or next(iter(left.named_children), None)
        if inner is None:
            return None
        left = inner
    return left if left.type == "identifier" else None


def _escaped(file: CudaFile, body: Node) -> Iterator[str]:
    """Variables whose address is taken, or that a function might get by reference."""
    for node in of_type(body, "pointer_expression"):
        if node.children[0].type == "&":
            inner = node.child_by_field_name("argument")
            if inner is not None and (name := _object(inner)) is not None:
                yield file.text(name)
    for node in of_type(body, "init_declarator"):
        if next(of_type(node, "reference_declarator"), None) is not None:
            yield from words(file, node)
    for called, call in calls(file, body):
        if _PURE.match(called) or _BY_VALUE.match(called) or _by_value(file, called):
            continue
        yield from (file.text(each) for each in arguments(call) if each.type == "identifier")


def _by_value(file: CudaFile, function: str) -> bool:
    """Whether a function of this file takes no argument by reference."""
    root = file.root
    heads = [
        head
        for head in of_type(root, "function_declarator")
        if (name := declared_name(head)) is not None and file.text(name) == function
    ]
    return bool(heads) and not any("&" in file.text(head) for head in heads)


def _private_objects(file: CudaFile, body: Node) -> Iterator[str]:
    """Arrays and references of each thread."""
    for node in of_type(body, "declaration"):
        if qualifier(node, "__shared__") is not None:
            continue
        for declarator in node.children_by_field_name("declarator"):
            kinds = {each.type for each in of_type(declarator, "array_declarator", "reference_declarator")}
            name = declared_name(declarator)
            if kinds and name is not None:
                yield file.text(name)

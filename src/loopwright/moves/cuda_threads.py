"""A CUDA kernel as a function for processors: blocks in parallel, their threads as loops.

The loops over threads end and begin again at every barrier (loop fission, as in MCUDA: Stratton et al.,
LCPC 2008); what a thread needs on both sides is placed by :mod:`loopwright.moves.cuda_places`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loopwright.moves.cuda_items import Barrier, Control, Declared, Item, Jump, Lanes, Shared, items_of
from loopwright.moves.cuda_places import Places, lane_names, places_of
from loopwright.moves.cuda_syntax import Change, KernelCode, arguments, calls, declared_name, of_type, words
from loopwright.moves.cuda_uniform import LOOPS, jumps_out, values_of

if TYPE_CHECKING:
    from tree_sitter import Node

STEP = "    "
_AXES = ("x", "y", "z")
_OURS = frozenset(
    {f"{what}_{axis}" for what in ("thread", "block") for axis in _AXES}
    | {"thread", "threads", "shared_bytes"}
)
_LANE_FUNCTIONS = {
    "__shfl_sync": "lane_value",
    "__shfl_down_sync": "lane_below",
    "__shfl_up_sync": "lane_above",
    "__shfl_xor_sync": "lane_across",
}


def loops_over_threads(kernel: KernelCode, grid: int, block: int) -> str:
    """The body of `kernel` with loops over `grid` dimensions of blocks and `block` dimensions of threads.

    Raises:
        NotTranslated: naming what cannot be translated, with its line.
    """
    file, body = kernel.file, kernel.body
    values = values_of(file, body)
    parameters = frozenset(
        file.text(name)
        for each in kernel.parameters.named_children
        if (name := declared_name(each.child_by_field_name("declarator"))) is not None
    )
    if clash := sorted(words(file, kernel.node) & _OURS):
        raise file.refused(kernel.node, f"the name '{clash[0]}', which the translation needs")
    for changed in sorted(parameters & values.assignments.keys()):
        raise file.refused(
            values.assignments[changed][0].node, f"the parameter '{changed}' is changed by each thread"
        )
    items = items_of(file, body, values)
    places = places_of(file, items, values, parameters)
    used = _axes_used(kernel)
    grid = max(grid, *(n for n, axis in enumerate(_AXES, 1) if f"blockIdx.{axis}" in used), 1)
    block = max(block, *(n for n, axis in enumerate(_AXES, 1) if f"threadIdx.{axis}" in used), 1)
    writer = _Writer(kernel, places, block)
    inner = writer.block_level(items, STEP * (grid + 1), top=True)
    lines = ["{"]
    if places.kept:
        sizes = " * ".join(f"blockDim.{axis}" for axis in _AXES[:block])
        lines.append(f"{STEP}const unsigned threads = {sizes};")
    lines.append("#pragma omp parallel for" + (f" collapse({grid})" if grid > 1 else ""))
    for depth, axis in enumerate(reversed(_AXES[:grid])):
        head = f"for (unsigned block_{axis} = 0; block_{axis} < gridDim.{axis}; ++block_{axis})"
        lines.append(STEP * (depth + 1) + head + (" {" if depth == grid - 1 else ""))
    lines += [*inner, STEP * grid + "}", "}"]
    return "\n".join(lines)


def _axes_used(kernel: KernelCode) -> set[str]:
    """As in `threadIdx.y`. Raises NotTranslated for an index that is used as a whole."""
    found: set[str] = set()
    for node in of_type(kernel.body, "identifier"):
        name = kernel.file.text(node)
        if name not in ("threadIdx", "blockIdx"):
            continue
        above = node.parent
        if above is None or above.type != "field_expression":
            raise kernel.file.refused(node, f"{name} as a whole")
        found.add("".join(kernel.file.text(above).split()))
    return found


@dataclass
class _Writer:
    kernel: KernelCode
    places: Places
    dimensions: int
    _copied: dict[tuple[int, str], str] = field(default_factory=dict)

    def block_level(self, items: tuple[Item, ...], indent: str, *, top: bool = False) -> list[str]:
        """Lines for items that all threads of a block reach together."""
        lines: list[str] = []
        group: list[Item] = []
        file = self.kernel.file

        def flush(rest: tuple[Item, ...]) -> None:
            last = top and all(isinstance(each, (Barrier, Shared)) for each in rest)
            lines.extend(self._group(group, indent, last=last))
            group.clear()

        for number, item in enumerate(items):
            rest = items[number:]
            if isinstance(item, Shared):
                lines += self._noted(item, self._shared(item), indent)
            elif isinstance(item, Barrier):
                flush(items[number + 1 :])
                if item.notes:
                    lines += [indent + note for note in item.notes]
            elif isinstance(item, Control):
                flush(rest)
                lines += self._control(item, indent)
            elif isinstance(item, Jump):
                flush(rest)
                lines += self._noted(item, self._jump(item, top=top), indent)
            elif self.places.is_block_item(file, item):
                flush(rest)
                lines += self._noted(item, self._of_block(item), indent)
            else:
                if isinstance(item, Declared) and item.name in self.places.kept:
                    lines.append(indent + self._kept(item.name, item.kind))
                if isinstance(item, Lanes):
                    flush(rest)
                    lines += self._copies(item, indent)
                group.append(item)
        flush(())
        return lines

    # What is done once a block ---------------------------------------------------------------

    def _shared(self, item: Shared) -> str:
        file = self.kernel.file
        if item.element:
            memory = f"{item.name}_memory"
            return (
                f"std::vector<{item.element}> {memory}(shared_bytes / sizeof({item.element}));\n"
                f"{item.element} *const {item.name} = {memory}.data();"
            )
        changes = [
            Change(each.start_byte, _past_space(file.data, each.end_byte), "")
            for each in item.node.children
            if file.text(each) in ("__shared__", "static")
        ]
        return file.changed(item.node, changes)

    def _of_block(self, item: Item) -> str:
        if isinstance(item, Declared):
            value = f" = {self._text(item.value)}" if item.value is not None else ""
            return f"{_typed(item.kind, item.name)}{value};"
        return self._text(item.node)

    def _jump(self, item: Jump, *, top: bool) -> str:
        leaving = next(jumps_out(item.node))
        text = self._text(item.node)
        if leaving.type != "return_statement":
            return text
        if not top:
            raise self.kernel.file.refused(leaving, "a return in a loop with a barrier")
        return text

    def _control(self, item: Control, indent: str) -> list[str]:
        node = item.node
        lines = [indent + note for note in item.notes]
        at = node.start_byte
        for number, (branch, items) in enumerate(item.branches):
            head = self._between(at, branch.start_byte).strip()
            opened = f"{head} {{".strip()
            if number:
                lines[-1] += f" {opened}"
            else:
                lines.append(indent + opened)
            lines += self.block_level(items, indent + STEP)
            lines.append(f"{indent}}}")
            at = branch.end_byte
        if rest := self._between(at, node.end_byte).strip():
            lines[-1] += f" {rest}"
        return lines

    def _kept(self, name: str, kind: str) -> str:
        # A vector of bool has no elements that threads could have each to itself.
        return f"std::vector<{'char' if kind == 'bool' else kind}> {name}(threads);"

    def _copies(self, item: Lanes, indent: str) -> list[str]:
        lines: list[str] = []
        if item.node.type == "declaration":
            name = declared_name(item.node.child_by_field_name("declarator"))
            assert name is not None
            declared = self.places.kept.get(self.kernel.file.text(name))
            if declared is not None:
                lines.append(indent + self._kept(declared.name, declared.kind))
        for name_ in dict.fromkeys(lane_names(self.kernel.file, item)):
            if name_ not in self.places.kept:
                raise self.kernel.file.refused(
                    item.node, f"a shuffle of '{name_}', which is no variable of the kernel"
                )
            again = sum(copied == name_ for _, copied in self._copied)
            copy = f"{name_}_before{again + 1 if again else ''}"
            self._copied[item.node.id, name_] = copy
            lines.append(f"{indent}const auto {copy} = {name_};")
        return lines

    # What each thread does -------------------------------------------------------------------

    def _group(self, group: list[Item], indent: str, *, last: bool) -> list[str]:
        """One loop over the threads."""
        if not group:
            return []
        file = self.kernel.file
        emitted = self._emitted(group)
        if not emitted and not any(not isinstance(item, Declared) for item in group):
            return []
        inner = indent + STEP * self.dimensions
        body: list[str] = []
        home = {item.name for item in group if isinstance(item, Declared)}
        for name in self.places.again:
            if name in emitted and name not in home:
                other = self.places.again[name]
                constant = "const " if not other.kind.endswith("*") else ""
                body.append(f"{inner}{constant}{_typed(other.kind, name)} = {self._text(other.value)};")
        done: set[int] = set()
        for item in group:
            if isinstance(item, Declared):
                body += self._declaration(item, group, emitted, inner, done)
                continue
            jump = next(jumps_out(item.node), None)
            if jump is not None and not last:
                raise file.refused(jump, "some threads return before a barrier that others reach")
            body += self._noted(item, self._statement(item), inner)
        lines: list[str] = []
        for depth, axis in enumerate(reversed(_AXES[: self.dimensions])):
            head = f"for (unsigned thread_{axis} = 0; thread_{axis} < blockDim.{axis}; ++thread_{axis})"
            lines.append(indent + STEP * depth + head + (" {" if depth == self.dimensions - 1 else ""))
        if self.dimensions > 1 and any("[thread]" in line or " thread," in line for line in body):
            lines.append(f"{inner}const unsigned thread = {self._linear()};")
        return [*lines, *body, indent + STEP * (self.dimensions - 1) + "}"]

    def _emitted(self, group: list[Item]) -> set[str]:
        """Variables computed in this group: its own that matter, and those computed again for it."""
        used: set[str] = set()
        for item in group:
            if not isinstance(item, Declared):
                used |= words(self.kernel.file, item.node)
            elif item.name not in self.places.again:
                used |= {item.name, *(words(self.kernel.file, item.value) if item.value is not None else ())}
        own = {
            item.name for item in group if isinstance(item, Declared) and item.name not in self.places.again
        }
        while True:
            more = {
                each
                for name in used & self.places.again.keys()
                for each in words(self.kernel.file, self.places.again[name].value)  # type: ignore[arg-type]
            } - used
            if not more:
                return (used & self.places.again.keys()) | own
            used |= more

    def _declaration(
        self, item: Declared, group: list[Item], emitted: set[str], inner: str, done: set[int]
    ) -> list[str]:
        if item.name in self.places.kept:
            if item.value is None:
                return []
            return self._noted(item, f"{item.name}[{self._thread}] = {self._text(item.value)};", inner)
        if item.name not in emitted or item.node.id in done:
            return []
        together = [each for each in group if isinstance(each, Declared) and each.node == item.node]
        names = {each.name for each in together}
        written = len(item.node.children_by_field_name("declarator"))
        if len(together) == written and names <= emitted and not names & self.places.kept.keys():
            done.add(item.node.id)
            return self._noted(item, self._text(item.node), inner, tail=together[-1].tail)
        value = f" = {self._text(item.value)}" if item.value is not None else ""
        return self._noted(item, f"{_typed(item.kind, item.name)}{value};", inner)

    def _statement(self, item: Item) -> str:
        if not isinstance(item, Lanes):
            return self._text(item.node)
        file = self.kernel.file
        changes: list[Change] = []
        for name, call in calls(file, item.node):
            if name in _LANE_FUNCTIONS:
                _, value, *rest = arguments(call)
                copy = self._copied[item.node.id, file.text(value)]
                given = ", ".join([copy, self._thread, *map(self._text, rest)])
                changes.append(Change(call.start_byte, call.end_byte, f"{_LANE_FUNCTIONS[name]}({given})"))
        if item.node.type == "declaration":
            declarator = item.node.child_by_field_name("declarator")
            name_node = declared_name(declarator)
            assert declarator is not None and name_node is not None
            if file.text(name_node) in self.places.kept:
                value_node = declarator.child_by_field_name("value")
                assert value_node is not None
                spelt = file.changed(value_node, [*changes, *self._changes(value_node)])
                return f"{file.text(name_node)}[{self._thread}] = {spelt};"
        return file.changed(item.node, [*changes, *self._changes(item.node)])

    # Text ------------------------------------------------------------------------------------

    @property
    def _thread(self) -> str:
        return "thread" if self.dimensions > 1 else "thread_x"

    def _linear(self) -> str:
        if self.dimensions == 2:
            return "thread_y * blockDim.x + thread_x"
        return "(thread_z * blockDim.y + thread_y) * blockDim.x + thread_x"

    def _text(self, node: Node | None) -> str:
        assert node is not None
        return _dedented(self.kernel.file.changed(node, self._changes(node)), node.start_point[1])

    def _between(self, start: int, end: int) -> str:
        """Part of a control statement with its names changed."""
        file = self.kernel.file
        changes = [c for c in self._changes(self.kernel.body) if start <= c.start and c.end <= end]
        made, at = "", start
        for change in sorted(changes, key=lambda c: c.start):
            made += file.data[at : change.start].decode("utf-8", "surrogateescape") + change.text
            at = change.end
        return made + file.data[at:end].decode("utf-8", "surrogateescape")

    def _changes(self, node: Node) -> Iterator[Change]:
        """Indices, variables with an element a thread, and `return`, which ends the turn of one thread."""
        file = self.kernel.file
        for each in of_type(node, "field_expression"):
            base, member = each.child_by_field_name("argument"), each.child_by_field_name("field")
            if base is not None and member is not None and file.text(base) in ("threadIdx", "blockIdx"):
                what = file.text(base).removesuffix("Idx")
                yield Change(each.start_byte, each.end_byte, f"{what}_{file.text(member)}")
        for each in of_type(node, "identifier"):
            if file.text(each) in self.places.kept:
                yield Change(each.start_byte, each.end_byte, f"{file.text(each)}[{self._thread}]")
        for each in of_type(node, "return_statement"):
            if self._in_loop(each, node):
                raise file.refused(each, "a return in a loop")
            yield Change(each.start_byte, each.end_byte, "continue;")
        for each in of_type(node, "preproc_call"):
            yield Change(each.start_byte, each.end_byte, "")

    @staticmethod
    def _in_loop(node: Node, outer: Node) -> bool:
        at = node
        while (above := at.parent) is not None and at != outer:
            if above.type in (*LOOPS, "switch_statement"):
                return True
            at = above
        return False

    def _noted(self, item: Item, text: str, indent: str, tail: str = "") -> list[str]:
        tail = tail or item.tail
        lines = [*item.notes, *text.split("\n")]
        if tail:
            lines[-1] += f"  {tail}"
        return [indent + line if line.strip() else "" for line in lines]


def _typed(kind: str, name: str) -> str:
    return f"{kind}{'' if kind.endswith('*') else ' '}{name}"


def _dedented(text: str, columns: int) -> str:
    first, *rest = text.split("\n")
    kept = [line[columns:] if not line[:columns].strip() else line.lstrip() for line in rest]
    return "\n".join([first, *kept])


def _past_space(data: bytes, at: int) -> int:
    while data[at : at + 1] == b" ":
        at += 1
    return at

"""Small random programs, as C for the analysis and as data for an interpreter that plays a host and a device.

The device's memory starts as poison (NaN): a plan that copies too little shows as poison in the output, as an
element that is not mapped, or as a host value that was destroyed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from loopwright.core.data_plan import ArrayPlan, DataPlan, Direction, RegionPlan, value_of

POISON = math.nan


class Wrong(Exception):
    """The plan lets the program go wrong: an element that is not on the device, or a mapping too long."""


@dataclass
class Node:
    """One statement. `kind` decides which fields count; `start` and `end` are its bytes once it is written.

    kind: loop (dst, reads, low, high, add), sum (reads), serial (dst), time (body), swap (dst, other),
    peek (dst, at), poke (dst, at), maybe (body), call (dst, other), fill (dst), gather (dst, other),
    glance (at), stop, until (dst, body): a loop whose condition reads an array.
    """

    kind: str
    dst: str = ""
    other: str = ""
    reads: tuple[tuple[str, int], ...] = ()
    low: int = 0
    high: int = 0
    at: int = 0
    add: bool = False
    body: list[Node] = field(default_factory=list)
    start: int = 0
    end: int = 0


@dataclass
class Source:
    """A program: its statements and which arrays it prints at its end; `text` once it is written."""

    nodes: list[Node]
    pointers: tuple[str, ...]
    plain: tuple[str, ...]
    printed: tuple[str, ...]
    has_view: bool = False
    """A second pointer into the first array."""
    exact: bool = False
    """The arrays behind pointers have n elements, not SIZE."""
    text: str = ""
    inner: dict[str, Node] = field(default_factory=dict)
    """The loop of each function."""

    def length(self, name: str) -> str:
        """The number of elements of an array, as C text."""
        return "n" if self.exact and name in self.pointers else str(SIZE)

    @property
    def arrays(self) -> tuple[str, ...]:
        """All names."""
        return self.pointers + self.plain


SIZE = 9
"""Elements of every array; `n` is less or equal in a run."""

_FUNCTIONS = {
    "blend": "static void blend(int n, const double *restrict x, double *restrict y)\n{\n",
    "shift": "static void shift(int n, const double *restrict x, double *restrict y)\n{\n",
}


def random_source(rng: random.Random) -> Source:
    """A program of a few statements."""
    pointers = tuple("abcd"[: rng.randint(2, 4)])
    plain = tuple("gh"[: rng.randint(0, 2)])
    made = Source([], pointers, plain, (), has_view=rng.random() < 0.25, exact=rng.random() < 0.5)
    made.nodes = [_random(rng, made, 0) for _ in range(rng.randint(2, 6))]
    made.printed = tuple(name for name in made.arrays if rng.random() < 0.5)
    return made


def _random(rng: random.Random, source: Source, depth: int) -> Node:
    kinds = ["loop"] * 6 + ["fill", "sum", "call", "call", "gather", "serial", "peek", "poke"]
    if depth < 2:
        kinds += ["time"] * 3 + ["maybe", "until"]
    if depth and len(source.pointers) > 1:
        kinds += ["swap"] * 2
    if source.has_view:
        kinds += ["glance"]
    if depth:
        kinds += ["stop"]
    kind = rng.choice(kinds)
    dst = rng.choice(source.arrays)
    others = [name for name in source.arrays if name != dst]
    other = rng.choice(others)
    match kind:
        case "loop":
            add = rng.random() < 0.3
            low, high = rng.choice(((0, 0), (0, 0), (1, 1), (0, 2)))
            reads = tuple(
                (name, rng.randint(-low, high) if name != dst else 0)
                for name in rng.sample(source.arrays, rng.randint(0, 2))
            )
            return Node("loop", dst, reads=reads, low=low, high=high, add=add)
        case "sum":
            return Node("sum", reads=((dst, 0),))
        case "call":
            name = rng.choice(sorted(_FUNCTIONS))
            return Node("call", dst, other, at=0 if name == "blend" else 1)
        case "swap":
            first, second = rng.sample(source.pointers, 2)
            return Node("swap", first, second)
        case "time" | "maybe" | "until":
            return Node(kind, dst, body=[_random(rng, source, depth + 1) for _ in range(rng.randint(1, 4))])
    return Node(kind, dst, other, at=rng.randint(0, 3))


# -- as C


class _Writer:
    def __init__(self, source: Source) -> None:
        self.source, self.length = source, 0
        self.parts: list[str] = []

    def put(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def node(self, node: Node, indent: str) -> None:
        self.put(indent)
        node.start = self.length
        self.statement(node, indent)
        node.end = self.length
        self.put("\n")

    def statement(self, node: Node, indent: str) -> None:
        match node.kind:
            case "loop":
                terms = [f"0.5 * {name}[i{offset:+d}]" for name, offset in node.reads] + ["1.25"]
                sign = "+=" if node.add else "="
                self.put(
                    f"for (int i = {node.low}; i < n - {node.high}; i++) "
                    f"{{ {node.dst}[i] {sign} {' + '.join(terms)}; }}"
                )
            case "fill":
                self.put(f"for (int i = 0; i < n; i++) {{ {node.dst}[i] = 0.25 * i; }}")
            case "gather":
                self.put(f"for (int i = 0; i < n; i++) {{ {node.dst}[i] = {node.other}[place[i]]; }}")
            case "sum":
                self.put(f"for (int i = 0; i < n; i++) {{ total += {node.reads[0][0]}[i]; }}")
            case "serial":
                name = node.dst
                self.put(f"for (int i = 1; i < n; i++) {{ {name}[i] = 0.5 * {name}[i - 1] + {name}[i]; }}")
            case "peek":
                self.put(f"seen += {node.dst}[{node.at}];")
            case "glance":
                self.put(f"seen += view[{node.at}];")
            case "stop":
                self.put("if (seen > 40.0) { seen -= 30.0; }")
            case "poke":
                self.put(f"{node.dst}[{node.at}] = seen + 2.0;")
            case "call":
                self.put(f"{('blend', 'shift')[node.at]}(n, {node.other}, {node.dst});")
            case "swap":
                inner = indent + "    "
                self.put(
                    f"{{\n{inner}double *held = {node.dst};\n{inner}{node.dst} = {node.other};\n"
                    f"{inner}{node.other} = held;\n{indent}}}"
                )
            case "time" | "maybe" | "until":
                head = {
                    "time": "for (int t = 0; t < steps; t++)",
                    "maybe": f"if (flag && {node.dst}[1] < 90.0)",
                    "until": f"for (int t = 0; t < steps && {node.dst}[2] < 30.0; t++)",
                }[node.kind]
                self.put(f"{head} {{\n")
                for child in node.body:
                    self.node(child, indent + "    ")
                self.put(indent + "}")


def written(source: Source) -> str:
    """The program as C; sets the offsets of its statements."""
    out = _Writer(source)
    out.put("#include <stdio.h>\n#include <stdlib.h>\n\n")
    for name in source.plain:
        out.put(f"static double {name}[{SIZE}];\n")
    for name, head in _FUNCTIONS.items():
        out.put(f"\n{head}")
        low = 0 if name == "blend" else 1
        text = "y[i] = 0.5 * x[i] + y[i];" if name == "blend" else "y[i] = x[i - 1];"
        loop = source.inner[name] = Node(name, low=low)
        out.put("    ")
        loop.start = out.length
        out.put(f"for (int i = {low}; i < n; i++) {{ {text} }}")
        loop.end = out.length
        out.put("\n}\n")
    out.put(
        "\nint main(int argc, char **argv)\n{\n    int n = atoi(argv[1]);\n    int steps = atoi(argv[2]);\n"
    )
    out.put("    int flag = atoi(argv[3]);\n    double total = 0.0;\n    double seen = 0.0;\n")
    out.put(f"    static int place[{SIZE}];\n")
    for name in source.pointers:
        out.put(f"    double *{name} = malloc({source.length(name)} * sizeof *{name});\n")
    out.put("    for (int i = 0; i < n; i++) { place[i] = (i * 7 + rand() % 2) % n; }\n")
    for number, name in enumerate(source.arrays):
        # A call that is not followed keeps this loop on the host.
        value = f"{number + 1} + 0.125 * (rand() % 8)"
        out.put(f"    for (int i = 0; i < {source.length(name)}; i++) {{ {name}[i] = {value}; }}\n")
    if source.has_view:
        out.put(f"    double *view = {source.pointers[0]};\n")
    for node in source.nodes:
        out.node(node, "    ")
    for name in source.printed:
        shown = f'printf("{name} %.17g\\n", {name}[i]);'
        out.put(f"    for (int i = 0; i < {source.length(name)}; i++) {{ {shown} }}\n")
    out.put('    printf("%.17g %.17g\\n", total, seen);\n')
    for name in source.pointers:
        out.put(f"    free({name});\n")
    out.put("    return argc > 4;\n}\n")
    source.text = "".join(out.parts)
    return source.text


# -- the machine


@dataclass
class Moved:
    """Bytes and copies of one array of one region, summed over the run."""

    to_bytes: int = 0
    from_bytes: int = 0


class Machine:
    """A host and a device with separate memories; `plan` None runs all on the host."""

    def __init__(self, source: Source, plan: DataPlan | None, values: dict[str, int]) -> None:
        self.source, self.plan, self.values = source, plan, values
        self.host = {
            name: [n + 1 + 0.125 * ((n * 5 + i * 3) % 8) for i in range(self.rows(name))]
            for n, name in enumerate(source.arrays)
        }
        self.pointer = {name: name for name in source.arrays}
        self.place = [(i * 7) % values["n"] for i in range(values["n"])] if values["n"] else []
        self.host["place"] = [float(p) for p in self.place] + [0.0] * (SIZE - len(self.place))
        self.pointer |= {"place": "place", "view": source.arrays[0]}
        self.device: dict[str, list[float]] = {}
        self.total = self.seen = 0.0
        self.moved: dict[tuple[int, str], Moved] = {}
        self.entered: dict[int, int] = {}
        self.open: list[RegionPlan] = []
        self.names: dict[str, str] = {}
        self.held: list[list[tuple[ArrayPlan, str, bool]]] = []
        self.inside = False
        self.on_device = {loop.span.start for r in plan.regions for loop in r.device_loops} if plan else set()

    def rows(self, name: str) -> int:
        """The number of elements of an array."""
        return self.values["n"] if self.source.length(name) == "n" else SIZE

    def run(self) -> list[float]:
        """What the program prints."""
        self.block(self.source.nodes)
        shown = [v for name in self.source.printed for v in self.host[self.pointer[name]]]
        return [*shown, self.total, self.seen]

    def regions_at(self, start: int) -> list[RegionPlan]:
        return [r for r in self.plan.regions if r.span.start == start] if self.plan else []

    def block(self, nodes: list[Node]) -> None:
        for node in nodes:
            for region in self.regions_at(node.start):
                self.enter(region)
            self.guarded(node)
            while self.open and self.open[-1].span.end == node.end:
                self.leave()

    def guarded(self, node: Node) -> None:
        updates = [
            (r, a, u)
            for r in self.open
            for a in r.arrays
            for u in a.updates
            if (u.span.start, u.span.end) == (node.start, node.end)
        ]
        for region, array, update in updates:
            if update.direction is Direction.FROM:
                self.copy_out(region, array.name, self.pointer[array.name])
        self.step(node)
        for region, array, update in updates:
            if update.direction is Direction.TO:
                self.copy_in(region, array.name, self.pointer[array.name])

    # -- copies

    def enter(self, region: RegionPlan) -> None:
        self.open.append(region)
        self.entered[region.span.start] = self.entered.get(region.span.start, 0) + 1
        buffers = []
        for array in region.mapped:
            buffer = self.pointer[self.names.get(array.name, array.name)]
            count = value_of(array.elements or "", self.values)
            if count > len(self.host[buffer]):
                raise Wrong(f"{array.name} is mapped with {count} elements")
            fresh = buffer not in self.device
            if fresh:
                self.device[buffer] = [POISON] * count
                if array.direction.goes_in:
                    self.copy_in(region, array.name, buffer)
            buffers.append((array, buffer, fresh))
        self.held.append(buffers)

    def leave(self) -> None:
        region = self.open.pop()
        for array, buffer, fresh in self.held.pop():
            if not fresh:
                continue
            if array.direction.comes_out:
                self.copy_out(region, array.name, buffer)
            del self.device[buffer]

    def copy_in(self, region: RegionPlan, name: str, buffer: str) -> None:
        count, size = len(self.device[buffer]), 4 if buffer == "place" else 8
        self.device[buffer] = self.host[buffer][:count]
        self.moved.setdefault((region.span.start, name), Moved()).to_bytes += size * count

    def copy_out(self, region: RegionPlan, name: str, buffer: str) -> None:
        count, size = len(self.device[buffer]), 4 if buffer == "place" else 8
        self.host[buffer][:count] = self.device[buffer]
        self.moved.setdefault((region.span.start, name), Moved()).from_bytes += size * count

    # -- statements

    def step(self, node: Node) -> None:
        outer = self.inside
        self.inside = outer or node.start in self.on_device
        self.run_one(node, self.values["n"])
        self.inside = outer

    def run_one(self, node: Node, n: int) -> None:
        match node.kind:
            case "time":
                for _ in range(self.values["steps"]):
                    self.block(node.body)
            case "until":
                for _ in range(self.values["steps"]):
                    if not self.get(self.memory(node.start), node.dst, 2) < 30.0:
                        break
                    self.block(node.body)
            case "maybe":
                if self.values["flag"] and self.get(self.memory(node.start), node.dst, 1) < 90.0:
                    self.block(node.body)
            case "swap":
                a, b = node.dst, node.other
                self.pointer[a], self.pointer[b] = self.pointer[b], self.pointer[a]
            case "peek":
                self.seen += self.get(self.memory(node.start), node.dst, node.at)
            case "glance":
                self.seen += self.get(self.memory(node.start), "view", node.at)
            case "stop":
                self.seen -= 30.0 if self.seen > 40.0 else 0.0
            case "poke":
                self.put(self.memory(node.start), node.dst, node.at, self.seen + 2.0)
            case "call":
                inner = self.source.inner[("blend", "shift")[node.at]]
                self.names = {"x": node.other, "y": node.dst}
                for region in self.regions_at(inner.start):
                    self.enter(region)
                memory = self.memory(inner.start)
                for i in range(inner.low, n):
                    if node.at == 0:
                        self.put(
                            memory,
                            node.dst,
                            i,
                            0.5 * self.get(memory, node.other, i) + self.get(memory, node.dst, i),
                        )
                    else:
                        self.put(memory, node.dst, i, self.get(memory, node.other, i - 1))
                while self.open and self.open[-1].span.end == inner.end:
                    self.leave()
                self.names = {}
            case _:
                self.loop(node, n)

    def memory(self, start: int) -> dict[str, list[float]]:
        return self.device if self.inside or start in self.on_device else self.host

    def get(self, memory: dict[str, list[float]], name: str, i: int) -> float:
        buffer = memory.get(self.pointer[name])
        if buffer is None or not 0 <= i < len(buffer):
            raise Wrong(f"{name}[{i}] is not on the device")
        return buffer[i]

    def put(self, memory: dict[str, list[float]], name: str, i: int, value: float) -> None:
        self.get(memory, name, i)
        memory[self.pointer[name]][i] = value

    def loop(self, node: Node, n: int) -> None:
        memory = self.memory(node.start)
        match node.kind:
            case "loop":
                for i in range(node.low, n - node.high):
                    value = 1.25 + sum(0.5 * self.get(memory, name, i + o) for name, o in node.reads)
                    if node.add:
                        value += self.get(memory, node.dst, i)
                    self.put(memory, node.dst, i, value)
            case "fill":
                for i in range(n):
                    self.put(memory, node.dst, i, 0.25 * i)
            case "gather":
                for i in range(n):
                    at = self.get(memory, "place", i)
                    if math.isnan(at):
                        raise Wrong("place is not on the device")
                    self.put(memory, node.dst, i, self.get(memory, node.other, int(at)))
            case "sum":
                self.total += sum(self.get(memory, node.reads[0][0], i) for i in range(n))
            case "serial":
                for i in range(1, n):
                    value = 0.5 * self.get(memory, node.dst, i - 1) + self.get(memory, node.dst, i)
                    self.put(memory, node.dst, i, value)


# -- as a program with directives


def with_directives(text: str, plan: DataPlan) -> str:
    """The program with the directives that its plan asks for."""
    found: dict[int, list[str]] = {}
    for region in plan.regions:
        _region_directives(found, region)
    loops = {loop.span.start: loop for region in plan.regions for loop in region.device_loops}
    for start, loop in loops.items():
        combined = "".join(f" reduction({op}: {name})" for op, name in loop.reductions)
        line = f"\n#pragma omp target teams distribute parallel for{combined}\n"
        found.setdefault(start, []).append(line)
    for offset in sorted(found, reverse=True):
        text = text[:offset] + "".join(found[offset]) + text[offset:]
    return text


def _region_directives(found: dict[int, list[str]], region: RegionPlan) -> None:
    start, end = region.span.start, region.span.end
    opening, closing = [], []
    for array in region.mapped:
        opening.append((array.direction.value, array.item))
        closing.append(("from" if array.direction.comes_out else "release", array.item))
    if region.structured:
        clauses = " ".join(f"map({kind}: {item})" for kind, item in opening)
        found.setdefault(start, []).insert(0, f"\n#pragma omp target data {clauses}\n{{\n")
        found.setdefault(end, []).append("\n}\n")
    else:
        kinds = {"tofrom": "to", "from": "alloc"}
        entering = " ".join(f"map({kinds.get(kind, kind)}: {item})" for kind, item in opening)
        leaving = " ".join(f"map({kind}: {item})" for kind, item in closing)
        found.setdefault(start, []).insert(0, f"\n#pragma omp target enter data {entering}\n")
        found.setdefault(end, []).append(f"\n#pragma omp target exit data {leaving}\n")
    for array in region.arrays:
        for update in array.updates:
            line = f"\n#pragma omp target update {update.direction.value}({array.item})\n"
            if update.direction is Direction.FROM:
                found.setdefault(update.span.start, []).append(line)
            else:
                found.setdefault(update.span.end, []).insert(0, line)


def walk(nodes: list[Node]) -> Iterator[Node]:
    """All statements of a program."""
    for node in nodes:
        yield node
        yield from walk(node.body)

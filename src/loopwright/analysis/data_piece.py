"""The pieces of regions: what a statement does to arrays, some of its loops running on a device.

A piece is about a statement with everything in it, calls of functions of the program included. What the
device does to an array is a flow (see `data_elements`); what the host does is a list of touches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from loopwright.analysis.data_bases import Base
from loopwright.analysis.data_device import DeviceLoop
from loopwright.analysis.data_elements import Flow, moved, then, without
from loopwright.analysis.data_host import Touch
from loopwright.analysis.frontend import UnitReader
from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.syntax import Function, Stmt, Variable

ONE = Polynomial.constant(1)
Sizes = Callable[[Base], "Polynomial | None"]
"""The number of elements of an array; None when not known."""


@dataclass(frozen=True)
class Times:
    """How often something happens; `exact`: else it is the most. `count` is None when not known."""

    count: Polynomial | None = ONE
    exact: bool = True

    def inside(self, outer: Times, changed: Iterable[str] = ()) -> Times:
        """For something in what itself happens `outer` times, and changes variables each time."""
        if self.count is None or outer.count is None or self.count.symbols & frozenset(changed):
            return Times(None, False)
        return Times(self.count * outer.count, self.exact and outer.exact)


@dataclass(frozen=True)
class Launch:
    """A device loop, how often it starts, and its arrays as the function of the piece names them."""

    loop: DeviceLoop
    reader: UnitReader
    times: Times
    bases: Mapping[Base, Base]
    """From the array in the function of the loop to that of the piece."""


@dataclass(frozen=True)
class HostTouch:
    """A touch on the host, the statement that it belongs to, and how often that runs."""

    touch: Touch
    statement: Stmt
    times: Times
    called: bool = False
    """It stands in a function that is called."""


@dataclass(frozen=True)
class HostLoop:
    """A loop that stays on the host, and why; `around`: there are device loops in it."""

    function: Function
    statement: Stmt
    reason: str
    around: bool
    times: Times


@dataclass
class Piece:
    """A statement with everything in it.

    `barrier` says why no region may hold it. `changed` are the names of variables that it sets or declares,
    `sizes` the elements that device code needs of an array, one entry for each loop.
    """

    flows: dict[Base, Flow] = field(default_factory=dict)
    sizes: dict[Base, list[Polynomial | None]] = field(default_factory=dict)
    launches: list[Launch] = field(default_factory=list)
    touches: list[HostTouch] = field(default_factory=list)
    loops: list[HostLoop] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    assigned: set[Variable] = field(default_factory=set)
    declared: set[Variable] = field(default_factory=set)
    barrier: str = ""

    @property
    def has_device(self) -> bool:
        """Whether a device loop runs in it."""
        return bool(self.launches)

    def add(self, other: Piece, sizes: Sizes, *, certain: bool = True) -> None:
        """Appends what runs after it; not `certain`: what may run. `sizes` are those of the arrays."""
        for name in ("launches", "touches", "loops"):
            getattr(self, name).extend(getattr(other, name))
        for base, needed in other.sizes.items():
            self.sizes.setdefault(base, []).extend(needed)
        for base, flow in other.flows.items():
            second = flow if certain else replace(flow, must=())
            self.flows[base] = then(self.flows.get(base, Flow()), second, sizes(base))
        self.changed |= other.changed
        self.assigned |= other.assigned
        self.declared |= other.declared
        self.barrier = self.barrier or other.barrier
        # A variable that was set anew has two meanings in one piece: what depends on it is not known.
        self.flows = {base: without(flow, self.changed) for base, flow in self.flows.items()}
        for base, flow in self.flows.items():
            if base.pointed and base.variable in self.assigned:
                self.flows[base] = moved(flow, now=base.variable in other.assigned)

    def repeated(self, times: Times) -> None:
        """Turns the piece of a loop's body into that of the loop."""
        for base, flow in self.flows.items():
            runs = times.count is not None and times.exact and (times.count.value or 0) > 0
            self.flows[base] = without(flow if runs else replace(flow, must=()), self.changed)
        changed = self.changed
        self.launches = [replace(x, times=x.times.inside(times, changed)) for x in self.launches]
        self.touches = [replace(x, times=x.times.inside(times, changed)) for x in self.touches]
        self.loops = [replace(x, times=x.times.inside(times, changed)) for x in self.loops]

    def possible(self) -> None:
        """Turns a piece that runs into one that may run."""
        self.repeated(Times(ONE, False))

    def on_host(self, stmt: Stmt) -> None:
        """Takes a statement without device loops as a whole: its touches happen once each time it runs."""
        if not self.has_device:
            once = {t.touch: HostTouch(t.touch, stmt, Times(), t.called) for t in self.touches}
            self.touches = list(once.values())

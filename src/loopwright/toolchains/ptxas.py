"""What the CUDA compiler says: kernels' registers, spills and shared memory, and its diagnostics. Pure.

Read from what nvcc prints under `-Xptxas -v,-warn-spills` (CUDA 13.0).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from loopwright.core.profile import Diagnostic, Severity
from loopwright.toolchains import diagnostics

_ENTRY = re.compile(r"^ptxas info\s*: Compiling entry function '(?P<name>[^']+)' for '(?P<architecture>\w+)'")
_PROPERTIES = re.compile(r"^ptxas info\s*: Function properties for (?P<name>\S+)")
_STACK = re.compile(
    r"^\s+(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, "
    r"(?P<loads>\d+) bytes spill loads"
)
_USED = re.compile(r"^ptxas info\s*: Used (?P<registers>\d+) registers(?P<rest>.*)$")
_SHARED = re.compile(r"(\d+) bytes smem")
_BARRIERS = re.compile(r"used (\d+) barriers")
_FRONT = re.compile(
    r"^(?P<file>[^\s(][^(]*)\((?P<line>\d+)\): (?P<kind>error|warning|catastrophic error|remark)"
    r"(?: #(?P<number>\d+-?D?))?: (?P<message>.+)$"
)
_TOOL = re.compile(r"^(?P<tool>nvcc|ptxas|nvlink|fatbinary|cudafe\+\+)(?: (?P<where>\S+, line \d+))?\s*"
                   r"(?:;\s*)?(?P<kind>fatal|error|warning)\s*: (?P<message>.+)$")  # fmt: skip
_HINT = "Remark: The warnings can be suppressed"
_MANGLED = re.compile(r"_ZN?K?L?(?P<rest>.*)")
_KINDS = {
    "error": Severity.ERROR,
    "catastrophic error": Severity.ERROR,
    "fatal": Severity.ERROR,
    "warning": Severity.WARNING,
    "remark": Severity.NOTE,
}


@dataclass(frozen=True)
class KernelFigures:
    """What one kernel needs on one architecture, as ptxas counted.

    Attributes:
        name: as in the source, scopes included and template arguments left out; `symbol` is the mangled one.
        registers: of one thread.
        shared_bytes: static shared memory of one block.
        stack_bytes: of one thread, in local memory.
        spill_store_bytes, spill_load_bytes: moved by one thread for want of registers.
        barriers: hardware barriers of one block.
    """

    name: str
    symbol: str
    architecture: str
    registers: int
    shared_bytes: int = 0
    stack_bytes: int = 0
    spill_store_bytes: int = 0
    spill_load_bytes: int = 0
    barriers: int = 0

    def __str__(self) -> str:
        spills = self.spill_store_bytes + self.spill_load_bytes
        parts = [f"{self.registers} registers"]
        if self.shared_bytes:
            parts.append(f"{self.shared_bytes} bytes of shared memory")
        if spills:
            parts.append(f"{self.spill_store_bytes} bytes spilled, {self.spill_load_bytes} read back")
        return f"{self.name}: {', '.join(parts)}"


def kernel_figures(printed: str) -> tuple[KernelFigures, ...]:
    """The kernels in `printed`, in order, each once for each architecture."""
    found: dict[tuple[str, str], KernelFigures] = {}
    symbol = architecture = described = ""
    stack = (0, 0, 0)
    for line in printed.splitlines():
        if (match := _ENTRY.match(line)) is not None:
            symbol, architecture, stack = match["name"], match["architecture"], (0, 0, 0)
        elif (match := _PROPERTIES.match(line)) is not None:
            described = match["name"]
        elif (match := _STACK.match(line)) is not None and described == symbol:
            stack = (int(match["stack"]), int(match["stores"]), int(match["loads"]))
        elif (match := _USED.match(line)) is not None and symbol:
            shared, barriers = _SHARED.search(match["rest"]), _BARRIERS.search(match["rest"])
            found[symbol, architecture] = KernelFigures(
                name=plain_name(symbol),
                symbol=symbol,
                architecture=architecture,
                registers=int(match["registers"]),
                shared_bytes=int(shared[1]) if shared else 0,
                stack_bytes=stack[0],
                spill_store_bytes=stack[1],
                spill_load_bytes=stack[2],
                barriers=int(barriers[1]) if barriers else 0,
            )
            symbol = ""
    return tuple(found.values())


def plain_name(symbol: str) -> str:
    """`deep::dynamic` for `_ZN4deep7dynamicEPfi`; any other symbol stays (Itanium C++ ABI, 5.1)."""
    match = _MANGLED.fullmatch(symbol)
    if match is None:
        return symbol
    parts: list[str] = []
    rest = match["rest"]
    nested = symbol.startswith("_ZN")
    while (number := re.match(r"\d+", rest)) is not None:
        length = int(number[0])
        parts.append(rest[number.end() : number.end() + length])
        rest = rest[number.end() + length :]
        if not nested:
            break
    return "::".join("(anonymous)" if p.startswith("_GLOBAL__N_") else p for p in parts) or symbol


def parse_diagnostics(printed: str) -> tuple[Diagnostic, ...]:
    """Diagnostics of nvcc's front end, of its tools, and of the host compiler, each once."""
    found: list[Diagnostic] = []
    others: list[str] = []
    for line in printed.splitlines():
        if (match := _FRONT.match(line)) is not None:
            number = f"#{match['number']}" if match["number"] else ""
            kind = _KINDS[match["kind"]]
            found.append(Diagnostic(kind, match["message"], match["file"], int(match["line"]), 0, number))
        elif (match := _TOOL.match(line)) is not None:
            found.append(Diagnostic(_KINDS[match["kind"]], f"{match['tool']}: {match['message']}"))
        elif not line.startswith(_HINT):
            others.append(line)
    return tuple(dict.fromkeys((*found, *diagnostics.parse("\n".join(others)))))

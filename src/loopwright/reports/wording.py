"""Numbers in words, the same everywhere."""

from __future__ import annotations

from loopwright.core.run import Best, Spending
from loopwright.core.timing import Floor, Speedup

GATES = {
    "integrity": "only editable files differ from the original",
    "build": "it compiles and links like the original",
    "nvcc": "it compiles with nvcc, like the original",
    "hipcc": "it compiles with hipcc, like the original",
    "emulated": "kernels, run on the CPU and watched: no access outside, no race, no barrier that some miss",
    "mapping": "with a memory of its own the device finds what it reads, and the host what it gets back",
    "outputs": "every case gives what the original gives: with 1, 2, 3 and all threads, the last twice",
    "offloaded": "target regions do the work that could be offloaded, and the host does it no more",
    "gpu-build": "it compiles for a GPU with the same compiler; nothing runs",
    "gpu-memory": "on a GPU: no access outside of memory, no call that fails (compute-sanitizer memcheck)",
    "gpu-races": "on a GPU: no race in shared memory (compute-sanitizer racecheck)",
    "addresses": "no access outside of memory that belongs to the program (AddressSanitizer)",
    "undefined": "no undefined arithmetic, shift, conversion or index (UndefinedBehaviorSanitizer)",
    "uninitialised": "no decision or output depends on memory that was never set (valgrind)",
    "races": "no two threads touch the same memory unordered (ThreadSanitizer with Archer)",
    "plan-trace": "no array moves more between host and device than the data plan says",
    "held-out": "inputs that the search never saw give what the original gives",
    "floors": "no time is shorter than this machine needs for the work",
}
"""What each gate checked, for people."""
NOT_TIMED = "verified, not timed: no device"
"""What `translated` means where the result is a program for a device."""
VARIANTS = {
    "own": "the task's own flags",
    "native": "-O3 -march=native",
    "auto_parallel": "the compiler's own parallelisation",
}
"""The ways in which the original is built and timed."""


def duration(seconds: float) -> str:
    """Seconds with a fitting unit and three digits: "12.3 ms", "1.23 s", "2 min 5 s"."""
    if seconds >= 120:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= factor or unit == "µs":
            return f"{_three(seconds / factor)} {unit}"
    raise AssertionError


def translated_words(best: Best) -> str:
    """What `translated` means for this result."""
    if best.wall_s is None:
        return NOT_TIMED
    return f"verified; {duration(best.wall_s)} by itself, with no original for processors to compare it with"


def _three(value: float) -> str:
    # "%.3g" alone would write 1023 as 1.02e+03.
    digits = f"{value:.3g}"
    return f"{float(digits):.0f}" if "e+" in digits else digits


def ratio(value: float) -> str:
    """A speedup: "2.34x", "12.3x", "0.98x"."""
    return f"{_three(value)}x" if value >= 10 else f"{value:.2f}x"


def bounds(speedup: Speedup) -> str:
    """The interval alone: "95 % interval 2.31 to 2.38"."""
    if speedup.low <= 0 or speedup.high == float("inf"):
        return "too few rounds for an interval"
    low, high = ratio(speedup.low).rstrip("x"), ratio(speedup.high).rstrip("x")
    return f"{speedup.confidence * 100:g} % interval {low} to {high}"


def interval(speedup: Speedup) -> str:
    """A speedup with its interval: "2.34x (95 % interval 2.31 to 2.38, 8 rounds)"."""
    counted = "" if speedup.low <= 0 or speedup.high == float("inf") else f", {speedup.rounds} rounds"
    return f"{ratio(speedup.estimate)} ({bounds(speedup)}{counted})"


def floor_words(floor: Floor) -> str:
    """The least possible time: "no less than 82 µs on this machine (2.5e+08 flop stated)"."""
    return f"no less than {duration(floor.seconds)} on this machine ({floor.basis})"


def spending_words(spent: Spending) -> str:
    """What models used: "3 calls, 1200 tokens in (200 from caches) and 90 out, 0.0123 US dollars"."""
    calls = f"{spent.calls} call{'s' * (spent.calls != 1)}"
    cached = f" ({spent.cached_tokens} from caches)" if spent.cached_tokens else ""
    tokens = f"{spent.input_tokens} tokens in{cached} and {spent.output_tokens} out"
    counted = ", partly estimated" if spent.estimated else ""
    if spent.cost_usd is None:
        return f"{calls}, {tokens}{counted}, cost unknown"
    return f"{calls}, {tokens}{counted}, {spent.cost_usd:.4f} US dollars"


def rate(per_s: float, unit: str) -> str:
    """A rate with a decimal prefix: "88.6 GB/s", "1.37 Gflop/s"."""
    unit = "B/s" if unit == "byte/s" else unit
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if per_s >= factor:
            return f"{_three(per_s / factor)} {prefix}{unit}"
    return f"{_three(per_s)} {unit}"


def size(count: float) -> str:
    """Bytes with a binary unit."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{_three(count)} {unit}"
        count /= 1024
    return f"{_three(count)} TiB"

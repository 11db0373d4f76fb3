"""Numbers in words, the same everywhere."""

from __future__ import annotations

from loopwright.core.timing import Floor, Speedup


def duration(seconds: float) -> str:
    """Seconds with a fitting unit and three digits: "12.3 ms", "1.23 s", "2 min 5 s"."""
    if seconds >= 120:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= factor or unit == "µs":
            return f"{seconds / factor:.3g} {unit}"
    raise AssertionError


def ratio(value: float) -> str:
    """A speedup: "2.34x", "12.3x", "0.98x"."""
    return f"{value:.3g}x" if value >= 10 else f"{value:.2f}x"


def interval(speedup: Speedup) -> str:
    """A speedup with its interval: "2.34x (95 % interval 2.31 to 2.38, 8 rounds)"."""
    level = f"{speedup.confidence * 100:g} %"
    if speedup.low <= 0 or speedup.high == float("inf"):
        return f"{ratio(speedup.estimate)} (too few rounds for an interval)"
    low, high = ratio(speedup.low).rstrip("x"), ratio(speedup.high).rstrip("x")
    return f"{ratio(speedup.estimate)} ({level} interval {low} to {high}, {speedup.rounds} rounds)"


def floor_words(floor: Floor) -> str:
    """The least possible time: "no less than 82 µs on this machine (2.5e+08 flop stated)"."""
    return f"no less than {duration(floor.seconds)} on this machine ({floor.basis})"


def size(count: float) -> str:
    """Bytes with a binary unit."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} TiB"

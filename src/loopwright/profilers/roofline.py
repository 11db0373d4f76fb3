"""Where a measured time lies under the machine's roofline. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from loopwright.core.machine import Floors
from loopwright.core.profile import Roofline
from loopwright.core.task import Dtype


def roofline(
    work_bytes: float | None,
    work_flops: float | None,
    wall_s: float,
    floors: Floors,
    threads: int,
    *,
    dtype: Dtype = Dtype.F64,
) -> Roofline | None:
    """The position of work that took `wall_s` seconds; None when the task states no work.

    With I = flops / bytes, the bound is min(peak, I * bandwidth) in flop/s (Williams, Waterman, Patterson,
    "Roofline", CACM 52(4), 2009). With bytes alone it is the bandwidth in byte/s, with flops alone the peak.
    The ceilings are those measured for `threads`, or for the nearest smaller number. A `fraction` above 1
    says that the data stayed in cache, or that the stated work was not done.

    Raises:
        ValueError: when `wall_s` is not positive or `floors` holds no figure that is needed.
    """
    if not wall_s > 0:
        raise ValueError(f"wall_s must be positive, not {wall_s}")
    if not work_bytes and not work_flops:
        return None
    if not work_flops:
        assert work_bytes
        return _position(
            None, work_bytes / wall_s, _at(floors.triad_bytes_per_s, threads), "memory", "byte/s"
        )
    peak = _at(floors.peak_flops_f32 if dtype is Dtype.F32 else floors.peak_flops_f64, threads)
    if not work_bytes:
        return _position(None, work_flops / wall_s, peak, "compute", "flop/s")
    intensity = work_flops / work_bytes
    slope = intensity * _at(floors.triad_bytes_per_s, threads)
    limit = "memory" if slope < peak else "compute"
    return _position(intensity, work_flops / wall_s, min(slope, peak), limit, "flop/s")


def _position(intensity: float | None, attained: float, bound: float, limit: str, unit: str) -> Roofline:
    return Roofline(intensity, attained, bound, limit, attained / bound, unit)


def _at(measured: Mapping[int, float], threads: int) -> float:
    usable = {n: value for n, value in measured.items() if value > 0}
    if not usable:
        raise ValueError("the machine's floors are not measured")
    below = [n for n in usable if n <= threads]
    return usable[max(below) if below else min(usable)]

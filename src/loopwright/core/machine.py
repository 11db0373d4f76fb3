"""What a machine is, and what it can do at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Machine:
    """Facts that decide how fast code can be here. Unknown figures are 0 or empty, never guessed."""

    cpu: str
    architecture: str
    cores: int
    memory_bytes: int
    caches_bytes: Mapping[str, int] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    os: str = ""
    kernel: str = ""
    virtualised: bool | None = None

    @property
    def key(self) -> str:
        """A short text by which measurements of two machines are told apart."""
        return f"{self.cpu} x{self.cores} {self.architecture}"


@dataclass(frozen=True)
class DeviceFloors:
    """Measured ceilings of a GPU, in bytes and floating-point operations per second.

    Copies are of page-locked memory in one piece; the triad is of doubles in the device's memory, loads and
    stores alike. `clock_mhz` and `power_w` are those right after it; 0 when the driver does not tell.
    """

    name: str
    to_device_bytes_per_s: float
    from_device_bytes_per_s: float
    triad_bytes_per_s: float
    peak_flops_f64: float
    peak_flops_f32: float
    driver: str = ""
    clock_mhz: float = 0.0
    memory_clock_mhz: float = 0.0
    power_w: float = 0.0
    measured_at: str = ""


@dataclass(frozen=True)
class Floors:
    """Measured ceilings of the machine, by number of threads: bytes per second of a triad that does not
    fit in cache, and floating-point operations per second of independent FMAs, for f32 and f64.
    `cache_bytes_per_s` is the bandwidth of the first-level caches: the ceiling for work that stays in them.
    `device` are those of the GPU, where one was measured.
    """

    triad_bytes_per_s: Mapping[int, float]
    peak_flops_f64: Mapping[int, float]
    peak_flops_f32: Mapping[int, float]
    compiler: str = ""
    measured_at: str = ""
    cache_bytes_per_s: Mapping[int, float] = field(default_factory=dict)
    device: DeviceFloors | None = None

    @property
    def with_device(self) -> Floors:
        """What processors and GPU reach together, each kind of ceiling as far as it was measured on both: the
        GPU's caches were not, so that no number of bytes has a least time.
        """
        device = self.device
        both = {} if device is None else {"f64": device.peak_flops_f64, "f32": device.peak_flops_f32}

        def peaks(kind: str, own: Mapping[int, float]) -> dict[int, float]:
            return {threads: rate + both[kind] for threads, rate in own.items()} if both else {}

        return replace(
            self,
            cache_bytes_per_s={},
            peak_flops_f64=peaks("f64", self.peak_flops_f64),
            peak_flops_f32=peaks("f32", self.peak_flops_f32),
        )


@dataclass(frozen=True)
class Noise:
    """A/A noise: the same program timed against itself. Below `ratio` no speedup is claimed.

    `ratio` is at least 1; 1.02 means that two equal programs were seen up to 2 % apart.
    """

    ratio: float
    rounds: int
    measured_at: str = ""

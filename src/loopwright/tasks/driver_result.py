"""The file that a driver leaves: times of the repetitions and whole output arrays."""

from __future__ import annotations

import json
import math
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from loopwright.core.expressions import evaluate_int
from loopwright.core.task import Case, Dtype, Role, Task

_MAGIC = b"LWRESULT 1\n"
_LONGEST_HEADER_BYTES = 64 << 20
_GOLDEN = 0x9E3779B97F4A7C15
_PIECE_WORDS = 1 << 14
_COUNTERS = np.uint64(_GOLDEN) * np.arange(1, _PIECE_WORDS + 1, dtype=np.uint64)
_POISON = {Dtype.F64: 0x7FF4DEADA5A5A5A5, Dtype.F32: 0x7FA5A5A5}


class MalformedResult(ValueError):
    """A result file that is torn, forged, or of another kernel or case."""


class LateOutputs(MalformedResult):
    """The outputs are not those that were there when the kernel returned: work went on behind the clock."""


@dataclass(frozen=True)
class DriverResult:
    """What one execution of a driver gave back.

    Attributes:
        inner_s: seconds of every timed call of the kernel, in order.
        outputs: name of every `out` and `inout` array, in its shape, and "return" (shape `(1,)`), as call
            number `round` left them.
        round: from 0 among the timed calls; the last one unless the inputs were varied.
        nonce: stands for the inputs of that call; 0 for those of the case.
        digests: one digest over all outputs right after every timed call; equal when the outputs are.
        untouched: how many elements of an `out` array still hold the poison that was put there before that
            call; arrays with none are left out.
        device_s: seconds that the device needed for every timed call, without copies; empty where none works.
        fp_control_changed: the kernel came back with another rounding mode, flushing of subnormals or
            trapping of exceptions than it was called with, or they were set before main.
    """

    inner_s: tuple[float, ...]
    outputs: Mapping[str, npt.NDArray[np.generic]]
    round: int = 0
    nonce: int = 0
    digests: tuple[str, ...] = ()
    untouched: Mapping[str, int] = field(default_factory=dict)
    fp_control_changed: bool = False
    device_s: tuple[float, ...] = ()


def read_result(
    content: bytes | mmap.mmap, task: Task, case: Case, *, repetitions: int | None = None
) -> DriverResult:
    """The result in `content`, which a driver of `task` wrote for `case`, after so many timed calls (None:
    any number).

    Raises:
        LateOutputs: when the outputs are not those that the driver saw when the call was over.
        MalformedResult: when anything else in it does not fit.
    """
    kernel = task.kernel
    if kernel is None:
        raise ValueError(f"{task.name} is a program task: it has no driver")
    header, start = _header(content)
    if header.get("kernel") != kernel.function[:200]:
        raise MalformedResult(f"the result is of kernel {header.get('kernel')!r}, not of {kernel.function!r}")
    sections = _sections(task, case)
    listed = [[section.name, section.size_bytes] for section in sections]
    if header.get("outputs") != listed:
        raise MalformedResult(f"the result holds outputs {header.get('outputs')!r}, expected {listed!r}")
    total = start + sum(section.size_bytes for section in sections) + 8
    if len(content) != total:
        raise MalformedResult(f"the result has {len(content)} bytes, expected {total}: it is torn")
    outputs: dict[str, npt.NDArray[np.generic]] = {}
    untouched: dict[str, int] = {}
    digest, of_outputs = digest_of(content[:start]), 0
    view = memoryview(content)
    for section in sections:
        raw = view[start : start + section.size_bytes]
        start += section.size_bytes
        digest_of_section = digest_of(raw)
        digest = _mixed(digest ^ digest_of_section)
        of_outputs = _mixed(of_outputs ^ digest_of_section)
        outputs[section.name] = np.frombuffer(raw, dtype=section.dtype.numpy).reshape(section.shape)
        if section.role is Role.OUT and (left := _poisoned(raw, section.dtype)) > 0:
            untouched[section.name] = left
    if struct.pack("<Q", digest) != content[start:]:
        raise MalformedResult("the digest at the end of the result does not fit its content")
    times, digests = _times(header, "ns"), tuple(str(d) for d in _list(header, "digests"))
    if len(digests) != len(times):
        raise MalformedResult(f"the result holds {len(times)} times but {len(digests)} digests")
    device_s = () if kernel.launch is None else _times(header, "device_ns")
    if device_s and len(device_s) != len(times):
        raise MalformedResult(f"the result holds {len(times)} times but {len(device_s)} of the device")
    if repetitions is not None and len(times) != repetitions:
        raise MalformedResult(f"the result holds {len(times)} times, {repetitions} calls were asked for")
    kept, nonce = header.get("round"), header.get("nonce")
    if (
        type(kept) is not int
        or not 0 <= kept < len(times)
        or not isinstance(nonce, str)
        or not nonce.isdigit()
    ):
        raise MalformedResult(f"the result holds outputs of call {kept!r} with nonce {nonce!r}")
    if digests[kept] != f"{of_outputs:016x}":
        raise LateOutputs("the outputs changed after the kernel had returned")
    return DriverResult(
        inner_s=times,
        outputs=outputs,
        round=kept,
        nonce=int(nonce),
        digests=digests,
        untouched=untouched,
        fp_control_changed=header.get("fp_control_changed") is True,
        device_s=device_s,
    )


def is_poison(array: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Which elements of an array of reals hold the NaN that the driver put there before the call: nobody
    wrote them.
    """
    pattern = _POISON[Dtype.F32] if array.dtype.itemsize == 4 else _POISON[Dtype.F64]
    bits = array.view(f"<u{array.dtype.itemsize}")
    return np.asarray(bits == bits.dtype.type(pattern))


def digest_of(content: bytes | memoryview) -> int:
    """The 64-bit digest of driver_c/loopwright_inputs.h: a sum over the mixed words of `content`."""
    whole = len(content) // 8
    words = np.frombuffer(content, dtype="<u8", count=whole)
    total = 0
    # In pieces that stay in cache, in place: an output may have a hundred megabytes.
    for first in range(0, whole, _PIECE_WORDS):
        piece = words[first : first + _PIECE_WORDS]
        total += _sum_of_mixed(piece + _COUNTERS[: len(piece)] + _counter(first))
    if rest := bytes(content[8 * whole :]):
        word = np.frombuffer(rest.ljust(8, b"\0"), dtype="<u8")
        total += _sum_of_mixed(word + _counter(whole + 1))
    return _mixed((total + len(content)) % 2**64)


def _counter(index: int) -> np.uint64:
    return np.uint64(_GOLDEN * index % 2**64)


def _sum_of_mixed(z: npt.NDArray[np.uint64]) -> int:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    z ^= z >> np.uint64(31)
    return int(z.sum(dtype=np.uint64))


def _mixed(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


@dataclass(frozen=True)
class _Section:
    """One output array in the file."""

    name: str
    dtype: Dtype
    shape: tuple[int, ...]
    role: Role

    @property
    def size_bytes(self) -> int:
        return self.dtype.size_bytes * math.prod(self.shape)


def _sections(task: Task, case: Case) -> list[_Section]:
    assert task.kernel is not None
    sections = [
        _Section(a.name, a.dtype, tuple(evaluate_int(extent, case.params) for extent in a.shape), a.role)
        for a in task.kernel.arguments
        if a.is_array and a.role is not Role.IN
    ]
    if task.kernel.returns is not None:
        sections.append(_Section("return", task.kernel.returns, (1,), Role.OUT))
    return sections


def _header(content: bytes | mmap.mmap) -> tuple[dict[str, object], int]:
    """The JSON header, and where the arrays begin."""
    if content[: len(_MAGIC)] != _MAGIC:
        raise MalformedResult("the result does not begin as one of a Loopwright driver")
    end = content.find(b"\n", len(_MAGIC), len(_MAGIC) + _LONGEST_HEADER_BYTES)
    if end < 0:
        raise MalformedResult("the header of the result is torn")
    try:
        header = json.loads(content[len(_MAGIC) : end])
    except (ValueError, RecursionError) as error:
        raise MalformedResult(f"the header of the result is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise MalformedResult("the header of the result is not an object")
    return header, end + 1


def _list(header: Mapping[str, object], key: str) -> list[object]:
    value = header.get(key)
    if not isinstance(value, list):
        raise MalformedResult(f"the header of the result has no list {key!r}")
    return value


def _times(header: Mapping[str, object], key: str) -> tuple[float, ...]:
    times: list[float] = []
    for ns in _list(header, key):
        if type(ns) is not int or not 0 <= ns < 2**63:
            raise MalformedResult(f"the result holds a time of {ns!r} nanoseconds")
        times.append(ns * 1e-9)
    if not times:
        raise MalformedResult("the result holds no times")
    return tuple(times)


def _poisoned(raw: memoryview, dtype: Dtype) -> int:
    unsigned = np.frombuffer(raw, dtype=f"<u{dtype.size_bytes}")
    pattern = _POISON.get(dtype, int.from_bytes(b"\xa5" * dtype.size_bytes, "little"))
    return int(np.count_nonzero(unsigned == unsigned.dtype.type(pattern)))

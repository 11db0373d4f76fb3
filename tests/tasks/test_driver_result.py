"""Result files: a torn, forged or foreign one is never read as a result."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driver_support import GOLDEN, RESULT, build, kernel_task, outcome

from loopwright.core.task import Argument, Case, Dtype, Init, Role, Task
from loopwright.tasks.driver import MalformedResult, read_result
from loopwright.tasks.driver_result import digest_of

PROTOTYPE = "int scale(int n, const double *x, double *y, short *z)"
SOURCE = PROTOTYPE + " { for (int i = 0; i < n; i++) { y[i] = 2 * x[i]; z[i] += 1; } return n; }\n"
ARGUMENTS = (
    Argument("n", Role.IN, Dtype.I32, value="n"),
    Argument("x", Role.IN, Dtype.F64, ("n",)),
    Argument("y", Role.OUT, Dtype.F64, ("n",)),
    Argument("z", Role.INOUT, Dtype.I16, ("n",), init=Init("linspace", {"start": 0, "stop": "n - 1"})),
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Task]:
    """A real result of 3 repetitions with 13 elements: not a multiple of eight bytes."""
    task = kernel_task(SOURCE, PROTOTYPE, ARGUMENTS, [Case("c", params={"n": 13})], returns=Dtype.I32)
    executable: Path = build(task, tmp_path_factory.mktemp("scale"))
    result = outcome(executable, task, task.cases[0], repetitions=3)
    assert result.outputs["z"].tolist() == list(range(1, 14))
    assert result.outputs["return"].tolist() == [13]
    return (executable.parent / RESULT).read_bytes(), task


def test_outputs_are_in_the_order_of_the_arguments_and_read_only(written: tuple[bytes, Task]) -> None:
    content, task = written
    result = read_result(content, task, task.cases[0])
    assert list(result.outputs) == ["y", "z", "return"]
    assert len(result.inner_s) == 3
    assert not result.outputs["y"].flags.writeable


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size_bytes", [0, 1, 7, 8, 9, 8 * 16384 - 1, 8 * 16384, 8 * 16384 + 13])
def test_the_digest_is_the_sum_that_it_claims_to_be(size_bytes: int) -> None:
    content = np.random.default_rng(size_bytes).bytes(size_bytes)

    def mix(z: int) -> int:
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    words = [int.from_bytes(content[at : at + 8], "little") for at in range(0, size_bytes, 8)]
    total = sum(mix((word + GOLDEN * (place + 1)) % 2**64) for place, word in enumerate(words))
    assert digest_of(content) == mix((total + size_bytes) % 2**64)


def test_a_large_result_is_read_whole(tmp_path: Path) -> None:
    task = kernel_task(SOURCE, PROTOTYPE, ARGUMENTS, [Case("c", params={"n": 30_001})], returns=Dtype.I32)
    outputs = outcome(build(task, tmp_path), task, task.cases[0]).outputs
    assert outputs["z"].tolist() == list(range(1, 30_002))
    assert outputs["y"].flags.aligned and outputs["return"].tolist() == [30_001]


def test_every_shorter_file_is_torn(written: tuple[bytes, Task]) -> None:
    content, task = written
    for length in range(len(content)):
        with pytest.raises(MalformedResult):
            read_result(content[:length], task, task.cases[0])
    with pytest.raises(MalformedResult):
        read_result(content + b"\0", task, task.cases[0])


def test_every_changed_byte_is_noticed(written: tuple[bytes, Task]) -> None:
    content, task = written
    generator = random.Random(1)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << generator.randrange(8)
        with pytest.raises(MalformedResult):
            read_result(bytes(changed), task, task.cases[0])


def test_swapped_halves_of_an_array_are_noticed(written: tuple[bytes, Task]) -> None:
    content, task = written
    y = read_result(content, task, task.cases[0]).outputs["y"]
    raw = y.tobytes()
    swapped = raw[8:16] + raw[:8] + raw[16:]
    assert content.count(raw) == 1 and y[0] != y[1]
    with pytest.raises(MalformedResult, match="digest"):
        read_result(content.replace(raw, swapped), task, task.cases[0])


def test_the_result_of_another_case_or_kernel_is_refused(written: tuple[bytes, Task]) -> None:
    content, task = written
    with pytest.raises(MalformedResult, match="outputs"):
        read_result(content, task, Case("other", params={"n": 14}))
    assert task.kernel is not None
    other = replace(task, kernel=replace(task.kernel, function="other"))
    with pytest.raises(MalformedResult, match="kernel 'scale'"):
        read_result(content, other, task.cases[0])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"LWRESULT 1\n",
        b"LWRESULT 1\nnot json\n",
        b"LWRESULT 1\n[]\n",
        b"LWRESULT 1\n" + b"[" * 100_000 + b"\n",
        b"LWRESULT 2\n{}\n",
        b'LWRESULT 1\n{"kernel": "scale"}\n',
        b'LWRESULT 1\n{"kernel": "scale", "outputs": [["y", 104], ["z", 26], ["return", 4]]}\n' + bytes(142),
        np.random.default_rng(1).bytes(1000),
    ],
)
def test_garbage_is_refused(content: bytes, written: tuple[bytes, Task]) -> None:
    with pytest.raises(MalformedResult):
        read_result(content, written[1], written[1].cases[0])

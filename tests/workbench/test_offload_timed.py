"""A run for offloading where candidates are timed on a device.

No GPU is here. The host, on which target regions fall back, stands in for one: it is another device than the
one that the gates use, with builds and times of its own. What it says of speed is said of the stand-in.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from test_offload_run import RIGHT, Scripted, evaluations, optimized

from loopwright import api
from loopwright.core.machine import DeviceFloors, Floors
from loopwright.core.modes import FailureMode
from loopwright.core.run import RunStatus
from loopwright.core.task import Target
from loopwright.core.timing import Comparison
from loopwright.gates.gate import Context, OnDevice
from loopwright.toolchains.device import Device
from loopwright.toolchains.devices import gpu
from loopwright.workbench import context
from loopwright.workbench.session import Session
from loopwright.workbench.settings import Settings

OTHER_THERE = "#include <omp.h>\n" + RIGHT.replace(
    "0.25 * in[i + 1];", "0.25 * in[i + 1] + omp_is_initial_device();"
)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host takes the place of a GPU; sources in CUDA keep to the emulation, built once more."""

    def found(made: Context) -> OnDevice:
        return OnDevice(made.toolchain, Device.FALLBACK, ("-g",))

    monkeypatch.setattr(context, "on_gpu", found)


@pytest.mark.usefixtures("offload_toolchain")
def test_without_a_gpu_nothing_is_timed_on_one(smooth_task: Path) -> None:
    if gpu():
        pytest.skip("there is a GPU here")
    with Session(api.load_task(smooth_task), Settings(target=Target.OFFLOAD), print) as session:
        assert session.context.on_device is None and session.context.untimed == "no device"


@pytest.mark.slow
@pytest.mark.usefixtures("stand_in", "offload_toolchain")
def test_what_is_right_for_the_gates_and_wrong_where_it_is_timed_fails(
    smooth_task: Path, measured_home: Path
) -> None:
    result = optimized(smooth_task, measured_home, OTHER_THERE, RIGHT)
    wrong, right = evaluations(result)
    assert wrong.verdict.by_gate["outputs"] == "pass"
    assert wrong.verdict.failure is not None and wrong.verdict.failure.gate == "timing"
    assert wrong.verdict.failure.mode in (FailureMode.NONDETERMINISTIC, FailureMode.WRONG_OUTPUT)
    assert not wrong.promoted and wrong.speedup is None
    assert right.verdict.passed and right.speedup is not None and right.wall_s is not None
    assert result.status is not RunStatus.TRANSLATED
    if result.best is not None:
        assert result.best.speedup is not None and result.best.speedup.low > 1


@pytest.mark.slow
@pytest.mark.usefixtures("stand_in", "offload_toolchain")
def test_the_built_in_optimiser_translates_and_then_shapes(smooth_task: Path, measured_home: Path) -> None:
    source = smooth_task / "smooth.c"
    source.write_text(source.read_text().replace("double *", "double *restrict "))
    result = api.optimize(smooth_task, target="offload", home=measured_home, evaluations=5)
    made = evaluations(result)
    first, again = (e for e in made if e.number == 1)
    assert first.title.startswith("offload ") and first.verdict.passed and first.speedup is None
    assert again.candidate == first.candidate and again.speedup is not None, "translated first, then timed"
    shaped = [e for e in made if "for the device loop" in e.title]
    assert shaped and all(e.glance is not None for e in shaped if e.verdict.passed)


@pytest.mark.slow
@pytest.mark.usefixtures("stand_in", "emulated_cuda")
def test_a_cuda_program_is_timed_where_it_runs(measured_home: Path) -> None:
    task = api.load_task(Path(__file__).parents[2] / "examples" / "cuda" / "stencil")
    text = task.tree["stencil.cu"]
    result = api.optimize(
        task, agent=Scripted([text.decode() + "// the same\n"], "stencil.cu"), home=measured_home
    )
    (same,) = evaluations(result)
    assert same.verdict.passed and same.speedup is not None and not result.baseline.rejected
    assert result.baseline.wall_s > 0 and result.status is not RunStatus.TRANSLATED


@pytest.mark.slow
@pytest.mark.usefixtures("stand_in", "offload_toolchain")
def test_time_has_a_device_to_time_on(smooth_task: Path) -> None:
    compared = api.time(smooth_task, {"smooth.c": RIGHT.encode()}, settings=Settings(target=Target.OFFLOAD))
    assert isinstance(compared, Comparison) and compared.speedup.estimate > 0


def test_ceilings_with_a_gpu_are_those_of_both_and_bytes_have_none() -> None:
    gpu = DeviceFloors("a GPU", 5e10, 4e10, 3e12, 3e13, 6e13)
    floors = Floors({1: 1e10, 2: 2e10}, {1: 1e11, 2: 2e11}, {1: 2e11, 2: 4e11}, cache_bytes_per_s={2: 1e12})
    both = Floors(**{**vars(floors), "device": gpu}).with_device
    assert both.cache_bytes_per_s == {}
    assert both.peak_flops_f64 == {1: 3.01e13, 2: 3.02e13} and both.peak_flops_f32[2] == pytest.approx(
        6.04e13
    )
    unknown = floors.with_device
    assert unknown.peak_flops_f32 == unknown.peak_flops_f64 == unknown.cache_bytes_per_s == {}

"""nsys and ncu: their tables as others recorded them. That the tools run is for a GPU to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopwright.core.device_profile import Direction, KernelTime, Transfer
from loopwright.profilers import ncu, nsight, nsys
from loopwright.profilers.profiler import ProfileFailed
from loopwright.profilers.registry import DEVICE_PROFILERS
from loopwright.toolchains.devices import gpu

FIXTURES = Path(__file__).parent / "fixtures"


def recorded(name: str) -> str:
    return (FIXTURES / name).read_text()


def test_kernels_of_nsys_2024_6() -> None:
    watched = nsys.read(recorded("nsys-2024.6.2-kern-sum.csv"))
    assert watched.whole and watched.transfers == ()
    assert len(watched.kernels) == 15
    assert watched.kernels[0] == KernelTime("flash_attention_prefill_f16", 32, 99385786)
    assert watched.kernels[-1] == KernelTime("convert_f16_to_f32", 1, 1632)
    whole = sum(kernel.total_ns for kernel in watched.kernels)
    # What nsys itself printed as the first one's share.
    assert watched.kernels[0].total_ns / whole == pytest.approx(0.501, abs=5e-4)


def test_transfers_of_nsys_2024_5() -> None:
    watched = nsys.read(recorded("nsys-2024.5.1-mem-time-sum.csv"))
    assert watched.kernels == ()
    assert watched.transfers == (
        Transfer(Direction.TO_DEVICE, 27260, 2472025475, 0),
        Transfer(Direction.ON_DEVICE, 21920, 66765576, 0),
        Transfer(Direction.SET, 16975, 16075754, 0),
        Transfer(Direction.FROM_DEVICE, 1711, 4058353, 0),
    )


def test_three_tables_in_one_printout_belong_together() -> None:
    sizes = recorded("nsys-mem-size-sum-decimal-comma.csv")
    # As LC_ALL=C has it printed, and under the names of operations that the times have.
    sizes = sizes.replace('"', "").replace("482,333", "482.333").replace("321,555", "321.555")
    sizes = sizes.replace("160,778", "160.778").replace("0,000", "0.000").replace("HtoD", "Host-to-Device")
    text = "\n\n".join(
        (recorded("nsys-2024.6.2-kern-sum.csv"), recorded("nsys-2024.5.1-mem-time-sum.csv"), sizes)
    )
    watched = nsys.read(text)
    assert len(watched.kernels) == 15
    bytes_by_direction = {t.direction: t.size_bytes for t in watched.transfers}
    assert bytes_by_direction[Direction.TO_DEVICE] == 321_555_000
    assert bytes_by_direction[Direction.FROM_DEVICE] == 482_333_000
    assert bytes_by_direction[Direction.ON_DEVICE] == 0


def test_a_decimal_comma_is_not_guessed_at() -> None:
    with pytest.raises(ProfileFailed, match="'482,333' is no number of the locale C"):
        nsys.read(recorded("nsys-mem-size-sum-decimal-comma.csv"))


def test_another_unit_is_not_guessed_at() -> None:
    text = recorded("nsys-2024.6.2-kern-sum.csv").replace("Total Time (ns)", "Total Time (ms)")
    with pytest.raises(ProfileFailed, match=r"no column 'Total Time \(ns\)'"):
        nsys.read(text)


def test_a_kernel_whose_name_holds_commas() -> None:
    row = '100.0,5,1,5.0,5.0,5,5,0.0,"void axpy<double, 4>(int, double *)"'
    text = f"{recorded('nsys-2024.6.2-kern-sum.csv').splitlines()[2]}\n{row}\n"
    assert nsys.read(text).kernels == (KernelTime("void axpy<double, 4>(int, double *)", 1, 5),)


@pytest.mark.parametrize("text", ["", "SKIPPED: x.sqlite does not contain CUDA kernel data.\n", "a,b\n1,2\n"])
def test_nothing_ran_on_a_gpu(text: str) -> None:
    assert nsys.read(text) == nsys.Watched((), ())


@pytest.mark.parametrize(
    ("operation", "direction"),
    [
        ("[CUDA memcpy Host-to-Device]", Direction.TO_DEVICE),
        ("[CUDA memcpy DtoH]", Direction.FROM_DEVICE),
        ("[CUDA memcpy Peer-to-Peer]", Direction.BETWEEN_DEVICES),
        ("[CUDA memset]", Direction.SET),
        ("[CUDA something new]", None),
    ],
)
def test_directions_by_their_old_and_new_names(operation: str, direction: Direction | None) -> None:
    assert nsys._direction(operation) == direction


def test_figures_of_an_undated_ncu() -> None:
    (kernel,) = ncu.read(recorded("ncu-undated-details.csv"))
    assert kernel.name.startswith("cutlass3x_sm100_tensorop")
    assert (kernel.launches, kernel.total_ns, kernel.registers) == (1, 406240, 168)
    assert kernel.occupancy == pytest.approx(0.1553) and kernel.dram == pytest.approx(0.0074)


def test_figures_of_ncu_in_2020() -> None:
    (kernel,) = ncu.read(recorded("ncu-cuda-10.2-details.csv"))
    assert kernel.name == "cuda_compute_step_factor(int,float*,float*,float*)"
    assert (kernel.launches, kernel.total_ns, kernel.registers) == (1, 8992, 20)
    assert kernel.occupancy == pytest.approx(0.48) and kernel.dram == pytest.approx(0.4647)


def test_launches_of_one_kernel_are_summed_and_their_shares_weighted() -> None:
    text = recorded("ncu-cuda-10.2-details.csv")
    second = text.replace('"0","28439"', '"1","28439"').replace('"8992"', '"2248"')
    second = second.replace('"48.00"', '"98.00"')
    (kernel,) = ncu.read(text + "\n".join(second.splitlines()[3:]))
    assert (kernel.launches, kernel.total_ns) == (2, 8992 + 2248)
    assert kernel.occupancy == pytest.approx((0.48 * 4 + 0.98) / 5)


def test_a_duration_in_an_unknown_unit_is_not_guessed_at() -> None:
    with pytest.raises(ProfileFailed, match="duration in 'fortnight'"):
        ncu.read(recorded("ncu-cuda-10.2-details.csv").replace("nsecond", "fortnight"))


def test_ncu_that_may_not_read_counters_gives_no_kernel() -> None:
    assert ncu.read("==PROF== Connected to process 1\n==ERROR== ERR_NVGPUCTRPERM\n") == ()


def test_tables_end_where_the_cells_do() -> None:
    text = "noise\nID,A\n1,2\nProcessing\n3,4\nID,B\n5,6\n"
    assert list(nsight.tables(text, "ID")) == [({"ID": "1", "A": "2"},), ({"ID": "5", "B": "6"},)]


@pytest.mark.skipif(bool(gpu()), reason="a GPU is here")
@pytest.mark.parametrize("profiler", DEVICE_PROFILERS, ids=lambda profiler: profiler.name)
def test_without_a_gpu_they_say_so(profiler: ncu.Ncu | nsys.Nsys) -> None:
    assert profiler.available() == "no NVIDIA GPU here"

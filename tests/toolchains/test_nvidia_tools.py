"""What is read from nvidia-smi and from the version lines of NVIDIA's tools. None of them is needed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopwright.core.device_profile import DeviceState
from loopwright.toolchains import nvidia_tools

FIXTURES = Path(__file__).parent / "fixtures"


def printed(name: str) -> str:
    """A fixture without the lines that say where it is from."""
    lines = (FIXTURES / name).read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def test_clocks_and_power_as_they_were_printed() -> None:
    assert nvidia_tools.parse_state(printed("nvidia-smi-clocks.csv")) == DeviceState(
        "", "", clock_mhz=2827, memory_clock_mhz=14001, power_w=46.83
    )


def test_name_and_driver_as_they_were_printed_and_unknown_columns_left_out() -> None:
    assert nvidia_tools.parse_state(printed("nvidia-smi-name.csv")) == DeviceState("NVIDIA L4", "580.82.07")


@pytest.mark.parametrize(
    "text", ["", "No devices were found\n", "name, driver_version\n", "NVIDIA-SMI has failed, so\nx\n"]
)
def test_what_is_no_table_is_no_state(text: str) -> None:
    assert nvidia_tools.parse_state(text) is None


def test_a_figure_that_the_driver_does_not_tell_is_none() -> None:
    text = printed("nvidia-smi-clocks.csv").replace("46.83 W", "[N/A]")
    state = nvidia_tools.parse_state(text)
    assert state is not None and state.power_w is None and state.clock_mhz == 2827


def test_a_tool_is_found_on_path_with_its_links_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in, since none of the tools is here: it says its version on a line of its own, as ncu does."""
    real = tmp_path / "cuda-12.9" / "bin" / "ncu"
    real.parent.mkdir(parents=True)
    real.write_text("#!/bin/sh\necho 'NVIDIA (R) Nsight'\necho 'Version 2025.2.1.0 (build 35987062)'\n")
    real.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ncu").symlink_to(real)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_HOME", raising=False)
    assert nvidia_tools.find_tool("ncu") == real
    assert nvidia_tools.tool_version("ncu") == "2025.2.1.0"
    assert nvidia_tools.folders_of(real) == (tmp_path / "cuda-12.9",)
    assert nvidia_tools.tool_version("no-such-tool-of-nvidia") == ""

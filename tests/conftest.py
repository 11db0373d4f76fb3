"""Fixtures that several rooms share: a small real task, and a machine that is measured once a session."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from loopwright.harness.cuda_emulation.toolchain import EmulatedCuda
    from loopwright.toolchains.toolchain import Toolchain

# How long an example takes says nothing on a machine that others use, too.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

MAIN_C = """\
#include <stdio.h>
#include <stdlib.h>
void smooth(int n, const double *in, double *out);
int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 16, steps = argc > 2 ? atoi(argv[2]) : 1;
    double *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    if (!a || !b)
        return 1;
    for (int i = 0; i < n; i++)
        b[i] = a[i] = (i * 37 % 101) / 101.0;
    for (int s = 0; s < steps; s++) {
        smooth(n, a, b);
        double *t = a;
        a = b;
        b = t;
    }
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i];
    printf("sum %.17g\\n", sum);
    FILE *f = fopen("out.bin", "wb");
    if (!f || fwrite(a, sizeof *a, n, f) != (size_t)n || fclose(f))
        return 1;
    return 0;
}
"""
SMOOTH_C = """\
void smooth(int n, const double *in, double *out)
{
    for (int i = 1; i < n - 1; i++)
        out[i] = 0.25 * in[i - 1] + 0.5 * in[i] + 0.25 * in[i + 1];
}
"""
TASK_TOML = """\
schema = 1
name = "smooth"
editable = ["smooth.c"]

[build]
sources = ["main.c", "smooth.c"]

[[case]]
name = "tiny"
args = ["17", "3"]
use = "check"

[[case]]
name = "full"
args = ["20000", "60"]
use = "time"

[[case]]
name = "odd"
args = ["0000001021", "7"]
use = "held-out"

[output]
stdout = "numbers"
files = [{ path = "out.bin", dtype = "f64" }]
rtol = 1e-12
"""


@pytest.fixture(scope="session")
def measured_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.loopwright` folder whose machine.json was measured, really, once for this test process.

    Floors are real. Noise is stated: tests that run beside others would measure so much that no gain counts,
    and would measure again as soon as the others pause.
    """
    from loopwright.system.sandbox import choose_runner
    from loopwright.toolchains.discovery import find
    from loopwright.workbench.machine_file import machine_facts

    home = tmp_path_factory.mktemp("home")
    machine_facts(home, find(None), choose_runner("auto"), home / "scratch", lambda text: None)
    path = home / "machine.json"
    record = json.loads(path.read_text())
    record["facts"]["noise"]["ratio"] = 1.05
    record["facts"]["load"] = 0.0
    path.write_text(json.dumps(record))
    return home


@pytest.fixture(scope="session")
def offload_toolchain() -> Toolchain:
    """A compiler with a device to offload to that has a memory of its own; skips where there is none."""
    from loopwright.core.errors import ToolMissing
    from loopwright.toolchains.devices import find_offload

    try:
        return find_offload(None)
    except ToolMissing as missing:
        pytest.skip(f"{missing}")


@pytest.fixture(scope="session")
def emulated_cuda() -> EmulatedCuda:
    """A compiler that CUDA is emulated with; skips where there is none."""
    from loopwright.core.errors import ToolMissing
    from loopwright.harness.cuda_emulation.toolchain import find_emulation

    try:
        return find_emulation()
    except ToolMissing as missing:
        pytest.skip(f"{missing}")


@pytest.fixture(scope="session")
def named_lines() -> None:
    """Skips where the emulation could not name the line of a fault."""
    from loopwright.toolchains import trials

    if not trials.symbolizer():
        pytest.skip("no addr2line here: no line can be named")


@pytest.fixture
def smooth_task(tmp_path: Path, measured_home: Path) -> Path:
    """A folder with a program task of two files; smooth.c may be edited. About 2 ms a run. The machine
    counts as measured there.
    """
    folder = tmp_path / "smooth"
    folder.mkdir()
    (folder / "main.c").write_text(MAIN_C)
    (folder / "smooth.c").write_text(SMOOTH_C)
    (folder / "loopwright.toml").write_text(TASK_TOML)
    (folder / ".loopwright").mkdir()
    shutil.copy(measured_home / "machine.json", folder / ".loopwright")
    return folder

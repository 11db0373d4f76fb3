"""Plans turned into directives, compiled, and run on a device with a memory of its own on the host."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from data_programs import random_source, with_directives, written

from loopwright.analysis.data_plan import data_plan
from loopwright.core.task import Language
from loopwright.core.tree import Tree

RUNS = (("9", "2", "1"), ("6", "3", "0"), ("9", "0", "1"))
OFFLOAD = ("-fopenmp", "-fopenmp-targets=x86_64-pc-linux-gnu")


def clang() -> str | None:
    return next((p for name in ("clang-19", "clang") if (p := shutil.which(name))), None)


def run(program: Path, args: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    folders = [str(p) for p in Path("/usr/lib").glob("llvm-*/lib")]
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": ":".join(folders),
        "OMP_TARGET_OFFLOAD": "MANDATORY",
        "OMP_NUM_THREADS": "2",
        "OMP_WAIT_POLICY": "passive",
        "MALLOC_PERTURB_": "137",
    }
    return subprocess.run([program, *args], capture_output=True, text=True, env=environment, timeout=120)


def built(text: str, folder: Path, name: str, *flags: str) -> Path:
    source, program = folder / f"{name}.c", folder / name
    source.write_text(text)
    compiler = clang()
    assert compiler is not None
    done = subprocess.run(
        [compiler, "-O1", *flags, source, "-o", program], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return program


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where no compiler and runtime for a separate device memory on the host are at hand."""
    if clang() is None:
        pytest.skip("clang is not installed")
    text = "int main(void) { int on = 1;\n#pragma omp target map(tofrom: on)\n{ on = 0; }\nreturn on; }\n"
    try:
        done = run(built(text, tmp_path_factory.mktemp("device"), "probe", *OFFLOAD), ())
    except AssertionError:
        pytest.skip("clang cannot compile for a device on the host")
    if done.returncode != 0:
        pytest.skip("no runtime for a device on the host")


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("seed", range(50_000, 50_007))
def test_planned_programs_give_the_serial_results(seed: int, tmp_path: Path) -> None:
    source = random_source(random.Random(seed))
    text = written(source)
    plan = data_plan(Tree({"p.c": text.encode()}), ["p.c"], Language.C)
    serial = built(text, tmp_path, "serial")
    planned = built(with_directives(text, plan), tmp_path, "planned", *OFFLOAD)
    for args in RUNS:
        want, got = run(serial, args), run(planned, args)
        assert (got.returncode, got.stdout) == (want.returncode, want.stdout), got.stderr

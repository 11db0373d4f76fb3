"""What the tests of this room share: compiled hostile programs, and both runners."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from loopwright.system.bubblewrap import BubblewrapRunner, bubblewrap_problem
from loopwright.system.direct import DirectRunner
from loopwright.system.execution import Runner

HOSTILE = Path(__file__).with_name("hostile")


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Compile hostile/NAME.c (once a session); its folder holds nothing else."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("programs")

    def compiled(name: str) -> Path:
        target = folder / name / name
        if not target.exists():
            target.parent.mkdir()
            flags = ["-O1", "-w", "-pthread", "-o", str(target)]
            subprocess.run(["gcc", *flags, str(HOSTILE / f"{name}.c")], check=True)
        return target

    return compiled


@pytest.fixture
def sandbox() -> Runner:
    if problem := bubblewrap_problem():
        pytest.skip(problem)
    return BubblewrapRunner()


@pytest.fixture(params=["bubblewrap", "none"])
def runner(request: pytest.FixtureRequest) -> Runner:
    if request.param == "none":
        return DirectRunner()
    runner: Runner = request.getfixturevalue("sandbox")
    return runner


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder

"""A run whose original is measured once, for all tests of agents in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_runs import prepare, write_task


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, measured_home: Path) -> Path:
    """A run directory to copy: the original is measured and profiled, and no agent has begun."""
    return prepare(write_task(tmp_path_factory.mktemp("task") / "weigh"), measured_home)

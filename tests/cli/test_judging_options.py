"""The options of the commands that judge a candidate, and what they are refused with."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

import loopwright
from loopwright.cli.options import judging
from loopwright.core.errors import UsageError
from loopwright.core.task import Target
from loopwright.workbench.settings import Settings


def asked(target: str | None = None, threads: int | None = None) -> Settings:
    return judging(toolchain=None, target=target, threads=threads, sandbox="auto", unread_code=False)


@pytest.mark.parametrize(
    ("name", "target", "translate"),
    [
        (None, Target.OPENMP, False),
        ("openmp", Target.OPENMP, True),
        ("serial", Target.SERIAL, True),
        ("cuda", Target.CUDA, False),
    ],
)
def test_a_target_that_is_named_is_meant(name: str | None, target: Target, translate: bool) -> None:
    settings = asked(name)
    assert (settings.target, settings.translate) == (target, translate)


@pytest.mark.parametrize("threads", [0, -3, 100_000])
def test_a_number_of_threads_that_cannot_be(threads: int) -> None:
    with pytest.raises(UsageError, match=f"{threads} threads"):
        asked(threads=threads)


def test_a_session_that_cannot_begin_leaves_nothing(
    smooth_task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    with pytest.raises(UsageError, match="needs CUDA sources"):
        loopwright.check(smooth_task, settings=asked("cuda"))
    assert list(place.iterdir()) == []

"""Placeholders of a build command, and what a tree becomes on disk."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from loopwright.core.tree import Tree
from loopwright.harness.build import _filled, materialise


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("gcc {cflags} a.c", ["gcc", "-O2", "-DX=1 2", "a.c"]),
        ("make CFLAGS={cflags} all", ["make", "CFLAGS=-O2 -DX=1 2", "all"]),
        ("{cflags}", ["-O2", "-DX=1 2"]),
    ],
)
def test_flags_are_words_alone_and_one_word_inside_another(command: str, expected: list[str]) -> None:
    assert shlex.split(_filled(command, "cflags", ["-O2", "-DX=1 2"])) == expected


def test_no_flags_leave_no_empty_word() -> None:
    assert shlex.split(_filled("gcc {ldflags} a.c", "ldflags", [])) == ["gcc", "a.c"]
    assert shlex.split(_filled("make LDFLAGS={ldflags}", "ldflags", [])) == ["make", "LDFLAGS="]


def test_scripts_can_be_started(tmp_path: Path) -> None:
    materialise(Tree({"gen/make.sh": b"#!/bin/sh\n", "a.c": b"int x;\n"}), tmp_path)
    assert os.access(tmp_path / "gen" / "make.sh", os.X_OK)
    assert not os.access(tmp_path / "a.c", os.X_OK)

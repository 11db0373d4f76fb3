"""AMD's clang: where it lies, and which GPU is compiled for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

DRIVER = "amdclang"
"""It is a clang in all but its name: flags, messages and remarks are those of :mod:`toolchains.clang`."""

INSTALL = "AMD ROCm, rocm.docs.amd.com: it lies in /opt/rocm/bin; or set ROCM_PATH"

ARCHITECTURE = "gfx90a"
"""Compiled for unless the task's flags name another one: MI200, whose wavefronts have 64 lanes."""


def amdclang() -> Path | None:
    """The amdclang on PATH, below ROCM_PATH or in /opt/rocm; None when there is none."""
    folders = [os.environ.get("ROCM_PATH", ""), "/opt/rocm"]
    places = [shutil.which(DRIVER), *(f"{folder}/bin/{DRIVER}" for folder in folders if folder)]
    return next((Path(place) for place in places if place and Path(place).is_file()), None)

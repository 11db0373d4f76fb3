"""The line to type to get a missing tool, by the distribution of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_DEBIAN = "debian"
_FEDORA = "fedora"

_PACKAGES: Mapping[str, Mapping[str, str]] = {
    "gcc": {_DEBIAN: "gcc libc6-dev", _FEDORA: "gcc"},
    "g++": {_DEBIAN: "g++", _FEDORA: "gcc-c++"},
    "libgomp": {_DEBIAN: "gcc", _FEDORA: "libgomp"},
    "clang": {
        _DEBIAN: "clang{v} libomp{v}-dev libclang-rt{v}-dev",
        _FEDORA: "clang libomp-devel compiler-rt",
    },
    "libomp": {_DEBIAN: "libomp{v}-dev", _FEDORA: "libomp-devel"},
    "compiler-rt": {_DEBIAN: "libclang-rt{v}-dev", _FEDORA: "compiler-rt"},
    "offload": {_DEBIAN: "clang{v} clang-tools{v} libomp{v}-dev", _FEDORA: "clang libomp-devel"},
    "gcc-nvptx": {_DEBIAN: "gcc-offload-nvptx", _FEDORA: "gcc-offload-nvptx"},
    "cuda": {_DEBIAN: "nvidia-cuda-toolkit", _FEDORA: "cuda-toolkit"},
    "hip": {_DEBIAN: "hipcc", _FEDORA: "hipcc"},
    "bubblewrap": {_DEBIAN: "bubblewrap", _FEDORA: "bubblewrap"},
    "perf": {_DEBIAN: "linux-perf", "ubuntu": "linux-tools-generic", _FEDORA: "perf"},
    "valgrind": {_DEBIAN: "valgrind", _FEDORA: "valgrind"},
    "binutils": {_DEBIAN: "binutils", _FEDORA: "binutils"},
    "make": {_DEBIAN: "make", _FEDORA: "make"},
    "cmake": {_DEBIAN: "cmake", _FEDORA: "cmake"},
    "git": {_DEBIAN: "git", _FEDORA: "git"},
    "openblas": {_DEBIAN: "libopenblas-dev", _FEDORA: "openblas-devel"},
}


def install_line(tool: str, *, version: str = "") -> str:
    """What to type to install `tool` (a key such as `clang` or `perf`) on this machine.

    `version` asks for one major version of a compiler ("19"). On a distribution that is not known the
    answer names what to install and leaves the how to the reader.
    """
    return line_for(tool, os_release(), version=version, root=os.geteuid() == 0)


def line_for(tool: str, release: Mapping[str, str], *, version: str = "", root: bool = False) -> str:
    """:func:`install_line` for a machine whose /etc/os-release says `release`. Pure."""
    names = _PACKAGES[tool]
    sudo = "" if root else "sudo "
    known = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    if "debian" in known or "ubuntu" in known:
        pattern = names["ubuntu"] if "ubuntu" in known and "ubuntu" in names else names[_DEBIAN]
        packages = pattern.replace("{v}", f"-{number}" if (number := version or _clang_of(release)) else "")
        if version and tool in ("gcc", "g++"):
            packages = f"{tool}-{version}"
        return f"{sudo}apt-get install {packages}"
    if "fedora" in known or "rhel" in known:
        return f"{sudo}dnf install {names[_FEDORA]}"
    return f"install {tool}{f' {version}' if version else ''} with your package manager"


def _clang_of(release: Mapping[str, str]) -> str:
    """The clang to name: 19, which is the one the races gate was tried with, where the release has it."""
    first = {"debian": 12.0, "ubuntu": 24.04}.get(release.get("ID", ""))
    try:
        return "19" if first is not None and float(release.get("VERSION_ID", "")) >= first else ""
    except ValueError:
        return ""


@cache
def os_release() -> Mapping[str, str]:
    """/etc/os-release as a mapping; empty when there is none."""
    for path in (Path("/etc/os-release"), Path("/usr/lib/os-release")):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
        return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}
    return {}

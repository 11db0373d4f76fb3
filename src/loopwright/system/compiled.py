"""Small C programs of our own, compiled once per machine into the cache folder."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from loopwright.core.errors import LoopwrightError, ToolMissing

_COMPILERS = ("cc", "gcc", "clang")


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/loopwright`, or `~/.cache/loopwright`; a folder under the temp folder when that
    cannot be written to (a home on a read-only file system).
    """
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    for folder in (
        Path(home) / "loopwright",
        Path(tempfile.gettempdir()) / f"loopwright-cache-{os.getuid()}",
    ):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        # Another user's folder under /tmp would let that user choose what we execute.
        if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise LoopwrightError(
        "no folder to keep compiled helpers in",
        where=home,
        hint="set XDG_CACHE_HOME to a folder that you may write to",
    )


@cache
def launcher() -> Path:
    """The compiled `launcher.c` of this package.

    Raises:
        ToolMissing: when there is no C compiler, or it cannot build a small program.
    """
    source = Path(__file__).with_name("launcher.c").read_bytes()
    digest = hashlib.sha256(source + platform.machine().encode()).hexdigest()[:16]
    program = cache_folder() / f"launcher-{digest}"
    if not program.exists():
        _compile(source, program)
    return program


def _compile(source: bytes, program: Path) -> None:
    """Build under another name and rename: starters at the same time each find a whole file."""
    compiler = next((path for name in _COMPILERS if (path := shutil.which(name))), None)
    if compiler is None:
        raise ToolMissing(
            f"no C compiler ({', '.join(_COMPILERS)}) in PATH; a small launcher must be compiled once",
            where="launcher",
            hint="apt-get install gcc libc6-dev    (or dnf install gcc, or module load gcc)",
        )
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        text = Path(folder) / "launcher.c"
        text.write_bytes(source)
        built = Path(folder) / "launcher"
        error = ""
        # Static starts faster and needs no library inside the sandbox; not every system has a static libc.
        for extra in (("-static",), ()):
            command = [compiler, "-O2", *extra, "-o", str(built), str(text)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                built.chmod(0o755)
                built.rename(program)
                return
            error = done.stderr.strip()
    raise ToolMissing(
        f"{compiler} cannot build a small C program: {error[-400:]}",
        where="launcher",
        hint="apt-get install gcc libc6-dev    (or dnf install gcc glibc-devel)",
    )

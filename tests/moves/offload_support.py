"""What the tests of offload moves share: what is offered, and what the result prints on a device."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from moves_support import ask, text_of

from loopwright.core.task import Language, Target
from loopwright.moves.offload import Offload
from loopwright.toolchains.device import Device
from loopwright.toolchains.toolchain import Toolchain, Variant

MOVE = Offload()


def offered(text: str, **options: object) -> tuple[list[str], list[str]]:
    """The sources with a loop on the device, and why others have none."""
    proposals, refusals = ask(MOVE, text, target=Target.OFFLOAD, **options)
    return [text_of(p) for p in proposals], [r.reason for r in refusals]


def directive(text: str) -> str:
    """The directives of a source on one line each, white space collapsed."""
    joined = text.replace("\\\n", " ")
    return "\n".join(" ".join(line.split()) for line in joined.splitlines() if "#pragma omp" in line)


def printed(toolchain: Toolchain, files: dict[str, str], folder: Path, language: Language) -> str:
    """What the program prints when its target regions run with a memory of their own."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    variant = Variant(("-O2",), Target.OFFLOAD, device=Device.HOST)
    argv = [str(toolchain.compiler(language)), *toolchain.compile_flags(variant), *files, "-o", "p",
            *toolchain.link_flags(variant), "-lm"]  # fmt: skip
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    environment = {**os.environ, **toolchain.environment(variant), "OMP_NUM_THREADS": "2"}
    done = subprocess.run([str(folder / "p")], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout

"""What the tests of moves share: reading a snippet, asking a move, building and running the result."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from loopwright.analysis.dependence import analyse
from loopwright.analysis.frontend import read_nests
from loopwright.core.task import Kernel, Language, Target
from loopwright.core.tree import Tree
from loopwright.moves.move import Move, NestSource, Proposal, Refusal
from loopwright.moves.regions import without_loop_directives

COMPILERS = {
    Language.C: [c for c in ("gcc", "clang-19", "clang") if shutil.which(c)][:2],
    Language.CXX: [c for c in ("g++", "clang++-19", "clang++") if shutil.which(c)][:2],
}
FLAGS = ("-O1", "-fopenmp", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter")


def needs_openblas(scratch: Path) -> None:
    """Skip where no program with a call of OpenBLAS can be built."""
    (scratch / "probe.c").write_text("#include <cblas.h>\nint main(void) { return 0; }\n")
    compiler = (COMPILERS[Language.C] or ["cc"])[0]
    built = subprocess.run(
        [compiler, "probe.c", "-o", "probe", "-lopenblas"], cwd=scratch, capture_output=True
    )
    if built.returncode:
        pytest.skip("OpenBLAS with cblas.h is not installed")


def source_name(language: Language) -> str:
    return "k.c" if language is Language.C else "k.cpp"


def sources_of(
    text: str | bytes,
    *,
    language: Language = Language.C,
    kernel: Kernel | None = None,
    function: str | None = None,
    **fields: object,
) -> list[NestSource]:
    """Every nest of a snippet with its facts."""
    name = source_name(language)
    data = text if isinstance(text, bytes) else text.encode()
    serial = Tree({name: without_loop_directives(data)})
    found = read_nests(
        serial, [name], language, kernel=kernel, functions=None if function is None else {function}
    )
    assert not found.unreadable, found.unreadable
    tree = Tree({name: data})
    return [
        NestSource(tree, analyse(nest), language, kernel=kernel, **fields)  # type: ignore[arg-type]
        for nest in found.nests
    ]


def ask(move: Move, text: str | bytes, **options: object) -> tuple[list[Proposal], list[Refusal]]:
    """What `move` says about all nests of a snippet."""
    answers = [a for s in sources_of(text, **options) for a in move.propose(s)]  # type: ignore[arg-type]
    return [a for a in answers if isinstance(a, Proposal)], [a for a in answers if isinstance(a, Refusal)]


def text_of(proposal: Proposal) -> str:
    (content,) = proposal.edit.changes.values()
    assert content is not None
    return content.decode()


def build(
    compiler: str,
    files: Mapping[str, str | bytes],
    folder: Path,
    flags: tuple[str, ...] = FLAGS,
    link: tuple[str, ...] = (),
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    program = folder / "program"
    sources = [name for name in files if name.endswith((".c", ".cpp"))]
    done = subprocess.run(
        [compiler, *flags, "-o", str(program), *sources, *link, "-lm"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{compiler}: {done.stderr}"
    return program


def output(program: Path, threads: int, arguments: tuple[str, ...] = ()) -> list[float]:
    """The numbers that the program prints."""
    done = subprocess.run(
        [str(program), *arguments],
        cwd=program.parent,
        capture_output=True,
        text=True,
        timeout=60,
        env={
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "passive",
            "GOMP_SPINCOUNT": "0",
        },
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    return [float(word) for word in words if not word[0].isalpha()]


def runs_alike(
    before: str,
    after: str,
    main: str,
    folder: Path,
    *,
    language: Language = Language.C,
    rtol: float = 0.0,
) -> None:
    """Build both without a warning; the second, by every compiler, prints the same with 1, 2, 3 threads."""
    name = source_name(language)
    other = "main.c" if language is Language.C else "main.cpp"
    if not COMPILERS[language]:
        pytest.skip("no compiler")
    first = COMPILERS[language][0]
    expected = output(build(first, {name: before, other: main}, folder / "before"), 1)
    assert expected, "the test program prints nothing"
    for compiler in COMPILERS[language]:
        program = build(compiler, {name: after, other: main}, folder / compiler)
        for threads in (1, 2, 3):
            got = output(program, threads)
            assert len(got) == len(expected)
            for value, right in zip(got, expected, strict=True):
                assert math.isclose(value, right, rel_tol=rtol, abs_tol=0.0), (
                    compiler,
                    threads,
                    value,
                    right,
                )


__all__ = ["Language", "Target", "ask", "build", "output", "runs_alike", "sources_of", "text_of"]

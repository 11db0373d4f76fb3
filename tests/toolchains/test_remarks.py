"""Optimisation remarks: stored ones of known versions, and those of the compilers that are here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.core.errors import ToolMissing
from loopwright.core.profile import Remark
from loopwright.core.task import Language
from loopwright.toolchains import remarks
from loopwright.toolchains.discovery import find

FIXTURES = Path(__file__).parent / "fixtures"


def of_loops(found: tuple[Remark, ...]) -> dict[int, tuple[bool, str]]:
    """Line of a loop to what was said of it first: vectorised or not, and the message."""
    said: dict[int, tuple[bool, str]] = {}
    for remark in found:
        if remark.optimisation == remarks.VECTORISER and remark.passed is not None:
            said.setdefault(remark.line, (remark.passed, remark.message))
    return said


def test_gcc_with_internals_gives_the_reason_of_the_widest_vectors() -> None:
    said = of_loops(remarks.from_gcc((FIXTURES / "gcc-12.2.0-loops.optinfo").read_bytes()))
    assert said[4] == (True, "loop vectorized using 32 byte vectors")
    assert said[8][0] is False
    assert "possible dependence between data-refs" in said[8][1]
    assert said[8][1].endswith("(line 9)")
    assert said[14] == (False, "loop not vectorized: control flow in loop")


def test_gcc_without_internals() -> None:
    found = remarks.from_gcc((FIXTURES / "gcc-12.2.0-loops-plain.optinfo").read_bytes())
    said = of_loops(found)
    assert said[4][0] is True
    assert said[14] == (False, "loop not vectorized: control flow in loop")
    assert not any("*****" in r.message for r in found)


def test_clang_yaml() -> None:
    found = remarks.from_clang((FIXTURES / "clang-19.1.7-loops.yaml").read_bytes())
    said = of_loops(found)
    assert said[4] == (True, "vectorized loop (vectorization width: 4, interleaved count: 4)")
    assert said[8][0] is False
    assert "Backward loop carried data dependence" in said[8][1]
    assert said[8][1].endswith("(line 9)")
    assert "value that could not be identified as reduction is used outside the loop" in said[13][1]
    assert {r.optimisation for r in found} == {"gvn", "loop-vectorize", "loop-unroll"}
    assert any(
        r.optimisation == "gvn" and r.passed is False and "because it is clobbered" in r.message
        for r in found
    )


def test_yaml_scalars_wrapped_places_and_blocks() -> None:
    content = b"""--- !Missed
Pass:            loop-vectorize
Name:            MissedDetails
DebugLoc:        { File: '/a folder/it''s a very long path that makes the writer wrap.c', \n\
                   Line: 12, Column: 3 }
Function:        'f(int, char const*)'
Args:
  - String:          "tab\\there\\x21"
  - Block:           |
      first
      second
  - Plain:           plain 'x'
...
--- !Passed
Pass:            regalloc
Name:            Spill
DebugLoc:        { File: a.c, Line: 1, Column: 1 }
Function:        f
Args:
  - String:          left out
...
"""
    (found,) = remarks.from_clang(content)
    assert found.file == "/a folder/it's a very long path that makes the writer wrap.c"
    assert (found.line, found.column, found.passed) == (12, 3, False)
    assert found.message == "tab here!first second plain 'x'"


@given(st.binary(max_size=300))
def test_garbage_gives_no_remark_and_no_exception(content: bytes) -> None:
    remarks.from_clang(b"--- !Missed\nPass: loop-vectorize\n" + content + b"\n...\n")
    assert remarks.from_gcc(b"\xff" + content.replace(b"optimized", b"")) is not None


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_the_compilers_here_tell_the_vectorised_loop_from_the_others(name: str, tmp_path: Path) -> None:
    try:
        toolchain = find(name)
    except ToolMissing as error:
        pytest.skip(str(error))
    source = FIXTURES / "loops.c"
    output = tmp_path / "remarks"
    subprocess.run(
        (
            toolchain.compiler(Language.C),
            "-O3",
            "-c",
            source,
            "-o",
            tmp_path / "x.o",
            *toolchain.remark_flags(output),
        ),
        check=True,
        cwd=tmp_path,
    )
    found = toolchain.parse_remarks(output.read_bytes())
    said = of_loops(found)
    assert said[4][0] is True
    assert said[8][0] is False
    assert "dependence" in said[8][1]
    # clang cuts off the folders that source and working folder have in common.
    assert all(str(source).endswith(r.file) for r in found)
    assert all(Path(r.file).name == source.name for r in found)

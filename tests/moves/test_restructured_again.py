"""What the moves about regions write can be read again, so that other moves work on it."""

from __future__ import annotations

import pytest
from moves_support import text_of
from restructured import GEMVER, JACOBI, LU, MVT, Case, ask_regions

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.analysis.frontend import read_nests
from loopwright.core.task import Language, Target
from loopwright.core.tree import Tree
from loopwright.moves.fusion import Fusion
from loopwright.moves.move import Move
from loopwright.moves.regions import without_loop_directives
from loopwright.moves.skewing import TimeTiles
from loopwright.moves.tiling import Tiling


def nests_of(text: str) -> list[tuple[str, bool, Answer]]:
    """Per loop: its variable, whether its bounds are affine, whether it is parallel."""
    serial = Tree({"k.c": without_loop_directives(text.encode())})
    found = read_nests(serial, ["k.c"], Language.C, functions={"kernel"})
    assert not found.unreadable
    seen = []
    for nest in found.nests:
        facts = analyse(nest)
        for loop in nest.root.walk():
            assert not loop.problems, loop.problems
            seen.append((loop.variable, bool(loop.lower and loop.upper), facts.loops[loop.id].parallel))
    return seen


@pytest.mark.parametrize("case", [MVT, GEMVER], ids=["mvt", "gemver"])
def test_bounds_of_blocks_are_affine_again(case: Case) -> None:
    for target in (Target.OPENMP, Target.SERIAL):
        for proposal in ask_regions(Fusion(), case.text, target=target)[0]:
            loops = nests_of(text_of(proposal))
            assert loops and all(affine for _, affine, _ in loops), text_of(proposal)
            assert any(answer is Answer.PROVED for _, _, answer in loops), "threads are proved again"


@pytest.mark.parametrize(
    ("move", "case", "inner"), [(TimeTiles(), JACOBI, "ij"), (Tiling(), LU, "j")], ids=["jacobi", "lu"]
)
def test_loops_inside_of_tiles_are_proved_again(move: Move, case: Case, inner: str) -> None:
    loops = nests_of(text_of(ask_regions(move, case.text, target=Target.SERIAL)[0][0]))
    # Where a bound got a name of its own it is not looked through; what matters is that nothing is carried.
    points = [(affine or variable == "i", answer) for variable, affine, answer in loops if variable in inner]
    assert points and all(affine and answer is Answer.PROVED for affine, answer in points), loops


def test_moves_about_regions_come_to_an_end() -> None:
    """Proposals on what was proposed: the same content comes back, or nothing."""
    text, seen = MVT.text, set()
    for _ in range(4):
        proposals, _ = ask_regions(Fusion(), text)
        if not proposals or text_of(proposals[0]) in seen:
            return
        text = text_of(proposals[0])
        seen.add(text)
    raise AssertionError(text)


def test_threads_and_vectors_may_be_added_later() -> None:
    """The serial form of a proposal gets the same directives from the moves about one nest."""
    from moves_support import ask

    from loopwright.moves.parallel_for import ParallelFor
    from loopwright.moves.simd import Simd

    proposals, _ = ask_regions(Fusion(), GEMVER.text, target=Target.SERIAL)
    (serial,) = (text_of(p) for p in proposals if "in blocks" in p.edit.title)
    assert "block + 1024 ? n : block + 1024)" in serial
    threads, _ = ask(ParallelFor(), serial)
    assert any("over block" in p.edit.title for p in threads)
    vectors, refusals = ask(Simd(), serial)
    assert any("over j" in p.edit.title for p in vectors), [r.reason for r in refusals]
    assert not any("loop condition" in r.reason for r in refusals)

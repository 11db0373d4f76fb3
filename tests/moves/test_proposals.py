"""All moves together: what is asked, in which order the answers come, and what is told about the rest."""

# ruff: noqa: E501 (small C programs)

from __future__ import annotations

from pathlib import Path

from moves_support import runs_alike

from loopwright.core.candidate import Candidate
from loopwright.core.task import Language, Target
from loopwright.core.tree import Tree
from loopwright.moves.proposals import proposals
from loopwright.moves.registry import MOVES

KERNELS = """\
void product(int n, double (*restrict c)[60], double (*restrict a)[60], double (*restrict b)[60])
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double s = 0;
            for (int k = 0; k < n; k++)
                s += a[i][k] * b[k][j];
            c[i][j] = s;
        }
}
void fill(int n, double *x)
{
    for (int i = 0; i < n; i++)
        x[i] = i;
}
void filter(int n, double *x)
{
    for (int i = 1; i < n; i++)
        x[i] += 0.5 * x[i - 1];
}
"""
TREE = Tree({"k.c": KERNELS.encode(), "bad.c": b"void f( {", "notes.txt": b"\xff"})
HOT = {("k.c", 7): 0.9, ("k.c", 14): 0.03, ("k.c", 19): 0.01}


def test_the_hot_nest_comes_first_and_cold_ones_are_named() -> None:
    found = proposals(TREE, ["k.c"], Language.C, hot=HOT, threads=4)
    assert found.proposals[0].family == "register-tile"
    assert "parallel" in found.proposals[0].edit.title
    assert any(p.family == "accumulate-in-place" for p in found.proposals)
    gains = [p.gain for p in found.proposals]
    assert gains == sorted(gains, reverse=True)
    assert {p.function for p in found.proposals} == {"product", "fill"}
    assert found.cold == ("k.c:18 (1.0% of the time)",)
    assert [r.family for r in found.refusals] == ["blas"]
    assert found.edits[0].changes.keys() == {"k.c"}


def test_without_a_profile_every_nest_counts_and_says_why_not() -> None:
    found = proposals(TREE, ["k.c", "bad.c", "none.c"], Language.C)
    assert {p.function for p in found.proposals} == {"product", "fill"}
    assert {(r.function, r.family) for r in found.refusals} == {
        ("filter", "parallel-for"),
        ("filter", "simd"),
        ("product", "blas"),
    }
    assert str(found.refusals[1]).startswith("k.c:18: parallel-for over i: ")
    assert len(found.unreadable) == 2
    assert "bad.c" in found.unreadable[0].reason


def test_no_content_comes_twice_and_none_is_the_source_itself() -> None:
    found = proposals(TREE, ["k.c"], Language.C)
    contents = [p.edit.changes["k.c"] for p in found.proposals]
    assert len(set(contents)) == len(contents)
    assert TREE["k.c"] not in contents


def test_protected_files_are_not_touched() -> None:
    assert not proposals(TREE, ["k.c"], Language.C, editable=[]).proposals
    assert not proposals(TREE, ["k.c"], Language.C, functions={"filter"}).proposals


def test_the_serial_target_gets_no_directive() -> None:
    found = proposals(TREE, ["k.c"], Language.C, target=Target.SERIAL)
    assert found.proposals
    assert all(b"#pragma" not in (p.edit.changes["k.c"] or b"") for p in found.proposals)


def test_families_are_unique() -> None:
    families = [move.family for move in MOVES]
    assert len(set(families)) == len(families)


def test_moves_are_applied_one_after_another_until_none_is_left(tmp_path: Path) -> None:
    """Greedy: always the best guess. It must end, and every step must compute the same."""
    candidate = Candidate(TREE)
    titles = []
    for _ in range(12):
        found = proposals(candidate.files, ["k.c"], Language.C)
        if not found.proposals:
            break
        candidate = candidate.edited(found.proposals[0].edit)
        titles.append(candidate.title)
    else:
        raise AssertionError(f"no end: {titles}")
    after = candidate.files["k.c"].decode()
    assert "tile_product_" in after
    assert after.count("#pragma omp parallel for") == 2
    main = (
        "#include <stdio.h>\ntypedef double row[60];\nvoid product(int, row *restrict, row *restrict, row *restrict);\n"
        "void fill(int, double *);\nvoid filter(int, double *);\nstatic row a[60], b[60], c[60];\nint main(void) {"
        " fill(3600, a[0]); fill(3600, b[0]); product(60, c, a, b); filter(3600, a[0]);"
        ' for (int i = 0; i < 3600; i++) printf("%.17g %.17g ", a[i / 60][i % 60], c[i / 60][i % 60]); }'
    )
    runs_alike(KERNELS, after, main, tmp_path, rtol=1e-12)

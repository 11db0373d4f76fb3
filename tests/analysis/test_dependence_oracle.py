"""Dependence analysis against brute force on random nests.

Soundness is absolute: nothing PROVED may be wrong in any run. Exactness is a rate: of the affine loops that
are parallel in all runs, how many are proved.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from types import ModuleType

import pytest
from oracle import Run, objections, order_kept, parallelisable, run
from oracle_random import Generator

from loopwright.analysis import dependence, dependence_private
from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import LoopNest
from loopwright.analysis.legality import perfect_band, schedule_legal, tilable
from loopwright.analysis.polyhedral import Reference

FIRST = int(os.environ.get("LOOPWRIGHT_TEST_SEED", "0"))


def runs_of(nest: LoopNest, sizes: tuple[int, ...] = (0, 1, 2, 3, 4, 6), fills: int = 1) -> list[Run]:
    least = nest.parameters[0].minimum
    chosen = [n for n in sizes if least is None or n >= least]
    return [run(nest, {"n": n}, seed) for n in chosen for seed in range(fills)]


def check(seed: int, *, affine: bool) -> Counter[str]:
    nest = Generator(seed, affine=affine).nest()
    facts = analyse(nest)
    runs = runs_of(nest, fills=1 if affine else 2)
    tally: Counter[str] = Counter()
    for loop in nest.root.walk():
        fact = facts.loops[loop.id]
        assert not any("failed" in u.reason for u in fact.unknowns), (seed, fact)
        possible = parallelisable(runs, loop)
        if fact.parallel is Answer.PROVED:
            wrong = [words for each in runs for words in objections(each, loop, fact)]
            assert not wrong, (seed, affine, loop.id, fact.reason, wrong[:3])
        if fact.parallel is Answer.REFUTED:
            assert fact.carried, (seed, fact)
            # A dependence at a distance of 7 needs a larger run to show.
            possible = possible and parallelisable(runs_of(nest, sizes=(9, 11)), loop)
        tally[f"{'possible' if possible else 'impossible'} {fact.parallel}"] += 1
    return tally


def total(seeds: range, *, affine: bool) -> Counter[str]:
    tally: Counter[str] = Counter()
    for seed in seeds:
        tally += check(FIRST + seed, affine=affine)
    return tally


def assert_exact(tally: Counter[str], least: float) -> None:
    proved = tally["possible proved"]
    possible = sum(count for key, count in tally.items() if key.startswith("possible"))
    assert proved >= least * possible, tally
    assert tally["impossible proved"] == 0, tally
    assert proved > 100, tally


def test_affine_nests_are_proved_soundly_and_nearly_always() -> None:
    assert_exact(total(range(450), affine=True), 0.97)


def test_open_nests_are_proved_soundly() -> None:
    tally = total(range(10_000, 10_300), affine=False)
    assert tally["possible proved"] > 100, tally
    assert tally["impossible proved"] == 0, tally


@pytest.mark.exhaustive
def test_many_more_nests() -> None:
    assert_exact(total(range(20_000, 21_200), affine=True), 0.97)
    assert total(range(30_000, 31_200), affine=False)["impossible proved"] == 0


@pytest.mark.parametrize(
    ("module", "name", "fault"),
    [
        (dependence_private, "covered", lambda *_: True),
        (dependence_private, "needed_after", lambda *_: False),
        (dependence_private, "written_always", lambda *_: True),
        (dependence_private, "runs_at_least_once", lambda *_: True),
        (Reference, "is_certain", lambda *_: True),
        (dependence, "reduction_operation", lambda references: references[0].access.reduction),
        (dependence, "may_overlap", lambda *_: False),
        (dependence, "obstacles", lambda *_: []),
    ],
)
def test_brute_force_catches_planted_faults(
    module: ModuleType | type, name: str, fault: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, fault)
    with pytest.raises(AssertionError, match="parallel: "):
        for seed in range(3000):
            check(80_000 + seed, affine=False)


def order_check(seed: int, *, affine: bool) -> Counter[str]:
    generator = Generator(seed, affine=affine, perfect=True)
    nest = generator.nest()
    band = perfect_band(nest)
    size = len(band)
    runs = runs_of(nest, sizes=(0, 2, 3, 5) if size > 2 else (0, 2, 3, 5, 9))
    signs = [-1 if (loop.step or 1) < 0 else 1 for loop in nest.root.walk()]
    identity = [[int(r == c) for c in range(size)] for r in range(size)]
    matrices = [identity, generator.chance.sample(identity, size)]
    skewed = [row[:] for row in identity]
    skewed[-1][0] = generator.chance.choice([1, 2, -1])
    matrices += [skewed, skewed[::-1]]
    tally: Counter[str] = Counter()
    for matrix in matrices:
        answer, reason = schedule_legal(nest, matrix)
        assert "failed" not in reason, (seed, reason)
        rows = [[c * s for c, s in zip(row, signs, strict=True)] for row in matrix]
        kept = all(order_kept(each, band, rows) for each in runs)
        assert kept or answer is not Answer.PROVED, (seed, affine, matrix, reason)
        tally[f"{'legal' if kept else 'illegal'} {answer}"] += 1
    return tally


def test_orders_of_perfect_bands() -> None:
    tally: Counter[str] = Counter()
    for seed in range(150):
        tally += order_check(FIRST + 50_000 + seed, affine=True)
    legal = sum(count for key, count in tally.items() if key.startswith("legal"))
    assert tally["legal proved"] >= 0.95 * legal, tally
    assert tally["illegal refuted"] > 40, tally
    for seed in range(70):
        order_check(FIRST + 60_000 + seed, affine=False)


def test_a_tilable_band_may_run_in_any_order_of_its_loops() -> None:
    proved = 0
    for seed in range(70_000, 70_150):
        nest = Generator(FIRST + seed, affine=True, perfect=True).nest()
        band = perfect_band(nest)
        if tilable(nest, band)[0] is Answer.PROVED:
            proved += 1
            rows = [[int(r == c) for c in range(len(band))] for r in range(len(band))]
            assert schedule_legal(nest, rows[::-1])[0] is Answer.PROVED, seed
    assert proved > 10

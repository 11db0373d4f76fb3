"""Whole programs of one file, as their users write them: the loops that count are found and proved."""

from __future__ import annotations

import resource
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from loopwright import api
from loopwright.core.task import Language
from loopwright.core.tree import Tree
from loopwright.moves.proposals import proposals

FOLDER = Path(__file__).parents[2] / "examples" / "programs"
EXPECTED = {
    "align.c": ["parallel-for over r in main"],
    "cluster.cpp": ["parallel-for over i in accelerate", "parallel-for over star : stars in kick"],
    "edges.c": [
        "parallel-for over y in blur_rows",
        "accumulate-in-place over x in blur_columns",
        "parallel-for over y in gradient",
    ],
    "epidemic.cpp": ["parallel-for over number in main"],
    "groundwater.c": ["parallel-for over i in multiply", "parallel-for over i in dot"],
    "heat.c": ["parallel-for over i in main"],
    "kmeans.cpp": ["parallel-for over i in main"],
    "lattice.cpp": ["parallel-for over y in collide", "parallel-for over y in stream"],
    "molecules.c": ["parallel-for over i in forces", "simd over j in forces"],
    "options.cpp": ["parallel-for over k in main"],
    "perceptron.cpp": ["accumulate-in-place over j in forward", "accumulate-in-place over j in backward"],
    "seismic.c": ["parallel-for over z in propagate"],
}
HOTTEST = {
    "heat.c": "for (i = 1; i < n - 1; i++) {\n            for (j",
    "kmeans.cpp": "for (int i = 0; i < n; i++) {\n            int c",
}
"""The loop that counts, in functions with several loops over one variable."""


def arguments() -> dict[str, list[str]]:
    lines = (FOLDER / "arguments.txt").read_text().splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    return {name: rest for name, *rest in words}


def test_every_program_has_arguments_and_an_expectation() -> None:
    programs = {path.name for path in FOLDER.iterdir() if path.suffix in (".c", ".cpp")}
    assert programs == set(arguments()) == set(EXPECTED)
    assert len(programs) == 12


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_loops_that_count_are_proposed(name: str) -> None:
    source = (FOLDER / name).read_bytes()
    language = Language.CXX if name.endswith(".cpp") else Language.C
    found = proposals(Tree({name: source}), [name], language)
    assert not found.unreadable
    made = {
        f"{p.family} over {(p.edit.details or {})['loop'].split(' (')[0]} in {p.function}": p
        for p in reversed(found.proposals)
    }
    assert not [want for want in EXPECTED[name] if want not in made], sorted(made)
    if name in HOTTEST:
        line = source[: source.index(HOTTEST[name].encode())].count(b"\n") + 1
        families = {p.family for p in found.proposals if p.line == line}
        assert "parallel-for" in families


@pytest.mark.parametrize("name", ["align.c", "epidemic.cpp", "options.cpp", "kmeans.cpp"])
def test_the_time_in_a_function_counts_for_the_loop_that_calls_it(name: str) -> None:
    """The profile names lines of the function; the loop to run in parallel stands around the call."""
    source = (FOLDER / name).read_text()
    named = {"align.c": "align", "epidemic.cpp": "happens", "options.cpp": "american_put"}
    function = named.get(name, "nearest")
    first = next(n for n, line in enumerate(source.splitlines(), 1) if f" {function}(" in line)
    hot = {(name, line): 0.1 for line in range(first + 1, first + 10)}
    language = Language.CXX if name.endswith(".cpp") else Language.C
    found = proposals(Tree({name: source.encode()}), [name], language, hot=hot)
    assert any(p.family == "parallel-for" and p.function == "main" and p.gain > 1.3 for p in found.proposals)


def test_reading_a_program_takes_no_time_to_speak_of() -> None:
    """Relative to the compiler, which reads the same headers."""
    from loopwright.analysis.frontend import read_nests

    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    path = FOLDER / "perceptron.cpp"
    tree = Tree({path.name: path.read_bytes()})
    read_nests(tree, [path.name], Language.CXX)
    begun = time.process_time()
    read_nests(tree, [path.name], Language.CXX)
    reading_s = time.process_time() - begun
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["g++", "-O2", "-c", "-o", "/dev/null", str(path)]
    subprocess.run(command, check=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert reading_s < 4 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


@pytest.mark.slow
@pytest.mark.timing
def test_a_program_is_made_faster_without_anyone_naming_a_loop(measured_home: Path) -> None:
    name = "align.c"
    result = api.optimize(FOLDER / name, args=arguments()[name], wall_s=60, evaluations=4, home=measured_home)
    assert result.status == "improved", result.reason
    assert result.best is not None
    assert result.best.speedup.low > 1.2
    assert result.best.verified.startswith("verified")
    assert "parallel for" in result.best.title

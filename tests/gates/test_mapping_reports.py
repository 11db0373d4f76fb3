"""Reading the runtime's records and libomptarget's errors, from real outputs of 19.1.7."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopwright.core.tree import Tree
from loopwright.gates.findings import Place
from loopwright.gates.mapping_words import worded
from loopwright.gates.offloaded_plan import lines_of_original
from loopwright.gates.reports_omptarget import Code, Copies, Launches, errors, trace, variable_of

FIXTURES = Path(__file__).with_name("fixtures")


def test_the_records_of_a_run() -> None:
    written = trace((FIXTURES / "loopwright-trace-libomptarget-19.1.7.txt").read_text())
    assert written.complete and not written.problems
    (fault,) = written.faults
    assert (fault.kind, fault.variable, fault.mapped_at) == ("host-stale", "a", "program.c:17")
    assert fault.code == Code("program", 0x13C8) and fault.other == Code("loopwright_image_0.so", 0x12FC)
    assert (fault.offset, fault.size, fault.extra) == (6, 400, "program.c:6")
    assert written.copies == (Copies("to", 400, 1, "a", "program.c:17"),)
    assert written.launches == (Launches("program.c:6", 1, on_device=True),)
    assert any(steps.accesses == 50 and not steps.on_device for steps in written.steps)


def test_a_record_that_is_cut_off_is_passed_over() -> None:
    text = (FIXTURES / "loopwright-trace-libomptarget-19.1.7.txt").read_text()
    cut = trace(text[: text.index("fault") + 30])
    assert cut.faults == () and not cut.complete
    assert trace("") == trace("nonsense\tand\tmore\n")


@pytest.mark.parametrize(
    ("name", "what", "line"),
    [
        (
            "extension",
            "explicit extension not allowed: host address specified is an address (800 bytes)",
            "7",
        ),
        ("present", "device mapping required by 'present' map type modifier does not exist", "5"),
    ],
)
def test_errors_of_libomptarget(name: str, what: str, line: str) -> None:
    ((said, path, at),) = errors((FIXTURES / f"libomptarget-19.1.7-{name}.txt").read_text())
    assert said.startswith(what) and "0x" not in said
    assert (path, at) == ("program.c", line)


def test_words_name_the_member_and_what_mends_it() -> None:
    tree = Tree({"p.c": b"    g->cells[i] += 1.0;\n    *g->cells = g->other[0];\n"})
    text = "fault\tpointer-inside\tg[0:1]\tprogram+10\t-\tp.c:1\t8\t16\tread\t\n"
    (fault,) = trace(text).faults
    finding, advice = worded(fault, Place("p.c", 1), None, tree)
    assert finding.variable == "g.cells" and "map(tofrom: g.cells[0:count])" in advice
    assert worded(fault, None, None, tree)[0].variable == "g"


def test_list_items_have_variables() -> None:
    items = {"a[0:n]": "a", "g->cells[0:g->n]": "g->cells", "x": "x", "m[i][0:4]": "m"}
    assert {item: variable_of(item) for item in items} == items


def test_lines_are_found_again_between_pragmas_and_deeper_indentation() -> None:
    before = Tree({"p.c": b"int a;\nfor (;;)\n    x();\nfor (;;)\n    y();\n"})
    after = Tree({"p.c": b"int a;\n#pragma omp\n{\n  for (;;)\n      x();\n}\nfor (;;)\n    y();\n"})
    found = lines_of_original(before, after, [Place("p.c", 4), Place("p.c", 5), Place("p.c", 2)])
    assert found == {Place("p.c", 2), Place("p.c", 3)}
    assert lines_of_original(before, after, [Place("q.c", 1)]) == frozenset()

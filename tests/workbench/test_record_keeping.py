"""Journal, lineage, records and expected outputs: nothing recorded is lost, whatever happens."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.core.candidate import Candidate, Edit
from loopwright.core.errors import LoopwrightError, UsageError
from loopwright.core.modes import FailureMode
from loopwright.core.run import Evaluation
from loopwright.core.task import Build, Case, Task, Use
from loopwright.core.timing import Speedup
from loopwright.core.tree import Tree, unified_patch
from loopwright.core.verdict import Failure, GateResult, GateStatus, Verdict
from loopwright.workbench.expected import ExpectedOutputs
from loopwright.workbench.journal import Journal, read_journal
from loopwright.workbench.lineage import Lineage
from loopwright.workbench.records import from_data, to_data
from loopwright.workbench.rundir import create_run, find_run, list_runs, only_writer, open_run
from loopwright.workbench.settings import Settings

TREE = Tree({"a.c": b"int x;\n", "data/in put.bin": b"\x00\xff\n", 'odd "name\\é.h': b"1"})
TASK = Task("t", TREE, ("a.c",), Build(sources=("a.c",)), (Case("full", Use.TIME),))


def test_every_prefix_of_a_journal_is_readable_and_can_be_continued(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    for number in range(3):
        journal.write("event", value=number, text="é\n")
    journal.close()
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        complete = whole[:length].count(b"\n")
        assert len(read_journal(path)) == complete
        again = Journal(path)
        again.write("after", value=9)
        again.close()
        events = read_journal(path)
        assert [e.kind for e in events] == ["event"] * complete + ["after"]
        assert [e.number for e in events] == list(range(1, complete + 2))


def test_run_time_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    head = {"schema": 1, "number": 1, "event": "x", "run_s": 1000.0, "at": ""}
    path.write_text(json.dumps(head) + "\n")
    journal = Journal(path)
    assert 1000 <= journal.run_s < 1100
    journal.close()


def test_a_damaged_line_in_the_middle_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"schema":1\n{}\n')
    with pytest.raises(LoopwrightError, match="line 1 is damaged"):
        read_journal(path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(json.dumps({"schema": 99, "number": 1, "event": "x", "run_s": 0, "at": ""}) + "\n")
    with pytest.raises(LoopwrightError, match="newer version"):
        read_journal(path)


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_in_words(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.close()
    journal._file = open("/dev/full", "ab", buffering=0)  # noqa: SIM115, PTH123
    with pytest.raises(LoopwrightError, match="no space left") as raised:
        journal.write("x")
    assert "runs resume" in raised.value.hint
    journal.close()


def test_lineage_keeps_every_byte_and_every_parent(tmp_path: Path) -> None:
    lineage = Lineage(tmp_path / "lineage.git")
    original = Candidate(Tree({"a.c": TREE["a.c"]}))
    lineage.start(TREE, original)
    lineage.start(TREE, original)
    child = original.edited(Edit({"a.c": b"int y;"}, "renamed", "proved by inspection"))
    changed = TREE.replaced({"a.c": b"int y;"})
    lineage.add(child, changed)
    lineage.add(child, changed)
    lineage.set_best(child.id)
    assert lineage.original() == TREE
    assert lineage.tree(child.id) == changed
    assert lineage.has(child.id) and not lineage.has("0" * 12)
    log = subprocess.run(
        ["git", "log", "--format=%s|%P|%b", "best"], cwd=lineage.directory, capture_output=True, text=True
    ).stdout.splitlines()
    assert log[0].startswith("renamed|") and log[0].endswith("|proved by inspection")
    assert log[0].split("|")[1]
    with pytest.raises(LoopwrightError, match="no candidate"):
        lineage.tree("0" * 12)


def test_evaluations_survive_json() -> None:
    failure = Failure(FailureMode.CRASH, "outputs", "boom", {"stderr": "é"})
    verdict = Verdict(
        (GateResult("build", GateStatus.PASS, 0.5), GateResult("outputs", GateStatus.FAIL, 1, failure))
    )
    speedup = Speedup(2.0, 0.0, math.inf, 1, by_case={"full": 2.0})
    evaluation = Evaluation("abc", None, "t", verdict, speedup, promoted=True, number=3)
    text = json.dumps(to_data(evaluation), allow_nan=False)
    assert from_data(Evaluation, json.loads(text)) == evaluation


def test_unknown_fields_are_passed_over_and_missing_ones_take_defaults() -> None:
    data = {"estimate": 2.0, "low": 1.5, "high": 3.0, "rounds": 8, "invented_later": 1}
    assert from_data(Speedup, data) == Speedup(2.0, 1.5, 3.0, 8)


def test_a_run_directory_gives_back_the_task(tmp_path: Path) -> None:
    run = create_run(tmp_path / "home", TASK, Settings(), {"version": "1"})
    opened, task, settings, facts = open_run(run.path)
    assert (opened.id, settings, facts) == (run.id, Settings(), {"version": "1"})
    assert task == TASK and task.digest == TASK.digest and task.tree["a.c"] == TREE["a.c"]
    assert [r.id for r in list_runs(tmp_path / "home")] == [run.id]
    assert find_run(tmp_path / "home", "last").id == run.id
    assert find_run(tmp_path / "home", run.id[:-2]).id == run.id
    with pytest.raises(UsageError, match="no run"):
        find_run(tmp_path / "home", "nothing")


def test_one_run_has_one_writer(tmp_path: Path) -> None:
    run = create_run(tmp_path, TASK, Settings(), {})
    with only_writer(run):
        with pytest.raises(UsageError, match="another process") as raised, only_writer(run):
            pass
        assert str(os.getpid()) in raised.value.hint
    with only_writer(run):
        pass


def test_expected_outputs_survive_the_disk(tmp_path: Path) -> None:
    outputs = {
        "stdout text": np.array([b"a #", b"", b"\xff"], dtype=object),
        "empty text": np.array([], dtype=object),
        "dir/field.bin": np.array([[1.0, np.nan]]),
    }
    ExpectedOutputs(tmp_path).put("odd/../case", outputs)
    read = ExpectedOutputs(tmp_path).get("odd/../case")
    assert set(read) == set(outputs)
    for name, array in outputs.items():
        if array.dtype == object:
            assert list(read[name]) == list(array)
        else:
            np.testing.assert_array_equal(read[name], array)
    with pytest.raises(KeyError):
        ExpectedOutputs(tmp_path).get("other")


FILES = st.dictionaries(
    st.sampled_from(["a.c", "b.h", "sub/c.c"]),
    st.text(alphabet="ab \n\r\f\x85\t", max_size=30).map(str.encode),
)


@given(FILES, FILES)
def test_git_applies_every_patch(old: dict[str, bytes], new: dict[str, bytes]) -> None:
    import tempfile

    before, after = Tree(old), Tree(new)
    patch = unified_patch(before, after)
    # An empty file that comes or goes has no hunk; git wants a header that difflib cannot give.
    if any(not (before.get(p) or after.get(p)) for p in before.changes_to(after)):
        return
    with tempfile.TemporaryDirectory() as folder:
        for path, content in before.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_bytes(content)
        if patch:
            done = subprocess.run(
                ["git", "apply", "-"], input=patch.encode("utf-8", "surrogateescape"), cwd=folder,
                capture_output=True, env={**os.environ, "GIT_CEILING_DIRECTORIES": str(Path(folder).parent)},
            )  # fmt: skip
            assert done.returncode == 0, done.stderr.decode() + patch
        found = {
            p.relative_to(folder).as_posix(): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()
        }
    assert found == dict(after)

"""What models do wrong, one row each: the name that it gets, and that the run goes on or stops cleanly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from model_runs import GOOD, LOOPS, WEIGH_C, another, calls, edit, go, modes, script, work

from loopwright.core.errors import Interrupted
from loopwright.core.modes import FailureMode
from loopwright.core.run import RunStatus
from loopwright.models.model import Trouble
from loopwright.system.bubblewrap import bubblewrap_problem
from loopwright.workbench.journal import read_journal

pytestmark = pytest.mark.skipif(
    bool(bubblewrap_problem()), reason="code that nobody has read is only run under bubblewrap"
)
PLAN = "Hoist the exponentials.\n"
STOP = "STOP: nothing better is left"
BROKEN = edit(LOOPS, "    this is not C;\n")
WHOLE = "FILE weigh.c\n<<<<<<< WHOLE\n"


@dataclass(frozen=True)
class Bad:
    """A kind of bad behaviour.

    `names`: a failure mode of an evaluation or the word for a call's trouble, for each reply that has one;
    where several gates may be the first to see it, all of them with | between. `says`: part of what is said
    why the model was given up.
    """

    replies: tuple[str, ...]
    names: tuple[str, ...]
    says: str


def body(text: str, *, includes: str = "") -> tuple[str, ...]:
    """An edit of the loops; the model gives up when it is told of the failure."""
    above = edit('#include "weigh.h"\n', f'#include "weigh.h"\n{includes}') if includes else ""
    return above + edit(LOOPS, text), STOP, STOP


MALFORMED, BROKEN_FORM = ("malformed_edit",) * 3, "unusable replies"
BAD = {
    # Replies that are no edits. The reason goes back, and after three in a row the model is given up.
    "prose": Bad(("I would need to see more of your code.",) * 3, MALFORMED, BROKEN_FORM),
    "json": Bad(('{"edit": "x"}',) * 3, MALFORMED, BROKEN_FORM),
    "a fence instead of the form": Bad((f"```c\n{WEIGH_C}```",) * 3, MALFORMED, BROKEN_FORM),
    "a diff instead of the form": Bad(("--- a/weigh.c\n+++ b/weigh.c\n-x\n+y\n",) * 3, MALFORMED, "no edit"),
    "search for what is not there": Bad((edit("not there\n", "x\n"),) * 3, MALFORMED, "nowhere"),
    "search for what is there twice": Bad((edit("}\n", "}\n\n"),) * 3, MALFORMED, "2 times"),
    "search for part of a line": Bad((edit("i < n;\n", "i < n - 1;\n"),) * 3, MALFORMED, "nowhere"),
    "an edit and STOP at once": Bad((f"{STOP}\n{BROKEN}",) * 3, MALFORMED, "one of the two"),
    "a block that never ends": Bad((f"{WHOLE}int",) * 3, MALFORMED, "cut off"),
    "a protected file": Bad((edit("x\n", "\n", "main.c"),) * 3, MALFORMED, "protected"),
    "the task file": Bad((edit("x\n", "\n", "loopwright.toml"),) * 3, MALFORMED, "protected"),
    "a path outside": Bad((edit("x\n", "\n", "../../etc/passwd"),) * 3, MALFORMED, "no path inside"),
    "nothing changed": Bad((edit(LOOPS, LOOPS),) * 3, ("no_change",) * 3, "changes nothing"),
    # Calls that give nothing to work with.
    "cut off": Bad((f"@@ truncated\n{WHOLE}int\n",) * 3, ("truncated",) * 3, "cut off"),
    "empty": Bad(("@@ empty\n",) * 3, ("empty",) * 3, "an empty reply"),
    "refusal": Bad(("@@ refusal\nI cannot help with that.\n",) * 3, ("refusal",) * 3, "refused"),
    "never answers": Bad(("@@ time_out\n",) * 5, ("time_out",), "cannot be reached"),
    "rate limit for ever": Bad(("@@ rate_limit\n",) * 5, ("rate_limit",), "cannot be reached"),
    "gone in mid-run": Bad(("@@ unavailable\n",) * 5, ("unavailable",), "cannot be reached"),
    # Programs that are wrong: the gate's own evidence goes back.
    "does not build": Bad((BROKEN, STOP, STOP), ("build_error",), "the model stops"),
    "a main of its own": Bad(
        body("}\nint main(void) { return 0; }\nvoid f(void)\n{\n"), ("build_error",), "the model stops"
    ),
    "does not link": Bad(
        body("    extern void elsewhere(void);\n    elsewhere();\n"), ("build_error",), "the model stops"
    ),
    "crash": Bad(body("    *(volatile int *)0 = n + m + !x + !y;\n"), ("crash",), "the model stops"),
    "endless loop": Bad(body("    for (;;) ;\n"), ("time_limit|cpu_limit",), "the model stops"),
    "leaves early": Bad(body("    exit(0);\n", includes="#include <stdlib.h>\n"),
                        ("malformed_output|missing_output|wrong_output",), "the model stops"),
    "half of the work": Bad(body(GOOD.replace("i < n", "i < n / 2")), ("wrong_output",), "the model stops"),
    "a wrong formula": Bad(body(GOOD.replace("* sum", "+ sum")), ("wrong_output",), "the model stops"),
    "prints to the output": Bad(body('    printf("7\\n");\n' + GOOD, includes="#include <stdio.h>\n"),
                                ("wrong_output|malformed_output",), "the model stops"),
    "reads the answer": Bad(body('    system("cat ../../../reference/*");\n' + GOOD.replace("* sum", "* 0"),
                                 includes="#include <stdlib.h>\n"), ("wrong_output",), "the model stops"),
    # Ideas that lead nowhere.
    "says STOP at once": Bad((STOP,), (), "the model stops"),
    "expects nothing": Bad(("EXPECT: 1.0x\n" + edit(LOOPS, GOOD),), (), "inside the noise"),
    "the same again": Bad((edit(LOOPS, LOOPS + LOOPS),) * 3, ("pass",), "brought nothing"),
}  # fmt: skip


def names(run: Path) -> list[str]:
    """Every failure in the journal by its name, calls without an answer first."""
    events = list(read_journal(run / "journal.jsonl"))
    troubles = [call["failure"]["trouble"] for call in calls(events) if call["failure"]]
    return [*troubles, *modes(events)]


@pytest.mark.parametrize("kind", BAD)
def test_bad_behaviour_has_a_name_and_the_run_ends_cleanly(kind: str, prepared: Path, tmp_path: Path) -> None:
    bad = BAD[kind]
    run = another(prepared, tmp_path, script(tmp_path, PLAN, *bad.replies))
    if set(bad.names) <= {t for t in Trouble if t.passes} and bad.names:
        # What may be over tomorrow stops the run so that it can be resumed.
        with pytest.raises(Interrupted, match=bad.says) as stopped:
            work(run)
        assert stopped.value.exit_status == 130 and "runs resume" in str(stopped.value)
        said = [str(stopped.value)]
    else:
        said = [e.data["reason"] for e in work(run) if e.kind == "agent-stop"]
    assert any(bad.says in text for text in said), said
    found = names(run)
    assert len(found) == len(bad.names)
    for seen, allowed in zip(found, bad.names, strict=True):
        assert seen in allowed.split("|"), f"{seen}: {found}"
        assert seen == "pass" or seen in [*FailureMode, *Trouble], "a word out of the list"


def test_there_are_twenty_kinds_with_a_name() -> None:
    assert sum(bool(set(bad.names) - {"pass"}) for bad in BAD.values()) >= 20


@pytest.mark.parametrize("kind", ["prose", "refusal", "does not build", "the same again"])
def test_a_run_with_a_bad_model_ends_with_the_original(kind: str, prepared: Path, tmp_path: Path) -> None:
    result, events = go(another(prepared, tmp_path, script(tmp_path, PLAN, *BAD[kind].replies)))
    assert result.status in (RunStatus.NO_GAIN, RunStatus.FAILED) and result.best is None
    assert events[-1].kind == "result" and (Path(result.directory) / "best.patch").read_bytes() == b""

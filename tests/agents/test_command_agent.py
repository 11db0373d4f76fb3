"""An outside program at the workbench: every way to be wrong has a name, and the run goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loopwright import api
from loopwright.core.run import RunResult, RunStatus
from loopwright.system.sandbox import choose_runner
from loopwright.workbench.journal import read_journal

pytestmark = pytest.mark.skipif(
    bool(__import__("loopwright.system.bubblewrap").system.bubblewrap.bubblewrap_problem()),
    reason="code that nobody has read is only run under bubblewrap",
)

GOOD = """\
void smooth(int n, const double *in, double *out)
{
#pragma omp parallel for if (n > 5000)
    for (int i = 1; i < n - 1; i++)
        out[i] = 0.25 * in[i - 1] + 0.5 * in[i] + 0.25 * in[i + 1];
}
"""


def smooth(body: str, includes: str = "") -> str:
    loop = "for (int i = 1; i < n - 1; i++) out[i] = 0.25 * in[i - 1] + 0.5 * in[i] + 0.25 * in[i + 1];"
    text = body.replace("LOOP", loop)
    return f"{includes}\nvoid smooth(int n, const double *in, double *out)\n{{\n{text}\n}}\n"


HOSTILE = {
    "build_error": smooth("this is not C;"),
    "time_limit": smooth("for (;;) ;"),
    "process_limit": smooth("for (;;) fork();", "#include <unistd.h>"),
    "output_limit": smooth(
        "static char line[1 << 16]; for (long k = 0; k < (10L << 30); k += sizeof line) "
        "write(1, line, sizeof line); LOOP",
        "#include <unistd.h>",
    ),
    "memory_limit": smooth(
        "for (;;) { char *p = malloc(1 << 24); if (p) memset(p, 1, 1 << 24); }",
        "#include <stdlib.h>\n#include <string.h>",
    ),
    "wrote_outside": smooth(
        'FILE *f = fopen("/etc/planted", "w"); if (f) { fputs("x", f); fclose(f); } LOOP',
        "#include <stdio.h>",
    ),
    "wrong_output": smooth("LOOP\n out[n / 2] += 1e-9;"),
    "thread_dependent": smooth("LOOP\n if (omp_get_max_threads() > 1) out[1] += 1;", "#include <omp.h>"),
    "crash": smooth("*(volatile int *)0 = 1;"),
    "nonzero_exit": smooth("exit(3);", "#include <stdlib.h>"),
    "left_processes": smooth(
        "if (fork() == 0) { setsid(); if (fork() == 0) { close(0); close(1); close(2); sleep(60); } "
        "_exit(0); } LOOP",
        "#include <unistd.h>",
    ),
    "disk_limit": smooth(
        'FILE *f = fopen("big", "w"); static char b[1 << 20]; '
        "for (;;) if (fwrite(b, 1, sizeof b, f) != sizeof b) break; LOOP",
        "#include <stdio.h>",
    ),
}


def run_agent(task: Path, home: Path, script: str, files: dict[str, str], **options: object) -> RunResult:
    agent = task.parent / "agent"
    agent.mkdir(exist_ok=True)
    for name, text in files.items():
        (agent / name).write_text(text)
    lines = [f"cat > {name} <<'END_OF_FILE'\n{text}END_OF_FILE" for name, text in files.items()]
    (agent / "agent.sh").write_text(
        "\n".join(["mkdir -p /tmp/files", "cd /tmp/files", *lines, "cd -", script])
    )
    return api.optimize(task, agent=f"cmd:sh {agent / 'agent.sh'}", home=home, **options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_every_hostile_candidate_has_a_named_failure_and_the_run_goes_on(
    smooth_task: Path, measured_home: Path
) -> None:
    files = {f"{mode}.c": text for mode, text in HOSTILE.items()} | {"good.c": GOOD}
    steps = [f"cp /tmp/files/{mode}.c smooth.c; loopwright check . >/dev/null" for mode in HOSTILE]
    protected = "echo '/* mine */' >> main.c; loopwright check . >/dev/null; git_free=1"
    restore = "sed -i '/mine/d' main.c"
    last = "cp /tmp/files/good.c smooth.c; loopwright check . >/dev/null"
    script = "\n".join([*steps, "cp /tmp/files/good.c smooth.c", protected, restore, last])
    result = run_agent(smooth_task, measured_home, script, files)
    expected = dict.fromkeys([*HOSTILE, "protected_file"], 1)
    assert dict(result.failures) == expected
    assert result.evaluations == len(expected) + 1
    assert result.status in (RunStatus.IMPROVED, RunStatus.NO_GAIN)
    events = read_journal(Path(result.directory) / "journal.jsonl")
    last_evaluation = [e for e in events if e.kind == "evaluation"][-1].data["evaluation"]
    assert all(r["status"] == "pass" for r in last_evaluation["verdict"]["results"])
    assert last_evaluation["speedup"] is not None
    assert (smooth_task / "smooth.c").read_text() != GOOD, "the user's files are only changed by apply"


def test_an_agent_sees_its_own_run_only(smooth_task: Path, measured_home: Path, monkeypatch) -> None:
    monkeypatch.setenv("SECRET_API_KEY", "hunter2")
    script = """
    {
        env
        cat loopwright.toml
        find / -name journal.jsonl -o -name machine.json -o -name lineage.git 2>/dev/null
        ls /root /home
        cat /etc/shadow
        (echo > /dev/tcp/127.0.0.1/22) 2>&1
        ls -la ..
    } > notes.txt 2>&1
    cat notes.txt
    """
    result = run_agent(smooth_task, measured_home, script, {})
    seen = (Path(result.directory) / "evidence" / "agent" / "stdout.txt").read_text()
    assert "LOOPWRIGHT_BENCH" in seen, "the script must have run"
    assert "hunter2" not in seen
    assert '"odd"' not in seen and "0000001021" not in seen, "a held-out case was shown"
    for name in ("journal.jsonl", "machine.json", "lineage.git"):
        assert name not in seen
    assert "root:x:" not in seen and "root:*:" not in seen


def test_the_budget_of_evaluations_holds_inside_a_workspace(smooth_task: Path, measured_home: Path) -> None:
    script = """
    for value in 1 2 3 4 5; do
        sed -i "s/0\\.[0-9]* \\* in\\[i\\] /0.5$value * in[i] /" smooth.c
        loopwright check . || true
    done
    """
    result = run_agent(smooth_task, measured_home, script, {}, evaluations=2)
    assert result.evaluations == 2
    assert dict(result.failures) == {"wrong_output": 2}
    stderr = (Path(result.directory) / "evidence" / "agent" / "stderr.txt").read_text()
    assert "budget is spent" in stderr


def test_a_link_in_place_of_a_source_is_a_malformed_edit(smooth_task: Path, measured_home: Path) -> None:
    result = run_agent(smooth_task, measured_home, "rm smooth.c; ln -s /etc/hostname smooth.c", {})
    assert dict(result.failures) == {"malformed_edit": 1}


def test_check_answers_in_json(smooth_task: Path, measured_home: Path) -> None:
    result = run_agent(smooth_task, measured_home, "loopwright check . --json", {})
    stdout = (Path(result.directory) / "evidence" / "agent" / "stdout.txt").read_text()
    answer = json.loads(stdout[stdout.index("{") :])
    assert (answer["schema"], answer["verdict"], answer["failure"]) == (1, "pass", None)
    assert result.status is RunStatus.NO_GAIN


def test_unread_code_needs_a_sandbox(smooth_task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from loopwright.core.errors import ToolMissing

    monkeypatch.setattr("loopwright.system.sandbox.bubblewrap_problem", lambda: "bubblewrap is not installed")
    with pytest.raises(ToolMissing, match="bubblewrap"):
        api.optimize(smooth_task, agent="cmd:true")
    assert choose_runner("none").name == "none"

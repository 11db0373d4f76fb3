"""A small task with room for a better algorithm, prepared once: runs of model agents start from a copy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from loopwright import api
from loopwright.agents.registry import find_agent
from loopwright.core.run import Budget, RunResult
from loopwright.workbench.bench import Workbench
from loopwright.workbench.journal import Event, read_journal
from loopwright.workbench.records import to_data
from loopwright.workbench.rundir import RunDirectory, create_run
from loopwright.workbench.settings import ModelOptions, Settings

WEIGH_C = """\
#include <math.h>
#include "weigh.h"

void weigh(int n, int m, const double *x, double *y)
{
    for (int i = 0; i < n; i++) {
        double s = 0;
        for (int k = 0; k < m; k++)
            s += x[i] * exp(-0.5 * k);
        y[i] = s;
    }
}
"""
LOOPS = WEIGH_C[WEIGH_C.index("    for") : WEIGH_C.rindex("}")]
GOOD = """\
    double sum = 0;
    for (int k = 0; k < m; k++)
        sum += exp(-0.5 * k);
    for (int i = 0; i < n; i++)
        y[i] = x[i] * sum;
"""
MAIN_C = """\
#include <stdio.h>
#include <stdlib.h>
#include "weigh.h"
int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 10, m = argc > 2 ? atoi(argv[2]) : 10;
    double *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y);
    if (!x || !y)
        return 1;
    for (int i = 0; i < n; i++)
        x[i] = (i * 37 % 101) / 101.0;
    weigh(n, m, x, y);
    for (int i = 0; i < n; i++)
        printf("%.17g\\n", y[i]);
    return 0;
}
"""
TASK_TOML = """\
schema = 1
name = "weigh"
editable = ["weigh.c"]

[build]
sources = ["main.c", "weigh.c"]
libs = ["m"]

[[case]]
name = "tiny"
args = ["17", "3"]
use = "check"

[[case]]
name = "full"
args = ["3000", "900"]
use = "time"

[[case]]
name = "secret-size"
args = ["0000001021", "77"]
use = "held-out"

[output]
stdout = "numbers"
rtol = 1e-10
"""


def write_task(folder: Path) -> Path:
    folder.mkdir()
    (folder / "weigh.c").write_text(WEIGH_C)
    (folder / "weigh.h").write_text("void weigh(int n, int m, const double *x, double *y);\n")
    (folder / "main.c").write_text(MAIN_C)
    (folder / "loopwright.toml").write_text(TASK_TOML)
    return folder


def prepare(task: Path, home: Path, agent: str = "model:echo/echo") -> Path:
    """A run whose original is measured and whose agent has not begun."""
    settings = Settings(agent=agent, unread_code=True)
    run = create_run(home, api.load_task(task), settings, {"origin": str(task)})
    bench = Workbench(run)
    bench.journal.write("started", run=run.id)
    bench.prepare()
    bench.profile(bench.original)
    bench.close()
    return run.path


def another(prepared: Path, home: Path, agent: str, *, budget: Budget | None = None, **options: Any) -> Path:
    """A copy of a prepared run with another agent, budget and model options."""
    path = home / "runs" / f"copy-{len(list(home.glob('runs/*')))}"
    shutil.copytree(prepared, path)
    frozen = json.loads((path / "run.json").read_text())
    strategy = options.pop("strategy", "refine")
    settings = Settings(agent=agent, unread_code=True, budget=budget or Budget(None), strategy=strategy,
                        model=ModelOptions(**options))  # fmt: skip
    frozen["settings"] = to_data(settings)
    (path / "run.json").write_text(json.dumps(frozen))
    return path


def edit(search: str, text: str, path: str = "weigh.c") -> str:
    return f"FILE {path}\n<<<<<<< SEARCH\n{search}=======\n{text}>>>>>>> REPLACE\n"


def script(folder: Path, *replies: str) -> str:
    """The name of a scripted model with these replies; one that begins with @@ brings its own header."""
    path = folder / f"script-{len(list(folder.glob('script-*')))}.txt"
    path.write_text("".join(r if r.startswith("@@") else f"@@ reply\n{r}\n" for r in replies))
    return f"model:scripted/{path}"


def go(run: Path) -> tuple[RunResult, list[Event]]:
    result = api.resume(run)
    return result, list(read_journal(RunDirectory(run).journal))


def work(run: Path) -> list[Event]:
    """The agent's part of a run alone: judging the winner takes longer, and many tests ask nothing of it."""
    bench = Workbench(RunDirectory(run))
    try:
        bench.prepare()
        find_agent(bench.settings).work(bench)
    finally:
        bench.close()
    return list(read_journal(RunDirectory(run).journal))


def calls(events: list[Event]) -> list[dict[str, Any]]:
    return [dict(e.data) for e in events if e.kind == "model-call"]


def modes(events: list[Event]) -> list[str]:
    """Failure mode of each evaluation, "pass" for one that passed."""
    found = []
    for event in events:
        if event.kind == "evaluation":
            results = event.data["evaluation"]["verdict"]["results"]
            failed = [r["failure"]["mode"] for r in results if r["failure"]]
            found.append(failed[0] if failed else "pass")
    return found

"""Translates the serial examples for a device and holds what the plan moves against what was moved.

    .venv/bin/python scripts/measure-offload.py [--json FILE] [--evaluations N] [NAME...]
    .venv/bin/python scripts/measure-offload.py --table FILE

No GPU is used: programs run on clang's host device, which has a memory of its own, and nothing is timed.
Each example is `loopwright optimize EXAMPLE --target offload`; its best candidate and the expert's version,
where there is one, then run once, watched, on the largest check case. FILE is complete after each example;
examples that it holds already stay as they are.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from loopwright import api
from loopwright.core.errors import LoopwrightError
from loopwright.core.task import Target, Task
from loopwright.core.tree import Tree
from loopwright.gates.gate import Context
from loopwright.gates.mapping_watch import cases_of, watch
from loopwright.gates.plan_trace import moved
from loopwright.gates.plan_trace_moved import Movement
from loopwright.toolchains.devices import find_offload
from loopwright.workbench.journal import read_journal
from loopwright.workbench.rundir import RunDirectory, original_candidate
from loopwright.workbench.session import Session
from loopwright.workbench.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
EXPERTS = EXAMPLES / "offload" / "expert"
KEPT = ROOT / "docs" / "data" / "offload-without-gpu.json"
_TITLE = (
    "| example | result | planned to / from | built-in to / from | kernels | expert to / from | kernels |"
)


def examples() -> dict[str, Path]:
    """The serial examples by name: those made for devices first, then all others."""
    folders = [*sorted((EXAMPLES / "offload").glob("*/")), *sorted(EXAMPLES.glob("*/"))]
    return {
        str(folder.relative_to(EXAMPLES)): folder
        for folder in folders
        if (folder / "loopwright.toml").is_file()
    }


def measured(folder: Path, evaluations: int) -> dict[str, Any]:
    """What one example came to."""
    task = api.load_task(folder)
    with tempfile.TemporaryDirectory(prefix="measure-offload-") as home:
        result = api.optimize(task, target="offload", evaluations=evaluations, wall_s=None, home=home)
        found: dict[str, Any] = {
            "digest": task.digest,
            "status": result.status.value,
            "reason": result.reason,
            "evaluations": result.evaluations,
            "failures": dict(result.failures),
            "elapsed_s": round(result.elapsed_s, 1),
        }
        run = RunDirectory(Path(result.directory))
        found["refusals"] = [
            f"{refused['file']}:{refused['line']}: {refused['reason']}"
            for event in read_journal(run.path / "journal.jsonl")
            if event.kind == "proposals" and event.data["candidate"] == original_candidate(task).id
            for refused in event.data["refusals"]
        ]
        trees: dict[str, Tree] = {}
        if result.best is not None:
            found |= {"title": result.best.title, "gates": dict(result.best.gates)}
            trees["builtin"] = run.lineage.tree(result.best.candidate)
            found["changes"] = _text(task.tree.changes_to(trees["builtin"]))
    expert = EXPERTS / folder.name
    if folder.parent.name == "offload" and expert.is_dir():
        trees["expert"] = api.candidate_tree(task, expert)
    if trees:
        found |= _watched(task, trees)
    return found


def _watched(task: Task, trees: Mapping[str, Tree]) -> dict[str, Any]:
    with Session(task, Settings(target=Target.OFFLOAD), lambda text: None) as session:
        case = cases_of(session.context)[-1].name
        return {"case": case, **{who: _movement(tree, session.context) for who, tree in trees.items()}}


def _movement(tree: Tree, context: Context) -> dict[str, Any]:
    found = moved(tree, context)
    if isinstance(found, str):
        return {"problem": found}
    launches = watch(tree, cases_of(context)[-1], context).trace.launches
    return {
        **{f"planned_{way}_bytes": _planned(found, way) for way in ("to", "from")},
        **{f"moved_{way}_bytes": sum(m.moved_bytes for m in found if m.way == way) for way in ("to", "from")},
        "kernels": sum(launch.times for launch in launches if launch.on_device),
        "arrays": [
            {"array": m.array, "way": m.way, "planned_bytes": m.planned_bytes, "moved_bytes": m.moved_bytes,
             "planned_times": m.planned_times, "moved_times": m.moved_times, "exact": m.exact}
            for m in found
        ],
    }  # fmt: skip


def _planned(found: Iterable[Movement], way: str) -> int | None:
    """All planned bytes of a direction; None when the plan has no number for an array."""
    numbers = [m.planned_bytes for m in found if m.way == way]
    return None if None in numbers else sum(n or 0 for n in numbers)


def _text(changes: Mapping[str, bytes | None]) -> dict[str, str]:
    return {path: (content or b"").decode("utf-8", "replace") for path, content in changes.items()}


def versions() -> dict[str, str]:
    """What the numbers were made with."""
    return {
        "loopwright": api.version(),
        "toolchain": f"clang {find_offload(None).version}",
        "system": f"{platform.system()} {platform.machine()}",
        "device": "host (clang's offload to the processor; no GPU)",
    }


def table(kept: Mapping[str, Any]) -> str:
    """The examples as a Markdown table."""
    rows = [_TITLE, "|---|---|---|---|---|---|---|"]
    for name, one in kept["examples"].items():
        own: Mapping[str, Any] = one.get("builtin", {})
        expert: Mapping[str, Any] = one.get("expert", {})
        result = one["status"] if one["status"] == "translated" else f"{one['status']}: {_why(one)}"
        cells = (
            name, result, _pair(own, "planned"), _pair(own, "moved"), str(own.get("kernels", "")),
            _pair(expert, "moved"), str(expert.get("kernels", "")),
        )  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _why(one: Mapping[str, Any]) -> str:
    """Why there is no version: the first loop that was refused, else what the run said."""
    return str(next(iter(one.get("refusals", [])), one["reason"]))


def _pair(of: Mapping[str, Any], what: str) -> str:
    if not of:
        return ""
    if "problem" in of:
        return str(of["problem"]).partition(" (")[0]
    return " / ".join(_bytes(of[f"{what}_{way}_bytes"]) for way in ("to", "from"))


def _bytes(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def main() -> None:
    """Measure what is not in the file yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", help="examples, as offload/cg; all without")
    parser.add_argument("--json", type=Path, default=KEPT)
    parser.add_argument("--evaluations", type=int, default=6)
    parser.add_argument("--table", type=Path, metavar="FILE", help="print the table of FILE, measure nothing")
    options = parser.parse_args()
    if options.table is not None:
        print(table(json.loads(options.table.read_text())))
        return
    known = examples()
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"no example {unknown[0]!r}; known: {', '.join(known)}")
    path: Path = options.json
    kept: dict[str, Any] = {"schema": 1, "examples": {}}
    if path.exists():
        kept = json.loads(path.read_text())
    kept["versions"] = versions()
    for name in options.names or known:
        before = kept["examples"].get(name)
        if before is not None and before["digest"] == api.load_task(known[name]).digest:
            continue
        try:
            found = measured(known[name], options.evaluations)
        except LoopwrightError as error:
            found = {"digest": "", "status": "broken", "reason": error.message}
        every = {**kept["examples"], name: found}
        kept["examples"] = {n: every[n] for n in known if n in every}
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(kept, indent=1) + "\n")
        shutil.move(fresh, path)
        print(f"{name}: {found['status']} {found['reason']}", flush=True)
    print(table(kept))


if __name__ == "__main__":
    main()

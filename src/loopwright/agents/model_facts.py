"""What a prompt tells a model: the task, the files cut down to what matters, what was measured and proved.

Everything here is what any agent may see: no held-out case, no expected output, no path of this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from loopwright.agents.data_plan_lines import data_plan_lines
from loopwright.agents.loop_rows import as_lines, loop_rows
from loopwright.agents.workspace import visible_task
from loopwright.core.candidate import Candidate
from loopwright.core.profile import Profile
from loopwright.core.run import Evaluation
from loopwright.core.task import Target, Task
from loopwright.core.timing import Speedup
from loopwright.core.tree import Tree, unified_patch
from loopwright.core.verdict import Failure
from loopwright.models.edits import file_part, whole_file
from loopwright.profilers.condense import as_text, condense
from loopwright.workbench.bench import Workbench

_WHOLE_BYTES = 32_000
"""Editable files together up to this size are shown whole; above it, the parts around hot lines are."""
_HEADER_BYTES = 6_000
_AROUND = 60
_MOST_EVIDENCE = 4_000
_MOST_DIFF = 12_000
_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)


def task_values(bench: Workbench) -> dict[str, Any]:
    """What does not change during a run."""
    task = visible_task(bench.task)
    machine = bench.machine.machine
    caches = ", ".join(f"{name} {size >> 10} KiB" for name, size in machine.caches_bytes.items())
    return {
        "task": {
            "name": task.name,
            "summary": task.summary,
            "language": task.language.value,
            "editable": ", ".join(sorted(task.editable_files)),
        },
        "kernel": task.kernel.contract if task.kernel else "",
        "compiler": f"{bench.context.toolchain.name} {' '.join(bench.baseline.built_with)}",
        "machine": f"{machine.cpu}, {machine.architecture}, {machine.cores} cores"
        + (f", {caches}" * bool(caches)),
        "threads": bench.context.threads[-1],
        "tolerance": _tolerance(task),
        "cases": "; ".join(_case(case.name, case.args, case.params, case.use.value) for case in task.cases),
        "baseline": f"{bench.baseline.wall_s:.4g} s at the faster of its own flags and -O3 -march=native",
        "untimed": bench.untimed,
        "noise": f"{(bench.machine.noise.ratio - 1) * 100:.1f} %",
    }


def candidate_values(bench: Workbench, candidate: Candidate, *, measured: bool = True) -> dict[str, Any]:
    """The files of one candidate, as far as they matter.

    Without `measured` it is not profiled (it does not work): the original's profile says what matters.
    """
    profile = bench.profile(candidate if measured else bench.original)
    tree = bench.tree(candidate)
    editable = dict(candidate.files.items())
    pruned = sum(map(len, editable.values())) > _WHOLE_BYTES
    parts = _parts(editable, tree, profile) if pruned else [whole_file(p, c) for p, c in editable.items()]
    headers = [
        whole_file(path, tree[path])
        for path in _included(editable, tree)
        if path not in editable and len(tree[path]) <= _HEADER_BYTES
    ]
    return {"files": "\n".join(parts), "headers": "\n".join(headers), "pruned": pruned}


def analysis_values(bench: Workbench, candidate: Candidate) -> dict[str, Any]:
    """What was measured and proved about one candidate."""
    profile = bench.profile(candidate)
    tree = bench.tree(candidate)
    hot = {(line.file, line.line) for line in profile.lines} if profile else set()
    original = candidate.id == bench.original.id
    roof = profile.roofline if profile else None
    values = {
        "version": "the original" if original else "the version below",
        "profile": as_text(profile, tree) if profile else "no profiler works on this machine",
        "hot": "\n".join(_hot(profile, tree)) if profile else "no profiler works on this machine",
        "ceilings": _ceilings(bench),
        "loops": as_lines(loop_rows(bench.task, tree, hot)),
        "roofline": "",
        "data_plan": data_plan_lines(bench.task) if bench.settings.target is Target.OFFLOAD else "",
    }
    if roof is not None and roof.fraction >= 0.8:
        values["roofline"] = (
            f"This is {roof.fraction:.0%} of what {roof.limit} allows for the stated work: only less work or "
            "less traffic can gain more."
        )
    return values


def _ceilings(bench: Workbench) -> str:
    """The machine's measured limits for the number of threads that is timed."""
    floors, threads = bench.machine.floors, bench.context.threads[-1]
    parts = [
        f"{values[threads]:.3g} {unit}"
        for values, unit in (
            (floors.triad_bytes_per_s, "byte/s from memory"),
            (floors.cache_bytes_per_s, "byte/s from the first-level caches"),
            (floors.peak_flops_f64, "flop/s in double precision"),
            (floors.peak_flops_f32, "flop/s in single precision"),
        )
        if values.get(threads)
    ]
    return ", ".join(parts) or "not measured"


def failure_text(failure: Failure) -> str:
    """What a gate said, with its evidence, cut to what a prompt has room for."""
    lines = [f"{failure.mode.value} (gate {failure.gate}): {failure.message}"]
    for name, text in failure.evidence.items():
        kept = text if len(text) <= _MOST_EVIDENCE else text[:_MOST_EVIDENCE] + "\n[cut]"
        lines.append(f"{name}: {kept}" if "\n" not in kept else f"{name}:\n{kept}")
    return "\n".join(lines)


def speedup_text(speedup: Speedup) -> str:
    """A measured speedup in words."""
    return f"{speedup.estimate:.3g}x ({speedup.low:.3g} to {speedup.high:.3g})"


def version_text(evaluation: Evaluation | None) -> str:
    """Which version a prompt shows: its title, and how fast it is as far as that is known."""
    if evaluation is None or not evaluation.verdict.passed:
        return "the original"
    if evaluation.speedup is not None:
        return f"{evaluation.title}: {speedup_text(evaluation.speedup)}"
    if evaluation.glance is not None:
        return f"{evaluation.title}: about {evaluation.glance.estimate:.3g}x at a first look"
    return evaluation.title


def outcome_text(evaluation: Evaluation) -> str:
    """One attempt in one line."""
    if (failure := evaluation.verdict.failure) is not None:
        return f"- {evaluation.title}: {failure.mode.value}: {failure.message[:200]}"
    if evaluation.speedup is None:
        look = evaluation.glance
        told = f"about {look.estimate:.3g}x over the original at a first look" if look else "not timed"
        return f"- {evaluation.title}: passed, {told}"
    better = "became the best" if evaluation.promoted else "no gain over the best so far"
    return f"- {evaluation.title}: passed, {speedup_text(evaluation.speedup)} over the original, {better}"


def cross_values(
    bench: Workbench, first: Candidate, second: Candidate, answers: Mapping[str, Evaluation]
) -> dict[str, str]:
    """Two parents for one child: what each of them changed of the original, and what that brought."""
    return {
        "first": version_text(answers.get(first.id)),
        "second": version_text(answers.get(second.id)),
        "first_diff": diff_text(bench, first),
        "second_diff": diff_text(bench, second),
    }


def diff_text(bench: Workbench, candidate: Candidate) -> str:
    """What a candidate changed of the original, cut to what a prompt has room for."""
    text = unified_patch(bench.original.files, candidate.files)
    return text if len(text) <= _MOST_DIFF else text[:_MOST_DIFF] + "\n[cut]\n"


def _tolerance(task: Task) -> str:
    allowed = task.output.tolerance
    ulps = f", or {allowed.ulps} units in the last place" if allowed.ulps is not None else ""
    fast = "; reassociation and -ffast-math are allowed" if task.fast_math else ""
    return f"relative {allowed.rtol:g}, absolute {allowed.atol:g}{ulps}{fast}"


def _case(name: str, args: Iterable[str], params: Mapping[str, int], use: str) -> str:
    known = ", ".join(f"{k} = {v}" for k, v in params.items()) or " ".join(args) or "no arguments"
    return f"{name} ({use}): {known}"


def _included(editable: Mapping[str, bytes], tree: Tree) -> list[str]:
    names = {
        n.decode("utf-8", "replace").rsplit("/", 1)[-1]
        for c in editable.values()
        for n in _INCLUDE.findall(c)
    }
    return [path for path in tree if path.rsplit("/", 1)[-1] in names]


def _hot(profile: Profile, tree: Tree) -> list[str]:
    return [
        f"{spot.share:.0%} {spot.file}:{spot.first}-{spot.last}"
        + (f" in {spot.function}" if spot.function else "")
        for spot in condense(profile, tree)
    ]


def _parts(editable: Mapping[str, bytes], tree: Tree, profile: Profile | None) -> list[str]:
    """Of long files the lines around the hot ones; a file without any is left out."""
    parts: list[str] = []
    spots = condense(profile, tree) if profile else ()
    for path, content in editable.items():
        last = content.count(b"\n") + 1
        windows = sorted(
            (max(1, s.first - _AROUND), min(last, s.last + _AROUND)) for s in spots if s.file == path
        )
        merged: list[tuple[int, int]] = []
        for low, high in windows:
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = merged[-1][0], max(merged[-1][1], high)
            else:
                merged.append((low, high))
        parts += [file_part(path, content, low, high) for low, high in merged]
    if not parts:
        # Nothing is known to be hot: the beginning of each file is better than nothing.
        share = _WHOLE_BYTES // max(1, len(editable))
        for path, content in editable.items():
            parts.append(file_part(path, content, 1, max(1, content[:share].count(b"\n"))))
    return parts

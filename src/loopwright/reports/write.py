"""report.html: one file that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loopwright.core.profile import Roofline
from loopwright.core.task import Use
from loopwright.profilers.condense import HotSpot, condense
from loopwright.profilers.roofline import roofline
from loopwright.reports.content import Content, read_content
from loopwright.reports.wording import duration, interval, ratio, size
from loopwright.system.store import write_atomically
from loopwright.workbench.rundir import RunDirectory, original_candidate

_FOLDER = Path(__file__).parent / "templates"


def write_report(directory: RunDirectory) -> Path:
    """Write report.html of a run, finished or not; returns its path."""
    page = directory.path / "report.html"
    write_atomically(page, render(read_content(directory)).encode("utf-8", "replace"))
    return page


def render(content: Content) -> str:
    """The report as HTML text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(duration=duration, interval=interval, ratio=ratio, size=size)
    return environment.get_template("report.html.j2").render(_values(content))


def _values(content: Content) -> dict[str, Any]:
    from loopwright.reports.difference import differences, style_sheet
    from loopwright.reports.plots import convergence, distributions, roofline_plot

    threads = _threads(content)
    roofs = _rooflines(content, threads)
    plot = roofline_plot(roofs, content.machine.floors, threads) if content.machine and roofs else ""
    changes = (
        differences(content.task.tree, content.best_tree, content.task.language) if content.best_tree else ()
    )
    return {
        "content": content,
        "result": content.result,
        "best": content.result.best if content.result else None,
        "threads": threads,
        "changes": changes,
        "proof": content.proofs.get(content.result.best.candidate, "")
        if content.result and content.result.best
        else "",
        "refusals": content.refusals,
        "spots": _spots(content),
        "code_style": style_sheet(),
        "convergence": convergence(content.evaluations),
        "distributions": distributions(content.final) if content.final else "",
        "roofline": plot,
        "roofs": roofs,
        "commands": _commands(content),
    }


def _threads(content: Content) -> int:
    if content.settings.threads:
        return content.settings.threads
    return content.machine.machine.cores if content.machine else 1


def _spots(content: Content) -> tuple[HotSpot, ...]:
    profile = content.profiles.get(original_candidate(content.task).id)
    return condense(profile, content.task.tree) if profile else ()


def _rooflines(content: Content, threads: int) -> list[tuple[str, Roofline]]:
    """Original and best under the roofline, when the task states its work and has one timed case."""
    cases = content.task.cases_for(Use.TIME)
    work, result = content.task.work, content.result
    if len(cases) != 1 or content.machine is None or content.baseline is None:
        return []
    times = [("original", content.baseline.wall_s)]
    if result and result.best:
        times = [("original", result.best.original_wall_s), ("best", result.best.wall_s)]
    found = []
    for name, wall_s in times:
        if not wall_s > 0:
            continue
        position = roofline(
            work.bytes_of(cases[0]), work.flops_of(cases[0]), wall_s, content.machine.floors, threads
        )
        if position is not None:
            found.append((name, position))
    return found


def _commands(content: Content) -> list[str]:
    settings = content.settings
    parts = ["loopwright optimize DIR", f"--agent '{settings.agent}'", f"--target {settings.target}"]
    if content.toolchain:
        parts.append(f"--toolchain {content.toolchain}")
    if settings.agent == "builtin":
        parts.append(f"--strategy {settings.strategy}")
    if settings.budget.wall_s is not None:
        parts.append(f"--budget {settings.budget.wall_s:g}s")
    if settings.budget.evaluations is not None:
        parts.append(f"--evaluations {settings.budget.evaluations}")
    if settings.threads is not None:
        parts.append(f"--threads {settings.threads}")
    return ["git clone lineage.git DIR  # the original; branch `best` is the result", " ".join(parts)]

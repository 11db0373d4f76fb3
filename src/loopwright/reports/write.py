"""report.html: one file that needs nothing else."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from loopwright.core.profile import Roofline
from loopwright.core.task import Use
from loopwright.core.tree import unified_patch
from loopwright.profilers.condense import HotSpot, condense
from loopwright.profilers.roofline import roofline
from loopwright.reports import answer
from loopwright.reports.content import Content, read_content
from loopwright.reports.gaps import gaps
from loopwright.reports.wording import (
    GATES,
    VARIANTS,
    bounds,
    duration,
    interval,
    rate,
    ratio,
    size,
    spending_words,
    translated_words,
)
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
    environment.filters.update(
        bounds=bounds,
        duration=duration,
        interval=interval,
        rate=rate,
        ratio=ratio,
        size=size,
        spending_words=spending_words,
    )
    return environment.get_template("report.html.j2").render(_values(content))


def _values(content: Content) -> dict[str, Any]:
    from loopwright.reports.difference import differences, style_sheet
    from loopwright.reports.plots import convergence, distributions, roofline_plot

    threads = _threads(content)
    roofs = _rooflines(content, threads)
    plot = roofline_plot(roofs, content.machine.floors, threads) if content.machine and roofs else ""
    old, new = content.task.tree, content.best_tree
    changes = differences(old, new, content.task.language) if new is not None else ()
    # Bytes that are no UTF-8 cannot stand in a page; best.patch has them.
    patch = (
        unified_patch(old, new).encode("utf-8", "surrogateescape").decode("utf-8", "replace") if new else ""
    )
    best = content.result.best if content.result else None
    return {
        "content": content,
        "result": content.result,
        "best": best,
        "head": answer.headline(content),
        "timed_cases": answer.timed_cases(content),
        "apply": answer.apply_commands(content),
        "resume": f"loopwright runs resume {shlex.quote(str(content.folder))}",
        "threads": threads,
        "changes": changes,
        "steps": answer.steps(content),
        "patch": patch,
        "gates": answer.gate_results(content),
        "gate_words": GATES,
        "gaps": gaps(content),
        "variants": VARIANTS,
        "not_timed": translated_words(best) if best else "",
        "numbers": {e.candidate: f"#{e.number}" for e in content.evaluations},
        "refusals": content.refusals,
        "spots": _spots(content),
        "code_style": style_sheet(),
        "convergence": convergence(content.evaluations),
        "distributions": distributions(content.final) if content.final else "",
        "roofline": plot,
        "roofs": roofs,
        "spending": content.spending,
        "again": answer.again_commands(content),
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
    best = result.best if result else None
    if best is not None and best.wall_s is not None and best.original_wall_s is not None:
        times = [("original", best.original_wall_s), ("best", best.wall_s)]
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

"""`loopwright runs show RUN --costs`: what each gate costs beside building and timing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from loopwright.reports.wording import duration
from loopwright.workbench.costs import Cost, cheapest_first
from loopwright.workbench.records import to_data


def costs_answer(run: str, found: Sequence[Cost]) -> dict[str, Any]:
    """The object that `--json` prints."""
    return {"schema": 1, "run": run, "costs": to_data(list(found)), "summary": cheapest_first(found)}


def print_costs(run: str, found: Sequence[Cost]) -> None:
    """One line for each step, in the order in which a candidate meets them."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("when", "step", "times", "seconds", "each", "share"):
        table.add_column(title, justify="left" if title in ("when", "step") else "right")
    stage = ""
    for cost in found:
        each = duration(cost.seconds / cost.count) if cost.count else ""
        table.add_row(
            cost.stage if cost.stage != stage else "", cost.step, str(cost.count), f"{cost.seconds:.2f}",
            each, f"{cost.share:.1%}",
        )  # fmt: skip
        stage = cost.stage
    console.print(table)
    if summary := cheapest_first(found):
        console.print(summary, style="dim")

"""The answer of `loopwright audit`, for people and for programs."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loopwright.gates.nulls import NullResult
from loopwright.gates.tolerances import in_words
from loopwright.workbench.audit import Audit
from loopwright.workbench.records import to_data


def audit_answer(audit: Audit) -> dict[str, Any]:
    """The object that `audit --json` prints."""
    return {
        "schema": 1,
        "task": audit.task,
        "fit": audit.fit,
        "problems": list(audit.problems),
        "warnings": list(audit.warnings),
        "determinism": {
            "runs": audit.determinism.runs,
            "identical": audit.determinism.identical,
            "within_tolerance": not audit.determinism.problem,
        },
        "nulls": [
            {
                "name": null.name,
                "output": null.output,
                "case": null.case,
                "caught": null.caught,
                "by": null.by,
                "let_through": list(null.let_through),
                "same_in": list(null.same_in),
                "proposal": null.proposal,
            }
            for null in audit.nulls
        ],
        "tolerances": [
            {
                "output": each.output,
                "stated": to_data(each.stated),
                "proposed": to_data(each.proposed),
                "used": to_data(each.used),
                "by": each.by,
                "looser": to_data(each.looser),
                "note": each.note,
            }
            for each in audit.tolerances
        ],
        "elapsed_s": round(audit.elapsed_s, 3),
    }


def print_audit(audit: Audit) -> None:
    """One line for each null candidate and output, then what is wrong."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("null candidate", "output", "", "case", "why"):
        table.add_column(title, no_wrap=title != "why")
    for null in audit.nulls:
        table.add_row(
            escape(null.name), escape(null.output), _state(null), escape(null.case), escape(null.by)
        )
    console.print(table)
    again = "identical" if audit.determinism.identical else "equal within the tolerance"
    console.print(
        f"original: {audit.determinism.runs} runs, "
        + (f"[red]{escape(audit.determinism.problem)}[/red]" if audit.determinism.problem else again)
    )
    for each in audit.tolerances:
        console.print(
            f"tolerance of {escape(each.output)}: {in_words(each.stated)}; correct arithmetic in another "
            f"order uses {each.used:.2g} of it and asks for {in_words(each.proposed)}",
            style="dim",
        )
    for warning in audit.warnings:
        console.print(f"[yellow]note[/yellow] {escape(warning)}")
    for problem in audit.problems:
        console.print(f"[red]unfit[/red] {escape(problem)}")
    console.print(f"null candidates and determinism took {audit.elapsed_s:.1f} s", style="dim")
    verdict = "[green]fit to be optimised[/green]" if audit.fit else "[red]not fit to be optimised[/red]"
    console.print(f"{escape(audit.task)}: {verdict}")


def _state(null: NullResult) -> str:
    if null.caught:
        return "[green]caught[/green]"
    return "[red]passes[/red]" if null.passed else "[yellow]same[/yellow]"

"""loopwright time: paired timing alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loopwright.cli import options
from loopwright.cli.printing import print_json, say


def time(
    path: options.TaskDir = Path(),
    candidate: options.CandidateDir = None,
    other: Annotated[
        Path | None,
        typer.Argument(metavar="OTHER_DIR", help="A second candidate, timed against the first."),
    ] = None,
    toolchain: options.Toolchain = None,
    target: options.TargetName = None,
    threads: options.Threads = None,
    sandbox: options.Sandbox = "auto",
    json: options.Json = False,
) -> None:
    """How much faster is a candidate than the original (or OTHER_DIR than CANDIDATE_DIR)?

    The two are timed in turn, A B B A, until the 95 % interval is tight; a timed run whose output is wrong
    is no result. Exit status 1 when there is none. Inside an agent's workspace this is a recorded
    evaluation of the files there.
    """
    from loopwright.agents.door import is_inside
    from loopwright.core.errors import UsageError
    from loopwright.core.verdict import Failure
    from loopwright.reports.terminal import print_check, print_time

    if is_inside():
        from loopwright.cli.inside import ask_outside

        answer = ask_outside("time")
        print_json(answer) if json else print_check(answer)
        if answer["verdict"] != "pass":
            raise typer.Exit(1)
        return
    if candidate is None:
        raise UsageError("what is to be timed?", hint="loopwright time DIR CANDIDATE_DIR [OTHER_DIR]")
    from loopwright import api
    from loopwright.agents.answers import time_answer

    settings = options.judging(
        toolchain=toolchain, target=target, threads=threads, sandbox=sandbox, unread_code=True
    )
    result = api.time(path, candidate, other, say=say, settings=settings)
    if isinstance(result, Failure):
        from loopwright.agents.answers import check_answer
        from loopwright.core.verdict import GateResult, Verdict

        answer = check_answer(Verdict((GateResult.failed(result),)))
        print_json(answer) if json else print_check(answer)
        raise typer.Exit(1)
    print_json(time_answer(result)) if json else print_time(time_answer(result))

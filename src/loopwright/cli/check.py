"""loopwright check: the gates alone."""

from __future__ import annotations

from pathlib import Path

import typer

from loopwright.cli import options
from loopwright.cli.printing import print_json, say


def check(
    path: options.TaskDir = Path(),
    candidate: options.CandidateDir = None,
    toolchain: options.Toolchain = None,
    target: options.TargetName = None,
    threads: options.Threads = None,
    sandbox: options.Sandbox = "auto",
    json: options.Json = False,
) -> None:
    """Does a candidate build, and does it give what the original gives? Exit status 1 when a gate fails.

    Without CANDIDATE_DIR the task itself is checked. Inside an agent's workspace the files there are
    checked by the run outside, and the check is recorded.
    """
    from loopwright.agents.door import is_inside
    from loopwright.reports.terminal import print_check

    if is_inside():
        from loopwright.cli.inside import ask_outside

        answer = ask_outside("check")
    else:
        from loopwright import api
        from loopwright.agents.answers import check_answer

        settings = options.judging(
            toolchain=toolchain, target=target, threads=threads, sandbox=sandbox,
            unread_code=candidate is not None,
        )  # fmt: skip
        answer = check_answer(api.check(path, candidate, say=say, settings=settings))
    if json:
        print_json(answer)
    else:
        print_check(answer)
    if answer["verdict"] != "pass":
        raise typer.Exit(1)

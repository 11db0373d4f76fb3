"""loopwright profile: where the time goes."""

from __future__ import annotations

from pathlib import Path

from loopwright.cli import options
from loopwright.cli.printing import print_json, say


def profile(
    path: options.TaskDir = Path(),
    candidate: options.CandidateDir = None,
    toolchain: options.Toolchain = None,
    target: options.TargetName = None,
    threads: options.Threads = None,
    sandbox: options.Sandbox = "auto",
    json: options.Json = False,
) -> None:
    """Where does the time of the first timed case go, by source line, and what did the compiler say there?"""
    from loopwright.agents.answers import profile_answer
    from loopwright.agents.door import is_inside

    if is_inside():
        from loopwright.cli.inside import ask_outside

        print_json(ask_outside("profile"))
        return
    from loopwright import api
    from loopwright.core.errors import ToolMissing
    from loopwright.reports.terminal import print_profile

    settings = options.judging(
        toolchain=toolchain, target=target, threads=threads, sandbox=sandbox,
        unread_code=candidate is not None,
    )  # fmt: skip
    result = api.profile(path, candidate, say=say, settings=settings)
    if result is None:
        raise ToolMissing("no profiler works here", hint="loopwright doctor")
    if json:
        print_json(profile_answer(result))
    else:
        print_profile(result, api.candidate_tree(api.task_at(path, settings), candidate))

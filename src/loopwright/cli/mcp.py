"""loopwright mcp: the tools of a run for another program's agent."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from loopwright.cli import options


def mcp(
    path: Annotated[Path, typer.Argument(metavar="DIR", help="The task.")] = Path(),
    target: options.TargetName = None,
    budget: Annotated[str, typer.Option(help="Wall time for the search: 90s, 10m, 1h.")] = "30m",
    evaluations: Annotated[int | None, typer.Option(help="Candidates to evaluate at most.")] = None,
    toolchain: options.Toolchain = None,
    threads: options.Threads = None,
    sandbox: options.Sandbox = "auto",
    home: options.Home = None,
) -> None:
    """Serve a run to a coding agent over standard input and output, by the Model Context Protocol.

    Starts a run of the task: the client edits the files in the run's workspace, checks, times and profiles
    them, and ends it with the tool `finish` (or by hanging up, after which
    `loopwright runs resume last` gives the result). Inside an agent's workspace the tools are those of the
    run outside. Needs: pip install 'loopwright[mcp]'

    Example, for a client's list of servers:

      loopwright mcp examples/heat2d --budget 20m
    """
    # The server waits for its client in a thread that no interruption reaches: a request to end ends it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.default_int_handler:
            signal.signal(number, signal.SIG_DFL)
    from loopwright.agents.door import is_inside
    from loopwright.mcp.server import Inside, make_server

    if is_inside():
        make_server(Inside()).run()
        return
    from loopwright import api
    from loopwright.agents.desk import Desk
    from loopwright.mcp.run import serve_run

    # A task that is broken is said at once, not by the first tool that is called.
    api.task_at(path)
    serve_run(
        Desk(),
        lambda desk, observer: api.optimize(
            path,
            agent=desk,
            target=target,
            wall_s=options.seconds(budget),
            evaluations=evaluations,
            toolchain=toolchain,
            threads=threads,
            sandbox=sandbox,
            home=home,
            observer=observer,
        ),
    )

"""loopwright optimize: make a task faster, with the proof."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loopwright.cli import options
from loopwright.cli.printing import print_json
from loopwright.core.errors import Interrupted

if TYPE_CHECKING:
    from loopwright.workbench.journal import Event, Observer


def optimize(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|FILE", help="A folder with a loopwright.toml, or one C or C++ file with a main."
        ),
    ] = Path(),
    args: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- ARGS", help="The arguments of a single file's program."),
    ] = None,
    agent: Annotated[
        str,
        typer.Option(
            help="builtin, model:PROVIDER/NAME, codex, claude, gemini, opencode, qwen (codex:NAME for a "
            "certain model), or 'cmd:COMMAND' that edits the files."
        ),
    ] = "builtin",
    strategy: Annotated[
        str, typer.Option(help="refine, best-of-n, beam, evolve, mcts; for models also roles.")
    ] = "refine",
    target: options.TargetName = None,
    budget: Annotated[
        str,
        typer.Option(
            help="Wall time to time the original and search: 90s, 10m, 1h. Judging the winner is extra."
        ),
    ] = "10m",
    evaluations: Annotated[int | None, typer.Option(help="Candidates to evaluate at most.")] = None,
    tokens: Annotated[
        int | None, typer.Option(help="Tokens that models may use, input and output together.")
    ] = None,
    cost: Annotated[float | None, typer.Option(help="US dollars that models may cost.")] = None,
    calls: Annotated[
        int | None, typer.Option(help="Calls of models, which the steps of a command-line agent are.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Server of your own for a model: http://127.0.0.1:8000/v1.")
    ] = None,
    tier: Annotated[
        str, typer.Option(help="What prompts tell a model: user, knowledgeable or expert.")
    ] = "expert",
    prompts: Annotated[Path | None, typer.Option(help="Folder with prompt templates of your own.")] = None,
    memory: Annotated[
        bool, typer.Option("--memory", help="Use lessons of earlier runs, and keep this run's (off).")
    ] = False,
    toolchain: options.Toolchain = None,
    threads: options.Threads = None,
    sandbox: options.Sandbox = "auto",
    seed: Annotated[int, typer.Option(help="For everything that an agent draws by chance.")] = 1,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Make a task faster: propose, build, check, time, and hand over the best with a patch.

    The result is 'improved' (a verified candidate whose whole 95 % interval lies above 1), 'no-gain' or
    'failed'. Everything is recorded below .loopwright; an interrupted run goes on with
    `loopwright runs resume last`.

    Examples:

    * `loopwright optimize prog.c -- 1000 50`
    * `loopwright optimize examples/heat2d --budget 3m`
    * `loopwright optimize DIR --agent 'cmd:./improve.sh' --evaluations 20`
    * `loopwright optimize DIR --agent model:openai/NAME --cost 0.50`
    """
    from loopwright import api
    from loopwright.reports.progress import progress

    with progress() as shown, interruptible(shown) as observer:
        result = api.optimize(
            path,
            args=args or (),
            agent=agent,
            strategy=strategy,
            target=target,
            wall_s=options.seconds(budget),
            evaluations=evaluations,
            tokens=tokens,
            cost_usd=cost,
            calls=calls,
            base_url=base_url,
            tier=tier,
            prompts=prompts,
            memory=memory,
            toolchain=toolchain,
            threads=threads,
            sandbox=sandbox,
            seed=seed,
            home=home,
            observer=observer,
        )
    show_result(result, as_json=json)


@contextmanager
def interruptible(observer: Observer) -> Iterator[Observer]:
    """Says how to go on with the run when the user stops it; outside of a run it changes nothing."""
    folder = ""

    def noting(event: Event) -> None:
        nonlocal folder
        folder = event.data.get("folder", folder)
        observer(event)

    try:
        yield noting
    except KeyboardInterrupt as error:
        if not folder:
            raise
        raise Interrupted(
            "interrupted", hint=f"go on with: loopwright runs resume {shlex.quote(folder)}"
        ) from error


def show_result(result: object, *, as_json: bool) -> None:
    """Print a run's result: one JSON object, or a summary for people."""
    from loopwright.core.run import RunResult
    from loopwright.reports.terminal import print_result
    from loopwright.workbench.records import to_data

    assert isinstance(result, RunResult)
    if as_json:
        print_json(to_data(result))
    else:
        print_result(result)

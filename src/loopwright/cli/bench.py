"""loopwright bench: compilers, a library and the built-in optimiser on kernels, side by side."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loopwright.cli import options
from loopwright.cli.printing import say

if TYPE_CHECKING:
    from loopwright.core.task import Task
    from loopwright.suites.bench_record import BenchFile
    from loopwright.suites.columns import Column, Found, Optimise
    from loopwright.suites.interleave import Plan
    from loopwright.workbench.journal import Event

app = typer.Typer(invoke_without_command=True)
QUICK_SEARCH_S, QUICK_ROUNDS, QUICK_SAMPLING_S = 40.0, 3, 12.0
SAMPLING_S = 80.0
"""Seconds of sampling for one kernel: with a search of two minutes, its last timing and the checks of all
columns a kernel stays below five minutes on an idle machine.
"""


@app.callback()
def bench(
    context: typer.Context,
    suite: Annotated[str, typer.Option(help="The suite.")] = "loops",
    kernels: Annotated[
        str,
        typer.Option(help="Tasks or subsets of it, with commas between: gemm,lu or show14. Default: all."),
    ] = "",
    columns: Annotated[
        str, typer.Option(help="With commas: clang, gcc-auto, polly, openblas, builtin. Default: all.")
    ] = "",
    budget: Annotated[str, typer.Option(help="The built-in optimiser's run, a kernel.")] = "2m",
    strategy: Annotated[str, typer.Option(help="The optimiser's, as in loopwright optimize.")] = "refine",
    rounds: Annotated[int, typer.Option(min=1, max=60, help="Rounds of timing, at most.")] = 6,
    quick: Annotated[bool, typer.Option("--quick", help="Short searches, three rounds.")] = False,
    json: Annotated[
        Path, typer.Option("--json", metavar="FILE", help="Where the result is kept, kernel by kernel.")
    ] = Path("bench.json"),
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Plot, as SVG.")] = None,
    candidates: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Stored candidates, DIR/KERNEL/, instead of searches."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with FILE: kernels in it stay.")] = False,
    threads: options.Threads = None,
    sandbox: options.Sandbox = "auto",
    home: options.Home = None,
) -> None:
    """Time what each column makes of each kernel, in interleaved rounds, after its outputs were checked.

    One kernel takes four to five minutes with every column; --quick about a third of that, and half a minute
    without the built-in optimiser. The file is complete after each; --resume goes on after a stop.

    Examples:

      loopwright bench --kernels show14 --json show14.json --plot show14.svg

      loopwright bench --kernels gemm,mvt --columns clang,polly --quick --json few.json

      loopwright bench report show14.json
    """
    if context.invoked_subcommand is not None:
        return
    from loopwright import api
    from loopwright.core.errors import Interrupted, UsageError
    from loopwright.reports.bench import print_bench, record_line
    from loopwright.reports.bench_plots import plot_bench
    from loopwright.suites.bench import run_bench
    from loopwright.suites.bench_record import read_bench, refuse_unlike
    from loopwright.suites.columns import choose_columns, make_columns
    from loopwright.suites.interleave import Plan
    from loopwright.suites.registry import find_suite
    from loopwright.suites.suite import select
    from loopwright.system.machine import usable_cores
    from loopwright.workbench.settings import Settings

    chosen = find_suite(suite)
    names = select(chosen, _words(kernels))
    search_s = QUICK_SEARCH_S if quick else options.seconds(budget)
    plan = Plan(QUICK_ROUNDS, QUICK_SAMPLING_S) if quick else Plan(rounds, SAMPLING_S)
    cores = threads or usable_cores()
    if json.exists() and not resume:
        raise UsageError("is there already", where=str(json), hint="go on with it: --resume")
    found = choose_columns(
        make_columns(cores, _optimiser(search_s, strategy, threads, sandbox, home), candidates),
        _words(columns),
    )
    fresh = _new_file(suite, cores, {"search_s": search_s, "strategy": strategy}, plan, found)
    result = fresh
    if json.exists():
        result = read_bench(json)
        refuse_unlike(result, fresh, json)
    settings = Settings(toolchain="gcc", threads=threads, sandbox=sandbox, unread_code=candidates is not None)
    try:
        result = run_bench(
            chosen, names, found, result, json, plan, settings, say, lambda record: say(record_line(record))
        )
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted", hint=f"the same command again with --resume goes on with {json}"
        ) from None
    print_bench(result)
    if plot is not None:
        write_plot(plot_bench(result), plot)
    typer.echo(f"kept in {json}; again: loopwright bench report {json}  (loopwright {api.version()})")


@app.command()
def report(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="What benches wrote.")],
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Plot, as SVG. For one bench.")] = None,
    search_plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What the searches cost, per kernel and strategy, as SVG."),
    ] = None,
) -> None:
    """The table of a bench again, finished or not.

    Several files are compared by what their searches cost: one a strategy, from the same machine.

    Examples:

      loopwright bench report show14.json --plot show14.svg

      loopwright bench report refine.json beam.json mcts.json --search-plot search.svg
    """
    from loopwright.core.errors import UsageError
    from loopwright.reports.bench import print_bench, print_costs
    from loopwright.reports.bench_plots import plot_bench
    from loopwright.reports.search_plot import plot_search
    from loopwright.suites.bench_record import read_bench
    from loopwright.suites.search_costs import refuse_uncomparable

    results = [read_bench(file) for file in files]
    if len(results) > 1:
        refuse_uncomparable(results, files)
        if plot is not None:
            raise UsageError("--plot shows one bench", hint=f"loopwright bench report {files[0]} --plot FILE")
    for result in results:
        print_bench(result)
    if len(results) > 1:
        print_costs(results)
    if plot is not None:
        write_plot(plot_bench(results[0]), plot)
    if search_plot is not None:
        write_plot(plot_search(results), search_plot)


def write_plot(text: str, path: Path) -> None:
    """Write a plot, when there is one."""
    from loopwright.core.errors import UsageError

    if not text:
        say(f"nothing to plot yet: {path} not written")
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", where=str(path)) from error
    say(f"{path} written")


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _new_file(
    suite: str, threads: int, search: dict[str, object], plan: Plan, columns: tuple[Column, ...]
) -> BenchFile:
    from loopwright import api
    from loopwright.suites.bench_record import BenchFile
    from loopwright.system.machine import this_machine

    return BenchFile(
        suite=suite,
        version=api.version(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=this_machine(),
        threads=threads,
        settings={**search, "rounds": plan.rounds, "sampling_s": plan.budget_s},
        columns=tuple(column.info for column in columns),
    )


def _optimiser(
    search_s: float, strategy: str, threads: int | None, sandbox: str, home: Path | None
) -> Optimise:
    """The built-in optimiser as `loopwright optimize` runs it. The runs stay below `home`, without the
    expected outputs, which can be large and are needed by nobody once a run is finished.
    """

    def optimise(task: Task) -> Found:
        from loopwright import api
        from loopwright.core.run import Evaluation, RunStatus
        from loopwright.reports.progress import progress
        from loopwright.suites.columns import Found
        from loopwright.system.store import remove_tree
        from loopwright.workbench.convergence import step_of
        from loopwright.workbench.records import from_data, to_data
        from loopwright.workbench.rundir import RunDirectory

        history: list[dict[str, Any]] = []
        with progress() as show:

            def observe(event: Event) -> None:
                show(event)
                if event.kind == "evaluation":
                    history.append(to_data(step_of(from_data(Evaluation, event.data["evaluation"]))))

            result = api.optimize(
                task, wall_s=search_s, toolchain="gcc", threads=threads, sandbox=sandbox, home=home,
                observer=observe, strategy=strategy,
            )  # fmt: skip
        run = RunDirectory(Path(result.directory))
        remove_tree(run.reference)
        facts = {
            "run": result.run, "status": result.status.value, "evaluations": result.evaluations,
            "elapsed_s": result.elapsed_s, "rejected": dict(result.failures),
            "history": history,
        }  # fmt: skip
        if result.status is RunStatus.FAILED:
            return Found(None, facts, result.reason)
        if result.best is None:
            return Found(task.tree, facts)
        facts |= {"title": result.best.title, "verified": result.best.verified}
        return Found(run.lineage.tree(result.best.candidate), facts)

    return optimise

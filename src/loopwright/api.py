"""The Python interface: load a task, optimise it, check, time and profile candidates.

    import loopwright

    result = loopwright.optimize("examples/heat2d", wall_s=120)
    print(result.status, result.best and result.best.speedup)

Functions raise :class:`loopwright.core.errors.LoopwrightError` for a broken task, a missing tool or wrong
use; whatever a candidate does wrong is a value in the result. In the examples below `smooth` is a folder with
a task, and `mine` one with an edited `smooth.c`; the tests run them.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from loopwright.agents.agent import Agent
from loopwright.agents.cuda_translator import translation_of
from loopwright.agents.memory import learn
from loopwright.agents.registry import find_agent
from loopwright.agents.workspace import MalformedWorkspace, read_candidate
from loopwright.core.errors import DiskFull, UsageError
from loopwright.core.profile import Profile
from loopwright.core.run import Budget, RunResult
from loopwright.core.task import Language, Target, Task
from loopwright.core.timing import Comparison, Speedup
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure, Verdict
from loopwright.reports.write import write_report
from loopwright.system.machine import this_machine
from loopwright.system.store import disk_full, full_disk_explained, remove_tree
from loopwright.tasks.cuda_translation import translatable
from loopwright.tasks.infer import single_file_task
from loopwright.tasks.load import load_task as _load_task
from loopwright.tasks.problems import suggestion
from loopwright.workbench.bench import BudgetSpent, Workbench
from loopwright.workbench.context import runner_for, target_of
from loopwright.workbench.final import finish
from loopwright.workbench.journal import Observer, silent
from loopwright.workbench.records import to_data
from loopwright.workbench.rundir import (
    HOME,
    RunDirectory,
    create_run,
    only_writer,
    original_candidate,
)
from loopwright.workbench.session import Session
from loopwright.workbench.settings import ModelOptions, Settings

Say = Callable[[str], None]


def load_task(path: str | Path) -> Task:
    """The task in a directory with a loopwright.toml, or in such a file.

    Raises:
        TaskError: with file, key, what was found and what is allowed.

    >>> task = loopwright.load_task("smooth")
    >>> task.name, task.editable, [case.name for case in task.cases]
    ('smooth', ('smooth.c',), ['tiny', 'full', 'odd'])
    """
    return _load_task(Path(path))


def optimize(
    task: Task | str | Path,
    *,
    args: Sequence[str] = (),
    agent: str | Agent = "builtin",
    strategy: str = "refine",
    target: str | None = None,
    wall_s: float | None = 600.0,
    evaluations: int | None = None,
    tokens: int | None = None,
    cost_usd: float | None = None,
    calls: int | None = None,
    toolchain: str | None = None,
    threads: int | None = None,
    sandbox: str = "auto",
    seed: int = 1,
    base_url: str | None = None,
    tier: str = "expert",
    prompts: str | Path | None = None,
    memory: bool = False,
    home: str | Path | None = None,
    observer: Observer = silent,
) -> RunResult:
    """Make `task` faster and prove it.

    Args:
        task: a task, a directory with a loopwright.toml, or one C or C++ file with a main.
        args: command-line arguments of the program, when `task` is a single file.
        agent: "builtin", "model:PROVIDER/NAME", "cmd:COMMAND" for a program that edits the files, or an
            object of your own (:class:`loopwright.agents.agent.Agent`).
        strategy: "refine", "best-of-n", "beam", "evolve" or "mcts", and for models also "roles".
        target: "openmp", "offload" or "serial"; None is "openmp" for C and C++, "cuda" for CUDA and "hip"
            for HIP. With "openmp" a CUDA program is translated to C++ for processors.
        wall_s, evaluations: the budget; None is no limit. The last timing at the end is not part of it.
        tokens, cost_usd, calls: the budget for a language model; steps of a command-line agent are calls.
        toolchain: "gcc", "clang", "clang-19"...; None takes gcc if there is one.
        threads: number of threads to time with; None is all processors this process may use.
        sandbox: "auto", "bubblewrap" or "none".
        base_url, tier, prompts: for a model: address of a server instead of the provider's, how much the
            prompts tell ("user", "knowledgeable", "expert"), folder with prompt templates of your own.
        memory: use the lessons of earlier runs with the same `home`, and keep those of this run.
        home: folder for the record; None is `.loopwright` beside the task.
        observer: called with every event of the run.

    Raises:
        TaskError, ToolMissing, UsageError.

    >>> result = loopwright.optimize("smooth", evaluations=1)
    >>> if result.status == "improved":  # else result.reason says why not
    ...     print(result.best.speedup.low, result.best.verified, result.directory)
    """
    loaded, origin = _task_of(task, args)
    translate = translates(loaded, target)
    settings = Settings(
        agent=agent if isinstance(agent, str) else agent.name,
        strategy=strategy,
        target=parse_target(target or loaded.language.own_target),
        translate=translate,
        toolchain=toolchain,
        budget=Budget(wall_s, evaluations, tokens, cost_usd, calls),
        threads=threads,
        sandbox=sandbox,
        seed=seed,
        model=ModelOptions(base_url, tier, str(Path(prompts).resolve()) if prompts is not None else None),
        memory=memory,
    )
    target_of(loaded, settings)
    if translate:
        loaded = translatable(loaded)
        if agent == "builtin":
            # Said before anything is measured.
            translation_of(loaded.tree)
    worker = find_agent(settings) if isinstance(agent, str) else agent
    settings = replace(settings, agent=worker.name, unread_code=worker.runs_unread_code)
    runner_for(settings)
    facts = {
        "version": version(),
        "origin": str(origin) if origin else None,
        "machine": to_data(this_machine()),
        "task_digest": loaded.digest,
    }
    run = create_run(_place(home, origin), loaded, settings, facts)
    return resume(run.path, observer=observer, agent=worker)


def resume(run: str | Path, *, observer: Observer = silent, agent: Agent | None = None) -> RunResult:
    """Go on with a run that was interrupted or killed; a finished run gives its result again.

    Nothing that is in the journal is measured again. `agent` is for a run that was given an object as agent;
    others are found by their names.
    """
    directory = RunDirectory(Path(run).resolve())
    with only_writer(directory), _resumable(directory):
        bench = Workbench(directory, observer=observer)
        try:
            if not any(event.kind == "result" for event in bench.journal.events):
                begun = "resumed" if bench.journal.events else "started"
                bench.journal.write(begun, run=directory.id, folder=str(directory.path))
                bench.prepare()
                try:
                    (agent or find_agent(bench.settings)).work(bench)
                except BudgetSpent as spent:
                    bench.journal.write("budget-spent", reason=str(spent))
            result = finish(bench)
            learn(bench, result)
            write_report(directory)
            return result
        finally:
            bench.close()
            remove_tree(directory.scratch)


@contextmanager
def _resumable(run: RunDirectory) -> Iterator[None]:
    """A disk that is full stops a run, and says how to go on with it."""
    try:
        with full_disk_explained(run.path):
            yield
    except DiskFull as error:
        again = f"loopwright runs resume {shlex.quote(str(run.path))}"
        raise disk_full(Path(error.where), again) from error


def check(
    task: Task | str | Path,
    candidate: str | Path | Mapping[str, bytes | None] | None = None,
    *,
    say: Say = lambda text: None,
    settings: Settings | None = None,
) -> Verdict:
    """The gates alone. `candidate` is a folder with the edited files, or path to content; None checks the
    task as it is.

    >>> loopwright.check("smooth", {"smooth.c": b"oops"}).failure.mode.value
    'build_error'
    """
    loaded, origin = _judged_task(task, settings)
    tree = candidate_tree(loaded, candidate)
    with Session(loaded, settings or Settings(), say, home=_place(None, origin)) as session:
        return session.check(tree)


def time(
    task: Task | str | Path,
    candidate: str | Path | Mapping[str, bytes | None],
    other: str | Path | Mapping[str, bytes | None] | None = None,
    *,
    say: Say = lambda text: None,
    on_round: Callable[[Speedup], None] | None = None,
    settings: Settings | None = None,
) -> Comparison | Failure:
    """Paired timing alone: `candidate` against the original, or `other` against `candidate`.

    The speedup of the result is that of `b` over `a`. A failure when one of them gives a wrong result.

    >>> timed = loopwright.time("smooth", "mine")
    >>> timed.speedup.low <= timed.speedup.estimate <= timed.speedup.high
    True
    """
    loaded, origin = _judged_task(task, settings)
    tree = candidate_tree(loaded, candidate)
    a, b = (loaded.tree, tree) if other is None else (tree, candidate_tree(loaded, other))
    label_a, label_b = ("original", "candidate")
    if other is not None:
        label_a, label_b = _label(candidate, "candidate"), _label(other, "other")
    with Session(loaded, settings or Settings(), say, home=_place(None, origin)) as session:
        return session.time(a, b, label_a=label_a, label_b=label_b, on_round=on_round)


def profile(
    task: Task | str | Path,
    candidate: str | Path | Mapping[str, bytes | None] | None = None,
    *,
    say: Say = lambda text: None,
    settings: Settings | None = None,
) -> Profile | None:
    """Where the time of the first timed case goes; None when no profiler works here.

    >>> profile = loopwright.profile("smooth")
    >>> profile.case
    'full'
    """
    loaded, origin = _judged_task(task, settings)
    tree = candidate_tree(loaded, candidate)
    with Session(loaded, settings or Settings(), say, home=_place(None, origin)) as session:
        return session.profile(tree)


def candidate_tree(task: Task, candidate: str | Path | Mapping[str, bytes | None] | None) -> Tree:
    """The complete tree of a candidate that is given as a folder, or as path to content."""
    if candidate is None:
        return task.tree
    if isinstance(candidate, Mapping):
        return task.tree.replaced(candidate)
    folder = Path(candidate)
    if not folder.is_dir():
        raise UsageError("not a folder with the edited files", where=str(folder),
                         hint="it holds the changed files under the same names as in the task")  # fmt: skip
    try:
        made = read_candidate(folder, task, parent=original_candidate(task), title=str(folder))
    except MalformedWorkspace as error:
        raise UsageError(
            str(error),
            where=str(folder),
            hint="it holds the changed files themselves: cp -L copies what links lead to",
        ) from error
    return task.tree.replaced(made.files)


def _label(candidate: str | Path | Mapping[str, bytes | None], otherwise: str) -> str:
    return otherwise if isinstance(candidate, Mapping) else str(candidate)


def version() -> str:
    """Loopwright's version."""
    from importlib.metadata import version as installed

    return installed("loopwright")


def task_at(path: str | Path, settings: Settings | None = None) -> Task:
    """The task at `path`: a folder, a task file, or a single source file. The files of a translation may be
    added where `settings` ask for one.
    """
    return _judged_task(path, settings)[0]


def _place(home: str | Path | None, origin: Path | None) -> Path:
    """Where runs and machine.json lie."""
    return (Path(home) if home is not None else (origin or Path.cwd()) / HOME).resolve()


def _task_of(task: Task | str | Path, args: Sequence[str]) -> tuple[Task, Path | None]:
    """(the task, the folder its files came from)."""
    if isinstance(task, Task):
        return task, None
    path = Path(task)
    if not path.exists():
        raise UsageError(
            "no such file or folder",
            where=str(path),
            hint="give a folder with a loopwright.toml, or one C or C++ file",
        )
    if path.is_file() and path.suffix != ".toml":
        return single_file_task(path, args), path.resolve().parent
    if args:
        raise UsageError("arguments after -- belong to a single source file", where=str(path),
                         hint="a task file names its own cases: [[case]] args = [...]")  # fmt: skip
    folder = path if path.is_dir() else path.parent
    return load_task(path), folder.resolve()


def _judged_task(task: Task | str | Path, settings: Settings | None) -> tuple[Task, Path | None]:
    """As :func:`_task_of`, with the files of a translation where `settings` ask for one."""
    loaded, origin = _task_of(task, ())
    if settings is not None and settings.translate and loaded.language is Language.CUDA:
        loaded = translatable(loaded)
    return loaded, origin


def translates(task: Task, target: str | None) -> bool:
    """Whether a task of CUDA or HIP sources is to become a program for `target`, asked for by name."""
    own = task.language.own_target
    return own is not None and target is not None and target != own


def parse_target(name: str | None) -> Target:
    """The target called `name`, OpenMP when none is named. Raises UsageError when there is no such target."""
    if name is None:
        return Target.OPENMP
    try:
        return Target(name)
    except ValueError as error:
        raise UsageError(
            f"unknown target {name!r}{suggestion(name, [*map(str, Target)])}",
            hint=f"--target {' | '.join(Target)}",
        ) from error

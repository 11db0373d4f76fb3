"""All commands under one application."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

import typer

from loopwright.cli import (
    analyze,
    apply,
    audit,
    bench,
    check,
    doctor,
    exploits,
    init,
    lessons,
    mcp,
    optimize,
    profile,
    report,
    runs,
    suite,
    time,
)
from loopwright.core.errors import Interrupted, LoopwrightError

HELP = """Takes a serial C or C++ kernel or program and gives back a faster one that can be trusted.

Start with `loopwright optimize prog.c -- ARGS`, or write a task file with `loopwright init DIR -- ARGS` and
then `loopwright optimize DIR`.

Exit status: 0 done, 1 a gate failed (check, time), 2 wrong use or broken task, 3 a needed tool is missing,
130 interrupted (a run can be resumed).
"""

# typer brings its own copy of click in some versions: its errors are reached through what it exports.
_UsageMistake: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)  # fmt: skip
app.command("optimize")(optimize.optimize)
app.command("audit")(audit.audit)
app.command("exploits")(exploits.exploits)
app.command("check")(check.check)
app.command("time")(time.time)
app.command("profile")(profile.profile)
app.command("analyze")(analyze.analyze)
app.command("init")(init.init)
app.command("doctor")(doctor.doctor)
app.command("mcp")(mcp.mcp)
app.command("lessons")(lessons.lessons)
app.command("report")(report.report)
app.command("apply")(apply.apply)
app.add_typer(runs.app, name="runs")
app.add_typer(suite.app, name="suite")
app.add_typer(bench.app, name="bench")


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", "-V", help="Print the version."),
) -> None:
    pass


def run() -> int:
    """Run the command in sys.argv; the exit status."""
    _end_as_by_interrupt()
    try:
        status = app(standalone_mode=False)
        # typer makes a status of a KeyboardInterrupt.
        if status == Interrupted.exit_status:
            print("loopwright: interrupted", file=sys.stderr)
        return status if isinstance(status, int) else 0
    except LoopwrightError as error:
        print(f"loopwright: {error}", file=sys.stderr)
        return error.exit_status
    except typer.Exit as exit:
        return exit.exit_code
    except _UsageMistake as error:
        show = getattr(error, "show", None)
        show() if show is not None else print(f"loopwright: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        print("loopwright: interrupted", file=sys.stderr)
        return Interrupted.exit_status
    except BrokenPipeError:
        # Whoever read our output is gone (`| head`); Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # A folder that may not be written to, a full disk: the user's to mend, not a bug of ours.
        print(f"loopwright: {_told(error)}", file=sys.stderr)
        return 2


def _told(error: OSError) -> str:
    from loopwright.system.store import disk_full, is_full

    if is_full(error):
        return str(disk_full(Path(error.filename or tempfile.gettempdir())))
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _end_as_by_interrupt() -> None:
    """A polite request to end (a batch system's, a closed terminal's) is an interruption: scratch folders go,
    the run can be resumed, and the user is told how. What the caller had ignored (nohup) stays so.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)

"""Exceptions: raised only for broken input, a missing tool or an interruption.

What a candidate does wrong is never an exception: it is a :class:`~loopwright.core.verdict.Failure`.
"""

from __future__ import annotations


class LoopwrightError(Exception):
    """Base of every error that is told to the user without a traceback.

    Attributes:
        message: what was wrong.
        where: file, key or tool the message is about; empty when there is none.
        hint: the next thing to type or to change; empty when there is none.
        exit_status: what the command line exits with.
    """

    exit_status = 2

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  {self.hint}" if self.hint else text


class UsageError(LoopwrightError):
    """A wrong option or argument on the command line or in the Python API."""


class TaskError(LoopwrightError):
    """The task file, or what it points to, is wrong; or the original program does not build or run."""


class DiskFull(LoopwrightError):
    """A disk or a quota is full. What was recorded is kept, and nobody is blamed for it."""


class ToolMissing(LoopwrightError):
    """A compiler, sandbox or profiler that is needed is not installed."""

    exit_status = 3


class Interrupted(LoopwrightError):
    """The user (or a signal) stopped the run; what was recorded can be resumed."""

    exit_status = 130

"""The journal of a run: append-only, one event a line, on disk before anybody acts on it."""

from __future__ import annotations

import errno
import json
import os
import shlex
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loopwright.core.errors import LoopwrightError
from loopwright.system.store import disk_full, is_full

SCHEMA = 1


@dataclass(frozen=True)
class Event:
    """One line of the journal. `run_s` is seconds of run time so far, pauses between sessions left out."""

    number: int
    kind: str
    run_s: float
    at: str
    data: Mapping[str, Any]


Observer = Callable[[Event], None]


def silent(event: Event) -> None:
    """An observer that shows nothing."""


def read_journal(path: Path) -> tuple[Event, ...]:
    """All whole events of a journal. A torn last line (the process was killed) is passed over.

    Raises:
        LoopwrightError: when a line other than the last is damaged, or the schema is newer.
    """
    if not path.exists():
        return ()
    lines = path.read_bytes().split(b"\n")
    events: list[Event] = []
    for number, line in enumerate(lines[:-1]):
        try:
            record = json.loads(line)
            schema = record.pop("schema")
            event = Event(
                number=record.pop("number"),
                kind=record.pop("event"),
                run_s=record.pop("run_s"),
                at=record.pop("at"),
                data=record,
            )
        except (ValueError, KeyError, AttributeError) as error:
            raise LoopwrightError(f"line {number + 1} is damaged: {error}", where=str(path)) from error
        if schema > SCHEMA:
            raise LoopwrightError(
                f"written by a newer version (schema {schema})",
                where=str(path),
                hint="pip install --upgrade loopwright",
            )
        events.append(event)
    return tuple(events)


class Journal:
    """The writer of one journal. Opening repairs a torn last line, so that the next event starts afresh.

    Events may come from several threads (a door and a gateway serve while an agent works).
    """

    def __init__(self, path: Path, observer: Observer = silent) -> None:
        self.path = path
        self.observer = observer
        self.events: list[Event] = list(read_journal(path))
        if path.exists():
            content = path.read_bytes()
            os.truncate(path, content.rfind(b"\n") + 1)
        self._file = path.open("ab", buffering=0)
        self._before_s = self.events[-1].run_s if self.events else 0.0
        self._started = time.monotonic()
        self._lock = threading.RLock()

    @property
    def run_s(self) -> float:
        """Seconds of run time, earlier sessions of the same run included."""
        return self._before_s + time.monotonic() - self._started

    def write(self, kind: str, **data: Any) -> Event:
        """Append one event and wait until it is on disk; then tell the observer."""
        with self._lock:
            return self._write(kind, data)

    def _write(self, kind: str, data: dict[str, Any]) -> Event:
        event = Event(
            number=len(self.events) + 1,
            kind=kind,
            run_s=round(self.run_s, 6),
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            data=data,
        )
        head = {"schema": SCHEMA, "number": event.number, "event": kind, "run_s": event.run_s, "at": event.at}
        line = json.dumps(head | data, ensure_ascii=True, allow_nan=False).encode() + b"\n"
        descriptor = self._file.fileno()
        end = os.fstat(descriptor).st_size
        try:
            # One write call, so that a kill leaves at most one torn line at the very end.
            written = os.write(descriptor, line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        except OSError as error:
            # Else the next line, once there is room, would go on from the torn one and spoil both.
            with suppress(OSError):
                os.ftruncate(descriptor, end)
            again = f"loopwright runs resume {shlex.quote(str(self.path.parent))}"
            if is_full(error):
                raise disk_full(self.path, again) from error
            raise LoopwrightError(
                f"cannot write: {error.strerror}",
                where=str(self.path),
                hint=f"where it can be written, this goes on: {again}",
            ) from error
        self.events.append(event)
        self.observer(event)
        return event

    def tell(self, kind: str, **data: Any) -> None:
        """Tell the observer something that need not be kept (progress)."""
        self.observer(Event(0, kind, self.run_s, "", data))

    def close(self) -> None:
        """Close the file; the journal stays readable."""
        self._file.close()

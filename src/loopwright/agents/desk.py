"""A workbench kept open for an agent in another process that talks to this one: what `loopwright mcp` is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from loopwright.agents.service import Service, settle_workspace
from loopwright.agents.workspace import fill
from loopwright.core.run import RunResult
from loopwright.workbench.bench import Workbench

_LOOK_S = 0.5


class Desk:
    """An agent whose work is to wait: others send requests by :meth:`answer` until :meth:`close`.

    The run goes on in a thread of its own (:meth:`hold`), so that the first request can be taken while the
    original is still being measured.
    """

    name = "mcp"
    runs_unread_code = True

    def __init__(self, *, closed: bool = False) -> None:
        """`closed`: nobody will come any more (a run that is resumed): judge what is there."""
        self._service: Service | None = None
        self._ready = threading.Event()
        self._closed = threading.Event()
        self._over = threading.Event()
        self._result: RunResult | None = None
        self._error: BaseException | None = None
        if closed:
            self._closed.set()

    def work(self, bench: Workbench) -> None:
        """Serve until it is closed or the budget is spent, then judge the workspace as it was left."""
        workspace = bench.directory.path / "workspace"
        if not workspace.exists():
            workspace.mkdir()
            fill(workspace, bench.task, bench.best)
        self._service = Service(bench, workspace)
        self._ready.set()
        while not self._closed.wait(_LOOK_S) and bench.remaining_s != 0.0:
            pass
        self._closed.set()
        settle_workspace(bench, workspace)

    def hold(self, run: Callable[[], RunResult]) -> threading.Thread:
        """Start `run`, which has to work with this desk as its agent, in a thread; returns the thread."""

        def body() -> None:
            try:
                self._result = run()
            except BaseException as error:
                self._error = error
            finally:
                self._closed.set()
                self._over.set()
                self._ready.set()

        thread = threading.Thread(target=body, name="run")
        thread.start()
        return thread

    @property
    def workspace(self) -> Path:
        """The folder with the files that are judged. Waits until it is there.

        Raises:
            RuntimeError: when the run could not begin; the text says why.
        """
        self._ready.wait()
        if self._service is None:
            raise RuntimeError(f"the run did not begin: {self._error}")
        return self._service.workspace

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to one request; waits until the original is measured."""
        self._ready.wait()
        if self._service is None:
            return {"schema": 1, "error": f"the run did not begin: {self._error}"}
        if self._closed.is_set():
            return {"schema": 1, "error": "the run is over"}
        return self._service.answer(request)

    def close(self) -> None:
        """Take no more requests; the run goes to its end."""
        self._closed.set()

    def finish(self) -> RunResult:
        """Close, and wait for the result. Raises what the run raised."""
        self.close()
        self._over.wait()
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

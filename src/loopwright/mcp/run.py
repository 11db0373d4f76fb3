"""A server around a run of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from loopwright.agents.desk import Desk
from loopwright.core.errors import LoopwrightError
from loopwright.core.run import RunResult
from loopwright.mcp.server import make_server
from loopwright.reports.progress import progress
from loopwright.workbench.journal import Observer
from loopwright.workbench.records import to_data


def serve_run(desk: Desk, run: Callable[[Desk, Observer], RunResult]) -> RunResult:
    """Serve `run` over standard input and output until the client hangs up; then see the run to its end.

    Raises what the run raised.
    """
    import anyio.to_thread

    server = make_server(desk)

    @server.tool()
    async def finish() -> dict[str, Any]:
        """End the run: the best version is judged at inputs that you have not seen, and timed once more."""
        try:
            return dict(to_data(await anyio.to_thread.run_sync(desk.finish)))
        except LoopwrightError as error:
            return {"schema": 1, "error": str(error)}

    with progress() as observer:
        thread = desk.hold(lambda: run(desk, observer))
        try:
            server.run()
        finally:
            desk.close()
            thread.join()
    return desk.finish()

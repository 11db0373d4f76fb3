"""The workbench's door for programs in a sandbox: a socket, one JSON line in, one JSON line out.

Standard library only on the client's side, so that `loopwright check` starts quickly inside a sandbox.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from threading import Thread
from types import TracebackType
from typing import Any

ADDRESS = "LOOPWRIGHT_BENCH"
"""Environment variable that tells a program inside a workspace where the door is."""
_MOST_BYTES = 64 << 10


def is_inside() -> bool:
    """Whether this process runs in an agent's workspace."""
    return ADDRESS in os.environ


def ask(operation: str, **arguments: str) -> dict[str, Any]:
    """Ask the run outside for `operation` on the workspace as it is now.

    Raises:
        OSError, ValueError: when the run is gone.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ[ADDRESS])
        connection.sendall(json.dumps({"schema": 1, "operation": operation, **arguments}).encode() + b"\n")
        with connection.makefile("rb") as answer:
            reply = json.loads(answer.readline())
    if not isinstance(reply, dict):
        raise ValueError("not an answer of a workbench")
    return reply


class Door:
    """Serves requests while it is entered. `serve` maps a request to the answer; it must not raise."""

    def __init__(self, path: Path, serve: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self.path = path

        class Handler(StreamRequestHandler):
            timeout = 10.0

            def handle(self) -> None:
                # A client that hangs up, sends nothing or sends junk is its own loss.
                with suppress(OSError, ValueError):
                    request = json.loads(self.rfile.readline(_MOST_BYTES))
                    answer = serve(request if isinstance(request, dict) else {})
                    self.wfile.write(json.dumps(answer).encode() + b"\n")

        self._server = ThreadingUnixStreamServer(str(path), Handler)
        self._server.daemon_threads = True
        # The program behind the door may run as another user.
        path.chmod(0o666)

    def __enter__(self) -> Door:
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.path.unlink(missing_ok=True)

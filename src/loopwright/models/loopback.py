"""A server on this machine that gives scripted answers in the protocols of the large providers.

For tests and for trying out a set-up without a key: real clients and real command-line agents talk to it as
they talk to a provider. It speaks Chat Completions, Responses, Messages and Gemini's protocol, streaming or
not, and answers whatever it is asked with the next turn of its script. It listens on the loopback only.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from loopwright.models import loopback_wire as wire

_LONGEST_REQUEST = 64 << 20


@dataclass(frozen=True)
class Say:
    """A reply in words. `finish` is "stop", "length" or "refusal"."""

    text: str
    finish: str = "stop"


@dataclass(frozen=True)
class Call:
    """A call of the client's tool whose name is, or ends with, one of `tools` (the first that it offers).

    `arguments` are given as they are, but for the key "command": it takes the name and form that the tool's
    own schema gives to a shell command.
    """

    tools: tuple[str, ...]
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Status:
    """An HTTP error with a body and headers."""

    code: int
    body: str = '{"error": {"message": "as the script says", "type": "error"}}'
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Hang:
    """No answer for so many seconds, then the connection is closed."""

    seconds: float


@dataclass(frozen=True)
class Junk:
    """Status 200 and a body that is not what the protocol says."""

    body: bytes = b"this is not JSON"


Turn = Say | Call | Status | Hang | Junk
SHELL = ("exec_command", "shell_command", "shell", "Bash", "run_shell_command", "bash")
"""Names that command-line agents give to their tool for shell commands."""


def run(command: str) -> Call:
    """A turn that runs a shell command with the client's own tool."""
    return Call(SHELL, {"command": command})


class LoopbackServer:
    """Answers with `turns`, one after the other, while it is entered; after the last it says that it is done.

    `requests` are the bodies that came, with the path and headers under "_path" and "_headers".
    """

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = tuple(turns)
        self.requests: list[dict[str, Any]] = []
        self._at = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(200, b'{"object": "list", "data": [], "models": []}')

            def do_POST(self) -> None:
                length = min(int(self.headers.get("Content-Length") or 0), _LONGEST_REQUEST)
                try:
                    body = json.loads(self.rfile.read(length) or b"{}")
                except ValueError:
                    self._send(400, b'{"error": {"message": "not JSON"}}')
                    return
                outer._answer(self, body)

            def _send(
                self,
                code: int,
                body: bytes,
                kind: str = "application/json",
                more: tuple[tuple[str, str], ...] = (),
            ) -> None:
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for name, value in more:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Nobody wants these lines."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base URL, without the version that some clients add themselves."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> LoopbackServer:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: Any, body: dict[str, Any]) -> None:
        path = handler.path.split("?")[0]
        if path.endswith(("/count_tokens", ":countTokens")):
            handler._send(200, b'{"input_tokens": 100, "totalTokens": 100}')
            return
        protocol = wire.protocol_of(path)
        if protocol is None:
            handler._send(404, b'{"error": {"message": "no such path"}}')
            return
        with self._lock:
            # The path says of a Gemini request what the body says of others.
            body = {**body, "stream": True} if path.endswith(wire.STREAMING) else body
            self.requests.append({**body, "_path": path, "_headers": dict(handler.headers)})
            # Side questions (a title for the session, say) offer no tools: they do not use up the script.
            offered = wire.tools_of(body)
            scripted = self.turns[self._at] if self._at < len(self.turns) else Say("Done.")
            aside = bool(self.turns) and any(isinstance(t, Call) for t in self.turns) and not offered
            turn: Turn = Say("{}") if aside else scripted
            self._at += not aside
        match turn:
            case Status():
                handler._send(turn.code, turn.body.encode(), more=turn.headers)
            case Hang():
                self._closing.wait(turn.seconds)
                handler.close_connection = True
            case Junk():
                handler._send(200, turn.body)
            case Say():
                reply = wire.Reply(text=turn.text, finish=turn.finish)
                handler._send(200, *wire.encoded(protocol, body, reply))
            case Call():
                reply = wire.called(
                    turn.tools, turn.arguments, offered, f"call_{self._at}_{int(time.time())}"
                )
                handler._send(200, *wire.encoded(protocol, body, reply))

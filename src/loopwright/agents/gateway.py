"""The only way out for a command-line agent: HTTP to one provider, with the key put in on the outside.

The agent's sandbox has no network. In it, `relay.py` listens on the loopback and hands every connection
through a socket to this gateway, which forwards to one host and nothing else. So the key is never inside, the
run sees every call, and the budget of tokens is looked at before each of them.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

_HOP = {"connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade",
        "transfer-encoding", "host", "content-length", "accept-encoding"}  # fmt: skip
_AUTHORITY = {"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"}
_INPUT = re.compile(rb'"(?:input_tokens|prompt_tokens|promptTokenCount)"\s*:\s*(\d+)')
_OUTPUT = re.compile(rb'"(?:output_tokens|completion_tokens|candidatesTokenCount)"\s*:\s*(\d+)')
_CHUNK = 1 << 16
_MOST_REQUEST = 64 << 20
_MOST_SEEN = 8 << 20
_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class ProviderCall:
    """One forwarded request: tokens are what the answer says, 0 where it says nothing."""

    path: str
    status: int
    input_tokens: int
    output_tokens: int
    wall_s: float


@dataclass(frozen=True)
class Upstream:
    """Where a gateway forwards to: the provider's base URL, and the headers that carry the key."""

    url: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """The path of the base URL, which is the same on both sides of the gateway."""
        return urlsplit(self.url).path.rstrip("/")


class Gateway:
    """Forwards while it is entered. `may_call` says why no further call is allowed, "" when one is; `record`
    is told of each call.
    """

    def __init__(
        self,
        socket: Path,
        upstream: Upstream,
        may_call: Callable[[], str],
        record: Callable[[ProviderCall], None],
    ) -> None:
        parts = urlsplit(upstream.url)
        host, port = parts.hostname or "", parts.port
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._forward()

            def do_POST(self) -> None:
                self._forward()

            def _forward(self) -> None:
                began = time.monotonic()
                length = int(self.headers.get("Content-Length") or 0)
                path = self.path
                if length > _MOST_REQUEST or not path.startswith(upstream.path + "/"):
                    self._say(404, "not served here")
                    return
                body = self.rfile.read(length)
                if refusal := may_call():
                    self._say(400, refusal)
                    return
                sent = {k: v for k, v in self.headers.items() if k.lower() not in _HOP | _AUTHORITY}
                try:
                    connection = kind(host, port, timeout=_TIMEOUT_S)
                    connection.request(self.command, path, body or None, {**sent, **upstream.headers})
                    seen = self._pass_on(connection.getresponse())
                    connection.close()
                except (OSError, http.client.HTTPException) as error:
                    self.close_connection = True
                    record(ProviderCall(path, 502, 0, 0, round(time.monotonic() - began, 3)))
                    if not getattr(self, "_begun", False):
                        self._say(502, f"the provider cannot be reached: {type(error).__name__}")
                    return
                used = [max((int(n) for n in found.findall(seen)), default=0) for found in (_INPUT, _OUTPUT)]
                took_s = round(time.monotonic() - began, 3)
                record(ProviderCall(path.split("?")[0], self._status, used[0], used[1], took_s))

            def _pass_on(self, response: http.client.HTTPResponse) -> bytes:
                """Hand the answer on as it comes; what went by, as far as it is kept."""
                self._status, self._begun = response.status, True
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                seen = bytearray()
                while data := response.read1(_CHUNK):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                    self.wfile.flush()
                    seen += data[: max(0, _MOST_SEEN - len(seen))]
                self.wfile.write(b"0\r\n\r\n")
                return bytes(seen)

            def _say(self, status: int, message: str) -> None:
                body = json.dumps({"error": {"message": message, "type": "invalid_request_error"}}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                """The record of the run has each call."""

        self._path = socket
        self._server = ThreadingUnixStreamServer(str(socket), Handler)
        self._server.daemon_threads = True
        # The program inside may run as another user.
        socket.chmod(0o666)

    def __enter__(self) -> Gateway:
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._path.unlink(missing_ok=True)

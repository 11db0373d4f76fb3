"""The only way out for a command-line agent: HTTP to one provider, with the key put in on the outside.

The agent's sandbox has no network. In it, `relay.py` listens on the loopback and hands every connection
through a socket to this gateway, which forwards to one host and nothing else. So the key is never inside, the
run sees every call, and the budget of tokens and money is looked at before each of them.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from loopwright.models.model import Usage
from loopwright.models.told_usage import model_asked, told_usage

_HOP = {"connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade",
        "transfer-encoding", "host", "content-length", "accept-encoding"}  # fmt: skip
_AUTHORITY = {"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"}
_CHUNK = 1 << 16
_MOST_REQUEST = 64 << 20
_MOST_SEEN = 8 << 20
_LAST_SEEN = 1 << 16
"""Streams say at their end what they used."""
_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class ProviderCall:
    """One forwarded request, and what it used. `model` is what was asked for, "" where nothing was."""

    path: str
    status: int
    wall_s: float
    model: str = ""
    usage: Usage = field(default_factory=Usage)


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
    """Forwards while it is entered. `may_call` is given the path and the model of a request, and says why it
    is not allowed, "" when it is; `record` is told of each call. `one_at_a_time`: a request waits until the
    one before it is recorded, so that a budget is overspent by one call at most.
    """

    def __init__(
        self,
        socket: Path,
        upstream: Upstream,
        may_call: Callable[[str, str], str],
        record: Callable[[ProviderCall], None],
        *,
        one_at_a_time: bool = False,
    ) -> None:
        parts = urlsplit(upstream.url)
        host, port = parts.hostname or "", parts.port
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        turn = threading.Lock() if one_at_a_time else nullcontext()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._forward()

            def do_POST(self) -> None:
                self._forward()

            def _forward(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                if length > _MOST_REQUEST or not self.path.startswith(upstream.path + "/"):
                    self._say(404, "not served here")
                    return
                body = self.rfile.read(length)
                model = model_asked(self.path, body)
                with turn:
                    if refusal := may_call(self.path, model):
                        self._say(400, refusal)
                        return
                    self._call(body, model)

            def _call(self, body: bytes, model: str) -> None:
                began = time.monotonic()
                self._status, self._seen = 0, bytearray()
                sent = {k: v for k, v in self.headers.items() if k.lower() not in _HOP | _AUTHORITY}
                try:
                    connection = kind(host, port, timeout=_TIMEOUT_S)
                    connection.request(self.command, self.path, body or None, {**sent, **upstream.headers})
                    self._pass_on(connection.getresponse())
                    connection.close()
                except (OSError, http.client.HTTPException) as error:
                    self.close_connection = True
                    if not self._status:
                        self._say(502, f"the provider cannot be reached: {type(error).__name__}")
                finally:
                    # An answer that nobody waited for is paid for all the same.
                    answered = self._status == 200
                    usage = told_usage(self.path, body, bytes(self._seen)) if answered else Usage()
                    took_s = round(time.monotonic() - began, 3)
                    path = self.path.partition("?")[0]
                    record(ProviderCall(path, self._status or 502, took_s, model, usage))

            def _pass_on(self, response: http.client.HTTPResponse) -> None:
                """Hand the answer on as it comes, and keep what went by: the most of it, and its end."""
                self._status = response.status
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                while data := response.read1(_CHUNK):
                    self._seen += data
                    if len(self._seen) > _MOST_SEEN + _LAST_SEEN:
                        del self._seen[_MOST_SEEN:-_LAST_SEEN]
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")

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

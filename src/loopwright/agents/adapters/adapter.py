"""What an adapter of a command-line agent is: its start, where it sends, and what its events say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from loopwright.system.store import write_atomically

MCP_TIMEOUT_S = 900
"""For one call of the MCP server: a `time` may take as long."""
_LONGEST_TEXT = 2_000


@dataclass(frozen=True)
class Step:
    """One thing that an agent did: `kind` is message, command, tool, edit or error."""

    kind: str
    text: str


@dataclass(frozen=True)
class Events:
    """What the event stream of an agent says. Tokens are its own count, 0 where it does not count."""

    steps: tuple[Step, ...] = ()
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    ended: str = ""


@dataclass(frozen=True)
class Start:
    """How an agent is started. `@PORT@` stands for the port of the relay; `home` is its own empty folder."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


class Adapter(Protocol):
    """One command-line agent.

    Contract: `start` writes what configuration it needs into `home` and returns the command; it starts
    nothing. `read` never raises: a line that it does not understand is passed over, since streams change.
    """

    @property
    def name(self) -> str:
        """As in `--agent`, and the name of the program."""
        ...

    @property
    def package(self) -> str:
        """The npm package that brings the program."""
        ...

    @property
    def key(self) -> str:
        """Environment variable with the key, on the outside."""
        ...

    @property
    def url(self) -> str:
        """The provider's base URL."""
        ...

    @property
    def prices(self) -> str:
        """The provider in the files of prices."""
        ...

    @property
    def needs_model(self) -> bool:
        """Whether it has no model of its own choice, so that the user has to name one."""
        ...

    @property
    def notes(self) -> str:
        """File name under which it looks for instructions in its working folder."""
        ...

    def authority(self, key: str) -> Mapping[str, str]:
        """The headers that carry the key."""
        ...

    def start(self, program: str, prompt: str, model: str, path: str, home: Path, door: Path) -> Start:
        """How it is started non-interactively. `path` is that of the base URL, `door` the run's socket."""
        ...

    def read(self, lines: Iterable[bytes]) -> Events:
        """The event stream as steps and sums."""
        ...


def bearer(key: str) -> Mapping[str, str]:
    """The header of a bearer token (RFC 6750, section 2.1)."""
    return {"Authorization": f"Bearer {key}"}


def mcp_servers(door: Path, **more: object) -> dict[str, Any]:
    """The MCP server of the run, in the form in which several agents are told of it."""
    server = {"command": "loopwright", "args": ["mcp"], "env": {"LOOPWRIGHT_BENCH": str(door)}, **more}
    return {"mcpServers": {"loopwright": server}}


def mcp_config(home: Path, door: Path, **more: object) -> Path:
    """A file of its own with :func:`mcp_servers`."""
    path = home / "mcp.json"
    write_atomically(path, json.dumps(mcp_servers(door, **more)).encode())
    return path


def objects(lines: Iterable[bytes]) -> Iterable[Mapping[str, Any]]:
    """The lines that are JSON objects; others are passed over."""
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def part_of(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object called `name` in an event; an empty one where there is none, or something else."""
    value = event.get(name)
    return value if isinstance(value, Mapping) else {}


def parts_of(event: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in the list called `name` in an event."""
    value = event.get(name)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def number_of(event: Mapping[str, Any], name: str) -> int:
    """The number called `name` in an event, 0 where there is none."""
    value = event.get(name)
    return int(value) if isinstance(value, int | float) else 0


def step(kind: str, text: object) -> Step:
    """A step, its text cut to what a journal should hold."""
    return Step(kind, str(text or "")[:_LONGEST_TEXT])

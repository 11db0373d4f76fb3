"""What is different about each command-line agent: its start, where it sends, and what its events say."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from loopwright.core.errors import ToolMissing, UsageError
from loopwright.system.store import write_atomically

_MCP_TIMEOUT_S = 900
_LONGEST_TEXT = 2_000
_USER_JS = """\
const os = require("os"), real = os.userInfo;
os.userInfo = (options) => {
  try { return real(options); } catch {
    return { uid: 0, gid: 0, username: "agent", homedir: process.env.HOME, shell: "/bin/sh" };
  }
};
require("module").syncBuiltinESMExports();
"""
"""The sandbox has no list of users, without which Node cannot say who it is; some programs end at that."""


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


@dataclass(frozen=True)
class Codex:
    """OpenAI's Codex CLI: `codex exec --json`. Written against 0.169."""

    name: str = "codex"
    package: str = "@openai/codex"
    key: str = "OPENAI_API_KEY"
    url: str = "https://api.openai.com/v1"
    notes: str = "AGENTS.md"

    def authority(self, key: str) -> Mapping[str, str]:
        """A bearer token."""
        return {"Authorization": f"Bearer {key}"}

    def start(self, program: str, prompt: str, model: str, path: str, home: Path, door: Path) -> Start:
        """The sandbox around it is ours, so its own is switched off."""
        settings = {
            "model_provider": "gateway",
            "model_providers.gateway.name": "gateway",
            "model_providers.gateway.base_url": f"http://127.0.0.1:@PORT@{path}",
            "model_providers.gateway.wire_api": "responses",
            "model_providers.gateway.env_key": "GATEWAY_KEY",
            "mcp_servers.loopwright.command": "loopwright",
            "mcp_servers.loopwright.args": ["mcp"],
            "mcp_servers.loopwright.env.LOOPWRIGHT_BENCH": str(door),
            "mcp_servers.loopwright.startup_timeout_sec": 60,
            "mcp_servers.loopwright.tool_timeout_sec": _MCP_TIMEOUT_S,
            "features.plugins": False,
            "check_for_update_on_startup": False,
            "analytics.enabled": False,
        }
        # A JSON value of these kinds is a TOML value too.
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={json.dumps(value)}")]
        chosen = ("-m", model) if model else ()
        argv = (program, "exec", "--json", "--ephemeral", "--skip-git-repo-check",
                "--dangerously-bypass-approvals-and-sandbox", *chosen, *options, prompt)  # fmt: skip
        return Start(argv, {"CODEX_HOME": str(home), "GATEWAY_KEY": "outside"})

    def read(self, lines: Iterable[bytes]) -> Events:
        """Items are steps; each turn's end has its tokens."""
        steps: list[Step] = []
        counts = [0, 0, 0]
        ended = ""
        for event in _objects(lines):
            kind, item = event.get("type"), event.get("item") or {}
            if kind == "item.completed":
                steps += _codex_step(item)
            elif kind == "turn.completed":
                usage = event.get("usage") or {}
                for n, name in enumerate(("input_tokens", "cached_input_tokens", "output_tokens")):
                    counts[n] += int(usage.get(name) or 0)
                ended = "completed"
            elif kind in ("turn.failed", "error"):
                ended = "failed"
                steps.append(_step("error", (event.get("error") or event).get("message", "")))
        fresh, cached, output = counts
        return Events(tuple(steps), fresh, cached, output, ended=ended)


def _codex_step(item: Mapping[str, Any]) -> list[Step]:
    match item.get("type"):
        case "agent_message":
            return [_step("message", item.get("text"))]
        case "command_execution":
            return [_step("command", f"{item.get('command')} -> {item.get('exit_code')}")]
        case "mcp_tool_call":
            return [_step("tool", f"{item.get('tool')}: {item.get('status')}")]
        case "file_change":
            return [_step("edit", ", ".join(str(c.get("path")) for c in item.get("changes") or ()))]
        case "error":
            return [_step("error", item.get("message"))]
    return []


@dataclass(frozen=True)
class Claude:
    """Anthropic's Claude Code: `claude --print`. Written against 2.1.197."""

    name: str = "claude"
    package: str = "@anthropic-ai/claude-code"
    key: str = "ANTHROPIC_API_KEY"
    url: str = "https://api.anthropic.com"
    notes: str = "CLAUDE.md"

    def authority(self, key: str) -> Mapping[str, str]:
        """A header of its own."""
        return {"x-api-key": key}

    def start(self, program: str, prompt: str, model: str, path: str, home: Path, door: Path) -> Start:
        """The sandbox around it is ours, so that it need not ask before each step."""
        chosen = ("--model", model) if model else ()
        argv = (program, "--print", prompt, "--output-format", "stream-json", "--verbose", *chosen,
                "--permission-mode", "bypassPermissions", "--mcp-config", str(_mcp_config(home, door)),
                "--strict-mcp-config", "--setting-sources", "project",
                "--no-session-persistence")  # fmt: skip
        environment = {
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:@PORT@{path}",
            "ANTHROPIC_API_KEY": "outside",
            "CLAUDE_CONFIG_DIR": str(home),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "IS_SANDBOX": "1",
            "MCP_TIMEOUT": "60000",
            "MCP_TOOL_TIMEOUT": str(_MCP_TIMEOUT_S * 1000),
            "BASH_DEFAULT_TIMEOUT_MS": str(_MCP_TIMEOUT_S * 1000),
        }
        return Start(argv, environment)

    def read(self, lines: Iterable[bytes]) -> Events:
        """Blocks of messages are steps; the result at the end has tokens and cost."""
        return _stream_json(lines)


@dataclass(frozen=True)
class Qwen:
    """Qwen Code: `qwen -o stream-json`, for any server of the Chat protocol. Written against 0.15.10."""

    name: str = "qwen"
    package: str = "@qwen-code/qwen-code"
    key: str = "DASHSCOPE_API_KEY"
    url: str = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"
    notes: str = "QWEN.md"

    def authority(self, key: str) -> Mapping[str, str]:
        """A bearer token."""
        return {"Authorization": f"Bearer {key}"}

    def start(self, program: str, prompt: str, model: str, path: str, home: Path, door: Path) -> Start:
        """The sandbox around it is ours, so that it need not ask before each step."""
        chosen = ("--model", model) if model else ()
        config = _mcp_config(home, door, timeout=_MCP_TIMEOUT_S * 1000, trust=True)
        user = home / "user.cjs"
        write_atomically(user, _USER_JS.encode())
        argv = (program, prompt, "--output-format", "stream-json", "--yolo", *chosen, "--auth-type", "openai",
                "--openai-base-url", f"http://127.0.0.1:@PORT@{path}", "--openai-api-key", "outside",
                "--mcp-config", str(config))  # fmt: skip
        return Start(argv, {"QWEN_SANDBOX": "false", "NODE_OPTIONS": f"--require={user}"})

    def read(self, lines: Iterable[bytes]) -> Events:
        """Its stream has the form of Claude Code's."""
        return _stream_json(lines)


def _mcp_config(home: Path, door: Path, **more: object) -> Path:
    """A file that names the MCP server of the run, in the form that several agents read."""
    server = {"command": "loopwright", "args": ["mcp"], "env": {"LOOPWRIGHT_BENCH": str(door)}, **more}
    path = home / "mcp.json"
    write_atomically(path, json.dumps({"mcpServers": {"loopwright": server}}).encode())
    return path


def _stream_json(lines: Iterable[bytes]) -> Events:
    steps: list[Step] = []
    counts, cost, ended = (0, 0, 0), None, ""
    for event in _objects(lines):
        if event.get("type") == "assistant":
            blocks = (event.get("message") or {}).get("content") or ()
            steps += [step for block in blocks for step in _block_step(block)]
        elif event.get("type") == "result":
            usage = event.get("usage") or {}
            cached = int(usage.get("cache_read_input_tokens") or 0)
            fresh = int(usage.get("input_tokens") or 0) + int(usage.get("cache_creation_input_tokens") or 0)
            counts = (fresh + cached, cached, int(usage.get("output_tokens") or 0))
            cost = event.get("total_cost_usd")
            ended = "failed" if event.get("is_error") else "completed"
    return Events(tuple(steps), counts[0], counts[1], counts[2], cost, ended)


def _block_step(block: Mapping[str, Any]) -> list[Step]:
    given = block.get("input") or {}
    match block.get("type"), block.get("name"):
        case "text", _:
            return [_step("message", block.get("text"))]
        case "tool_use", "Bash" | "run_shell_command":
            return [_step("command", given.get("command"))]
        case "tool_use", "Edit" | "Write" | "MultiEdit" | "NotebookEdit" | "edit" | "write_file":
            return [_step("edit", given.get("file_path"))]
        case "tool_use", name:
            return [_step("tool", name)]
    return []


ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for adapter in (Codex(), Claude(), Qwen())}


def find_program(adapter: Adapter) -> tuple[str, tuple[Path, ...]]:
    """(the program, the folders that it needs to see). Raises ToolMissing when it is not installed."""
    found = shutil.which(adapter.name)
    if found is None:
        raise ToolMissing(
            f"{adapter.name} is not in PATH",
            hint=f"npm install --global {adapter.package}    (needs Node.js)",
        )
    folders = {_package_folder(Path(found))}
    if (node := shutil.which("node")) is not None:
        folders.add(Path(node).resolve().parent)
    return found, tuple(sorted(folder for folder in folders if Path("/usr") not in (folder, *folder.parents)))


def key_headers(adapter: Adapter, base_url: str | None) -> Mapping[str, str]:
    """The headers with the key from the environment.

    Raises:
        UsageError: when there is none, and no server of one's own either.
    """
    key = os.environ.get(adapter.key, "")
    if base_url:
        key = os.environ.get("LOOPWRIGHT_API_KEY") or key or "none"
    if not key:
        raise UsageError(
            f"no key for {adapter.name}",
            hint=f"export {adapter.key}=..., or give a server of your own with --base-url URL",
        )
    return adapter.authority(key)


def _package_folder(program: Path) -> Path:
    """The outermost `node_modules` around the program, else the folder that it lies in."""
    real = program.resolve()
    around = [folder for folder in real.parents if folder.name == "node_modules"]
    return around[-1] if around else real.parent


def _objects(lines: Iterable[bytes]) -> Iterable[Mapping[str, Any]]:
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _step(kind: str, text: object) -> Step:
    return Step(kind, str(text or "")[:_LONGEST_TEXT])

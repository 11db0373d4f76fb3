"""`--agent claude`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopwright.agents.adapters.adapter import MCP_TIMEOUT_S, Events, Start, Step, mcp_config, objects, step


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
                "--permission-mode", "bypassPermissions", "--mcp-config", str(mcp_config(home, door)),
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
            "MCP_TOOL_TIMEOUT": str(MCP_TIMEOUT_S * 1000),
            "BASH_DEFAULT_TIMEOUT_MS": str(MCP_TIMEOUT_S * 1000),
        }
        return Start(argv, environment)

    def read(self, lines: Iterable[bytes]) -> Events:
        """Blocks of messages are steps; the result at the end has tokens and cost."""
        return stream_json(lines)


def stream_json(lines: Iterable[bytes]) -> Events:
    """What `--output-format stream-json` prints."""
    steps: list[Step] = []
    counts, cost, ended = (0, 0, 0), None, ""
    for event in objects(lines):
        if event.get("type") == "assistant":
            blocks = (event.get("message") or {}).get("content") or ()
            steps += [step for block in blocks for step in _of_block(block)]
        elif event.get("type") == "result":
            usage = event.get("usage") or {}
            cached = int(usage.get("cache_read_input_tokens") or 0)
            fresh = int(usage.get("input_tokens") or 0) + int(usage.get("cache_creation_input_tokens") or 0)
            counts = (fresh + cached, cached, int(usage.get("output_tokens") or 0))
            cost = event.get("total_cost_usd")
            ended = "failed" if event.get("is_error") else "completed"
    return Events(tuple(steps), counts[0], counts[1], counts[2], cost, ended)


def _of_block(block: Mapping[str, Any]) -> list[Step]:
    given = block.get("input") or {}
    match block.get("type"), block.get("name"):
        case "text", _:
            return [step("message", block.get("text"))]
        case "tool_use", "Bash" | "run_shell_command":
            return [step("command", given.get("command"))]
        case "tool_use", "Edit" | "Write" | "MultiEdit" | "NotebookEdit" | "edit" | "write_file":
            return [step("edit", given.get("file_path"))]
        case "tool_use", name:
            return [step("tool", name)]
    return []

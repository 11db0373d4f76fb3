"""`--agent claude`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopwright.agents.adapters.adapter import (
    MCP_TIMEOUT_S,
    Events,
    Start,
    Step,
    mcp_config,
    number_of,
    objects,
    part_of,
    parts_of,
    step,
)


@dataclass(frozen=True)
class Claude:
    """Anthropic's Claude Code: `claude --print`. Written against 2.1.197."""

    name: str = "claude"
    package: str = "@anthropic-ai/claude-code"
    key: str = "ANTHROPIC_API_KEY"
    url: str = "https://api.anthropic.com"
    prices: str = "anthropic"
    notes: str = "CLAUDE.md"
    needs_model: bool = False

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
            blocks = parts_of(part_of(event, "message"), "content")
            steps += [step for block in blocks for step in _of_block(block)]
        elif event.get("type") == "result":
            usage = part_of(event, "usage")
            cached = number_of(usage, "cache_read_input_tokens")
            fresh = number_of(usage, "input_tokens") + number_of(usage, "cache_creation_input_tokens")
            counts = (fresh + cached, cached, number_of(usage, "output_tokens"))
            told = event.get("total_cost_usd")
            cost = told if isinstance(told, int | float) else None
            ended = "failed" if event.get("is_error") else "completed"
    return Events(tuple(steps), counts[0], counts[1], counts[2], cost, ended)


def _of_block(block: Mapping[str, Any]) -> list[Step]:
    given = part_of(block, "input")
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

"""`--agent codex`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopwright.agents.adapters.adapter import (
    MCP_TIMEOUT_S,
    Events,
    Start,
    Step,
    bearer,
    number_of,
    objects,
    part_of,
    parts_of,
    step,
)


@dataclass(frozen=True)
class Codex:
    """OpenAI's Codex CLI: `codex exec --json`. Written against 0.169."""

    name: str = "codex"
    package: str = "@openai/codex"
    key: str = "OPENAI_API_KEY"
    url: str = "https://api.openai.com/v1"
    prices: str = "openai"
    notes: str = "AGENTS.md"
    needs_model: bool = False

    def authority(self, key: str) -> Mapping[str, str]:
        """A bearer token."""
        return bearer(key)

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
            "mcp_servers.loopwright.tool_timeout_sec": MCP_TIMEOUT_S,
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
        for event in objects(lines):
            kind, item = event.get("type"), part_of(event, "item")
            if kind == "item.completed":
                steps += _of_item(item)
            elif kind == "turn.completed":
                usage = part_of(event, "usage")
                for n, name in enumerate(("input_tokens", "cached_input_tokens", "output_tokens")):
                    counts[n] += number_of(usage, name)
                ended = "completed"
            elif kind in ("turn.failed", "error"):
                ended = "failed"
                steps.append(step("error", (part_of(event, "error") or event).get("message")))
        fresh, cached, output = counts
        return Events(tuple(steps), fresh, cached, output, ended=ended)


def _of_item(item: Mapping[str, Any]) -> list[Step]:
    match item.get("type"):
        case "agent_message":
            return [step("message", item.get("text"))]
        case "command_execution":
            return [step("command", f"{item.get('command')} -> {item.get('exit_code')}")]
        case "mcp_tool_call":
            return [step("tool", f"{item.get('tool')}: {item.get('status')}")]
        case "file_change":
            return [step("edit", ", ".join(str(c.get("path")) for c in parts_of(item, "changes")))]
        case "error":
            return [step("error", item.get("message"))]
    return []

"""`--agent opencode:NAME`."""

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
    step,
)

_EDITS = ("edit", "write", "patch", "multiedit")


@dataclass(frozen=True)
class OpenCode:
    """OpenCode: `opencode run --format json`, for servers of the Chat protocol. Written against 1.18.33."""

    name: str = "opencode"
    package: str = "opencode-ai"
    key: str = "OPENAI_API_KEY"
    url: str = "https://api.openai.com/v1"
    prices: str = "openai"
    notes: str = "AGENTS.md"
    needs_model: bool = True

    def authority(self, key: str) -> Mapping[str, str]:
        """A bearer token."""
        return bearer(key)

    def start(self, program: str, prompt: str, model: str, path: str, home: Path, door: Path) -> Start:
        """The sandbox around it is ours, so that it need not ask before each step."""
        server = {
            "type": "local",
            "command": ["loopwright", "mcp"],
            "environment": {"LOOPWRIGHT_BENCH": str(door)},
            "timeout": MCP_TIMEOUT_S * 1000,
        }
        gateway = {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": f"http://127.0.0.1:@PORT@{path}", "apiKey": "outside"},
            "models": {model: {}},
        }
        settings = {
            "provider": {"gateway": gateway},
            "enabled_providers": ["gateway"],
            "model": f"gateway/{model}",
            "small_model": f"gateway/{model}",
            "mcp": {"loopwright": server},
            "permission": {"*": "allow"},
            "autoupdate": False,
            "share": "disabled",
            "snapshot": False,
            "formatter": False,
            "lsp": False,
        }
        # A title of one's own saves a call to the model for one.
        argv = (program, "run", "--format", "json", "--auto", "--pure", "--title", "loopwright", prompt)
        environment = {
            "OPENCODE_CONFIG_CONTENT": json.dumps(settings),
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_EXPERIMENTAL_BASH_DEFAULT_TIMEOUT_MS": str(MCP_TIMEOUT_S * 1000),
        }
        return Start(argv, environment)

    def read(self, lines: Iterable[bytes]) -> Events:
        """Parts of messages are steps; the end of each step of its own has tokens and cost."""
        steps: list[Step] = []
        counts, ended = [0, 0, 0], ""
        for event in objects(lines):
            part = part_of(event, "part")
            match event.get("type"):
                case "text":
                    steps.append(step("message", part.get("text")))
                case "tool_use":
                    steps.append(_of_call(part))
                case "step_finish":
                    tokens = part_of(part, "tokens")
                    cache = part_of(tokens, "cache")
                    cached = number_of(cache, "read")
                    fresh = number_of(tokens, "input") + number_of(cache, "write")
                    output = number_of(tokens, "output") + number_of(tokens, "reasoning")
                    counts = [a + b for a, b in zip(counts, (fresh + cached, cached, output), strict=True)]
                    ended = "completed" if part.get("reason") == "stop" else ended
                case "error":
                    error = part_of(event, "error")
                    steps.append(step("error", (part_of(error, "data") or error).get("message")))
                    ended = "failed"
        return Events(tuple(steps), counts[0], counts[1], counts[2], ended=ended)


def _of_call(part: Mapping[str, Any]) -> Step:
    state, name = part_of(part, "state"), part.get("tool")
    given = part_of(state, "input")
    if name == "bash":
        exit_code = part_of(state, "metadata").get("exit")
        return step("command", f"{given.get('command')} -> {exit_code}")
    if name in _EDITS:
        return step("edit", given.get("filePath"))
    return step("tool", f"{name}: {state.get('status')}")

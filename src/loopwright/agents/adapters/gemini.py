"""`--agent gemini`."""

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
    mcp_servers,
    number_of,
    objects,
    part_of,
    step,
)
from loopwright.system.store import write_atomically

_SHELL = "run_shell_command"
_EDITS = ("replace", "write_file")


@dataclass(frozen=True)
class Gemini:
    """Google's Gemini CLI: `gemini -o stream-json`. Written against 0.61.0."""

    name: str = "gemini"
    package: str = "@google/gemini-cli"
    key: str = "GEMINI_API_KEY"
    url: str = "https://generativelanguage.googleapis.com"
    prices: str = "google"
    notes: str = "GEMINI.md"
    needs_model: bool = False

    def authority(self, key: str) -> Mapping[str, str]:
        """A header of its own."""
        return {"x-goog-api-key": key}

    def start(self, program: str, prompt: str, model: str, path: str, home: Path, door: Path) -> Start:
        """The sandbox around it is ours, so that it need not ask before each step."""
        settings = {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "privacy": {"usageStatisticsEnabled": False},
            "telemetry": {"enabled": False},
            "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
            **mcp_servers(door, timeout=MCP_TIMEOUT_S * 1000, trust=True),
        }
        folder = home / ".gemini"
        if folder.is_symlink():
            # Left by an agent before the run was resumed: never written through.
            folder.unlink()
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        write_atomically(folder / "settings.json", json.dumps(settings).encode())
        chosen = ("--model", model) if model else ()
        argv = (program, "--prompt", prompt, "--output-format", "stream-json", "--approval-mode", "yolo",
                "--skip-trust", *chosen)  # fmt: skip
        environment = {
            "GOOGLE_GEMINI_BASE_URL": f"http://127.0.0.1:@PORT@{path}",
            "GEMINI_API_KEY": "outside",
            "GEMINI_CLI_NO_RELAUNCH": "true",
            "GEMINI_SANDBOX": "false",
        }
        return Start(argv, environment)

    def read(self, lines: Iterable[bytes]) -> Events:
        """Words come in pieces, which are joined; the result at the end has the tokens."""
        steps: list[Step] = []
        said: list[str] = []
        counts, ended = (0, 0, 0), ""
        for event in objects(lines):
            kind = event.get("type")
            if kind == "message":
                said += [str(event.get("content"))] if event.get("role") == "assistant" else []
                continue
            if said:
                steps.append(step("message", "".join(said)))
                said = []
            if kind == "tool_use":
                steps.append(_of_call(event))
            elif kind == "error":
                steps.append(step("error", event.get("message")))
            elif kind == "result":
                stats = part_of(event, "stats")
                names = ("input_tokens", "cached", "output_tokens")
                fresh, cached, output = (number_of(stats, name) for name in names)
                counts = (fresh, cached, output)
                ended = "completed" if event.get("status") == "success" else "failed"
                if why := part_of(event, "error").get("message"):
                    steps.append(step("error", why))
        return Events(tuple(steps), *counts, ended=ended)


def _of_call(event: Mapping[str, Any]) -> Step:
    given, name = part_of(event, "parameters"), event.get("tool_name")
    if name == _SHELL:
        return step("command", given.get("command"))
    if name in _EDITS:
        return step("edit", given.get("file_path"))
    return step("tool", name)

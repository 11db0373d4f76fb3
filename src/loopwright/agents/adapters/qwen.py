"""`--agent qwen`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from loopwright.agents.adapters.adapter import MCP_TIMEOUT_S, Events, Start, bearer, mcp_config
from loopwright.agents.adapters.claude import stream_json
from loopwright.system.store import write_atomically

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
class Qwen:
    """Qwen Code: `qwen -o stream-json`, for any server of the Chat protocol. Written against 0.15.10."""

    name: str = "qwen"
    package: str = "@qwen-code/qwen-code"
    key: str = "DASHSCOPE_API_KEY"
    url: str = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"
    prices: str = "dashscope"
    notes: str = "QWEN.md"
    needs_model: bool = False

    def authority(self, key: str) -> Mapping[str, str]:
        """A bearer token."""
        return bearer(key)

    def start(self, program: str, prompt: str, model: str, path: str, home: Path, door: Path) -> Start:
        """The sandbox around it is ours, so that it need not ask before each step."""
        chosen = ("--model", model) if model else ()
        config = mcp_config(home, door, timeout=MCP_TIMEOUT_S * 1000, trust=True)
        user = home / "user.cjs"
        write_atomically(user, _USER_JS.encode())
        argv = (program, prompt, "--output-format", "stream-json", "--yolo", *chosen, "--auth-type", "openai",
                "--openai-base-url", f"http://127.0.0.1:@PORT@{path}", "--openai-api-key", "outside",
                "--mcp-config", str(config))  # fmt: skip
        return Start(argv, {"QWEN_SANDBOX": "false", "NODE_OPTIONS": f"--require={user}"})

    def read(self, lines: Iterable[bytes]) -> Events:
        """Its stream has the form of Claude Code's."""
        return stream_json(lines)

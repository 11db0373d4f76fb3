"""The command-line agents that Loopwright knows, and what of each is on this machine: program and key."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from loopwright.agents.adapters.adapter import Adapter
from loopwright.agents.adapters.claude import Claude
from loopwright.agents.adapters.codex import Codex
from loopwright.agents.adapters.gemini import Gemini
from loopwright.agents.adapters.opencode import OpenCode
from loopwright.agents.adapters.qwen import Qwen
from loopwright.core.errors import ToolMissing, UsageError

ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter for adapter in (Codex(), Claude(), Gemini(), OpenCode(), Qwen())
}


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

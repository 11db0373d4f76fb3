"""What was proved on this machine, remembered across runs: the controls that were caught."""

from __future__ import annotations

import json
from pathlib import Path

from loopwright.core.errors import LoopwrightError
from loopwright.system.compiled import cache_folder
from loopwright.system.store import write_atomically

_FILE = "controls.json"


def is_remembered(key: str) -> bool:
    """Whether :func:`remember` was called with `key` here, by this or another process."""
    return key in _remembered()


def remember(key: str, what: str) -> None:
    """Note that what `key` stands for was proved; `what` says it to people who open the file."""
    try:
        content = json.dumps({**_remembered(), key: what}, indent=1, sort_keys=True)
        write_atomically(_path(), content.encode())
    except (OSError, LoopwrightError):
        # Without a cache the control is tried again next time: slower, as right.
        return


def _remembered() -> dict[str, str]:
    try:
        kept = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError, LoopwrightError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _path() -> Path:
    return cache_folder() / _FILE

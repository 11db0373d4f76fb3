"""What was proved on this machine, remembered across runs: the controls that were caught."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from loopwright.core.errors import LoopwrightError
from loopwright.system.compiled import cache_folder
from loopwright.system.store import write_atomically

_FILE = "controls.json"
_known: dict[str, str] = {}
"""What this process has asked for before: key to what is wrong, "" for nothing."""


def proven(key: str, what: str, tried: Callable[[], str]) -> str:
    """Empty when `tried` was empty for `key` here, now or earlier, in this or another process; else what it
    says is wrong. A success is remembered in the cache folder, where `what` says to people what it was; a
    failure for this process only.
    """
    if key not in _known:
        kept = key in _remembered()
        _known[key] = "" if kept else tried()
        if not kept and not _known[key]:
            _remember(key, what)
    return _known[key]


def _remember(key: str, what: str) -> None:
    try:
        content = json.dumps({**_remembered(), key: what}, indent=1, sort_keys=True)
        write_atomically(_path(), content.encode())
    except (OSError, LoopwrightError):
        # Without a cache the next process tries the control again: slower, as right.
        return


def _remembered() -> dict[str, str]:
    try:
        kept = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError, LoopwrightError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _path() -> Path:
    return cache_folder() / _FILE

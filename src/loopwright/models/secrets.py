"""Keys stay where they are: no value of a secret variable gets into a journal, a report or the evidence."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_NAME = re.compile(r"(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(_|$)", re.IGNORECASE)
_SHORTEST = 8
_KEY_LIKE = re.compile(r"\b(sk-[A-Za-z0-9_-]{16,}|AIza[A-Za-z0-9_-]{30,}|Bearer\s+[A-Za-z0-9._-]{16,})")


def secret_values(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Value to name of every variable that holds a secret, by its name; short values are no secrets."""
    found = os.environ if environment is None else environment
    return {v: name for name, v in found.items() if _NAME.search(name) and len(v) >= _SHORTEST}


def redacted(text: str, environment: Mapping[str, str] | None = None) -> str:
    """`text` without any secret of the environment, and without what looks like a provider's key."""
    for value, name in sorted(secret_values(environment).items(), key=lambda pair: -len(pair[0])):
        text = text.replace(value, f"[{name}]")
    return _KEY_LIKE.sub("[key]", text)

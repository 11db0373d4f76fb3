"""Names and globs that a task file can hold, made from paths."""

from __future__ import annotations

import re


def plain_name(text: str) -> str:
    """`text` as the name of a task: letters, digits and `. _ + -`."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", text).strip("-.+_")[:64] or "task"


def escaped(path: str) -> str:
    """`path` as a glob that matches it alone."""
    return re.sub(r"([*?\[])", r"[\1]", path)

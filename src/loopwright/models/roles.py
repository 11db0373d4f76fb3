"""What the members of a team say to one another, read out of their replies. Pure functions of texts.

A planner gives steps, each begun by a line `STEP: what to do`; a tester gives objections, each begun by a
line `OBJECTION: what is wrong`. The lines below such a line, up to the next marker, belong to it.
"""

from __future__ import annotations

import re

MOST_STEPS = 3
_LONGEST = 2_000
_MARKER = re.compile(r"^(STEP|OBJECTION|EXPECT|STOP|VERDICT):[ \t]*", re.MULTILINE)


def steps_of(text: str) -> tuple[str, ...]:
    """The steps of a plan, at most three; a plan without markers is one step."""
    return tuple(_parts(text, "STEP"))[:MOST_STEPS] or (text.strip()[:_LONGEST],)


def objections_of(text: str) -> str:
    """All objections of a tester, one paragraph each; empty when there are none."""
    return "\n".join(f"- {part}" for part in _parts(text, "OBJECTION"))


def _parts(text: str, word: str) -> list[str]:
    pieces = _MARKER.split(text.replace("\r\n", "\n"))
    pairs = zip(pieces[1::2], pieces[2::2], strict=True)
    return [body.strip()[:_LONGEST] for marker, body in pairs if marker == word and body.strip()]

"""Inside an agent's workspace: the same commands, answered by the run outside."""

from __future__ import annotations

from typing import Any

from loopwright.agents.door import ask
from loopwright.core.errors import UsageError


def ask_outside(operation: str) -> dict[str, Any]:
    """The answer of the run. Raises UsageError when it refuses (the budget is spent) or is gone."""
    try:
        answer = ask(operation)
    except (OSError, ValueError) as error:
        raise UsageError(f"the run outside does not answer: {error}") from error
    if "error" in answer:
        raise UsageError(str(answer["error"]))
    return answer

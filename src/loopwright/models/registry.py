"""Models by the names they have on the command line: `model:PROVIDER/NAME`."""

from __future__ import annotations

from pathlib import Path

from loopwright.core.errors import UsageError
from loopwright.models.canned import Echo, replayed, scripted
from loopwright.models.model import Model

HINT = (
    "--agent model:openai/NAME | anthropic/NAME | google/NAME | openai-responses/NAME, with --base-url URL "
    "for a server of your own; without a network: model:scripted/FILE, model:replay/RUN, model:echo/echo"
)

FROM_FILES = ("scripted", "replay")
"""Kinds of models whose name is a path."""


def find_model(name: str, *, base_url: str | None = None, used: int = 0) -> Model:
    """The model called `name`, ready to be asked.

    Args:
        base_url: address of an OpenAI-compatible (or Anthropic-compatible) server instead of the provider's.
        used: how many answers this run has had from it already; a script goes on after those.

    Raises:
        UsageError: unknown name, no key, a file that is no script. ToolMissing: without pydantic-ai.
    """
    provider, slash, rest = name.partition("/")
    if not slash or not rest:
        raise UsageError(f"not a model: {name!r}", hint=HINT)
    match provider:
        case "scripted":
            return scripted(Path(rest).resolve(), used)
        case "replay":
            return replayed(Path(rest).resolve(), used)
        case "echo":
            return Echo(name)
    from loopwright.models.providers import ProviderModel

    return ProviderModel(provider, rest, base_url)

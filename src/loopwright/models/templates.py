"""Prompts as files: by stage, tier and target, the user's own before the shipped ones."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from loopwright.core.errors import UsageError

_SHIPPED = Path(__file__).parent / "prompts"


class Stage(StrEnum):
    """What a model is asked for. `analysis` is no question: it is what Loopwright measured and proved.

    The last four are the parts of a team (`--strategy roles`).
    """

    ANALYSIS = "analysis"
    PLAN = "plan"
    WRITE = "write"
    REPAIR = "repair"
    REFINE = "refine"
    CROSS = "cross"
    PROFILER = "profiler"
    PLANNER = "planner"
    WRITER = "writer"
    TESTER = "tester"


class Tier(StrEnum):
    """How much the prompt knows: what a user would say, what a programmer would, or every fact there is."""

    USER = "user"
    KNOWLEDGEABLE = "knowledgeable"
    EXPERT = "expert"


def parse_tier(name: str) -> Tier:
    """The tier called `name`. Raises UsageError when there is none."""
    try:
        return Tier(name)
    except ValueError as error:
        raise UsageError(f"unknown tier {name!r}", hint=f"--tier {' | '.join(Tier)}") from error


def names_of(kind: str, tier: str, target: str) -> list[str]:
    """File names that are looked for, the most special first."""
    return [f"{kind}-{tier}-{target}.j2", f"{kind}-{tier}.j2", f"{kind}-{target}.j2", f"{kind}.j2"]


def render(
    kind: str, tier: str, target: str, values: Mapping[str, Any], *, folder: Path | None = None
) -> str:
    """The prompt `kind` ("system" or a stage) filled with `values`.

    A file in `folder` comes before a shipped one of the same speciality; templates may include one another.

    Raises:
        UsageError: for a folder that is not there; for a template of the user's that is broken or asks for a
            value that does not exist.
    """
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, TemplateError

    if folder is not None and not folder.is_dir():
        raise UsageError("not a folder of prompts", where=str(folder), hint="--prompts DIR")
    places = ([folder] if folder is not None else []) + [_SHIPPED]
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(place) for place in places]),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    try:
        template = environment.select_template(names_of(kind, tier, target))
        return template.render(tier=tier, target=target, **values)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        where = f"{getattr(error, 'filename', None) or kind}" + (f":{line}" if line else "")
        raise UsageError(f"the prompt cannot be made: {error}", where=where) from error

"""Prompts as files: by stage, tier and target, the user's own before the shipped ones."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from loopwright.core.errors import UsageError

if TYPE_CHECKING:
    from jinja2 import Environment

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
    from jinja2 import TemplateError, UndefinedError

    if folder is not None and not folder.is_dir():
        raise UsageError("not a folder of prompts", where=str(folder), hint="--prompts DIR")
    try:
        template = _environment(folder).select_template(names_of(kind, tier, target))
        return template.render(tier=tier, target=target, **values)
    except TemplateError as error:
        known = ", ".join(sorted({"tier", "target", *values}))
        hint = f"a prompt for {kind} may use: {known}" if isinstance(error, UndefinedError) else ""
        raise UsageError(
            f"the prompt cannot be made: {error}", where=_where(error, kind), hint=hint
        ) from error
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # What an expression of the user's may raise; a file that is not UTF-8 is a ValueError.
        if folder is None:
            raise
        raise UsageError(f"the prompt cannot be made: {error}", where=_where(error, kind)) from error


def check_syntax(folder: Path) -> None:
    """Whether every template in `folder` can be read. Raises UsageError for the first that cannot."""
    from jinja2 import TemplateSyntaxError

    environment = _environment(folder)
    for path in sorted(folder.glob("*.j2")):
        try:
            environment.get_template(path.name)
        except TemplateSyntaxError as error:
            where = f"{path}:{error.lineno}"
            raise UsageError(f"the prompt cannot be made: {error.message}", where=where) from error
        except ValueError as error:
            raise UsageError("the prompt is not UTF-8", where=str(path)) from error


def _environment(folder: Path | None) -> Environment:
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

    places = ([folder] if folder is not None else []) + [_SHIPPED]
    return Environment(
        loader=ChoiceLoader([FileSystemLoader(place) for place in places]),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _where(error: Exception, kind: str) -> str:
    """File and line: those that the error names, else the innermost template that was rendered."""
    if (line := getattr(error, "lineno", None)) is not None:
        return f"{getattr(error, 'filename', None) or kind}:{line}"
    frames = [f for f in extract_tb(error.__traceback__) if f.filename.endswith(".j2")]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else kind

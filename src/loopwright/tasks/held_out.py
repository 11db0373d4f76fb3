"""Drawing held-out cases: sizes and seeds that nobody knows before the end of a run. Pure functions.

Sizes are drawn to be awkward: a prime, an odd number, one smaller and one larger than what was timed. Where
no ranges are stated, sizes are derived from the task's own cases.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator, Mapping

from loopwright.core.task import Case, HeldOut, Range, Task, Use
from loopwright.tasks.derived import derived_cases
from loopwright.tasks.draws import KINDS, TRIES, drawn_number

_RANGE = re.compile(r"\s*(-?\d{1,19})\s*\.\.\s*(-?\d{1,19})(?:\s+step\s+(\d{1,18}))?\s*")
_LARGER = 1.3
_SMALLER = 3


def parse_range(text: str) -> Range | None:
    """The range in "500..700" or "512..1024 step 64"; None for any other text."""
    match = _RANGE.fullmatch(text)
    return None if match is None else Range(int(match[1]), int(match[2]), int(match[3] or 1))


def ends_of(task: Task) -> tuple[Case, ...]:
    """Two cases for each [[held-out]]: with the lowest number of every range, and with the highest."""
    found: list[Case] = []
    for held_out in task.held_out:
        for end in ("low", "high"):
            params = {
                name: (value.low if end == "low" else value.last) if isinstance(value, Range) else value
                for name, value in held_out.params.items()
            }
            found.append(_case(held_out, f"{held_out.name} ({_shown(params)})", params, seed=1))
    return tuple(found)


def drawn_cases(task: Task, secret: str, *, most_bytes: int) -> tuple[Case, ...]:
    """The held-out cases that `secret` chooses; the same ones for the same secret.

    Drawn from every [[held-out]] of the task; without any, and without a held-out case of its own, derived
    from its cases (:func:`loopwright.tasks.derived.derived_cases`).

    Args:
        task: what they are for.
        secret: anything that nobody could know before.
        most_bytes: no derived case has larger arrays than this, or than the task's own cases have.
    """
    chance = random.Random(secret)
    if task.held_out:
        return tuple(case for held_out in task.held_out for case in _drawn(task, held_out, chance))
    if task.cases_for(Use.HELD_OUT):
        return ()
    return derived_cases(task, chance, most_bytes=most_bytes)


def held_out_lines(task: Task) -> str:
    """Lines of a task file that would state ranges, around the timed case, for its author to look over."""
    timed = task.cases_for(Use.TIME)[0]
    if task.kernel is not None:
        params = dict(timed.params)
        args: list[str] = []
    else:
        numbers = [int(arg) if re.fullmatch(r"\d{1,18}", arg) else None for arg in timed.args]
        named = {value: name for name, value in timed.params.items()}
        params, args = {}, []
        for place, (arg, number) in enumerate(zip(timed.args, numbers, strict=True)):
            name = named.get(number, f"a{place + 1}") if number is not None else ""
            args.append(f'"{{{name}}}"' if name else _quoted(arg))
            if number is not None:
                params[name] = number
    if not params:
        return '[[held-out]]\nargs = ["{n}"]\nparams = { n = "100..1000" }'
    ranges = ", ".join(
        f'{name} = "{max(1, value // _SMALLER)}..{max(2, int(value * _LARGER))}"'
        for name, value in params.items()
    )
    lines = ["[[held-out]]", f"args = [{', '.join(args)}]", f"params = {{ {ranges} }}"]
    return "\n".join(line for line in lines if args or not line.startswith("args"))


def _drawn(task: Task, held_out: HeldOut, chance: random.Random) -> Iterator[Case]:
    known = _timed_params(task)
    seen: set[tuple[tuple[str, int], ...]] = set()
    for number, kind in zip(range(held_out.count), itertools.cycle(KINDS), strict=False):
        params: dict[str, int] = {}
        for _ in range(TRIES):
            params = {
                name: drawn_number(value, kind, known.get(name), chance)
                if isinstance(value, Range)
                else value
                for name, value in held_out.params.items()
            }
            if tuple(params.items()) not in seen:
                break
        seen.add(tuple(params.items()))
        name = f"{held_out.name}-{number + 1}-{kind}"
        yield _case(held_out, name, params, seed=chance.randrange(1, 2**31))


def _case(held_out: HeldOut, name: str, params: Mapping[str, int], seed: int) -> Case:
    def filled(text: str) -> str:
        for param, value in params.items():
            text = text.replace(f"{{{param}}}", str(value))
        return text

    return Case(
        name=name,
        use=Use.HELD_OUT,
        args=tuple(filled(arg) for arg in held_out.args),
        stdin=held_out.stdin,
        files=held_out.files,
        env=held_out.env,
        params=dict(params),
        seed=seed,
        timeout_s=held_out.timeout_s,
    )


def _timed_params(task: Task) -> dict[str, int]:
    """The largest value of each param over the timed cases."""
    found: dict[str, int] = {}
    for case in task.cases_for(Use.TIME):
        for name, value in case.params.items():
            found[name] = max(value, found.get(name, value))
    return found


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _shown(params: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in params.items())

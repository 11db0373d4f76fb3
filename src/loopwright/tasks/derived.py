"""Held-out cases that nobody stated, derived from the cases of a task. Pure functions.

A kernel task says which of its numbers are sizes; of a program only the arguments of a run are known, so that
the original has to say whether it can do with others.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from loopwright.core.errors import TaskError
from loopwright.core.expressions import evaluate_int
from loopwright.core.task import Case, Language, Range, Task, Use
from loopwright.tasks.draws import KINDS, TRIES, drawn_number

DERIVED = "derived"
"""Beginning of the names of cases that no [[held-out]] asked for."""

_LARGER = 1.3
_SMALLER = 3
_SMALLEST = 10
_LEAST_SIZE = 5
"""Smaller arguments are taken for choices, not sizes."""
_HALVINGS = {"odd": 2, "small": 1}


def derived_cases(task: Task, chance: random.Random, *, most_bytes: int) -> tuple[Case, ...]:
    """Held-out cases for `task`, which states none.

    For a kernel sizes within the span of those of its cases, up to a third larger than the timed one, and
    fresh data at the timed size. For a program of which nothing but timed runs is known, and which reads no
    file, other whole numbers among the arguments: equal ones stay equal, and their order stays.

    Args:
        task: what they are for.
        chance: draws the numbers.
        most_bytes: no case of a kernel has larger arrays than this, or than the task's own cases have.
    """
    if task.kernel is not None:
        return tuple(_of_params(task, chance, most_bytes))
    known = task.cases_for(Use.TIME)
    if task.cases_for(Use.CHECK) or task.language is Language.CUDA or any(c.stdin or c.files for c in known):
        return ()
    return tuple(_of_arguments(known, chance))


def _of_arguments(known: Sequence[Case], chance: random.Random) -> Iterator[Case]:
    timed = max(known, key=lambda case: math.prod(_numbers(case).values()))
    alike = [case for case in known if len(case.args) == len(timed.args)]
    values = {place: {_numbers(case).get(place) for case in alike} for place in _numbers(timed)}
    varied = {
        place: value
        for place, value in _numbers(timed).items()
        if value >= _LEAST_SIZE and (len(alike) == 1 or values[place] != {value})
    }
    seen = {case.args for case in known}
    for kind in KINDS:
        drawn = _in_order(set(varied.values()), kind, chance)
        args = [str(drawn[varied[place]]) if place in varied else arg for place, arg in enumerate(timed.args)]
        if tuple(args) in seen:
            continue
        seen.add(tuple(args))
        params = {f"argument {place + 1}": drawn[value] for place, value in varied.items()}
        yield Case(
            f"{DERIVED}-{kind}", Use.HELD_OUT, tuple(args), env=timed.env, params=params,
            seed=chance.randrange(1, 2**31),
        )  # fmt: skip


def _numbers(case: Case) -> dict[int, int]:
    """Place and value of the arguments that are whole numbers above zero."""
    return {k: int(arg) for k, arg in enumerate(case.args) if re.fullmatch(r"[1-9]\d{0,17}", arg)}


def _in_order(values: AbstractSet[int], kind: str, chance: random.Random) -> dict[int, int]:
    """Another number for each of `values`, none of them smaller than that of a smaller value. Powers of two
    stay such: perhaps nothing else is allowed.
    """
    found: dict[int, int] = {}
    least = 1
    for value in sorted(values):
        span = _span(kind, value, {value})
        if value & (value - 1) == 0:
            least = max(least, value >> _HALVINGS.get(kind, 0))
        elif span is not None:
            low = min(max(span.low, least), span.high)
            least = max(least, drawn_number(Range(low, span.high), kind, value, chance))
        else:
            least = max(least, value)
        found[value] = least
    return found


def _of_params(task: Task, chance: random.Random, most_bytes: int) -> Iterator[Case]:
    known = task.cases_for(Use.CHECK, Use.TIME)
    timed = max(task.cases_for(Use.TIME), key=lambda case: _array_bytes(task, case))
    most_bytes = max(most_bytes, *(_array_bytes(task, case) for case in known))

    def case(kind: str, params: Mapping[str, int]) -> Case:
        name = f"{DERIVED}-{kind}"
        return Case(name, Use.HELD_OUT, env=timed.env, params=dict(params), seed=chance.randrange(1, 2**31))

    yield case("fresh", timed.params)
    for kind in KINDS:
        spans: dict[str, Range] = {}
        for name, value in timed.params.items():
            values = {case.params[name] for case in known if name in case.params}
            if (values != {value} or len(known) == 1) and (span := _span(kind, value, values)):
                spans[name] = span
        for _ in range(TRIES if spans else 0):
            drawn = {
                name: drawn_number(span, kind, timed.params[name], chance) for name, span in spans.items()
            }
            made = case(kind, {**timed.params, **drawn})
            if _is_alike(made.params, known) and _is_possible(task, made, most_bytes):
                yield made
                break


def _span(kind: str, value: int, known: AbstractSet[int]) -> Range | None:
    """What a number may become that is `value` in the timed case and one of `known` in some: on the grid that
    these lie on. Odd ones are drawn where checking is cheap, the others near the timed size, where a speedup
    shows.
    """
    if value <= 0:
        return None
    if len(known) > 2 and all(v > 0 and v & (v - 1) == 0 for v in known):
        return None  # Powers of two: perhaps nothing else is allowed, and few of these are left.
    step = max(1, math.gcd(*known)) if len(known) > 1 else 1
    smallest = max(1, min(known) if len(known) > 1 else value // _SMALLEST)
    low, high = max(smallest, value // _SMALLER), int(value * _LARGER)
    if kind == "odd":
        low, high = smallest, max(smallest, value // _SMALLER)
    low = -(-low // step) * step
    return Range(low, high, step) if high - low >= step else None


def _is_alike(params: Mapping[str, int], known: Sequence[Case]) -> bool:
    """Whether no param is larger than another that it never exceeds in the task's own cases: a row is perhaps
    not to be longer than its leading dimension.
    """
    return all(
        params[a] <= params[b]
        for a, b in itertools.permutations(params, 2)
        if all(a in c.params and b in c.params and c.params[a] <= c.params[b] for c in known)
    )


def _is_possible(task: Task, case: Case, most_bytes: int) -> bool:
    """Whether the driver can make the arguments of `case`."""
    from loopwright.tasks.driver import driver_arguments

    try:
        driver_arguments(task, case, result="none")
        return _array_bytes(task, case) <= most_bytes
    except TaskError:
        return False


def _array_bytes(task: Task, case: Case) -> int:
    assert task.kernel is not None
    return sum(
        argument.dtype.size_bytes * math.prod(evaluate_int(extent, case.params) for extent in argument.shape)
        for argument in task.kernel.arguments
        if argument.is_array
    )

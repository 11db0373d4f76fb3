"""Drawing held-out cases: sizes and seeds that nobody knows before the end of a run. Pure functions.

Sizes are drawn to be awkward: a prime, an odd number, one smaller and one larger than what was timed. A
kernel task that states no ranges gets some around its own cases; a program does not, since nobody knows what
its arguments mean.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence

from loopwright.core.errors import TaskError
from loopwright.core.expressions import evaluate_int
from loopwright.core.task import Case, HeldOut, Range, Task, Use

KINDS = ("prime", "odd", "small", "large")
DERIVED = "derived"
"""Beginning of the names of cases that no [[held-out]] asked for."""

_RANGE = re.compile(r"\s*(-?\d{1,19})\s*\.\.\s*(-?\d{1,19})(?:\s+step\s+(\d{1,18}))?\s*")
_TRIES = 60
_LARGER = 1.3
_SMALLER = 3
_SMALLEST = 10
_WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


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

    Drawn from every [[held-out]] of the task; for a kernel task without any, and without a held-out case of
    its own, derived from its cases: other sizes within the span of theirs, up to a third larger than the
    timed one, and fresh data at the timed size.

    Args:
        task: what they are for.
        secret: anything that nobody could know before.
        most_bytes: no derived case has larger arrays than this, or than the task's own cases have.
    """
    chance = random.Random(secret)
    if task.held_out:
        return tuple(case for held_out in task.held_out for case in _drawn(task, held_out, chance))
    if task.kernel is None or task.cases_for(Use.HELD_OUT):
        return ()
    return tuple(_derived(task, chance, most_bytes))


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


def is_prime(number: int) -> bool:
    """Whether `number` is a prime: Miller and Rabin's test, exact below 3.3e24 with these witnesses
    (Sorenson and Webster, Mathematics of Computation 86, 2017).
    """
    if number < 2:
        return False
    for prime in _WITNESSES:
        if number % prime == 0:
            return number == prime
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for witness in _WITNESSES:
        power = pow(witness, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def _drawn(task: Task, held_out: HeldOut, chance: random.Random) -> Iterator[Case]:
    known = _timed_params(task)
    seen: set[tuple[tuple[str, int], ...]] = set()
    for number, kind in zip(range(held_out.count), itertools.cycle(KINDS), strict=False):
        params: dict[str, int] = {}
        for _ in range(_TRIES):
            params = {
                name: _number(value, kind, known.get(name), chance) if isinstance(value, Range) else value
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


def _number(span: Range, kind: str, timed: int | None, chance: random.Random) -> int:
    """A number of `span` of that kind, or any other where there is none."""
    low, high = span.low, span.last
    if kind == "small":
        high = timed - 1 if timed is not None and low < timed <= high else low + (high - low) // 3
    elif kind == "large":
        low = timed + 1 if timed is not None and low <= timed < high else high - (high - low) // 3
    first = span.low + -(-(low - span.low) // span.step) * span.step
    if first > high:
        first, high = span.low, span.last
    drawn = first
    for _ in range(_TRIES * 5):
        drawn = _between(first, high, chance, evenly=kind in ("prime", "large"))
        drawn -= (drawn - first) % span.step
        if kind not in ("prime", "odd") or (is_prime(drawn) if kind == "prime" else drawn % 2 == 1):
            break
    return drawn


def _between(low: int, high: int, chance: random.Random, *, evenly: bool) -> int:
    """A number from `low` to `high`; unless `evenly`, every order of magnitude is as likely as another."""
    if evenly or low < 1:
        return chance.randint(low, high)
    return min(high, max(low, round(math.exp(chance.uniform(math.log(low), math.log(high))))))


def _timed_params(task: Task) -> dict[str, int]:
    """The largest value of each param over the timed cases."""
    found: dict[str, int] = {}
    for case in task.cases_for(Use.TIME):
        for name, value in case.params.items():
            found[name] = max(value, found.get(name, value))
    return found


def _derived(task: Task, chance: random.Random, most_bytes: int) -> Iterator[Case]:
    known = task.cases_for(Use.CHECK, Use.TIME)
    timed = max(task.cases_for(Use.TIME), key=lambda case: _array_bytes(task, case))
    most_bytes = max(most_bytes, *(_array_bytes(task, case) for case in known))

    def case(kind: str, params: Mapping[str, int]) -> Case:
        name = f"{DERIVED}-{kind}"
        return Case(name, Use.HELD_OUT, env=timed.env, params=dict(params), seed=chance.randrange(1, 2**31))

    yield case("fresh", timed.params)
    for kind in KINDS:
        spans = {name: span for name in timed.params if (span := _span(name, kind, known, timed))}
        for _ in range(_TRIES if spans else 0):
            drawn = {name: _number(span, kind, timed.params[name], chance) for name, span in spans.items()}
            made = case(kind, {**timed.params, **drawn})
            if _is_alike(made.params, known) and _is_possible(task, made, most_bytes):
                yield made
                break


def _span(name: str, kind: str, known: Sequence[Case], timed: Case) -> Range | None:
    """What a param may become: it varies where the task's own cases do, on the grid that they lie on. Odd
    ones are drawn where checking is cheap, the others near the timed size, where a speedup shows.
    """
    value = timed.params[name]
    values = {case.params[name] for case in known if name in case.params}
    if value <= 0 or (len(values) == 1 and len(known) > 1):
        return None
    if len(values) > 2 and all(v > 0 and v & (v - 1) == 0 for v in values):
        return None  # Powers of two: perhaps nothing else is allowed, and few of these are left.
    step = max(1, math.gcd(*values)) if len(values) > 1 else 1
    smallest = max(1, min(values) if len(values) > 1 else value // _SMALLEST)
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


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _shown(params: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in params.items())

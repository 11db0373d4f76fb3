"""Whether OpenMP accepts the form of a loop: the canonical loop form, OpenMP 5.0 section 2.9.1."""

from __future__ import annotations

import re

from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import Loop, Storage
from loopwright.moves.move import Declined, NestSource, written
from loopwright.moves.rewrite import code, pragma_before

_NAME = re.compile(r"[A-Za-z_]\w*")


def is_name(text: str) -> bool:
    """Whether `text` is one identifier, as a clause needs it."""
    return _NAME.fullmatch(text) is not None


def require_canonical(source: NestSource, loop: Loop, *, ranges: bool = False) -> None:
    """Accept `for (var = a; var < b; var += c)` and its variants, with `b` and `c` fixed while it runs.

    With `ranges` also a range-based `for` (OpenMP 5.0; not under `simd`, where gcc wants a number to count).

    Raises:
        Declined: naming the part of the header that OpenMP does not take.
    """
    data = source.data
    if (
        data[loop.range.start : loop.range.start + 3] != b"for"
        or data[loop.header.end - 1 : loop.header.end] != b")"
    ):
        raise Declined("its place in the file is not what the parser said")
    if loop.over_range:
        if not ranges:
            raise Declined("a range-based loop has no variable to count with")
        return
    if not is_name(loop.variable):
        raise Declined(f"its variable '{loop.variable}' is not a plain name")
    if not loop.step:
        raise Declined("its step is not a constant")
    init, condition, increment = (
        code(data, part.start, part.end).rstrip("; ") for part in (loop.init, loop.condition, loop.increment)
    )
    variable = re.escape(loop.variable)
    if not re.match(rf"(?:[A-Za-z_][\w:]*\s+)*{variable}\s*=(?!=)", init) or has_top_level(init, ","):
        raise Declined(f"OpenMP does not take the loop initialisation '{init}'")
    match = re.fullmatch(rf"{variable}\s*(?:<=?|>=?|!=)(?![<>=])(?P<bound>.+)", condition) or re.fullmatch(
        rf"(?P<bound>.+?)(?<![<>=!-])(?:<=?|>=?|!=)\s*{variable}", condition
    )
    # A choice in parentheses, such as (n < tile + 32 ? n : tile + 32), is one value where it is known to be.
    known = (
        loop.lower is not None and loop.upper is not None and _is_bracketed(match["bound"] if match else "")
    )
    operators = r"&&|\|\||\?|[<>](?![<>])(?<![<>][<>])(?<!->)|=|,"
    if match is None or (not known and re.search(operators, match["bound"])):
        raise Declined(f"OpenMP does not take the loop condition '{condition}'")
    if "!=" in condition and abs(loop.step) != 1:
        raise Declined("OpenMP takes '!=' in a loop condition with a step of 1 or -1 only")
    if re.search(rf"\b{variable}\b", match["bound"]):
        raise Declined(f"the bound in '{condition}' depends on the loop variable itself")
    steps = (
        rf"(?:\+\+|--)\s*{variable}|{variable}\s*(?:\+\+|--)|{variable}\s*[+-]=[^,=]+"
        rf"|{variable}\s*=\s*{variable}\s*[+-][^,=]+|{variable}\s*=[^,=]+\+\s*{variable}"
    )
    if not re.fullmatch(steps, increment):
        raise Declined(f"OpenMP does not take the loop increment '{increment}'")
    if loop.lower is None or loop.upper is None:
        _require_fixed_bound(source, loop, match["bound"])


def _is_bracketed(text: str) -> bool:
    """Whether a text is one pair of parentheses with something in it."""
    text, depth = text.strip(), 0
    for character in text[1:-1]:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return text.startswith("(") and text.endswith(")")


def _require_fixed_bound(source: NestSource, loop: Loop, bound: str) -> None:
    # A bound that is not affine, such as row[i + 1], must not be changed by what the loop writes.
    if re.search(r"\w\s*\(", bound):
        raise Declined(f"its bound '{bound}' calls a function")
    if source.facts_of(loop).parallel is Answer.PROVED:
        return  # which includes that the loop changes nothing that its condition reads
    used = set(re.findall(r"[A-Za-z_]\w*", bound))
    for target in written(loop.statements()):
        array = source.nest.array(target)
        if array.storage is not Storage.LOCAL or not array.is_scalar or array.name in used:
            raise Declined(f"its bound '{bound}' may change while it runs")


def existing_openmp(data: bytes, loop: Loop) -> str:
    """The OpenMP directive that `loop` already has, or ''."""
    directive = pragma_before(data, loop.range.start)
    return directive if re.match(r"#\s*pragma\s+omp\b", directive) else ""


def governing_openmp(source: NestSource, loop: Loop) -> str:
    """The OpenMP directive that `loop` belongs to: its own, or that of a loop around it with `collapse`."""
    if directive := existing_openmp(source.data, loop):
        return directive
    for distance, outer in enumerate(reversed(source.ancestors(loop)), start=1):
        directive = existing_openmp(source.data, outer)
        match = re.search(r"\b(?:collapse|ordered)\s*\(\s*(\w+)", directive)
        if match is not None and (not match[1].isdigit() or int(match[1]) > distance):
            return directive
    return ""


def require_untroubled(loop: Loop, *, but_openmp: bool = False) -> None:
    """Raise Declined with the first problem of `loop`; `but_openmp` overlooks existing OpenMP directives."""
    for problem in loop.problems:
        if not (but_openmp and "openmp" in problem.reason.lower()):
            where = f" (line {problem.line})" if problem.line else ""
            raise Declined(f"{problem.reason}{where}")


def has_top_level(text: str, characters: str) -> bool:
    """Whether one of `characters` stands in `text` outside of all brackets."""
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character in characters and depth == 0:
            return True
    return False

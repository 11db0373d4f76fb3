"""From a profile to what matters in it: the hot places, and what the compiler said about them. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from loopwright.core.profile import HotLine, Profile, Remark
from loopwright.profilers.device_words import device_lines
from loopwright.profilers.extents import Extent, innermost_first, loops_in
from loopwright.toolchains.remarks import NOT_VECTORISED, VECTORISER

COVERAGE = 0.95
"""Share of the samples inside the task's sources that the kept lines cover, if `MOST_LINES` allow it."""
MOST_LINES = 20
_NEIGHBOURS, _SAME_LOOP = 2, 10
_TELLING = re.compile(
    rf"^({VECTORISER}|slp-vectorizer|loop-(parallelize|interchange|distribute)|openmp-opt|polly.*)$"
)


@dataclass(frozen=True)
class HotSpot:
    """Hot lines of one function that lie together: `first` to `last`, with their summed share (0 to 1).

    `remarks` are those of these lines and of the innermost loop around them that the vectoriser spoke of.
    """

    file: str
    first: int
    last: int
    share: float
    function: str
    lines: tuple[HotLine, ...]
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class AnnotatedLine:
    """One line of source; `share` is None where no sample fell."""

    number: int
    share: float | None
    text: str
    remarks: tuple[Remark, ...] = ()


def condense(
    profile: Profile,
    sources: Mapping[str, bytes] | None = None,
    *,
    coverage: float = COVERAGE,
    most: int = MOST_LINES,
) -> tuple[HotSpot, ...]:
    """The hottest lines until they cover `coverage` of the samples in the sources, at most `most` of
    them, neighbours merged; the hottest spot first.

    With `sources` (path to content), a line inside a loop also gets what the vectoriser said of the loop,
    and lines further apart are merged when they lie directly in one loop.
    """
    hottest = _hottest(profile, coverage, most)
    extents = {file: loops_in(content) for file, content in (sources or {}).items()}
    spots = [_spot(group, profile.remarks, extents) for group in _grouped(hottest, extents)]
    return tuple(sorted(spots, key=lambda spot: (-spot.share, spot.file, spot.first)))


def annotate(source: bytes, profile: Profile, file: str) -> tuple[AnnotatedLine, ...]:
    """Every line of `source` with its share of the samples and its remarks. `file` as in the profile."""
    shares = {hot.line: hot.share for hot in profile.lines if _same_file(hot.file, file)}
    remarks: dict[int, list[Remark]] = {}
    for remark in profile.remarks:
        if _same_file(remark.file, file):
            remarks.setdefault(remark.line, []).append(remark)
    text = source.decode("utf-8", "replace")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return tuple(
        AnnotatedLine(number, shares.get(number), line.rstrip("\r"), tuple(remarks.get(number, ())))
        for number, line in enumerate(lines, start=1)
    )


def as_text(profile: Profile, sources: Mapping[str, bytes] | None = None) -> str:
    """The condensed profile in words, for a model or a log: spots with their code, and why.

    Shares are in per cent of all samples of the program.
    """
    paragraphs = [
        f"{profile.profiler}, {profile.samples} samples, {profile.elsewhere:.1%} outside the sources"
    ]
    if (roof := profile.roofline) is not None:
        paragraphs.append(
            f"{roof.attained:.3g} of at most {roof.bound:.3g} {roof.unit} ({roof.fraction:.0%}), "
            f"bound by {roof.limit}"
        )
    if profile.device is not None:
        paragraphs += device_lines(profile.device)
    for spot in condense(profile, sources):
        where = f"{spot.file}:{spot.first}" + (f"-{spot.last}" if spot.last > spot.first else "")
        paragraphs.append(f"{spot.share:.1%} {where}" + (f" in {spot.function}" if spot.function else ""))
        shares = {hot.line: hot.share for hot in spot.lines}
        text = (sources or {}).get(spot.file, b"").decode("utf-8", "replace").split("\n")
        for number in range(spot.first, spot.last + 1):
            if number <= len(text) and len(text) > 1:
                share = f"{shares[number]:6.1%}" if number in shares else " " * 6
                paragraphs.append(f"  {share} {number:5d} | {text[number - 1].rstrip()}")
        paragraphs += [f"  line {r.line}: {r.message}" for r in spot.remarks]
    return "\n".join(paragraphs)


def _hottest(profile: Profile, coverage: float, most: int) -> list[HotLine]:
    whole = sum(line.share for line in profile.lines)
    kept: list[HotLine] = []
    covered = 0.0
    for line in sorted(profile.lines, key=lambda hot: -hot.share):
        # The small slack keeps rounding of the sum from asking for one more line.
        if len(kept) >= most or covered >= coverage * whole - 1e-12:
            break
        kept.append(line)
        covered += line.share
    return kept


def _grouped(lines: Sequence[HotLine], extents: Mapping[str, tuple[Extent, ...]]) -> list[list[HotLine]]:
    ordered = sorted(lines, key=lambda hot: (hot.file, hot.line))
    groups = [[line] for line in ordered[:1]]
    for before, line in pairwise(ordered):
        if (before.file, before.function) == (line.file, line.function) and _near(before, line, extents):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _near(before: HotLine, line: HotLine, extents: Mapping[str, tuple[Extent, ...]]) -> bool:
    gap = line.line - before.line
    if gap <= _NEIGHBOURS or gap > _SAME_LOOP:
        return gap <= _NEIGHBOURS
    loops = extents.get(line.file, ())
    around = innermost_first(loops, line.line)[:1]
    return bool(around) and around == innermost_first(loops, before.line)[:1]


def _spot(
    lines: list[HotLine], remarks: Sequence[Remark], extents: Mapping[str, tuple[Extent, ...]]
) -> HotSpot:
    file, first, last = lines[0].file, lines[0].line, lines[-1].line
    here = [r for r in remarks if _same_file(r.file, file)]
    chosen = [r for r in here if first <= r.line <= last]
    for line in lines:
        chosen += _of_loop_around(line.line, here, extents.get(file, ()))
    told = sorted(dict.fromkeys(_telling(chosen, here)), key=lambda r: (r.line, r.column))
    return HotSpot(
        file, first, last, sum(hot.share for hot in lines), lines[0].function, tuple(lines), tuple(told)
    )


def _telling(remarks: Sequence[Remark], everything: Sequence[Remark]) -> list[Remark]:
    """Without what does not help to decide on an edit, and reasons that the remark of a loop repeats."""
    said = [
        r for r in remarks if _TELLING.match(r.optimisation) or (r.optimisation == "inline" and not r.passed)
    ]
    whole = "\n".join(r.message for r in everything if r.passed is not None)
    return [r for r in said if r.passed is not None or r.message.removeprefix(NOT_VECTORISED) not in whole]


def _of_loop_around(line: int, remarks: Sequence[Remark], extents: tuple[Extent, ...]) -> list[Remark]:
    """What the vectoriser said of the innermost loop around `line` of which it said anything.

    clang speaks of a loop at its keyword, gcc at its condition: both lie on the header's line.
    """
    for extent in innermost_first(extents, line):
        said = [
            r
            for r in remarks
            if r.line == extent.first and r.optimisation == VECTORISER and r.passed is not None
        ]
        if said:
            return said
    return []


def _same_file(one: str, other: str) -> bool:
    a, b = posixpath.normpath(one), posixpath.normpath(other)
    return a == b or a.endswith("/" + b) or b.endswith("/" + a)

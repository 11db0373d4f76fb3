"""OpenMP directives that a source already has: which the moves understand, and where they reach."""

from __future__ import annotations

import re
from collections.abc import Iterator

from loopwright.moves.rewrite import blanked, closing_brace

_DIRECTIVE = re.compile(rb"^[ \t]*#[ \t]*pragma[ \t]+omp[ \t](?:\\\r?\n|[^\n\r])*", re.MULTILINE)
_LOOP_DIRECTIVE = re.compile(rb"omp\s+(?:parallel\s+for(?:\s+simd)?|simd)\b")
_DEVICE_LOOP_DIRECTIVE = re.compile(rb"omp\s+target\s+teams\s+distribute\b")
_SPREADS = re.compile(rb"\b(?:parallel|target|teams|task\w*|sections?|for|distribute|single|master|masked)\b")
_NOT_NEWLINE = re.compile(rb"[^\r\n]")


def without_loop_directives(data: bytes, *, on_device: bool = False) -> bytes:
    """`data` with the directives `parallel for` and `simd` turned to blanks, every offset as it was.

    Without them the code is the serial program that its proofs are about; other directives stay, and the
    analysis stops at them. `on_device`: also those that share a loop out on a device.
    """
    pieces, position = [], 0
    for start, end in directives(data):
        on = on_device and _DEVICE_LOOP_DIRECTIVE.search(data, start, end)
        if on or _LOOP_DIRECTIVE.search(data, start, end):
            pieces += [data[position:start], _NOT_NEWLINE.sub(b" ", data[start:end])]
            position = end
    return b"".join([*pieces, data[position:]])


def region_around(data: bytes, offset: int) -> str:
    """The OpenMP directive whose block in braces holds `offset`, or ''."""
    text = blanked(data)
    for start, end in directives(data):
        if start > offset or not _SPREADS.search(data, start, end):
            continue
        opening = re.compile(rb"\s*\{").match(text, end)
        if opening and opening.end() <= offset < closing_brace(text, opening.end() - 1):
            return data[start:end].decode("utf-8", "replace").strip()
    return ""


def directives(data: bytes) -> Iterator[tuple[int, int]]:
    """First and last byte of every OpenMP directive, lines that it goes on with included, in order."""
    for match in _DIRECTIVE.finditer(blanked(data)):
        yield match.start(), match.end()

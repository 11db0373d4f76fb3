"""The words of C and C++ as text: what is named in code that no parse has."""

from __future__ import annotations

import re

from loopwright.analysis.purity import words

_COMMENT = re.compile(rb'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
NAME = re.compile(r"[A-Za-z_]\w*")
"""A name, or a keyword."""

KEYWORDS = frozenset(
    words("""
    alignas auto bool break case char class const constexpr continue default do double else enum extern false
    float for goto if inline int long namespace noexcept nullptr operator private protected public register
    restrict return short signed sizeof static struct switch template this throw true try typedef typename
    union unsigned using virtual void volatile while
    """)
)


def identifiers(text: bytes) -> set[str]:
    """The names in a piece of C or C++, without keywords and without those in comments and strings."""
    return set(NAME.findall(plain(text))) - KEYWORDS


def plain(text: bytes) -> str:
    """The text without comments and strings, with its line breaks."""

    def blank(found: re.Match[bytes]) -> bytes:
        quoted = found[0][:1] in b"\"'"
        return (b'""' if quoted else b" ") + b"\n" * found[0].count(b"\n")

    return _COMMENT.sub(blank, text).decode("utf-8", "replace")

"""Splitting CUDA C++ into tokens that, joined again, are the source byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<space>(?:\s|\\\n)+|//(?:\\\n|[^\n])*|/\*.*?\*/)
    |(?P<raw>(?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")
    |(?P<string>(?:u8|[uUL])?"(?:\\.|[^"\\\n])*"|(?:u8|[uUL])?'(?:\\.|[^'\\\n])*')
    |(?P<word>[A-Za-z_]\w*)
    |(?P<number>\.?\d(?:[eEpP][+-]|'(?=\w)|[\w.])*)
    |(?P<launch><<<|>>>)
    |(?P<sign>::|->\*?|\+\+|--|&&|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A piece of source. `kind` is space (comments too), raw, string, word, number, launch or sign; `line`
    counts from 1.
    """

    kind: str
    text: str
    line: int


def tokens_of(text: str) -> list[Token]:
    """Every token of `text`, in order; nothing is lost, whatever `text` is."""
    found: list[Token] = []
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "sign"
        found.append(Token("raw" if kind == "mark" else kind, match.group(), line))
        line += match.group().count("\n")
    return found


def significant(tokens: Sequence[Token], start: int, step: int = 1) -> Iterator[int]:
    """Indices from `start` on, forwards or backwards, of what is neither white space nor comment."""
    at = start
    while 0 <= at < len(tokens):
        if tokens[at].kind != "space":
            yield at
        at += step


def closing(tokens: Sequence[Token], start: int) -> int | None:
    """The index of the bracket that closes the one at `start`, None when there is none."""
    pairs = {"(": ")", "[": "]", "{": "}"}
    waiting: list[str] = []
    for at in significant(tokens, start):
        sign = tokens[at].text
        if sign in pairs:
            waiting.append(pairs[sign])
        elif waiting and sign == waiting[-1]:
            waiting.pop()
            if not waiting:
                return at
    return None

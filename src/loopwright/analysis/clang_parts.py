"""Small questions to libclang's tree, and small pieces of syntax, that reading statements needs."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from loopwright.analysis.callees import is_called_by_name
from loopwright.analysis.clang_declared import FUNCTIONS
from loopwright.analysis.syntax import Stmt, Token


def headed(header: tuple[Stmt, ...], body: Stmt) -> Stmt:
    """The body of a loop with what its header says, where the parts of the header cannot be told apart."""
    first = Stmt("other", body.start, body.start, body.line, body=header, name="HEADER")
    return Stmt("block", body.start, body.end, body.line, body=(first, body))


def header_marks(words: Iterable[str]) -> tuple[list[int], int | None]:
    """Where the semicolons of a header stand among words that begin with its opening parenthesis, and where
    the closing one does; None when it does not.
    """
    depth = 0
    semicolons: list[int] = []
    for position, word in enumerate(words):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(word, 0)
        if depth == 0:
            return semicolons, position
        if word == ";" and depth == 1:
            semicolons.append(position)
    return semicolons, None


def parts_of_header(cursor: Any) -> int:
    """How many parts the header of a statement has by its semicolons; 0 when it comes from a macro."""
    words = (token.spelling for token in cursor.get_tokens())
    if next(words, "") not in ("if", "switch", "while", "for"):
        return 0
    semicolons, _ = header_marks(itertools.dropwhile(lambda word: word != "(", words))
    return len(semicolons) + 1


def binds_references(children: Sequence[Any]) -> bool:
    """Whether a structured binding among the children makes its names other names of what is there."""
    bindings = (c for c in children if c.kind.name == "UNEXPOSED_DECL")
    return any(c.type.kind.name in ("LVALUEREFERENCE", "RVALUEREFERENCE") for c in bindings)


def scope_of(cursor: Any) -> str:
    """The scope of a declared variable, as :class:`Variable` has it."""
    if cursor.kind.name == "PARM_DECL":
        return "param"
    parent = cursor.semantic_parent
    if parent is None or parent.kind.name not in FUNCTIONS | {"FUNCTION_TEMPLATE"}:
        return "global"
    return "static" if cursor.storage_class.name in ("STATIC", "EXTERN") else "local"


def has_other_instances(method: Any, records: Collection[str]) -> bool:
    """Whether a method of a class template that the library may call is one of several, of which no call is
    seen. `records` are the names of all classes.
    """
    parent = method.semantic_parent
    template, bracket, _ = ("" if parent is None else parent.type.spelling).partition("<")
    many = sum(name.startswith(template + "<") for name in records) > 1
    unseen = method.is_virtual_method() or is_called_by_name(method.spelling, in_class=True)
    return bool(bracket) and many and unseen


def instantiates(words: Sequence[str]) -> bool:
    """Whether `template void f<int>(int);` is among the tokens, for which no call is seen either."""
    triples = zip(["", *words], words, [*words[1:], ""], strict=False)
    return any(w == "template" and after != "<" and b not in (".", "->", "::") for b, w, after in triples)


def header_semicolons(tokens: Sequence[Token], start: int) -> tuple[int, int] | None:
    """Where the two semicolons in the header of the `for` at `start` are; None when it comes from a macro."""
    index = bisect_left(tokens, start, key=lambda t: t.start)
    if index == len(tokens) or tokens[index].start != start or tokens[index].text != "for":
        return None
    found, _ = header_marks(token.text for token in itertools.islice(tokens, index + 1, None))
    if len(found) != 2:
        return None
    return tokens[index + 1 + found[0]].start, tokens[index + 1 + found[1]].start


def through_semicolon(tokens: Sequence[Token], end: int) -> int:
    """The end of the semicolon that follows the offset `end` directly, else `end`."""
    index = bisect_left(tokens, end, key=lambda t: t.start)
    return tokens[index].end if index < len(tokens) and tokens[index].text == ";" else end

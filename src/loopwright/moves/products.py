"""Right-hand sides as sums of products, in the user's own words: `alpha * a[i][k] * b[k][j] - c[i][k]`.

A factor keeps its text, so that code made from it reads and computes what the user wrote. What this small
grammar does not know (a conditional, a cast, an assignment inside) is declined, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from loopwright.moves.move import Declined

_TOKEN = re.compile(
    r"\s*(?:(->|::|\+\+|--|[-+*/%&|^=!<>]=|<<|>>|&&|\|\|)|(\.?\d[\w.]*(?:(?<=[eEpP])[+-]\w+)?)|([A-Za-z_]\w*)|(.))"
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_VARIABLE = re.compile(r"(?:\.|->)\s*[A-Za-z_]\w*|(?<!\w)(?P<name>[A-Za-z_]\w*)")
_TYPES = frozenset(
    {"double", "float", "int", "long", "unsigned", "signed", "char", "short", "size_t", "const"}
)


@dataclass(frozen=True)
class Factor:
    """One factor of a product, or one divisor."""

    text: str
    divides: bool = False

    @property
    def names(self) -> frozenset[str]:
        """Every identifier in it that is not a member."""
        return names_in(self.text)

    @property
    def is_float_number(self) -> bool:
        """Whether it is a floating-point constant."""
        return re.fullmatch(r"(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?[fFlL]?", self.text) is not None


@dataclass(frozen=True)
class Term:
    """A product with its sign."""

    factors: tuple[Factor, ...]
    negative: bool = False

    def times(self, other: Term) -> Term:
        """The product of both."""
        return Term((*self.factors, *other.factors), self.negative != other.negative)

    @property
    def text(self) -> str:
        """As C code; a leading divisor or no factor at all gives `1.0`."""
        return ("-" if self.negative else "") + product_text(self.factors)


def product_text(factors: tuple[Factor, ...]) -> str:
    """The product as C code: multiplications first, since floating-point ones may change places."""
    first = [f.text for f in factors if not f.divides] or ["1.0"]
    return " * ".join(first) + "".join(f" / {f.text}" for f in factors if f.divides)


def names_in(text: str) -> frozenset[str]:
    """Every identifier in `text` that is not the name of a member."""
    return frozenset(match["name"] for match in variables(text))


def variables(text: str) -> Iterator[re.Match[str]]:
    """Where identifiers stand that are not the names of members, however they are spaced: group `name`."""
    return (match for match in _VARIABLE.finditer(text) if match["name"])


def substituted(text: str, values: Mapping[str, str]) -> str:
    """`text` with identifiers (not members) replaced."""
    if not values:
        return text
    return _VARIABLE.sub(lambda match: values.get(match["name"] or "", match.group()), text)


def squeezed(text: str) -> str:
    """`text` without white space, to compare lvalues."""
    return re.sub(r"\s+", "", text)


def terms_of(text: str) -> tuple[Term, ...]:
    """The sum of products that `text` is.

    Raises:
        Declined: when it is something else.
    """
    reader = _Reader(text)
    found = tuple(reader.sum())
    if reader.next:
        raise Declined(f"'{text}' is not a sum of products")
    return found


class _Reader:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, int, int]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            assert match is not None
            word = match.group().strip()
            self.tokens.append((word, match.end() - len(word), match.end()))
            position = match.end()
        self.at = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        word = self.next
        self.at += 1
        return word

    def sum(self) -> Iterator[Term]:
        negative = False
        while True:
            for term in self.product():
                yield Term(term.factors, term.negative != negative)
            if self.next not in ("+", "-"):
                return
            negative = self.take() == "-"

    def product(self) -> tuple[Term, ...]:
        """One term; several when the whole product is one sum in brackets."""
        terms = self.unary()
        while self.next in ("*", "/"):
            divides = self.take() == "/"
            right = self.unary()
            left = self._one(terms)
            if divides:
                terms = (Term((*left.factors, *self._divisor(right)), left.negative),)
            elif _is_sum_of_products(right):
                # alpha * (a * b + c * d): the products are rounded anyway, so that each may be scaled alone.
                terms = tuple(left.times(t) for t in right)
            elif _is_sum_of_products(terms):
                terms = tuple(t.times(self._one(right)) for t in terms)
            else:
                terms = (left.times(self._one(right)),)
        return terms

    def _one(self, terms: tuple[Term, ...]) -> Term:
        if len(terms) == 1:
            return terms[0]
        text = " ".join(("- " if t.negative else "+ ") + product_text(t.factors) for t in terms)
        return Term((Factor("(" + text.removeprefix("+ ") + ")"),))

    def _divisor(self, terms: tuple[Term, ...]) -> tuple[Factor, ...]:
        term = self._one(terms)
        if term.negative or len(term.factors) != 1 or term.factors[0].divides:
            return (Factor(f"({term.text})", divides=True),)
        return (replace(term.factors[0], divides=True),)

    def unary(self) -> tuple[Term, ...]:
        if self.next in ("-", "+"):
            negative = self.take() == "-"
            return tuple(Term(t.factors, t.negative != negative) for t in self.unary())
        if self.next == "(":
            return self.bracket()
        start = self.at
        while self.next == "*":
            self.take()
        if not (_NAME.fullmatch(self.next) or self.next[:1].isdigit() or self.next[:1] == "."):
            raise Declined(f"'{self.text}' is not a sum of products")
        self.take()
        self.postfix()
        return (Term((Factor(self.between(start)),)),)

    def bracket(self) -> tuple[Term, ...]:
        start = self.at
        self.take()
        if self.next in _TYPES:
            raise Declined(f"'{self.text}' holds a cast")
        terms = tuple(self.sum())
        if self.take() != ")":
            raise Declined(f"'{self.text}' is not a sum of products")
        closed = self.at
        self.postfix()
        return terms if self.at == closed else (Term((Factor(self.between(start)),)),)

    def postfix(self) -> None:
        while self.next in ("[", "(", ".", "->", "::"):
            opening = self.take()
            if opening in (".", "->", "::"):
                if not _NAME.fullmatch(self.take()):
                    raise Declined(f"'{self.text}' is not understood")
                continue
            depth = 1
            while depth:
                word = self.take()
                if not word or re.fullmatch(r"\+\+|--|[-+*/%&|^]?=", word):
                    raise Declined(f"'{self.text}' has a side effect")
                depth += (word in "([") - (word in ")]")
        if self.next in ("++", "--"):
            raise Declined(f"'{self.text}' has a side effect")

    def between(self, start: int) -> str:
        return self.text[self.tokens[start][1] : self.tokens[self.at - 1][2]]


def _is_sum_of_products(terms: tuple[Term, ...]) -> bool:
    return len(terms) > 1 and all(len(t.factors) > 1 for t in terms)


def hidden_names(sources: Mapping[str, bytes], used: frozenset[str]) -> frozenset[str]:
    """Names that macros among `used` bring in beyond their own parameters, through other macros as well.

    `#define ROW a[i]` hides an i: whoever judges an expression by the names in it has to know.
    """
    bodies: dict[str, set[str]] = {}
    for data in sources.values():
        text = data.decode("utf-8", "replace").replace("\\\r\n", " ").replace("\\\n", " ")
        for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(\([^)]*\))?(.*)$", text, re.MULTILINE):
            own = set(_NAME.findall(match[2] or ""))
            bodies.setdefault(match[1], set()).update(set(_NAME.findall(match[3])) - own)
    found: set[str] = set()
    rest = [name for name in used if name in bodies]
    while rest:
        for name in bodies[rest.pop()]:
            if name not in found:
                found.add(name)
                rest += [name] if name in bodies else []
    return frozenset(found)


def shows_text(sources: Mapping[str, bytes], used: frozenset[str]) -> str:
    """A macro among `used`, or '', that turns text into a string or joins it to a name (`#x`, `a##b`): its
    arguments have to stay as they are written.
    """
    for data in sources.values():
        text = data.decode("utf-8", "replace").replace("\\\r\n", " ").replace("\\\n", " ")
        for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)\([^)]*\)(.*)$", text, re.MULTILINE):
            if match[1] in used and "#" in match[2]:
                return match[1]
    return ""


def mentioned(sources: Mapping[str, bytes], text: str) -> frozenset[str]:
    """The variables that `text` names, those that macros in it hide included."""
    names = names_in(text)
    return names | hidden_names(sources, names)

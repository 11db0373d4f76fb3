"""Templates of code: fresh names, words to fill in, and whole pieces at the right indentation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_AT = "\0"


def protected(text: str) -> str:
    """The user's text, safe against being taken for part of a template."""
    return text.replace("@", _AT)


class Names:
    """Names that occur nowhere in the file, one for each wish, with `_` added where the wish is taken."""

    def __init__(self, data: bytes) -> None:
        self._taken = {word.decode() for word in re.findall(rb"[A-Za-z_]\w*", data)}
        self._given: dict[str, str] = {}

    def fresh(self, wish: str) -> str:
        """The name for `wish`, always the same."""
        if wish not in self._given:
            name = wish
            while name in self._taken:
                name += "_"
            self._taken.add(name)
            self._given[wish] = name
        return self._given[wish]


def filled(
    template: str,
    words: Mapping[str, str],
    pieces: Mapping[str, Iterable[str]],
    names: Names,
    roles: Mapping[str, str],
) -> list[str]:
    """The lines of `template`, indented by four spaces a level.

    `$word` is replaced by its text, `$i` by the variable in role i; `@name` by a fresh name, where `@i_low`
    asks for the name of role i with `_low` behind it; a line that is `<piece>` alone by the lines of that
    piece (KeyError when it is not given).
    """
    made: list[str] = []
    for line in template.strip("\n").split("\n"):
        margin = line[: len(line) - len(line.lstrip(" "))]
        piece = re.fullmatch(r"<(\w+)>", line.strip())
        if piece is not None:
            made += [margin + part for part in pieces[piece[1]]]
        else:
            made.append(line)
    return [_line(line, words, names, roles) for line in made]


def _line(line: str, words: Mapping[str, str], names: Names, roles: Mapping[str, str]) -> str:
    known = {**words, **roles}
    for _ in range(2):  # a word may hold a word
        line = re.sub(r"\$(\w+)", lambda match: known.get(match[1], match[0]), line)

    def name(match: re.Match[str]) -> str:
        role, _, rest = match[1].partition("_")
        return names.fresh(f"{roles[role]}_{rest}" if role in roles and rest else match[1])

    return re.sub(r"@(\w+)", name, line)


def laid_out(lines: Iterable[str], indent: str, unit: str, ends: str) -> str:
    """The lines in the user's indentation and line ends; the first stands where the loop stood."""
    shown = []
    for line in lines:
        text = line.lstrip(" ")
        levels, rest = divmod(len(line) - len(text), 4)
        shown.append(unit * levels + " " * rest + text)
    return f"{ends}{indent}".join(shown).replace(_AT, "@")

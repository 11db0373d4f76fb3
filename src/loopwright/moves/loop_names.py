"""Names for the loops of a rewritten region: the user's own where they still fit, else fresh ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from loopwright.analysis.schedules import Schedule
from loopwright.analysis.scop import Piece, Scop
from loopwright.moves.loop_tree import For, If, Node, Run, runs
from loopwright.moves.loop_values import names_of
from loopwright.moves.move import Declined
from loopwright.moves.products import shows_text, variables
from loopwright.moves.rewrite import blanked

_WORD = re.compile(r"[A-Za-z_]\w*")


def name_loops(
    scop: Scop, schedule: Schedule, nodes: list[Node], data: bytes, macros: Mapping[str, frozenset[str]]
) -> None:
    """Sets `variable` of every loop of the tree. `macros` are those of :func:`macro_words`."""
    taken = frozenset(_WORD.findall(blanked(data).decode("utf-8", "replace")))
    texts = {p.id: frozenset(variables_in(piece_code(p, data))) for p in scop.pieces}
    named = {scop.parameters.get(name, "") for name in _names_used(nodes)}
    sizes = {word for text in named for word in variables_in(text)}
    sizes |= {hidden for word in sizes for hidden in macros.get(word, ())}
    _name(scop, schedule, nodes, (), taken, texts, frozenset(sizes))


class _Asked(dict[str, str]):
    """Notes the names that a text is made of."""

    def __missing__(self, name: str) -> str:
        self[name] = name
        return name


def _names_used(nodes: list[Node]) -> frozenset[str]:
    """The names of isl in bounds, conditions and values of loop variables."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, For):
            found |= names_of(node.lower) | names_of(node.upper) | _names_used(node.body)
        elif isinstance(node, If):
            node.condition(asked := _Asked())
            found |= asked.keys() | _names_used(node.body) | _names_used(node.other)
        else:
            found |= {name for value in node.values for name in names_of(value)}
    return frozenset(found)


def _name(
    scop: Scop,
    schedule: Schedule,
    nodes: list[Node],
    around: tuple[For, ...],
    taken: frozenset[str],
    texts: Mapping[str, frozenset[str]],
    sizes: frozenset[str],
) -> None:
    """`sizes` are the names that bounds are made of: a loop of such a name hides it from those inside."""
    for node in nodes:
        if isinstance(node, For):
            used = {*(loop.variable for loop in around), *sizes}
            node.variable = next(
                (v for v in _own_names(scop, node, texts) if v not in used),
                "",
            ) or next(_fresh(schedule.name(node.dimension) or "step", taken | used))
            _name(scop, schedule, node.body, (*around, node), taken, texts, sizes)
        elif isinstance(node, If):
            _name(scop, schedule, node.body, around, taken, texts, sizes)
            _name(scop, schedule, node.other, around, taken, texts, sizes)


def _own_names(scop: Scop, loop: For, texts: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Variables of the user that count in step with this loop, and that mean nothing else in it."""
    inside = [(run, scop.piece(run.piece)) for run in runs(loop.body)]
    for run, piece in sorted(inside, key=lambda pair: -pair[1].depth):
        for own, value in zip(piece.loops, run.values, strict=True):
            if value.atom != loop.name:
                continue
            foreign = any(
                own.variable in texts[p.id] and own.variable not in {inner.variable for inner in p.loops}
                for _, p in inside
            )
            if not foreign:
                yield own.variable


def _fresh(wish: str, taken: frozenset[str] | set[str]) -> Iterator[str]:
    name, number = wish, 2
    while True:
        if name not in taken:
            yield name
        name, number = f"{wish}{number}", number + 1


def piece_code(piece: Piece, data: bytes) -> str:
    """The text of a piece without comments and the insides of literals."""
    return blanked(data)[piece.start : piece.end].decode("utf-8", "replace")


def variables_in(code: str) -> Iterator[str]:
    """The identifiers in some code that are not members."""
    return (match["name"] for match in variables(code))


def substituted_text(
    text: bytes,
    code: str,
    values: Mapping[str, str],
    spans: Mapping[tuple[int, int], str] | None = None,
) -> str:
    """`text` with variables replaced, and the pieces [start, end) of `spans`.

    `code` is the same text without comments, offset for offset.
    """
    changes = {match.span(): values[match["name"]] for match in variables(code) if match["name"] in values}
    whole = dict(spans or {})
    changes = {
        (a, b): new for (a, b), new in changes.items() if not any(s <= a and b <= e for s, e in whole)
    } | whole
    shown, pieces, position = text.decode("latin-1"), [], 0
    for (start, end), new in sorted(changes.items()):
        before, after = shown[start - 1 : start], shown[end : end + 1]
        called = shown[start - 2 : start - 1] if start >= 2 else ""
        whole_bracket = before + after == "[]" or (before + after == "()" and not _is_of_name(called))
        if whole_bracket and new.startswith("(") and _is_one_pair(new):
            new = new[1:-1]
        pieces += [shown[position:start], new.encode().decode("latin-1")]
        position = end
    joined = "".join([*pieces, shown[position:]])
    return joined.encode("latin-1").decode("utf-8", "surrogateescape")


def _is_of_name(character: str) -> bool:
    """Whether a bracket behind it may be that of a macro, which need not put its parameter in brackets."""
    return character.isalnum() or character == "_"


def _is_one_pair(text: str) -> bool:
    """Whether the first parenthesis of a text closes at its end."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position == len(text) - 1
    return False


def loop_type(scop: Scop) -> str:
    """The one integer type of all loops of a SCoP. Declined when there are several, or a narrow one."""
    types = {loop.variable_type for piece in scop.pieces for loop in piece.loops}
    if len(types) != 1:
        raise Declined("its loops count in different types: " + ", ".join(sorted(types)))
    return types.pop()


def require_visible_names(scop: Scop, data: bytes, macros: Mapping[str, frozenset[str]]) -> None:
    """Raise Declined when a macro used in a piece mentions a loop variable that the text does not show."""
    for piece in scop.pieces:
        own = {loop.variable for loop in piece.loops}
        for word in variables_in(piece_code(piece, data)):
            if hidden := own & macros.get(word, frozenset()):
                raise Declined(f"the macro {word} uses the loop variable {min(hidden)} (line {piece.line})")


def require_no_text_shown(scop: Scop, data: bytes, files: Mapping[str, bytes]) -> None:
    """Raise Declined when a macro used in a piece needs its arguments as they are written."""
    for piece in scop.pieces:
        if macro := shows_text(files, frozenset(variables_in(piece_code(piece, data)))):
            raise Declined(f"the macro {macro} needs its text as it is (line {piece.line})")


_DEFINE = re.compile(
    rb"^[ \t]*#[ \t]*define[ \t]+(?P<name>\w+)(?:\((?P<parameters>[^)]*)\))?(?P<body>(?:\\\r?\n|[^\n])*)",
    re.MULTILINE,
)


@lru_cache(maxsize=16)
def macro_words(files: tuple[bytes, ...]) -> Mapping[str, frozenset[str]]:
    """Per macro the identifiers of its body, its parameters left out, those of inner macros included."""
    found: dict[str, set[str]] = {}
    for data in files:
        for match in _DEFINE.finditer(blanked(data)):
            parameters = set(_WORD.findall((match["parameters"] or b"").decode("latin-1")))
            body = set(_WORD.findall(match["body"].decode("latin-1")))
            found.setdefault(match["name"].decode("latin-1"), set()).update(body - parameters)
    for _ in range(len(found)):
        grown = False
        for words in found.values():
            more = {w for inner in words & found.keys() for w in found[inner]} - words
            words |= more
            grown |= bool(more)
        if not grown:
            break
    return {name: frozenset(words) for name, words in found.items()}


def naming_of(scop: Scop, around: tuple[For, ...]) -> dict[str, str]:
    """How the names of isl are called in C inside the given loops."""
    return {**scop.parameters, **{loop.name: loop.variable for loop in around}}


__all__ = [
    "Run",
    "loop_type",
    "macro_words",
    "name_loops",
    "naming_of",
    "piece_code",
    "require_no_text_shown",
    "require_visible_names",
    "substituted_text",
    "variables_in",
]

"""One assignment as text: what it assigns to, how, and what."""

from __future__ import annotations

import re
from dataclasses import dataclass

from loopwright.moves.canonical import has_top_level
from loopwright.moves.move import Declined
from loopwright.moves.products import Term, squeezed, terms_of


@dataclass(frozen=True)
class Assignment:
    """`left operator right`. A declaration with an initialiser has the variable's name as `left`."""

    left: str
    operator: str
    right: str

    def added(self) -> tuple[Term, ...]:
        """The terms that are added to `left`; `x = x + e` counts as `x += e`.

        Raises:
            Declined: when something else is done.
        """
        if self.operator in ("+=", "-="):
            terms = terms_of(self.right)
            return terms if self.operator == "+=" else tuple(Term(t.factors, not t.negative) for t in terms)
        if self.operator != "=":
            raise Declined(f"'{self.left} {self.operator} ...' is not a sum")
        terms = terms_of(self.right)
        own = [t for t in terms if len(t.factors) == 1 and squeezed(t.factors[0].text) == squeezed(self.left)]
        if len(own) != 1 or own[0].negative or own[0].factors[0].divides:
            raise Declined(f"'{self.left} = {self.right}' is not a sum")
        return tuple(t for t in terms if t is not own[0])


def assignment_of(text: str) -> Assignment:
    """The assignment that one statement is.

    Raises:
        Declined: when it is something else, or holds another assignment.
    """
    match = re.fullmatch(r"(?P<left>[^=;]+?)\s*(?P<op>[-+*/]?=)(?!=)\s*(?P<right>[^;]+?)\s*;?", text)
    if match is None or has_top_level(match["right"], ",=") or has_top_level(match["left"], ",<>!?"):
        raise Declined(f"'{text}' is not a simple assignment")
    left = match["left"].strip()
    declared = re.fullmatch(
        r"(?:(?:const|static|register|auto|unsigned|long|[A-Za-z_][\w:]*)\s+)+([A-Za-z_]\w*)", left
    )
    if declared is not None:
        if re.match(r"static\b", left):
            raise Declined(f"'{left}' is static")
        left = declared[1]
    return Assignment(left, match["op"], match["right"].strip())

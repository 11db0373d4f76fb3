"""Edits and candidates: one full version of the editable files, and what turned a parent into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from loopwright.core.tree import Tree


@dataclass(frozen=True)
class Edit:
    """What turns a parent candidate into a new one.

    Attributes:
        changes: path to new content; None removes the file. Paths relative to the task.
        title: one line, for people: "parallel for over i at heat.c:31".
        proof: why the edit is legal, in words and facts; empty when nothing was proved.
        speculative: True when no proof was found: only the gates stand behind it.
        details: further data about the edit (move family, loop, parameters), for the journal.
    """

    changes: Mapping[str, bytes | None]
    title: str
    proof: str = ""
    speculative: bool = False
    details: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Candidate:
    """One full version of the editable files. Two candidates with the same files have the same id."""

    files: Tree
    parent: str | None = None
    title: str = "original"
    proof: str = ""
    speculative: bool = False
    details: Mapping[str, str] | None = None

    @cached_property
    def id(self) -> str:
        """The first 12 hexadecimal digits of the digest of the files."""
        return self.files.digest[:12]

    def edited(self, edit: Edit) -> Candidate:
        """The candidate that `edit` makes of this one."""
        return Candidate(
            files=self.files.replaced(edit.changes),
            parent=self.id,
            title=edit.title,
            proof=edit.proof,
            speculative=edit.speculative,
            details=edit.details,
        )

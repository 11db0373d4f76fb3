"""Random loop nests for tests of dependence analysis."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from oracle_build import Builder, form

from loopwright.analysis.ir import (
    Constraint,
    Loop,
    LoopNest,
    Parameter,
    Relation,
    Statement,
    Storage,
    Unknown,
)

OPERATIONS = ("+", "*", "min", "max")


class Generator:
    """One random nest a seed. With `affine` nothing is left open, so that exact answers can be expected."""

    def __init__(self, seed: int, *, affine: bool, perfect: bool = False) -> None:
        self.chance = random.Random(seed)
        self.affine, self.perfect = affine, perfect
        self.builder = Builder()
        self.names = iter("ijklmopqr")
        self.reduced = {
            x: self.chance.choice(OPERATIONS) for x in ("s", "h", "c") if self.chance.random() < 0.35
        }

    def maybe(self, probability: float) -> bool:
        return self.chance.random() < probability

    def subscript(self, around: list[str]) -> str:
        pick = self.chance.random()
        if not self.affine and pick > 0.9:
            return "?"
        if pick < 0.1 or not around:
            return str(self.chance.randint(0, 2))
        first = self.chance.choice(around)
        shift = self.chance.choice(["", "", "", "+1", "-1", "+2", "+n"])
        if pick < 0.7:
            return first + shift
        second = self.chance.choice(around)
        return self.chance.choice(
            [f"2*{first}{shift}", f"{first}+{second}{shift}", f"{first}-{second}{shift}", f"n-{first}{shift}"]
        )

    def reference(self, around: list[str], *, write: bool) -> str:
        names = ["a", "a", "b", "c", "c", "s", "t", "t", "w", "h"] + ([] if write else ["d", "d"])
        name = self.chance.choice([x for x in names if not write or x not in self.reduced])
        if name in "st":
            return name
        if name == "w":
            return f"w[{self.subscript(around)}]"
        rank = 2 if name == "c" else 1
        return name + "".join(f"[{self.subscript(around)}]" for _ in range(rank))

    def statement(self, around: list[str]) -> Statement:
        guards = []
        if self.maybe(0.2):
            one = self.chance.choice(around)
            guards = [
                self.chance.choice(
                    [f"{one}-1", f"n-2-{one}", f"{one}-{self.chance.choice(around)}", f"2-{one}"]
                )
            ]
        exact = self.affine or self.maybe(0.9)
        reads = " ".join(self.reference(around, write=False) for _ in range(self.chance.randint(0, 2)))
        if self.reduced and self.maybe(0.35):
            name = self.chance.choice(sorted(self.reduced))
            target = name + "".join(
                f"[{self.subscript(around)}]" for _ in range({"s": 0, "h": 1, "c": 2}[name])
            )
            kept = " ".join(r for r in reads.split() if r.split("[")[0] != name or self.maybe(0.2))
            return self.builder.st(target, kept, op=self.reduced[name], guards=guards, exact=exact)
        made = self.builder.st(self.reference(around, write=True), reads, guards=guards, exact=exact)
        if guards and self.maybe(0.2):
            return replace(made, guards=(Constraint(made.guards[0].form, Relation.EQ),))
        return made

    def loop(self, depth: int, around: list[str]) -> Loop:
        name = next(self.names)
        lower = self.chance.choice(["0", "0", "0", "1", "2"])
        upper = self.chance.choice(["n", "n", "n", "n-1", "4"])
        if around and self.maybe(0.3):
            other = self.chance.choice(around)
            if self.maybe(0.5):
                lower = self.chance.choice([other, f"{other}+1", f"{other};1"])
            else:
                upper = self.chance.choice([other, f"{other}+1", f"{other};n"])
        more: dict[str, Any] = {}
        if not self.affine and around and self.maybe(0.12):
            more = {"problems": (Unknown("a break leaves the loop", 1, local=True),)}
        bounds: list[str | None] = [lower, upper]
        if not self.affine and around and self.maybe(0.12):
            bounds = [None, None] if self.maybe(0.5) else [lower, None]
        step = self.chance.choice([1, 1, 1, 1, 2, 3, -1, -1, -2])
        inside = [*around, name]
        items: list[Loop | Statement] = []
        if self.perfect:
            if depth > 1:
                items = [self.loop(depth - 1, inside)]
            else:
                items = [self.statement(inside) for _ in range(self.chance.randint(1, 3))]
        else:
            items = [self.statement(inside) for _ in range(self.chance.randint(1 if depth == 1 else 0, 2))]
            for _ in range(0 if depth == 1 else self.chance.choice([1, 1, 1, 2])):
                items.insert(self.chance.randint(0, len(items)), self.loop(depth - 1, inside))
        return self.builder.loop(name, bounds[0], bounds[1], *items, step=step, **more)

    def nest(self) -> LoopNest:
        root = self.loop(self.chance.choice([2, 2, 3] if self.perfect else [1, 2, 2, 3]), [])
        uses: dict[str, set[str]] = {}

        def visit(loop: Loop, around: tuple[str, ...]) -> None:
            for item in loop.body_items:
                if isinstance(item, Loop):
                    visit(item, (*around, item.id))
                else:
                    for access in item.accesses:
                        known = uses.get(access.array, set(around))
                        uses[access.array] = known & set(around)

        visit(root, (root.id,))
        arrays: dict[str, dict[str, Any]] = {"w": {"extents": (form("4"),), "storage": Storage.LOCAL}}
        for name in ("s", "t", "w"):
            said = arrays.setdefault(name, {})
            said["live_out"] = self.maybe(0.2)
            inside = [loop.id for loop in root.walk() if loop.id in uses.get(name, set())]
            if inside and self.maybe(0.15):
                said.update(declared_in=inside[-1], live_out=False)
        integer, pointed = self.maybe(0.5), not self.affine and self.maybe(0.2)
        for name in self.builder.ranks:
            arrays.setdefault(name, {})["is_float"] = not integer
            if pointed and name in "ab":
                arrays[name]["storage"] = Storage.POINTED
        size = Parameter("n", "n", self.chance.choice([None, None, 1, 2]))
        return self.builder.nest(root, parameters=(size,), arrays=arrays)

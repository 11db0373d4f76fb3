"""Where an access happens, as a set of integer points, and what can be proved about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from loopwright.analysis.ir import Affine, Constraint, Relation


class Domain:
    """The integer points that satisfy a conjunction of constraints. Immutable."""

    def __init__(self, constraints: Iterable[Constraint]) -> None:
        self.constraints = tuple(constraints)
        self._answers: dict[Affine, bool] = {}

    def implies(self, form: Affine) -> bool:
        """Whether `form` >= 0 at every point (also when there is no point)."""
        if not form.terms:
            return form.constant >= 0 or self._is_empty(())
        if form not in self._answers:
            negated = form.scaled(-1) + Affine(-1)
            self._answers[form] = self._is_empty((Constraint(negated),))
        return self._answers[form]

    def _is_empty(self, more: tuple[Constraint, ...]) -> bool:
        import islpy as isl

        constraints = (*self.constraints, *more)
        symbols = sorted({s for c in constraints for s in c.form.symbols})
        space = isl.Space.create_from_names(isl.DEFAULT_CONTEXT, set=[f"x{i}" for i in range(len(symbols))])
        positions = {symbol: i for i, symbol in enumerate(symbols)}
        points: Any = isl.BasicSet.universe(space)
        for constraint in constraints:
            equality = constraint.relation is Relation.EQ
            made = (isl.Constraint.eq_from_names if equality else isl.Constraint.ineq_from_names)(
                space,
                {1: constraint.form.constant, **{f"x{positions[s]}": c for s, c in constraint.form.terms}},
            )
            points = points.add_constraint(made)
        return bool(points.is_empty())

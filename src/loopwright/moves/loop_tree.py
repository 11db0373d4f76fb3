"""The loops that isl makes of a SCoP and a schedule, as a tree that can be named, marked and printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loopwright.analysis.ir import Access
from loopwright.analysis.schedules import Schedule
from loopwright.analysis.scop import Scop
from loopwright.moves.loop_values import (
    Naming,
    Sum,
    condition_from_isl,
    extreme_values,
    from_isl,
    substituted,
)
from loopwright.moves.move import Declined


@dataclass(eq=False)
class For:
    """A loop over `name` (isl's c0, c1... for dimension 0, 1...) from `lower` to below `upper`.

    `directives` are the OpenMP lines before it, `variable` how it is called in C.
    """

    name: str
    dimension: int
    lower: Sum
    upper: Sum
    step: int
    body: list[Node]
    variable: str = ""
    directives: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    carried: tuple[str, ...] | None = None
    """Ids of the objects that it carries dependences of, once that was asked."""
    kept: list[Kept] = field(default_factory=list)


@dataclass(eq=False)
class If:
    """A condition around a part of the tree."""

    condition: Callable[[Naming], str]
    body: list[Node]
    other: list[Node]


@dataclass(eq=False)
class Run:
    """One piece, with the value of each of its loop variables in terms of the new iterators."""

    piece: str
    values: tuple[Sum, ...]
    directives: dict[int, str] = field(default_factory=dict)
    """OpenMP lines for loops in the piece's own text, by the offset of the loop in the file."""


@dataclass(frozen=True)
class Kept:
    """A sum that a loop keeps in a scalar of its own: the object and access of `run` that it stands for."""

    array: str
    name: str
    type: str
    operation: str
    run: Run
    access: Access


Node = For | If | Run

_CHEAPNESS = 200
"""See `Solver.limited`: generating loops took about 0.2 microseconds an operation of isl."""


def loop_tree(scop: Scop, schedule: Schedule, options: str = "", context: Any = None) -> list[Node]:
    """The loops that run the pieces of a SCoP in the order of a schedule.

    `options` are isl's, for the dimensions of the schedule, as in "unroll[2]; separate[1]"; `context` is what
    else is known of the parameters, as an isl set.

    Raises:
        Declined: when a bound cannot be written in plain C. OutOfTime.
    """
    times = scop.timed(schedule.rows)
    length = schedule.length
    known, domain = scop.context, scop.domain  # each sets a limit of its own when it is made
    with scop.solver.limited(_CHEAPNESS) as isl:
        build = isl.AstBuild.from_context(known if context is None else known.intersect(context))
        if options:
            dims = ", ".join(f"d{n}" for n in range(length))
            texts = "; ".join(f"[{dims}] -> {option}" for option in options.split("; "))
            build = build.set_options(isl.UnionMap(f"{scop.header}{{ {texts} }}", scop.solver.context))
        made = build.node_from_schedule_map(times.intersect_domain(domain))
        return _nodes(made, {})


def _nodes(node: Any, known: Mapping[str, Sum]) -> list[Node]:
    import islpy as isl

    # The stubs spell some members otherwise than the module does.
    kinds: Any = isl.ast_node_type
    match node.get_type():
        case kinds.block:
            children = node.block_get_children()
            return [n for i in range(children.n_ast_node()) for n in _nodes(children.get_at(i), known)]
        case kinds.for_:
            return _for(node, known)
        case kinds.if_:
            condition = condition_from_isl(node.if_get_cond())
            other = _nodes(node.if_get_else_node(), known) if node.if_has_else_node() else []
            return [If(_with(condition, known), _nodes(node.if_get_then_node(), known), other)]
        case kinds.user:
            call = node.user_get_expr()
            values = [from_isl(call.get_op_arg(n)) for n in range(1, call.get_op_n_arg())]
            name = call.get_op_arg(0).get_id().get_name()
            return [Run(str(name), tuple(substituted(v, known) for v in values))]
    raise Declined("isl made something other than loops")


def _with(condition: Callable[[Naming], str], known: Mapping[str, Sum]) -> Callable[[Naming], str]:
    from loopwright.moves.loop_values import text

    def written(naming: Naming) -> str:
        own = {name: text(value, naming) for name, value in known.items()}
        return condition({**naming, **own})

    return written


def _for(node: Any, known: Mapping[str, Sum]) -> list[Node]:
    import islpy as isl

    name = str(node.for_get_iterator().get_id().get_name())
    first = substituted(from_isl(node.for_get_init()), known)
    if node.for_is_degenerate():
        return _nodes(node.for_get_body(), {**known, name: first})
    condition = node.for_get_cond()
    op: Any = isl.ast_expr_op_type
    if condition.get_op_type() not in (op.le, op.lt) or from_isl(condition.get_op_arg(0)).atom != name:
        raise Declined("isl made a loop that counts in an unusual way")
    last = substituted(from_isl(condition.get_op_arg(1)), known)
    upper = last.plus(Sum(1)) if condition.get_op_type() == op.le else last
    step = from_isl(node.for_get_inc())
    if step.terms or step.constant <= 0:
        raise Declined("isl made a loop without a constant step")
    body = _nodes(node.for_get_body(), known)
    return [For(name, int(name[1:]), first, upper, step.constant, body)]


def condition_text(scop: Scop, context: Any) -> str:
    """What a set of parameters asks beyond what is known of them, as a condition in C."""
    with scop.solver.limited(_CHEAPNESS) as isl:
        condition = isl.AstBuild.from_context(scop.context).expr_from_set(context)
        return condition_from_isl(condition)(scop.parameters)


def runs(nodes: list[Node]) -> Iterator[Run]:
    """All pieces in a part of the tree, in order."""
    for node in nodes:
        if isinstance(node, Run):
            yield node
        else:
            yield from runs(node.body)
            if isinstance(node, If):
                yield from runs(node.other)


def loops(nodes: list[Node]) -> Iterator[For]:
    """All loops in a part of the tree, outer before inner."""
    for node in nodes:
        if isinstance(node, For):
            yield node
        if not isinstance(node, Run):
            yield from loops(node.body)
            if isinstance(node, If):
                yield from loops(node.other)


def is_innermost(loop: For) -> bool:
    """Whether no loop stands in it."""
    return next(loops(loop.body), None) is None


def constant_trips(loop: For) -> int | None:
    """An upper bound of the number of iterations when one of the bounds gives a constant."""
    trips = [
        high.plus(low, -1).constant
        for low in extreme_values(loop.lower, "max")
        for high in extreme_values(loop.upper, "min")
        if not high.plus(low, -1).terms
    ]
    return -(-min(trips) // loop.step) if trips else None

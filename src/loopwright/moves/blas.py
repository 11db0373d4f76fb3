"""BLAS idioms: a nest that is exactly a dgemm or dsyrk (or the single-precision one) becomes the call.

Proof obligation: that of a contraction (:mod:`~loopwright.moves.contraction_proof`), and that each factor is
one matrix with one row and one column subscript, so that address, leading dimension and transposition are
those of the interface (Dongarra, Du Croz, Hammarling, Duff, "A set of level 3 basic linear algebra
subprograms", ACM TOMS 1990). Only when the task links a BLAS. Sizes beyond an int and a zero alpha (for which
BLAS does not look at the factors, NaN or not) take the loops as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loopwright.analysis.ir import Access, AccessKind, Affine, Array, Loop, LoopNest
from loopwright.moves.canonical import governing_openmp, is_name
from loopwright.moves.contraction import Contraction, contraction_of, updates
from loopwright.moves.contraction_code import ContractionWriter
from loopwright.moves.contraction_proof import require_contraction_legal
from loopwright.moves.contraction_sums import base_name, plain_type
from loopwright.moves.loop_bounds import bounds_of
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, proposal, refusal
from loopwright.moves.products import names_in, product_text, substituted, terms_of
from loopwright.moves.register_tile_kernel import included
from loopwright.moves.rewrite import Replacement, apply
from loopwright.moves.tile_shape import tile_shapes
from loopwright.moves.written import BLAS

FAMILY = "blas"
FACTOR = 14.0
LIBRARIES = frozenset({"openblas", "blas", "cblas", "mkl_rt", "blis", "atlas", "satlas", "tatlas"})

_CALL = """
{
    /* $blas $target += ... over $k is a call of $routine. */
    const long @i_low = $i_first, @i_high = $i_last;
    const long @j_low = $j_first, @j_high = $j_last;
    const long @k_low = $k_first, @k_high = $k_last;
    const long @most = 2147483647;
    if (@i_low < @i_high && @j_low < @j_high && @k_low < @k_high && @i_high - @i_low < @most$checks) {
        <before>
        $routine($arguments);
        <after>
    } else {
        <original>
    }
}
"""


@dataclass(frozen=True)
class _Matrix:
    """One operand: the address of its first element, its leading dimension, and whether it is transposed."""

    address: str
    leading: str
    transposed: bool
    array: str


class Blas:
    """Proposes the call for a nest that is one, when the task links a BLAS."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        for path, update in updates(source.nest):
            try:
                found = contraction_of(source, path, update)
                proof = require_contraction_legal(source, found)
                call = _Call(source, found)
            except Declined:
                continue
            try:
                if not LIBRARIES & set(source.libraries):
                    raise Declined(f'it is {call.routine}, but the task links no BLAS (libs = ["openblas"])')
                yield _edit(source, found, call, proof)
            except Declined as reason:
                yield refusal(source, found.region, FAMILY, str(reason))


def _edit(source: NestSource, found: Contraction, call: _Call, proof: str) -> Proposal:
    data, region = source.data, found.region
    for loop in region.walk():
        if directive := governing_openmp(source, loop):
            raise Declined(f"the directive '{directive}' belongs to the loop over {loop.variable}")
    text = call.text().encode("utf-8", "surrogateescape")
    changes = [Replacement(region.range.start, region.range.end, text)]
    changes += included(data, region.range.start, "<cblas.h>")
    return proposal(
        source,
        region,
        FAMILY,
        content=apply(data, changes),
        title=f"{call.routine} for the loops over {found.rows.variable}, {found.cols.variable}, "
        f"{found.depth.variable} ({source.file}:{region.range.line})",
        proof=f"{proof} The loops are {call.routine} with the leading dimensions {call.leading}.",
        factor=FACTOR * source.threads,
        details={"routine": call.routine},
    )


class _Call(ContractionWriter):
    """The call for one contraction.

    Raises:
        Declined: when it is not exactly one.
    """

    def __init__(self, source: NestSource, found: Contraction) -> None:
        size = found.array.element_bytes
        super().__init__(source, found, tile_shapes(source.vector, size, 1)[0], parallel=False)
        if len(found.products) != 1 or found.extra or found.kept is not None:
            raise Declined("it is more than one product")
        i, j, k = found.rows, found.cols, found.depth
        both = (*terms_of(found.products[0].rows), *terms_of(found.products[0].cols))
        if len(both) != 2:
            raise Declined("a factor is a sum")
        rows, cols = both
        inner = tuple(f for f in rows.factors if i.variable in f.names or k.variable in f.names)
        scale = tuple(f for f in rows.factors if f not in inner)
        if len(inner) != 1 or inner[0].divides or len(cols.factors) != 1 or any(f.divides for f in scale):
            raise Declined("a factor is more than one matrix")
        self.alpha = ("-" if rows.negative else "") + (product_text(scale) if scale else "1.0")
        self.constant = not scale
        self.a = self._matrix(inner[0].text, i, k)
        self.b = self._matrix(cols.factors[0].text, k, j)
        self.c = self._matrix(found.target, i, j)
        if self.c.transposed:
            raise Declined("the result is transposed")
        letter = "d" if plain_type(found.array.dtype) == "double" else "s"
        kind = "syrk" if self.is_triangle else "gemm"
        if self.is_triangle:
            self._require_syrk()
        self.routine = f"cblas_{letter}{kind}"
        self.leading = ", ".join(dict.fromkeys(m.leading for m in (self.a, self.b, self.c)))

    def _matrix(self, text: str, first: Loop, second: Loop) -> _Matrix:
        """The operand `text`, of which `first` should be the row and `second` the column."""
        access = self._access(text)
        array = self.found.nest.array(access.array)
        if len(access.subscripts) != 2 or array.dtype.count("*"):
            raise Declined(f"'{text}' is no matrix")
        one, two = access.subscripts
        if one is None or two is None:
            raise Declined(f"'{text}' is no matrix")
        if _is_along(one, first, second) and _is_along(two, second, first):
            transposed = False
        elif _is_along(one, second, first) and _is_along(two, first, second):
            transposed = True
        else:
            raise Declined(f"'{text}' is no matrix with a row and a column")
        starts = {
            loop.variable: f"({loop.variable_type}){self.names.fresh(loop.variable + '_low')}"
            for loop in (first, second)
        }
        return _Matrix(
            f"&{substituted(text, starts)}", leading_of(self.found.nest, array), transposed, array.id
        )

    def _access(self, text: str) -> Access:
        name = min(names_in(text.split("[")[0]), default="")
        found = [
            a
            for a in self.found.update.accesses
            if base_name(self.found.nest.array(a.array)) == name
            and self.source.data[a.range.start : a.range.end].decode("utf-8", "replace").split()
            == text.split()
        ]
        reads = [a for a in found if a.kind is AccessKind.READ] or found
        if not reads or "(" in text.split("[")[0]:
            raise Declined(f"'{text}' is no matrix element")
        return reads[0]

    def _require_syrk(self) -> None:
        i, j = self.found.rows, self.found.cols
        (low,), (high,) = j.lower or (Affine(),), j.upper or (Affine(),)
        same = self.a.array == self.b.array and self.a.transposed != self.b.transposed
        texts = self.found.products[0].cols, self.found.products[0].rows
        mirrored = substituted(texts[0], {j.variable: i.variable}) in texts[1]
        diagonal = i.lower == (low,) and high == Affine(1, ((i.id, 1),))
        if not (same and mirrored and diagonal):
            raise Declined("the triangle is not that of a syrk")

    def text(self) -> str:
        """The region with the call."""
        i, j, k = self.found.rows, self.found.cols, self.found.depth
        bounds = {r: bounds_of(self.source, loop) for r, loop in (("i", i), ("j", j), ("k", k))}
        words = {
            f"{r}_{end}": value
            for r, b in bounds.items()
            for end, value in (("first", b.low), ("last", b.high))
        }
        counts = {r: f"(int)(@{r}_high - @{r}_low)" for r in "ijk"}
        checks = " && @j_high - @j_low < @most && @k_high - @k_low < @most"
        for leading in dict.fromkeys(m.leading for m in (self.a, self.b, self.c)):
            checks += f" && (long)({leading}) < @most"
        if not self.constant:
            checks += f" && ({self.alpha}) != 0"
        matrices = {
            m: f"{matrix.address}, (int)({matrix.leading})"
            for m, matrix in (("a", self.a), ("b", self.b), ("c", self.c))
        }
        one = "1.0" if self.routine.startswith("cblas_d") else "1.0f"
        turned = {True: "CblasTrans", False: "CblasNoTrans"}
        first, second = turned[self.a.transposed], turned[self.b.transposed]
        if self.is_triangle:
            words["j_last"] = words["i_last"]
            sizes = ["CblasLower", first, counts["i"], counts["k"]]
        else:
            sizes = [first, second, counts["i"], counts["j"], counts["k"]]
        operands = [matrices["a"]] if self.is_triangle else [matrices["a"], matrices["b"]]
        arguments = ", ".join(["CblasRowMajor", *sizes, self.alpha, *operands, one, matrices["c"]])
        words |= {
            "blas": BLAS,
            "routine": self.routine,
            "checks": checks,
            "arguments": arguments,
        }
        return self.block(_CALL, {}, **words)


def leading_of(nest: LoopNest, array: Array) -> str:
    """The distance of two rows of a matrix, in elements, as C code.

    Raises:
        Declined: when it is not known.
    """
    extent = array.extents[-1] if len(array.extents) == 2 else None
    texts = {p.name: p.text for p in nest.parameters}
    if extent is None or not extent.symbols <= texts.keys():
        raise Declined(f"the leading dimension of '{array.name}' is not known")
    parts = [str(extent.constant)] if extent.constant or not extent.terms else []
    for symbol, factor in extent.terms:
        text = texts[symbol] if is_name(texts[symbol]) else f"({texts[symbol]})"
        parts.append(text + (f" * {factor}" if factor != 1 else ""))
    return " + ".join(parts)


def _is_along(form: Affine, loop: Loop, other: Loop) -> bool:
    return form.coefficient(loop.id) == 1 and form.coefficient(other.id) == 0

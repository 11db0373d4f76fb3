"""The suites that ship with Loopwright. A further one is one more line here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from loopwright.core.errors import UsageError
from loopwright.suites.suite import FolderSuite, Suite

_HERE = Path(__file__).parent
_BEYOND = (
    "spmv-csr", "histogram", "prefix-sum", "monte-carlo", "conv-2d", "max-pool", "softmax", "n-body",
    "smith-waterman", "k-means-step", "lbm-d2q9",
)  # fmt: skip
_POLYBENCH = (
    "2mm", "3mm", "adi", "atax", "bicg", "cholesky", "correlation", "covariance", "deriche", "doitgen",
    "durbin", "fdtd-2d", "floyd-warshall", "gemm", "gemver", "gesummv", "gramschmidt", "heat-3d",
    "jacobi-1d", "jacobi-2d", "lu", "ludcmp", "mvt", "nussinov", "seidel-2d", "symm", "syr2k", "syrk",
    "trisolv", "trmm",
)  # fmt: skip
_SHOW14 = (
    "gemm", "2mm", "syrk", "doitgen", "correlation", "lu", "cholesky", "jacobi-2d", "heat-3d", "seidel-2d",
    "floyd-warshall", "atax", "mvt", "gemver",
)  # fmt: skip

LOOPS = FolderSuite(
    "loops",
    "loop kernels of scientific computing: linear algebra, stencils, dynamic programming, sparse, random",
    _HERE / "loops",
    {"polybench30": _POLYBENCH, "beyond": _BEYOND, "show14": _SHOW14},
)

SUITES: Mapping[str, Suite] = {LOOPS.name: LOOPS}


def find_suite(name: str) -> Suite:
    """The suite called `name`. Raises UsageError when there is none."""
    if name not in SUITES:
        raise UsageError(f"unknown suite {name!r}", hint=f"known: {', '.join(SUITES)}")
    return SUITES[name]

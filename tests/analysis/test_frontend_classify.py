"""The kind of a nest, for one typical program of each."""

# ruff: noqa: E501  (programs in one line)

from __future__ import annotations

import pytest
from frontend_reading import nest

from loopwright.analysis.classify import NestClass, classify

HEAD = "void f(int n, const int *p, double *restrict x, double *restrict y, double *restrict z, int *h, double s) "


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("for (int i = 0; i < n; i++) y[i] = 2 * x[i];", NestClass.STREAM),
        ("for (int i = 1; i < n - 1; i++) y[i] = x[i - 1] + x[i + 1];", NestClass.STENCIL),
        ("for (int i = 0; i < n; i++) s += x[i];", NestClass.REDUCTION),
        ("for (int i = 1; i < n; i++) x[i] = x[i - 1] * y[i];", NestClass.RECURRENCE),
        ("for (int i = 0; i < n; i++) { s = x[i] + s / 2; y[i] = s; }", NestClass.RECURRENCE),
        ("for (int i = 0; i < n; i++) h[p[i]]++;", NestClass.HISTOGRAM),
        ("for (int i = 0; i < n; i++) { double t = 0; for (int k = p[i]; k < p[i + 1]; k++) t += x[k] * y[h[k]];"
         " z[i] = t; }", NestClass.SPARSE),
        ("for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) { double t = 0; for (int k = 0; k < n; k++)"
         " t += x[i * n + k] * y[k * n + j]; z[i * n + j] = t; }", NestClass.DENSE),
        ("for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) for (int k = 0; k < n; k++)"
         " z[i * n + j] += x[i * n + k] * y[k * n + j];", NestClass.DENSE),
        ("for (int i = 0; i < n; i++) ;", NestClass.OTHER),
    ],
)  # fmt: skip
def test_kinds(body: str, kind: NestClass) -> None:
    assert classify(nest(HEAD + "{ " + body + " }")) is kind

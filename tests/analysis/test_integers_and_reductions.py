"""Constants that a type does not hold as they are, and updates whose result depends on their order."""

from __future__ import annotations

import pytest
from frontend_reading import nest

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.core.task import Language


def proved(source: str, language: Language = Language.C) -> bool:
    found = nest("#include <stddef.h>\n" + source, language)
    return analyse(found).loops[found.root.id].parallel is Answer.PROVED


@pytest.mark.parametrize(
    "body",
    [
        "for (size_t i = 1; i < n && i < (size_t)-1; i++) a[i] = a[i - 1] + 1;",
        "for (size_t i = 1; i < n && i < 18446744073709551615ul; i++) a[i] = a[i - 1] + 1;",
        "for (size_t i = 1; i < n && i != none; i++) a[i] = a[i - 1] + 1;",
        "for (int i = 1; i < m && i != (unsigned)-1; i++) a[i] = a[i - 1] + 1;",
        "for (unsigned i = 1; i < m && i != -1; i++) a[i] = a[i - 1] + 1;",
        "for (unsigned i = 1000; i != 4294967295u; i--) a[i] = a[i + 1] + 1;",
        "for (unsigned i = 1000; i != (unsigned)-1; i--) a[i] = a[i + 1] + 1;",
        "for (unsigned i = 1; i < 1000; i++) a[i] = a[i + 4294967295u] + 1;",
        "for (unsigned i = 0; i < 1000; i++) a[i * 2147483648u] = i;",
        "for (unsigned i = 0; i < 1000; i++) a[i * 65536u * 65536u] = i;",
        "for (unsigned i = 1; i < 1000; i++) a[i] = a[i + (0u - 1)] + 1;",
        "const int k = 4294967291u; for (int i = 5; i < 1000; i++) a[i] = a[i + k] + 1;",
        "for (int i = 5; i < 1000; i++) { const int k = 4294967291u; a[i] = a[i + k] + 1; }",
        "const unsigned char k = (unsigned char)2000257; for (int i = 0; i < 1000; i++) a[i + k] = a[i] + 1;",
        "for (int i = 0; i < 1000; i += (unsigned char)257) a[i + 1] = a[i] + 1;",
    ],
)
def test_a_constant_that_its_type_does_not_hold_is_not_known(body: str) -> None:
    source = f"static const size_t none = -1;\nstatic int a[2000];\nvoid f(size_t n, int m) {{ {body} }}"
    assert not proved(source)


@pytest.mark.parametrize(
    "body",
    [
        "for (size_t i = 0; i < n; i++) a[i] = b[i] + 1;",
        "for (size_t i = 1; i < n - 1; i++) a[i] = b[i - 1] + b[i + 1];",
        "for (int i = m - 1; i != -1; i--) a[i] = b[i] + 1;",
        "for (int i = m; i > -1; i -= 2) a[i + 1] = a[i] + 1;",
        "const int k = 500; for (int i = 0; i < k; i++) a[i + k] = a[i] + 1;",
        "const int k = (unsigned char)200; for (int i = 0; i < 200; i++) a[i + k] = a[i] + 1;",
        "for (unsigned i = 0; i < 500u; i += 2u) a[i] = a[i + 1u] + 1;",
        "for (int i = 0; i < 500; i += (unsigned char)2) a[i] = a[i + 1] + 1;",
        "for (int i = 1; i < m - 1; i++) a[i] = b[i + -1] + 1;",
    ],
)
def test_ordinary_constants_are_known(body: str) -> None:
    assert proved(f"static int a[2000], b[2000];\nvoid f(size_t n, int m) {{ {body} }}")


@pytest.mark.parametrize(
    ("declared", "update"),
    [
        ("int s = 0", "s += d[i]"),
        ("int s = 0", "s = s + d[i]"),
        ("_Bool s = 0", "s ^= k[i]"),
        ("_Bool s = 0", "s += k[i]"),
        ("_Bool s = 0", "s--"),
        ("int s = 0", "if (u[i] > s) s = u[i]"),
        ("int s = 0", "s = u[i] > s ? u[i] : s"),
        ("unsigned s = 0", "if (k[i] > s) s = k[i]"),
        ("double s = 0", "s = s > d[i] ? s : d[i]"),
        ("double s = 0", "if (!(d[i] <= s)) s = d[i]"),
        ("int s = 5", "s = s && k[i]"),
        ("int s = 1", "s = s && 100 / k[i]"),
        ("_Bool s = 1", "s = s && 100 / v[i]"),
        ("_Bool s = 1", "s = s && p[i]"),
    ],
)
def test_an_update_that_depends_on_the_order_is_no_reduction(declared: str, update: str) -> None:
    assert not proved(_reducing(declared, update))


@pytest.mark.parametrize(
    ("declared", "update"),
    [
        ("double s = 0", "s += d[i]"),
        ("double s = 0", "s += x[i]"),
        ("double s = 0", "s += k[i]"),
        ("int s = 0", "s += k[i]"),
        ("long s = 0", "s += k[i] * k[i]"),
        ("unsigned s = 0", "s ^= k[i]"),
        ("_Bool s = 0", "s |= k[i]"),
        ("int s = 0", "if (k[i] > s) s = k[i]"),
        ("int s = 0", "s = k[i] > s ? k[i] : s"),
        ("long s = 0", "if (k[i] < s) s = k[i]"),
        ("int s = 0", "s = s > b[i] ? s : b[i]"),
        ("double s = 0", "if (d[i] > s) s = d[i]"),
        ("double s = 0", "s = d[i] > s ? d[i] : s"),
        ("double s = 0", "s = fmax(s, d[i])"),
        ("int s = 1", "s = s && v[i] > 0"),
        ("_Bool s = 1", "s = s && v[i]"),
        ("int s = 0", "s = s || v[i] < 0"),
        ("int s = 0", "h[k[i]]++"),
    ],
)
def test_ordinary_reductions_are_found(declared: str, update: str) -> None:
    assert proved(_reducing(declared, update))


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ("s = std::max(s, v[i]);", True),
        ("s = std::min(s, v[i]);", True),
        ("s = std::max(v[i], s);", False),
        ("s = std::min(v[i], s);", False),
    ],
)
def test_what_std_max_does_with_nan(update: str, expected: bool) -> None:
    source = (
        "#include <algorithm>\n#include <vector>\ndouble f(const std::vector<double> &v) { double s = 0;"
        f" for (size_t i = 0; i < v.size(); i++) {update} return s; }}"
    )
    assert proved(source, Language.CXX) is expected


def _reducing(declared: str, update: str) -> str:
    return (
        f"#include <math.h>\nstatic int v[1000];\nint h[1000];\n"
        "double f(int n, const double *restrict d, const float *x, const int *restrict k, const unsigned *u,"
        f" const unsigned char *b, const int *p) {{ {declared}; for (int i = 0; i < n; i++) {update};"
        " return s; }"
    )

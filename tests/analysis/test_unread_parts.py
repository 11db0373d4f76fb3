"""Parts of a function that are not the loop itself, and what they do to its variables: statements inside of
expressions, structured bindings, variables in conditions, captures, assembly, sizes, references kept.
"""

from __future__ import annotations

import pytest
from frontend_reading import nests, touched

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.core.task import Language

SHIFT = "  for (int i = 0; i < n; i++) a[i + k] = a[i] + 1;\n"
LAST = "  for (int i = 0; i < n; i++) { s = a[i]; b[i] = s * s; }\n"
HEAD = "static int a[2000];\nint load(int *k);\nvoid f(int n) {\n  int k = 0;\n"
PAIR = "struct R { int e, w; };\nR load2(int *k);\n" + HEAD
TAKES = "double f(int n, const double *__restrict a, double *__restrict b) {\n  double s = 0;\n"
BOTH = (
    "double f(int n, const double *__restrict a, double *__restrict b) {\n  double t[2] = {0, 0};\n%s"
    "  for (int i = 0; i < n; i++) { t[0] = a[i]; t[1] = 2 * t[0]; b[i] = t[0] * t[1]; }\n%s}\n"
)
MAX = "#define MAX(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })\n"


def proved(source: str, language: Language) -> bool:
    (found,) = [nest for nest in nests(source, language) if any(touched(nest, one) for one in "abx")]
    return analyse(found).loops[found.root.id].parallel is Answer.PROVED


UNKNOWN_C = {
    "set in an expression": HEAD + "  (void)({ k = 5; 0; });\n" + SHIFT + "}\n",
    "read in an expression": MAX + TAKES + LAST + "  return MAX(s, 1.0);\n}\n",
    "pointer set in an expression": "#include <stdlib.h>\ndouble f(int n) {\n"
    "  double *a = calloc(n, 8), *b = calloc(n, 8);\n  (void)({ a = b; 0; });\n"
    "  for (int i = 1; i < n; i++) a[i] = b[i - 1] + 1;\n"
    "  return a[n - 1];\n}\n",
    "set by assembly": HEAD + '  __asm__ volatile("movl $5, %0" : "=r"(k));\n' + SHIFT + "}\n",
    "counted in a size": "void f(int n, int *x) {\n  int k = 0;\n"
    "  for (int i = 0; i < n; i++) { char t[++k]; x[i] = k; }\n}\n",
    "read in the header of a macro": "#define REPEAT(i, n) for (int i = 0; i < (n); i++)\n"
    + TAKES
    + LAST
    + "  int c = 0;\n  REPEAT(j, (int)s) c++;\n  return c;\n}\n",
}
PROVED_C = {
    "an expression of other names": MAX + TAKES + LAST + "  return MAX(n, 1);\n}\n",
    "a pointer read in an expression": MAX
    + "double f(int n, const double *__restrict a, double *__restrict b) {\n  double m = MAX(a[0], 1.0);\n"
    "  for (int i = 0; i < n; i++) b[i] = a[i] * m;\n  return m;\n}\n",
    "assembly of nothing": HEAD + '  __asm__ volatile("nop");\n  k = 2;\n'
    "  for (int i = 0; i < n; i++) a[i] = i;\n}\n",
    "a size": "void f(int n, int m, int *x) {\n"
    "  for (int i = 0; i < n; i++) { int t[m]; t[0] = i; x[i] = t[0]; }\n}\n",
}
UNKNOWN_CXX = {
    "set for a binding": PAIR + "  auto [e, w] = load2(&k);\n" + SHIFT + "  a[0] = e + w;\n}\n",
    "binding in the loop": "static int calls;\nstruct R { int e, w; };\nR load();\nvoid f(int n, int *x) {\n"
    "  for (int i = 0; i < n; i++) { auto [e, w] = load(); x[i] = i; }\n}\n",
    "bound by reference": BOTH % ("  auto &[x, y] = t;\n", "  return x + y;\n"),
    "bound after": BOTH % ("", "  auto [x, y] = t;\n  return x + y;\n"),
    "gone through by bindings": "struct P { double x, y; };\n"
    "double f(int n, const double *__restrict a, double *__restrict b) {\n  P t[1] = {{0, 0}};\n"
    "  for (int i = 0; i < n; i++) { t[0].x = a[i]; b[i] = t[0].x; }\n"
    "  double z = 0;\n  for (auto [x, y] : t) z += x;\n  return z;\n}\n",
    "set in a condition": HEAD + "  if (int err = load(&k)) return;\n" + SHIFT + "}\n",
    "set in the condition of a loop": HEAD + "  while (int err = load(&k)) return;\n" + SHIFT + "}\n",
    "set in the condition of a for": HEAD + "  for (; int err = load(&k);) return;\n" + SHIFT + "}\n",
    "captured by reference": TAKES + "  auto get = [&r = s] { return r; };\n" + LAST + "  return get();\n}\n",
    "captured after": TAKES + LAST + "  auto get = [v = s] { return v; };\n  return get();\n}\n",
}
PROVED_CXX = {
    "bindings of something else": PAIR + "  auto [e, w] = load2(&n);\n"
    "  for (int i = 0; i < 100; i++) a[i] = a[i] + 1;\n  a[0] = e + w;\n}\n",
    "a variable in a condition": HEAD + "  if (int err = load(nullptr)) return;\n"
    "  for (int i = 0; i < n; i++) a[i] = a[i] + k;\n}\n",
    "captures of something else": TAKES
    + "  auto get = [v = n] { return v; };\n"
    + LAST
    + "  return get();\n}\n",
}


@pytest.mark.parametrize("name", UNKNOWN_C)
def test_in_c_what_names_a_variable_counts(name: str) -> None:
    assert not proved(UNKNOWN_C[name], Language.C)


@pytest.mark.parametrize("name", PROVED_C)
def test_in_c_what_names_others_is_no_matter(name: str) -> None:
    assert proved(PROVED_C[name], Language.C)


@pytest.mark.parametrize("name", UNKNOWN_CXX)
def test_in_cxx_what_names_a_variable_counts(name: str) -> None:
    assert not proved(UNKNOWN_CXX[name], Language.CXX)


@pytest.mark.parametrize("name", PROVED_CXX)
def test_in_cxx_what_names_others_is_no_matter(name: str) -> None:
    assert proved(PROVED_CXX[name], Language.CXX)


WATCH = "struct Watch { {const} double &r; Watch({const} double &x) : r(x) {} double get() const; };\n"
KEPT = {
    "in an object": WATCH.replace("{const}", "")
    + TAKES
    + "  Watch w(s);\n"
    + LAST
    + "  return w.get();\n}\n",
    "in an object, const": WATCH.replace("{const}", "const")
    + TAKES
    + "  Watch w(s);\n"
    + LAST
    + "  return w.get();\n}\n",
    "in a plain struct": "struct Ref { double &r; };\n"
    + TAKES
    + "  Ref w{s};\n"
    + LAST
    + "  return w.r;\n}\n",
    "by the library": "#include <functional>\n"
    + TAKES
    + "  auto r = std::ref(s);\n"
    + LAST
    + "  return r.get();\n}\n",
    "by a function": "void watch(const double &x);\ndouble seen();\n"
    + TAKES
    + "  watch(s);\n"
    + LAST
    + "  return seen();\n}\n",
    "by what is handed back": "#include <algorithm>\n"
    + TAKES
    + "  const double z = -1, &m = std::max(s, z);\n"
    + LAST
    + "  return m;\n}\n",
}
NOT_KEPT = {
    "by value": "struct Size { double v; Size(double x) : v(x) {} };\n"
    + TAKES
    + "  Size w(s);\n"
    + LAST
    + "  return w.v;\n}\n",
    "a class of numbers": "struct Size { double v; Size(const double &x) : v(x) {} };\n"
    + TAKES
    + "  Size w(s);\n"
    + LAST
    + "  return w.v;\n}\n",
    "by a vector": "#include <vector>\n"
    + TAKES
    + "  std::vector<double> v(n, s);\n  v.push_back(s);\n"
    + LAST
    + "  return v[0];\n}\n",
    "by a maximum": "#include <algorithm>\n"
    + TAKES
    + "  double m = std::max(s, 1.0);\n"
    + LAST
    + "  return m;\n}\n",
    "read from a stream": "#include <iostream>\nvoid f(double *a) {\n  int n;\n  std::cin >> n;\n"
    "  for (int i = 0; i < n; i++) a[i] = i;\n}\n",
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_by_reference_may_be_read_later(name: str) -> None:
    assert not proved(KEPT[name], Language.CXX)


@pytest.mark.parametrize("name", NOT_KEPT)
def test_what_is_copied_is_no_matter(name: str) -> None:
    assert proved(NOT_KEPT[name], Language.CXX)

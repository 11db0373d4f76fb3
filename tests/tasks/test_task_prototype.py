"""Reading C declarations, beside what the compiler says about the same types."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from loopwright.core.task import Dtype
from loopwright.tasks.prototype import find_declaration, parse_prototype

DECLARATIONS = [
    ("double x", "x", Dtype.F64, False, False),
    ("const double *x", "x", Dtype.F64, True, True),
    ("double const *restrict x", "x", Dtype.F64, True, True),
    ("double *const x", "x", Dtype.F64, True, False),
    ("float x[]", "x", Dtype.F32, True, False),
    ("double A[n][n]", "A", Dtype.F64, True, False),
    ("double A[static restrict 4]", "A", Dtype.F64, True, False),
    ("unsigned n", "n", Dtype.U32, False, False),
    ("unsigned int n", "n", Dtype.U32, False, False),
    ("long n", "n", Dtype.I64, False, False),
    ("unsigned long long int n", "n", Dtype.U64, False, False),
    ("long unsigned int n", "n", Dtype.U64, False, False),
    ("short int n", "n", Dtype.I16, False, False),
    ("signed char *p", "p", Dtype.I8, True, False),
    ("char *p", "p", None, True, False),
    ("unsigned char p", "p", Dtype.U8, False, False),
    ("size_t n", "n", Dtype.U64, False, False),
    ("const uint16_t *p", "p", Dtype.U16, True, True),
    ("int64_t n", "n", Dtype.I64, False, False),
    ("real_t *x", "x", None, True, False),
    ("struct point *x", "x", None, True, False),
    ("long double x", "x", None, False, False),
    ("double **rows", "rows", None, True, False),
    ("double complex *z", "z", None, True, False),
    ("int", "", Dtype.I32, False, False),
    ("unsigned long", "", Dtype.U64, False, False),
    ("double *", "", Dtype.F64, True, False),
]


@pytest.mark.parametrize(("text", "name", "dtype", "pointer", "const"), DECLARATIONS)
def test_parameters(text: str, name: str, dtype: Dtype | None, pointer: bool, const: bool) -> None:
    prototype = parse_prototype(f"void f(int n, {text})")
    assert prototype is not None
    parameter = prototype.parameters[1]
    found = (parameter.name, parameter.dtype, parameter.is_pointer, parameter.is_const)
    assert found == (name, dtype, pointer, const)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_the_compiler_agrees_with_every_dtype(tmp_path: Path) -> None:
    lines = ["#include <stddef.h>", "#include <stdint.h>"]
    for number, (text, name, dtype, pointer, _) in enumerate(DECLARATIONS):
        if dtype is None or not name:
            continue
        element = {
            "f": "1.5 == (T)1.5",
            "i": "(T)-1 < (T)0 && (T)1.5 == 1",
            "u": "(T)-1 > (T)0 && (T)1.5 == 1",
        }
        first = "int count" if name == "n" else "int n"
        value = f"{name}{'[0]' if pointer and 'A[n]' not in text else '[0][0]' if pointer else ''}"
        check = element[dtype.value[0]].replace("T", f"__typeof__({value})")
        lines.append(
            f"void f{number}({first}, {text}) {{ _Static_assert(sizeof({value}) == {dtype.size_bytes}, "
            f'"size"); _Static_assert({check}, "kind"); }}'
        )
    (tmp_path / "x.c").write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        ["gcc", "-std=gnu11", "-fsyntax-only", tmp_path / "x.c"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "returns", "dtype", "count"),
    [
        ("void f(void)", "void", None, 0),
        ("void f()", "void", None, 0),
        ('extern "C" double f(int n);', "double", Dtype.F64, 1),
        ("static inline float f(int a, /* b, */ int c)", "float", Dtype.F32, 2),
        ("double *f(int n)", "double *", None, 1),
        ("void f(int n, void (*g)(int, int), double *x)", "void", None, 3),
        ("unsigned long f(std::vector<std::pair<int, int>> v, int n)", "unsigned long", Dtype.U64, 2),
        ("__attribute__((noinline)) int f(int n)", "int", Dtype.I32, 1),
        ("void\nf(int n,\n  double *x)\n;", "void", None, 2),
        ("void f(double *x) noexcept", "void", None, 1),
    ],
)
def test_functions(text: str, returns: str, dtype: Dtype | None, count: int) -> None:
    prototype = parse_prototype(text)
    assert prototype is not None
    assert (prototype.function, prototype.returns, prototype.returns_dtype) == ("f", returns, dtype)
    assert len(prototype.parameters) == count


@pytest.mark.parametrize("text", ["", "f", "f(int n)", "void f(int n", "void f)int n(", "int x = f(3) + g(4)",
                                  "void (*f)(int)", "void f(int a), g(int b)"])  # fmt: skip
def test_what_is_no_declaration(text: str) -> None:
    assert parse_prototype(text) is None


def test_finding_a_declaration() -> None:
    source = """
    /* void axpy(int wrong); */
    #define axpy(x) wrong
    double use(void) { return axpy(3, 4); }
    static double *const other_axpy(int n);
    extern void
    axpy(const int n, /* factor */ double a,
         const double *restrict x, double *y)
    {
    }
    """
    assert find_declaration("axpy", source) == (
        "void axpy(const int n, double a, const double *restrict x, double *y)"
    )
    assert find_declaration("missing", source) is None
    assert find_declaration("use", source) == "double use(void)"


def test_the_linkage_of_a_declaration_in_cxx_is_kept() -> None:
    source = 'int g(int);\nextern "C"\ndouble f(double x) { return g(1) * x; }\n'
    assert find_declaration("f", source) == 'extern "C" double f(double x)'
    assert find_declaration("g", source) == "int g(int)"

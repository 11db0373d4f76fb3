"""What the frontend says of bounds and subscripts, against what the compiled program does."""

# ruff: noqa: E501  (programs in one line)

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest
from frontend_reading import nests

from loopwright.analysis.domains import evaluate, loop_range
from loopwright.analysis.ir import Loop, LoopNest, Relation, Statement

HEADERS = [
    "int i = 0; i < n; i++",
    "int i = 1; i <= n - 1; ++i",
    "int i = n; i >= 0; i--",
    "int i = 2 * n - 1; i > m; i -= 3",
    "int i = m; n > i; i += 2",
    "int i = -n; i != m; i = i + 1",
    "long i = n; m - 1 <= i; i = i - 2",
    "int i = 0; i < n && i <= m; i++",
    "int i = 0; i < (n < m ? n : m); i += 4",
    "int i = n + m; i > (n > m ? n : m); --i",
]

BODIES = [
    "for (int i = 0; i < n; i++) for (int j = 0; j <= i; j++) T(i * m + j, i <= m && j < m);",
    "for (int i = 1; i < n; i++) for (int j = 1; j < m; j++) T((i - 1) * m + j - 1, 1);",
    "for (int i = n - 1; i >= 0; i--) for (int j = i; j < n; j += 2) { int q = 3 * i - j; T(q + n * 10, 1); }",
    "for (int i = 0; i < n; i++) { if (i < 2) continue; if (i + m > 7 || i == 3) T(i, 1); else T(2 * i, 1); }",
    "for (int i = 0; i < n; i++) { if (!(i > m)) { if (i == 2) T(i, 1); } }",
]

SIZES = [(0, 0), (1, 3), (5, 2), (6, 9), (8, 8)]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int, int], list[int]]:
    """What each program records for each pair of sizes."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    folder: Path = tmp_path_factory.mktemp("executed")
    texts = [f'for ({header}) printf(" %d", (int)i);' for header in HEADERS]
    texts += [body.replace("T(", "REC(") for body in BODIES]
    functions = "".join(f"static void f{k}(int n, int m) {{ {text} }}\n" for k, text in enumerate(texts))
    calls = "".join(
        f'printf("{k} {n} {m}:"); f{k}({n}, {m}); puts("");\n'
        for k, (n, m) in itertools.product(range(len(texts)), SIZES)
    )
    source = (
        '#include <stdio.h>\n#define REC(x, c) do { if (c) printf(" %d", (int)(x)); } while (0)\n'
        f"{functions}int main(void) {{ {calls} }}\n"
    )
    (folder / "p.c").write_text(source)
    subprocess.run(["gcc", "-O0", "-w", "-o", folder / "p", folder / "p.c"], check=True)
    out = subprocess.run([folder / "p"], check=True, capture_output=True, text=True).stdout
    names = [*HEADERS, *BODIES]
    found = {}
    for line in out.splitlines():
        head, _, values = line.partition(":")
        k, n, m = map(int, head.split())
        found[names[k], n, m] = [int(v) for v in values.split()]
    return found


@pytest.mark.parametrize("header", HEADERS)
def test_the_values_of_the_induction_variable(
    header: str, traces: dict[tuple[str, int, int], list[int]]
) -> None:
    (found,) = nests(f"void f(int n, int m, double *a) {{ for ({header}) a[i] = 0; }}")
    for n, m in SIZES:
        assert list(loop_range(found.root, {"n": n, "m": m})) == traces[header, n, m]


@pytest.mark.parametrize("body", BODIES)
def test_the_elements_that_are_written(body: str, traces: dict[tuple[str, int, int], list[int]]) -> None:
    import re

    # T(x, c) records x if c; here it is a write to a[x] under that condition.
    text = re.sub(r"T\((.*?), (i <= m && j < m|1)\);", r"if (\2) a[\1] = 0;", body).replace("if (1) ", "")
    (found,) = nests(f"void f(int n, int m, double *restrict a) {{ {text} }}")
    for n, m in SIZES:
        said = sorted(_written(found, {"n": n, "m": m}))
        seen = traces[body, n, m]
        exact = all(s.exact_guards for s in found.root.statements())
        assert (said == sorted(seen)) if exact else set(seen) <= set(said)


def _written(found: LoopNest, sizes: dict[str, int]) -> list[int]:
    extents = found.array("a").extents

    def flat(subscripts: list[int], values: dict[str, int]) -> int:
        total = 0
        for subscript, extent in zip(subscripts, extents, strict=True):
            total = total * (1 if extent is None else evaluate(extent, values)) + subscript
        return total

    def visit(item: Loop | Statement, values: dict[str, int]) -> list[int]:
        if isinstance(item, Loop):
            return [
                element
                for value in loop_range(item, values)
                for inner in item.body_items
                for element in visit(inner, {**values, item.id: value})
            ]
        for guard in item.guards:
            value = evaluate(guard.form, values)
            if value != 0 if guard.relation is Relation.EQ else value < 0:
                return []
        found_here = []
        for access in item.accesses:
            if access.array == "a" and access.kind == "write":
                assert None not in access.subscripts, access
                found_here.append(
                    flat([evaluate(s, values) for s in access.subscripts if s is not None], values)
                )
        return found_here

    return visit(found.root, sizes)

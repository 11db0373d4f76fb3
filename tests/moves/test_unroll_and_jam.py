"""Unroll-and-jam: what it writes, what it refuses, and that random nests stay the same to the last bit."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from moves_support import COMPILERS, ask, build, runs_alike, text_of

from loopwright.analysis.facts import Answer
from loopwright.core.task import Language
from loopwright.core.tree import Tree
from loopwright.moves import unroll_and_jam
from loopwright.moves.proposals import proposals
from loopwright.moves.unroll_and_jam import UnrollAndJam

ATAX = """/* y = A^T (A x) */
void atax(int n, const double a[restrict n][n], const double x[restrict n], double y[restrict n])
{
    // rows
    for (int i = 0; i < n; i++) {
        double row = 0.0;  /* of row i */
        for (int j = 0; j < n; j++)
            row += a[i][j] * x[j];
        for (int j = 0; j < n; j++) {
            y[j] += a[i][j] * row;
        }
    }
}
"""
ATAX_BY_FOUR = """/* y = A^T (A x) */
void atax(int n, const double a[restrict n][n], const double x[restrict n], double y[restrict n])
{
    // rows
    /* 4 iterations of i at a time, jammed; the rest below, one by one. */
    const int i_rest = n / 4 * 4;
    for (int i = 0; i < i_rest; i += 4) {
        double row = 0.0; /* of row i */
        double row1 = 0.0;
        double row2 = 0.0;
        double row3 = 0.0;
        for (int j = 0; j < n; j++) {
            row += a[i][j] * x[j];
            row1 += a[i + 1][j] * x[j];
            row2 += a[i + 2][j] * x[j];
            row3 += a[i + 3][j] * x[j];
        }
        for (int j = 0; j < n; j++) {
            y[j] += a[i][j] * row;
            y[j] += a[i + 1][j] * row1;
            y[j] += a[i + 2][j] * row2;
            y[j] += a[i + 3][j] * row3;
        }
    }
    for (int i = i_rest; i < n; i++) {
        double row = 0.0;  /* of row i */
        for (int j = 0; j < n; j++)
            row += a[i][j] * x[j];
        for (int j = 0; j < n; j++) {
            y[j] += a[i][j] * row;
        }
    }
}
"""


def only(text: str, **options: object) -> str:
    """What is proposed with four iterations at a time."""
    found, refused = ask(UnrollAndJam(), text, **options)
    chosen = [p for p in found if p.edit.details and p.edit.details["factor"] == "4"]
    assert chosen, [str(r) for r in refused]
    return text_of(chosen[0])


def reason(text: str) -> str:
    """Why nothing is proposed."""
    found, refused = ask(UnrollAndJam(), text)
    assert not found, text_of(found[0])
    assert refused
    return refused[0].reason


def in_function(body: str, arrays: str = "double (*restrict a)[n], double (*restrict b)[n]") -> str:
    return f"void f(int n, {arrays}, double *restrict x, double *restrict y)\n{{\n{body}\n}}\n"


def test_reads_like_written_by_hand() -> None:
    found, _ = ask(UnrollAndJam(), ATAX)
    assert [p.edit.details and p.edit.details["factor"] for p in found] == ["8", "4"]
    assert text_of(found[1]) == ATAX_BY_FOUR
    assert "same bits" in found[0].edit.proof


def test_a_stencil_is_left_alone() -> None:
    """Its rows overlap, but unrolled it was slower: too many values at one time, and no sum that waits."""
    terms = " + ".join(f"a[i + {di}][j + {dj}]" for di in range(3) for dj in range(3))
    body = f"for (int i = 0; i < n - 2; i++) for (int j = 0; j < n - 2; j++) b[i][j] = {terms};"
    assert ask(UnrollAndJam(), in_function(body)) == ([], [])


def test_what_is_left_over_is_not_jammed_again() -> None:
    assert ask(UnrollAndJam(), ATAX_BY_FOUR) == ([], [])


def test_line_ends_and_tabs_stay() -> None:
    crlf = ATAX.replace("\n", "\r\n").replace("    ", "\t")
    assert only(crlf) == ATAX_BY_FOUR.replace("\n", "\r\n").replace("    ", "\t")


def test_legal_and_illegal_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The distance of the dependence over i and j decides: (1, 1) stays in order, (1, -1) does not."""
    monkeypatch.setattr(unroll_and_jam, "_WORTH", 0.0)
    loops = "for (int i = 1; i < n; i++) for (int j = 1; j < n - 1; j++) "
    forward = in_function(loops + "a[i][j] = 0.5 * (a[i - 1][j - 1] + a[i - 1][j]);")
    assert "a[i + 1][j] = 0.5 * (a[i][j - 1] + a[i][j]);" in only(forward)
    backward = in_function(loops + "a[i][j] = 0.5 * (a[i - 1][j + 1] + a[i - 1][j]);")
    assert "a dependence would be turned round: a" in reason(backward)


def test_far_dependences_allow_small_factors_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unroll_and_jam, "_WORTH", 0.0)
    body = "for (int i = 3; i < n; i++) for (int j = 0; j < n - 1; j++) a[i][j] = a[i - 3][j + 1] + x[j];"
    found, _ = ask(UnrollAndJam(), in_function(body))
    assert [p.edit.details and p.edit.details["factor"] for p in found] == ["2"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("double s = 0; for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) s += a[i][j] * x[j]; *y = s;",
         "turned round: s"),
        ("double s; for (int i = 0; i < n; i++) { s = 0; for (int j = 0; j < n; j++) s += a[i][j] * x[j];"
         " y[i] = s; }", "turned round: s"),
        ("for (int i = 0; i < n; i++) for (int j = 0; j < i; j++) x[i] += a[i][j] * x[j];", "independent"),
        ("for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) { if (x[j] < 0) break; y[i] += a[i][j]; }",
         "break"),
        ("int i; for (i = 0; i < n; i++) for (int j = 0; j < n; j++) y[i] += a[i][j] * x[j]; *x = i;",
         "after the loop"),
        ("#define YI y[i]\nfor (int i = 0; i < n; i++) for (int j = 0; j < n; j++) YI += a[i][j] * x[j];",
         "macro"),
    ],
)  # fmt: skip
def test_refuses(body: str, words: str) -> None:
    assert words in reason(in_function(body))


def test_overlapping_arrays_are_refused() -> None:
    text = "void f(int n, double *a, double *x, double *y)\n{\nfor (int i = 0; i < n; i++)\n"
    text += "for (int j = 0; j < n; j++) y[i] += a[i * n + j] * x[j];\n}\n"
    assert "overlap" in reason(text)


def test_products_of_matrices_are_left_to_register_tiles() -> None:
    body = "for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) for (int k = 0; k < n; k++)"
    assert ask(UnrollAndJam(), in_function(f"{body} a[i][j] += b[i][k] * b[k][j];")) == ([], [])


def test_parameters_of_macros_keep_their_brackets() -> None:
    body = "#define TWICE(v) (v * 2)\nfor (int i = 0; i < n; i++) for (int j = 0; j < n; j++)"
    text = only(in_function(f"{body} y[i] += a[i][j] * x[j] + TWICE(i);"))
    assert "TWICE((i + 1))" in text


MAIN = """#include <stdio.h>
#include <string.h>
{declarations}
static double a[40][40], b[40][40], x[40], y[40];
int main(void)
{{
    int sizes[] = {{0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 31}};
    for (int s = 0; s < 12; s++) {{
        int n = sizes[s];
        for (int i = 0; i < 40; i++) {{
            x[i] = 1.0 / (i + 3); y[i] = i * 0.1;
            for (int j = 0; j < 40; j++) {{ a[i][j] = 1.0 / (i + 2 * j + 1); b[i][j] = 0.01 * i - 0.3 * j; }}
        }}
        {call}
        double sum = 0;
        for (int i = 0; i < 40; i++)
            for (int j = 0; j < 40; j++) sum = sum * 1.0001 + a[i][j] + 3 * b[i][j] + x[j] + 7 * y[i];
        printf("%.17g\\n", sum);
    }}
    return 0;
}}
"""
TRIANGLES = """void f(int n, double (*restrict a)[40], const double (*restrict b)[40], const double *restrict x, double *restrict y)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++)
            y[i] += b[i][j] * x[j];
        for (int j = i + 1; j < n; j++)
            y[i] -= b[j][i] * x[j];
    }
}
"""  # noqa: E501


def test_triangles(tmp_path: Path) -> None:
    """The common part is jammed, the rest of each iteration runs alone; by two compilers and three teams."""
    after = only(TRIANGLES)
    assert "for (int j = 0; j < i + 1; j++) {" in after
    assert "for (int j = i + 1; j < i + 4; j++)" in after
    main = MAIN.format(declarations="void f();", call="f(n, a, b, x, y);")
    runs_alike(TRIANGLES, after, main.replace("void f();", TRIANGLES.split("\n")[0] + ";"), tmp_path)


def test_directives_stay_where_they_are_right(tmp_path: Path) -> None:
    before = TRIANGLES.replace(
        "    for (int i", "    #pragma omp parallel for schedule(dynamic)\n    for (int i"
    )
    after = only(before)
    assert (
        "    #pragma omp parallel for schedule(dynamic)\n    for (int i = 0; i < i_rest; i += 4) {" in after
    )
    main = MAIN.format(declarations="void f();", call="f(n, a, b, x, y);")
    runs_alike(before, after, main.replace("void f();", TRIANGLES.split("\n")[0] + ";"), tmp_path)
    for clause in ("lastprivate(n)", "collapse(2)", "private(x)"):
        assert reason(before.replace("schedule(dynamic)", clause))


def test_a_sum_in_vector_lanes_gets_one_for_each_iteration() -> None:
    body = "for (int i = 0; i < n; i++) {\ndouble s = 0;\n#pragma omp simd reduction(+: s)\n"
    text = only(in_function(body + "for (int j = 0; j < n; j++) s += a[i][j] * x[j];\ny[i] = s;\n}"))
    assert "#pragma omp simd reduction(+: s, s1, s2, s3)" in text


def test_in_cxx_with_unsigned_counters_and_without_braces(tmp_path: Path) -> None:
    before = """#include <cstddef>
void f(std::size_t n, const double *__restrict a, const double *__restrict x, double *__restrict y, bool on)
{
    if (on)
        for (std::size_t i = 2; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j)
                y[i] += a[i * 40 + j] * x[j];
}
"""
    after = only(before, language=Language.CXX)
    assert "2 < n ? 2 + (n - 2) / 4 * 4 : 2" in after
    main = MAIN.format(
        declarations="#include <cstddef>\nvoid f(size_t, const double *, const double *, double *, bool);",
        call="f(n, &a[0][0], x, y, n != 4);",
    )
    runs_alike(before, after, main, tmp_path, language=Language.CXX)


# -- random nests

PARAMETERS = (
    "int n, double (*restrict a)[40], double (*restrict b)[40], double *restrict x, double *restrict y"
)
HEADERS = ("{v} = 1; {v} < n; {v}++", "{v} = 0; {v} <= n; ++{v}", "{v} = n; {v} >= 1; {v}--",
           "{v} = 1; {v} < n; {v} += 2", "{v} = {o}; {v} < n; {v}++",
           "{v} = 1; {v} <= {o}; {v}++")  # fmt: skip


def random_nest(seed: int) -> str:
    """The body of a function with one nest of two or three loops."""
    pick = random.Random(seed)
    depth = pick.choice((2, 2, 3))
    names = "ijk"[:depth]

    def index(seen: str) -> str:
        return f"{pick.choice(seen)}{pick.choice(('', '', '', ' + 1', ' + 2'))}"

    def element(seen: str, arrays: str) -> str:
        array = pick.choice(arrays)
        return f"{array}[{index(seen)}][{index(seen)}]" if array in "ab" else f"{array}[{index(seen)}]"

    def statement(seen: str, local: str) -> str:
        value = f"{element(seen, 'abxy')} * 0.5 + {element(seen, 'bx')}{' * ' + local if local else ''}"
        target = local if local and pick.random() < 0.3 else element(seen, "aay")
        guard = f"if ({index(seen)} > {pick.randint(2, 20)}) " if pick.random() < 0.15 else ""
        return f"{guard}{target} {pick.choice(('=', '=', '+='))} {value};"

    def loop(level: int, local: str) -> list[str]:
        form = pick.choice(HEADERS[:2] if level == 0 else HEADERS)
        seen = names[: level + 1]
        inside: list[str] = []
        if pick.random() < 0.4:
            local = f"t{level}"
            inside.append(f"double {local} = {element(seen, 'bx')};")
        if level + 1 < depth:
            inside += [statement(seen, local) for _ in range(pick.choice((0, 0, 1)))]
            inside += loop(level + 1, local)
            inside += [statement(seen, local) for _ in range(pick.choice((0, 0, 1)))]
        else:
            inside += [statement(seen, local) for _ in range(pick.choice((1, 1, 2)))]
        return [f"for (int {form.format(v=names[level], o=names[max(0, level - 1)])}) {{", *inside, "}"]

    return "\n".join(loop(0, ""))


def random_results(count: int, folder: Path) -> tuple[int, int]:
    """Of so many nests: how many edits were proposed, and how many of them changed a bit somewhere."""
    functions: list[str] = []
    calls: list[str] = []
    edits = 0
    for seed in range(count):
        text = f"void f{seed}({PARAMETERS})\n{{\n{random_nest(seed)}\n}}\n"
        found = proposals(
            Tree({"k.c": text.encode()}), ["k.c"], Language.C, moves=(UnrollAndJam(),), region_moves=()
        )
        versions = [text, *(text_of(p) for p in found.proposals)]
        for n, version in enumerate(versions):
            functions.append(version.replace(f"f{seed}(", f"f{seed}_{n}("))
        edits += len(versions) - 1
        calls.append(f"{{{', '.join(f'f{seed}_{n}' for n in range(len(versions)))}}}")
    most = max(c.count(",") + 1 for c in calls)
    table = (
        f"typedef void (*kernel)({PARAMETERS});\nstatic kernel table[][{most}] = {{{', '.join(calls)}}};\n"
    )
    loop = "if (table[m][v]) table[m][v](n, a, b, x, y); else continue;"
    main = MAIN.format(declarations="".join(functions) + table, call="#CALL")
    head, _, tail = main.partition("int main(void)\n{")
    tail = tail.replace("        #CALL", f"        {loop}").replace(
        "    return 0;\n}\n", "    }\n    return 0;\n}\n"
    )
    rounds = f"\n    for (int m = 0; m < {count}; m++) for (int v = 0; v < {most}; v++) {{\n"
    tail = tail.replace('printf("%.17g\\n", sum);', 'printf("%d %d %d %.17g\\n", m, v, n, sum);')
    # Elements next to the rim may be touched beyond n, never beyond the arrays.
    program = build(COMPILERS[Language.C][0], {"main.c": head + "int main(void)\n{" + rounds + tail}, folder,
                    ("-O1", "-ffp-contract=off"))  # fmt: skip
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    values: dict[tuple[str, str], dict[str, str]] = {}
    for line in done.stdout.splitlines():
        nest, version, size, value = line.split()
        values.setdefault((nest, version), {})[size] = value
    wrong = sum(got != values[m, "0"] for (m, v), got in values.items() if v != "0")
    return edits, wrong


@pytest.mark.skipif(not COMPILERS[Language.C], reason="no compiler")
def test_random_nests_stay_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is proved legal computes the same at many sizes; what is not proved, jammed by force, does not."""
    monkeypatch.setattr(unroll_and_jam, "_WORTH", 0.0)
    edits, wrong = random_results(32, tmp_path / "legal")
    assert edits > 15
    assert wrong == 0
    monkeypatch.setattr(unroll_and_jam, "jam_legal", lambda *_: (Answer.PROVED, "by force"))
    _, wrong = random_results(12, tmp_path / "forced")
    assert wrong > 2

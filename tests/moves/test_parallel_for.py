"""`parallel for`: the text, what it computes, and the illegal twins that must be refused."""

# ruff: noqa: E501 (one snippet a line is easier to compare)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import Language, ask, runs_alike, sources_of, text_of

from loopwright.core.task import Argument, Dtype, Kernel, Role, Target
from loopwright.moves.move import NestSource, Proposal
from loopwright.moves.parallel_for import ParallelFor

MOVE = ParallelFor()

PRINT = 'for (int q = 0; q < N; q++) printf("%.17g\\n", (double)'
HEAD = "#include <stdio.h>\n#include <stdlib.h>\n#define N 97\n"


def directive(text: str, **options: object) -> str:
    """The directive of the best proposal, which must be the only line added."""
    proposals, refusals = ask(MOVE, text, **options)
    assert proposals, [str(r) for r in refusals]
    before, after = text.splitlines(), text_of(proposals[0]).splitlines()
    added = [line for line in after if "#pragma" in line and line not in before]
    assert [line for line in after if line not in added] == before
    (line,) = added
    return line.strip()


def refused(text: str, **options: object) -> str:
    """The reasons, when the move proposes nothing at all."""
    proposals, refusals = ask(MOVE, text, **options)
    assert not proposals, proposals[0].edit.title
    assert refusals
    return "; ".join(r.reason for r in refusals)


def test_plain_loop_whole_file_and_result(tmp_path: Path) -> None:
    before = """\
/* scale */
void kernel(int n, const double *restrict x, double *restrict y)
{
    for (int i = 0; i < n; i++)
        y[i] = 2.0 * x[i]; // twice
}
"""
    after = before.replace("    for", "    #pragma omp parallel for schedule(static)\n    for")
    proposals, refusals = ask(MOVE, before)
    assert after in [text_of(p) for p in proposals]
    assert not refusals
    edit = proposals[0].edit
    assert edit.details is not None and edit.details["move"] == "parallel-for"
    assert "no dependence is carried" in edit.proof and "y shares no memory with x" in edit.proof
    assert not edit.speculative
    main = (
        HEAD
        + "void kernel(int, const double *restrict, double *restrict);\nint main(void) { static double x[N], y[N];"
        + " for (int i = 0; i < N; i++) x[i] = i * 0.37; kernel(N, x, y);"
        + PRINT
        + "y[q]); }"
    )
    for n, proposal in enumerate(proposals):
        runs_alike(before, text_of(proposal), main, tmp_path / str(n))


STATS = """\
double kernel(int n, const double *x, double *largest)
{
    int i, j;
    double sum = 0.0, top = x[0], t;
    for (i = 0; i < n; i++) {
        t = 0.0;
        for (j = 0; j <= i; j++)
            t += x[j];
        sum += t;
        if (t > top)
            top = t;
    }
    *largest = top;
    return sum;
}
"""


def test_private_variables_and_two_reductions(tmp_path: Path) -> None:
    line = directive(STATS)
    assert line == (
        "#pragma omp parallel for schedule(dynamic, 8) private(t, j) reduction(+: sum) reduction(max: top)"
    )
    main = (
        HEAD
        + "double kernel(int, const double *, double *);\nint main(void) { static double x[N]; double top;"
        + " for (int i = 0; i < N; i++) x[i] = (i * 37 % 11) - 5; double s = kernel(N, x, &top);"
        + ' printf("%.17g %.17g\\n", s, top); return 0; }'
    )
    proposals, _ = ask(MOVE, STATS)
    assert len(proposals) >= 3  # dynamic, guided, static
    for n, proposal in enumerate(proposals[:3]):
        # Small whole numbers: every order of additions gives the same.
        runs_alike(STATS, text_of(proposal), main, tmp_path / str(n))


def test_the_last_value_is_copied_out(tmp_path: Path) -> None:
    text = """\
int kernel(const int *restrict x, int *restrict y)
{
    int i, t;
    for (i = 0; i < 97; i++) {
        t = x[i] * 3;
        for (int j = 0; j < 50; j++)
            y[i] += t * j;
    }
    return i * 1000 + t;
}
"""
    line = directive(text)
    assert "lastprivate(" in line and "t" in line
    main = (
        HEAD
        + "int kernel(const int *restrict, int *restrict);\nint main(void) { static int x[N], y[N];"
        + ' for (int i = 0; i < N; i++) x[i] = i % 7; printf("%d\\n", kernel(x, y));'
        + PRINT
        + "y[q]); }"
    )
    runs_alike(text, text_of(ask(MOVE, text)[0][0]), main, tmp_path)


def test_outermost_loop_is_taken_and_collapse_is_a_variant(tmp_path: Path) -> None:
    text = """\
void kernel(int n, double (*restrict v)[97], double (*restrict u)[97])
{
\tfor (int i = 1; i < n - 1; i++) {
\t\tfor (int j = 1; j < 96; j++) {
\t\t\tv[i][j] = 0.25 * (u[i - 1][j] + u[i + 1][j] + u[i][j - 1] + u[i][j + 1]);
\t\t}
\t}
}
"""
    proposals, _ = ask(MOVE, text)
    added = [[line for line in text_of(p).splitlines() if "#pragma" in line] for p in proposals]
    assert ["\t#pragma omp parallel for schedule(static)"] in added
    assert ["\t#pragma omp parallel for collapse(2) schedule(static)"] in added
    assert len(added) == 2
    main = (
        HEAD
        + "void kernel(int, double (*restrict)[97], double (*restrict)[97]);\n"
        + "static double u[N][97], v[N][97];\nint main(void) {"
        + " for (int i = 0; i < N * 97; i++) u[i / 97][i % 97] = i % 13; kernel(N, v, u);"
        + " for (int i = 0; i < N; i++) "
        + PRINT
        + "v[i][q]); }"
    )
    for n, proposal in enumerate(proposals):
        runs_alike(text, text_of(proposal), main, tmp_path / str(n))


def test_a_row_sum_is_not_collapsed() -> None:
    text = """\
void kernel(int n, int m, double *restrict y, const double *restrict a)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            y[i] += a[i * m + j];
}
"""
    proposals, _ = ask(MOVE, text)
    assert proposals
    assert all("collapse" not in text_of(p) for p in proposals)


def test_a_serial_outer_loop_leaves_the_inner_one() -> None:
    text = """\
void kernel(int n, int m, double *a)
{
    for (int t = 1; t < n; t++)
        for (int i = 0; i < m; i++)
            a[t * m + i] = a[(t - 1) * m + i] * 0.5;
}
"""
    proposals, refusals = ask(MOVE, text)
    assert [r.loop for r in refusals] == ["t"]
    assert all(p.line == 4 for p in proposals)
    directives = [line.strip() for p in proposals for line in text_of(p).splitlines() if "#pragma" in line]
    assert "#pragma omp parallel for schedule(static)" in directives
    assert "#pragma omp parallel for if(m > 64) schedule(static)" in directives


ILLEGAL = {
    "recurrence": "void f(int n, double *a) { for (int i = 1; i < n; i++) a[i] = a[i - 1] * 0.5; }",
    "shift down": "void f(int n, double *a) { for (int i = 0; i < n - 1; i++) a[i] = a[i + 1]; }",
    "may overlap": "void f(int n, double *a, const double *b) { for (int i = 0; i < n; i++) a[i] = b[i]; }",
    "all write one": "void f(int n, double *restrict a, double *restrict b) { for (int i = 0; i < n; i++) a[0] = b[i]; }",
    "indirect": "void f(int n, double *restrict a, int *restrict p) { for (int i = 0; i < n; i++) a[p[i]] = i; }",
    "not only +": "double f(int n, double *a) { double s = 0; for (int i = 0; i < n; i++) { s += a[i]; a[i] = s; } return s; }",
    "two operators": "double f(int n, double *a) { double s = 0; for (int i = 0; i < n; i++) { s += a[i]; s *= 2; } return s; }",
    "s = e - s": "double f(int n, double *a) { double s = 0; for (int i = 0; i < n; i++) s = a[i] - s; return s; }",
    "carried scalar": "void f(int n, double *a) { double t = 0; for (int i = 0; i < n; i++) { a[i] = t; t = i; } }",
    "conditional last": "double f(int n, double *a) { double t = 0; for (int i = 0; i < n; i++) if (a[i] > 0) t = a[i]; return t; }",
    "break": "void f(int n, double *a) { for (int i = 0; i < n; i++) { if (i == 7) break; a[i] = 1; } }",
    "return": "int f(int n, int *a) { for (int i = 0; i < n; i++) { if (a[i]) return i; } return -1; }",
    "goto": "void f(int n, double *a) { for (int i = 0; i < n; i++) { if (i == 7) goto out; a[i] = 1; } out:; }",
    "printf": '#include <stdio.h>\nvoid f(int n) { for (int i = 0; i < n; i++) printf("%d\\n", i); }',
    "unknown call": "double g(int);\nvoid f(int n, double *a) { for (int i = 0; i < n; i++) a[i] = g(i); }",
    "static local": "void f(int n, int *a) { for (int i = 0; i < n; i++) { static int c; c++; a[i] = c; } }",
    "volatile": "volatile int v; void f(int n) { for (int i = 0; i < n; i++) v = i; }",
    "while": "void f(int n, double *a) { int i = 0; while (i < n) { a[i] = 1; i++; } }",
    "changed variable": "void f(int n, double *a) { for (int i = 0; i < n; i++) { a[i] = 1; i++; } }",
    "changed bound": "void f(int n, double *a) { for (int i = 0; i < n; i++) { a[i] = 1; n--; } }",
    "macro loop": "#define LOOP for (int i = 0; i < n; i++)\nvoid f(int n, double *a) { LOOP a[i] = 1; }",
    "two variables": "void f(int n, double *a) { for (int i = 0, j = n; i < j; i++) a[i] = j; }",
    "pointer walk": "void f(int n, double *a) { for (double *p = a; p < a + n; p++) *p = 1; }",
    "shared temp": "double t[8]; void f(int n, double *a) { for (int i = 0; i < n; i++) { t[0] = a[i]; a[i] = t[0] + t[1]; t[1] = i; } }",
    "pointed sum": "void f(int n, double *restrict s, double *restrict a) { for (int i = 0; i < n; i++) *s += a[i]; }",
    "unknown histogram": "void f(int n, int *restrict h, int *restrict b) { for (int i = 0; i < n; i++) h[b[i]]++; }",
    "tiny": "void f(double *a) { for (int i = 0; i < 3; i++) a[i] = i; }",
    "user's pragma": "void f(int n, double *a) {\n#pragma GCC ivdep\nfor (int i = 0; i < n; i++) a[i] = i; }",
    "inside a region": "void f(int n, double *a) {\n#pragma omp parallel\n{ for (int i = 0; i < n; i++) a[i] = i; } }",
    "label": "void f(int n, double *a) { again: for (int i = 0; i < n; i++) a[i] = i; if (a[0] > 1) goto again; }",
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_twins_are_refused(name: str) -> None:
    assert refused(ILLEGAL[name])


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("for (int i = 0; i + 1 < n; i++)", "condition"),
        ("for (int i = 0; i < n && i < 50; i++)", ""),
        ("for (int i = 0; i != n; i += 2)", ""),
        ("for (; n > 0; n--)", ""),
        ("for (int i = 0; (i) < n; i++)", "OpenMP does not take the loop condition"),
        ("for (int i = 0; i < n; (i)++)", "OpenMP does not take the loop increment"),
    ],
)
def test_headers_that_openmp_does_not_take(header: str, reason: str) -> None:
    text = f"void f(int n, double *a) {{ {header} a[n] = 1; }}".replace(
        "a[n] = 1", "a[i] = 1" if "i" in header[5:9] else "a[n] = 1"
    )
    assert reason in refused(text)


@pytest.mark.parametrize(
    "header",
    [
        "for (int i = 0; i <= n - 1; i++)",
        "for (int i = n - 1; i >= 0; i--)",
        "for (int i = n - 1; i >= 0; i -= 1)",
        "for (int i = 0; n > i; i = i + 1)",
        "for (int i = 0; i != n; ++i)",
        "for (/* all */ int i /* rows */ = 0; i < n; // up\n i++)",
        "for (long i = 0; i < n; i += 3)",
        "for (unsigned i = 0; i < (unsigned)n; i++)",
        "for(int i=0;i<n;i++)",
    ],
)
def test_headers_in_canonical_form_compute_the_same(header: str, tmp_path: Path) -> None:
    text = f"void kernel(int n, double *a)\n{{\n    {header}\n        a[i] += i;\n}}\n"
    proposals, refusals = ask(MOVE, text)
    if "unsigned" in header and not proposals:
        pytest.skip(f"not proved: {refusals[0].reason}")
    assert proposals, [str(r) for r in refusals]
    main = (
        HEAD
        + "void kernel(int, double *);\nint main(void) { static double a[N]; kernel(N, a);"
        + PRINT
        + "a[q]); }"
    )
    runs_alike(text, text_of(proposals[0]), main, tmp_path)


LAYOUTS = {
    "body of if": ("    if (n > 3)\n        for (int i = 0; i < n; i++)\n            a[i] = i;\n",
                   "    if (n > 3)\n        #pragma omp parallel for schedule(static)\n        for (int i = 0; i < n; i++)\n            a[i] = i;\n"),
    "if on one line": ("    if (n > 3) for (int i = 0; i < n; i++) a[i] = i; else a[0] = 1;\n",
                       "    if (n > 3)\n        #pragma omp parallel for schedule(static)\n        for (int i = 0; i < n; i++) a[i] = i; else a[0] = 1;\n"),
    "else": ("    if (n < 3)\n        a[0] = 7;\n    else\n        for (int i = 0; i < n; i++)\n            a[i] = i;\n",
             "    if (n < 3)\n        a[0] = 7;\n    else\n        #pragma omp parallel for schedule(static)\n        for (int i = 0; i < n; i++)\n            a[i] = i;\n"),
    "one line": ("    { a[0] = 1; for (int i = 0; i < n; i++) a[i] = i; }\n",
                 "    { a[0] = 1;\n        #pragma omp parallel for schedule(static)\n        for (int i = 0; i < n; i++) a[i] = i; }\n"),
    "comment before": ("    /* rows */ for (int i = 0; i < n; i++) a[i] = i;\n",
                       "    /* rows */\n    #pragma omp parallel for schedule(static)\n    for (int i = 0; i < n; i++) a[i] = i;\n"),
    "tabs": ("\tfor (int i = 0; i < n; i++)\n\t\ta[i] = i;\n",
             "\t#pragma omp parallel for schedule(static)\n\tfor (int i = 0; i < n; i++)\n\t\ta[i] = i;\n"),
}  # fmt: skip


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_survive(name: str, ends: str, tmp_path: Path) -> None:
    body, expected = LAYOUTS[name]
    frame = "#define TWICE(x) (2 * (x))\nvoid kernel(int n, double *a)\n{\n%s}"  # no newline at the end
    before, after = ((frame % text).replace("\n", ends) for text in (body, expected))
    proposals, refusals = ask(MOVE, before)
    assert proposals, [str(r) for r in refusals]
    assert after in [text_of(p) for p in proposals]
    if ends == "\n":
        main = (
            HEAD
            + "void kernel(int, double *);\nint main(void) { static double a[N]; kernel(N, a);"
            + PRINT
            + "a[q]); }"
        )
        runs_alike(before, after, main, tmp_path)


def test_an_inner_loop_on_the_line_of_the_outer_one() -> None:
    text = "void f(int n, int m, double *a) { for (int t = 1; t < n; t++) for (int i = 0; i < m; i++) a[i] += t * a[i]; }"
    line_of = [text_of(p).splitlines() for p in ask(MOVE, text)[0]]
    assert all(lines[1].strip().startswith("#pragma omp") for lines in line_of)
    assert all(lines[2].strip().startswith("for (int i") for lines in line_of)
    assert line_of


def test_a_variable_declared_in_the_body_needs_no_clause() -> None:
    text = """\
void kernel(int n, int m, double *a)
{
    for (int i = 0; i < n; i++) {
        int j, k;
        for (j = 0; j < m; j++)
            for (k = 0; k < 4; k++)
                a[i * m + j] += k;
    }
}
"""
    assert directive(text) == "#pragma omp parallel for schedule(static)"


def test_a_small_private_array_and_a_large_one(tmp_path: Path) -> None:
    text = """\
void kernel(int n, double *a)
{
    double w[8];
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 8; k++)
            w[k] = i + k;
        for (int k = 0; k < 8; k++)
            a[i] += w[k] * w[7 - k];
    }
}
"""
    assert directive(text) == "#pragma omp parallel for schedule(static) private(w)"
    main = (
        HEAD
        + "void kernel(int, double *);\nint main(void) { static double a[N]; kernel(N, a);"
        + PRINT
        + "a[q]); }"
    )
    runs_alike(text, text_of(ask(MOVE, text)[0][0]), main, tmp_path)
    large = text.replace("[8]", "[80000]").replace("k < 8", "k < 80000").replace("7 - k", "79999 - k")
    assert all(p.line != 4 for p in ask(MOVE, large)[0])


def histogram_kernel(text: str) -> Kernel:
    return Kernel(
        function="kernel",
        prototype=text.split("{")[0].strip(),
        arguments=(
            Argument("n", Role.IN, Dtype.I32, value="n"),
            Argument("b", Role.IN, Dtype.I32, shape=("n",)),
            Argument("m", Role.IN, Dtype.I32, value="bins"),
            Argument("h", Role.INOUT, Dtype.I32, shape=("bins",)),
        ),
    )


HISTOGRAM = """\
void kernel(int n, const int *restrict b, int m, int *restrict h)
{
    for (int i = 0; i < n; i++)
        h[b[i]]++;
}
"""


def test_an_array_reduction_is_guarded_by_its_length(tmp_path: Path) -> None:
    proposals, _ = ask(MOVE, HISTOGRAM, kernel=histogram_kernel(HISTOGRAM))
    after = text_of(proposals[0])
    assert (
        after
        == """\
void kernel(int n, const int *restrict b, int m, int *restrict h)
{
    if (0 < m && m <= 65536) {
        #pragma omp parallel for schedule(static) reduction(+: h[:m])
        for (int i = 0; i < n; i++)
            h[b[i]]++;
    } else {
        for (int i = 0; i < n; i++)
            h[b[i]]++;
    }
}
"""
    )
    for bins in (1, 50, 40000):
        main = (
            HEAD
            + "void kernel(int, const int *restrict, int, int *restrict);\nint main(void) { static int b[5000], "
            + f"h[40000]; int m = {bins}; for (int i = 0; i < 5000; i++) b[i] = (int)(i * 7919L % m);"
            + ' kernel(5000, b, m, h); for (int q = 0; q < m; q++) printf("%d\\n", h[q]); }'
        )
        runs_alike(HISTOGRAM, after, main, tmp_path / str(bins))


def test_an_array_reduction_needs_a_length_that_stays() -> None:
    changed = HISTOGRAM.replace("{\n", "{\n    m = m > 8 ? 8 : m;\n", 1)
    assert "length of 'h' is not known" in refused(changed, kernel=histogram_kernel(changed))
    assert "length of 'h' is not known" in refused(HISTOGRAM)


def test_a_local_histogram_of_constant_length() -> None:
    text = """\
int kernel(int n, const unsigned char *b)
{
    int h[256] = {0}, top = 0;
    for (int i = 0; i < n; i++)
        h[b[i]]++;
    for (int i = 0; i < 256; i++)
        top = h[i] > top ? h[i] : top;
    return top;
}
"""
    proposals, _ = ask(MOVE, text)
    assert "#pragma omp parallel for schedule(static) reduction(+: h)" in text_of(proposals[0])


def test_a_parallel_loop_is_left_alone_afterwards() -> None:
    text = """\
void kernel(int n, int m, double *a)
{
    #pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            a[i * m + j] += 1;
}
"""
    assert "it already has the directive" in refused(text)


def test_no_team_around_a_team() -> None:
    text = """\
void kernel(int m, double *a, double *b)
{
    for (int i = 0; i < 3; i++) {
        #pragma omp parallel for
        for (int j = 0; j < m; j++)
            a[i * m + j] += 1;
        for (int j = 0; j < m; j++)
            a[i * m + j] *= 2;
    }
}
"""
    proposals, _ = ask(MOVE, text)
    assert {p.line for p in proposals} == {7}


def test_cplusplus_vectors(tmp_path: Path) -> None:
    text = """\
#include <cstddef>
#include <vector>
double kernel(const std::vector<double> &x, std::vector<double> &y)
{
    double sum = 0.0;
    const std::size_t n = x.size();
    for (std::size_t i = 0; i < n; ++i) {
        sum += x[i];
    }
    for (std::size_t i = 0; i < y.size(); ++i) { y[i] = sum; }
    return sum;
}
"""
    proposals, refusals = ask(MOVE, text, language=Language.CXX)
    first = [p for p in proposals if p.line == 7]
    assert first, [str(r) for r in refusals]
    main = (
        "#include <cstdio>\n#include <vector>\ndouble kernel(const std::vector<double> &, std::vector<double> &);\n"
        "int main() { std::vector<double> x, y(3); for (int i = 0; i < 1000; i++) x.push_back(i % 7);"
        ' std::printf("%.17g ", kernel(x, y)); std::printf("%.17g", y[2]); }'
    )
    runs_alike(text, text_of(first[0]), main, tmp_path, language=Language.CXX)


def test_only_for_openmp() -> None:
    text = "void f(int n, double *a) { for (int i = 0; i < n; i++) a[i] = i; }"
    assert ask(MOVE, text, target=Target.SERIAL) == ([], [])


def test_gain_follows_the_profile() -> None:
    text = "void f(int n, double *a) {\n for (int i = 0; i < n; i++)\n a[i] = i;\n}"
    (source,) = sources_of(text)

    def gain(share: float) -> float:
        hot = {("k.c", 3): share}
        seen = NestSource(source.tree, source.facts, hot=hot, threads=4)
        return next(p.gain for p in MOVE.propose(seen) if isinstance(p, Proposal))

    assert gain(0.1) < gain(0.5) < gain(0.9) < 4.0

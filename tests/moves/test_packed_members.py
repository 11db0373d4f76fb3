"""Members of structs packed side by side: same bits as before, and the twins in which they must not."""

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import Language, ask, runs_alike, text_of

from loopwright.moves.packed_members import PackedMembers

OTHER = "int other_file = 0;\n"
ALL_PAIRS = """\
#include <cmath>
#include <cstdio>
#include <vector>

struct Point {
    double x, y;
};
struct Star {
    Point at, pull;
    float mass;
    int kind;
};

static void pull(std::vector<Star> &stars, double eps)
{
    #pragma omp parallel for
    for (size_t i = 0; i < stars.size(); ++i) {
        double px = 0.0, py = 0.0;
        for (size_t j = 0; j < stars.size(); ++j) {
            double dx = stars[j].at.x - stars[i].at.x;
            double dy = stars[ j ].at.y - stars[i].at.y;
            double r = dx * dx + dy * dy + eps;
            if (stars[j].kind > 0)
                px += stars[j].mass * dx / r; // heavy ones only
            py += stars[j].mass * dy / r;
        }
        stars[i].pull.x = px;
        stars[i].pull.y = py;
    }
}

int main()
{
    std::vector<Star> stars(301);
    for (int i = 0; i < 301; ++i)
        stars[i] = {{i * 0.37, (i * 7 % 31) * 1.5}, {0.0, 0.0}, i * 0.01f, i % 3};
    pull(stars, 0.25);
    for (const Star &star : stars)
        std::printf("%.17g %.17g\\n", star.pull.x, star.pull.y);
    std::vector<Star> none;
    pull(none, 0.25);
    return 0;
}
"""
TRIANGLE = """\
#include <stdio.h>
#define N 90
typedef struct {
    double x, charge;
    double force[3];
} Particle;

double energy(const Particle *p, int n)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        double own = p[i].charge;
        for (int j = i + 1; j < n; j++)
            sum += own * p[j].charge / (1.0 + (p[j].x - p[i].x) * (p[j].x - p[i].x));
    }
    return sum;
}

int main(void)
{
    static Particle p[N];
    for (int i = 0; i < N; i++) {
        p[i].x = i * 0.5;
        p[i].charge = 1.0 + i % 7;
    }
    printf("%.17g %.17g %.17g %.17g\\n", energy(p, N), energy(p, 1), energy(p, 0), energy(p, -3));
    return 0;
}
"""


def packed(text: str, language: Language = Language.C) -> tuple[list[str], list[str]]:
    """The sources with packed members, and why other loops have none."""
    proposals, refusals = ask(PackedMembers(), text, language=language)
    return [text_of(p) for p in proposals], [r.reason for r in refusals]


def test_a_vector_of_structs_under_a_directive(tmp_path: Path) -> None:
    (lanes, made), _ = packed(ALL_PAIRS, Language.CXX)
    assert "#pragma omp simd reduction(+: px, py)" in lanes and "stars_at_x[j]" in lanes
    assert "std::vector<float> stars_mass(stars.size());" in made
    assert "double dx = stars_at_x[j] - stars[i].at.x;" in made
    assert "px += stars_mass[j] * dx / r; // heavy ones only" in made
    assert made.index("stars_at_x[j] = stars[j].at.x;") < made.index("#pragma omp parallel for")
    assert packed(made, Language.CXX)[0] == [], "nothing is left to pack"
    runs_alike(ALL_PAIRS, made, OTHER, tmp_path / "plain", language=Language.CXX)
    runs_alike(ALL_PAIRS, lanes, OTHER, tmp_path / "lanes", language=Language.CXX, rtol=1e-11)


def test_pairs_in_c_start_behind_the_first_struct(tmp_path: Path) -> None:
    (lanes, made), _ = packed(TRIANGLE)
    assert lanes.count("#pragma omp simd reduction(+: sum)") == 1
    assert "for (int j = 1; j < n; j++) {" in made and "#include <stdlib.h>" in made
    assert "own * p_charge[j] / (1.0 + (p_x[j] - p[i].x) * (p_x[j] - p[i].x))" in made
    assert made.count("sum += own") == 2, "without memory it stays as it was"
    assert made.count("free(") == 2
    runs_alike(TRIANGLE, made, OTHER, tmp_path / "plain")
    runs_alike(TRIANGLE, lanes, OTHER, tmp_path / "lanes", rtol=1e-12)


def test_a_bound_that_belongs_to_the_range(tmp_path: Path) -> None:
    text = TRIANGLE.replace(
        "i < n; i++) {\n        double own", "i <= n; i++) {\n        double own"
    ).replace("int j = i + 1; j < n", "int j = i; j <= n")
    text = text.replace("Particle p[N]", "Particle p[N + 1]")
    (_, made), _ = packed(text)
    assert "for (int j = 0; j <= n; j++) {" in made and "(size_t)(n + 1 > 0 ? n + 1 : 0)" in made
    runs_alike(text, made, OTHER, tmp_path)


BUT_ITSELF = (
    TRIANGLE.replace("int j = i + 1; j < n; j++)\n", "int j = 0; j < n; j++) {\n")
    .replace(
        "            sum += own", "            if (i == j)\n                continue;\n            sum += own"
    )
    .replace("(p[j].x - p[i].x));\n", "(p[j].x - p[i].x));\n        }\n")
)


def test_all_but_itself_needs_two(tmp_path: Path) -> None:
    (_, made), _ = packed(BUT_ITSELF)
    assert "for (int j = 0; 1 < n && j < n; j++) {" in made, "one alone is read by none"
    runs_alike(BUT_ITSELF, made, OTHER, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("if (i == j)\n", "if (i == n)\n"),
        ("if (i == j)\n", "if (i == j || own < 0)\n"),
        (
            "            sum += own",
            "            if (own > 2)\n                continue;\n            sum += own",
        ),
        ("            sum += own", "            if (own > 2)\n                sum += own"),
    ],
)
def test_what_is_left_out_for_another_reason_is_not_packed(old: str, new: str) -> None:
    assert BUT_ITSELF.count(old) == 1
    made, refusals = packed(BUT_ITSELF.replace(old, new))
    assert made == [] and any("under a condition only" in each for each in refusals)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("double own = p[i].charge;", "double own = p[i].charge; ((Particle *)p)[i].x = 1;", "changed"),
        ("            sum +=", "            if (i % 2) sum +=", "under a condition only"),
        ("int j = i + 1", "int j = i + 2", "starts neither"),
        ("j < n; j++", "j < n - 1; j++", "does not end where"),
        ("i + 1; j < n; j++", "i + 1; j < n; j += 2", "count up by one"),
        (
            "int i = 0; i < n; i++) {\n        double own",
            "int i = 0; i < n; i++, p++) {\n        double own",
            "",
        ),
        ("double own = p[i].charge;", "double own = p[i].charge; if (own < 0) break;", ""),
        ("double own = p[i].charge;", "static double own; own = p[i].charge;", ""),
    ],
)
def test_the_twin_that_must_not(old: str, new: str, reason: str) -> None:
    assert TRIANGLE.count(old) == 1
    text = TRIANGLE.replace(old, new).replace("const Particle *p", "Particle *p")
    made, refusals = packed(text)
    assert made == [] and (not reason or any(reason in each for each in refusals)), refusals


OWN = "double own = p[i].charge;"
OUTER = "for (int i = 0; i < n"
NONE = "#pragma omp parallel for default(none) shared(p, n)\n    "


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (OWN, f"{OWN} const Particle *p = other;", "not the same before"),
        (OUTER, "for (int i = -3; i < n", "does not start at a number"),
        (OUTER, "for (int i = n & 3; i < n", "does not start at a number"),
        ("int j = i + 1; j < n", "long j = i + 1; j < n", "does not end where"),
        ("sum += own *", 'sum += R"(\n)"[0] + own *', "literal of several lines"),
        ("sum += own *", 'sum += "a\\\nb"[1] + own *', "literal of several lines"),
        (OUTER, NONE + OUTER, "have to name the arrays"),
        ("\ndouble energy", "\nconstexpr double energy", "evaluated by the compiler"),
    ],
)
def test_where_no_arrays_can_take_their_place(old: str, new: str, reason: str) -> None:
    text = TRIANGLE.replace("\ndouble energy", "\nextern const Particle *other;\ndouble energy")
    assert text.count(old) == 1
    made, refusals = packed(text.replace(old, new), Language.CXX)
    assert made == [] and any(reason in each for each in refusals), refusals


def test_in_a_region_for_a_device_nothing_is_packed() -> None:
    text = TRIANGLE.replace("    double sum = 0.0;", "    double sum = 0.0;\n    #pragma omp target\n    {")
    made, refusals = packed(text.replace("    return sum;", "    }\n    return sum;"))
    assert made == [], refusals


def test_lanes_only_where_nothing_else_reads_like_a_member() -> None:
    commented = TRIANGLE.replace("sum += own *", "/* p[j].x */ sum += own *")
    assert len(packed(commented)[0]) == 1, "comments stay as they are"
    collapsed = ALL_PAIRS.replace("parallel for", "parallel for ordered(2)")
    assert len(packed(collapsed, Language.CXX)[0]) == 1


def test_headers_that_only_a_comment_includes_and_tabs(tmp_path: Path) -> None:
    text = "// #include <stdlib.h>\n" + TRIANGLE.replace("    ", "\t").replace(
        "j < n", "j < n + 0 * 2"
    ).replace("i < n; i++) {\n\t\tdouble", "i < n + 0 * 2; i++) {\n\t\tdouble")
    (_, made), _ = packed(text)
    assert "\n#include <stdlib.h>\n" in made and "j < (n + 0 * 2)" in made
    assert not [line for line in made.splitlines() if line.startswith("\t") and "\t    " in line]
    runs_alike(text, made, OTHER, tmp_path)


def test_what_is_written_through_another_pointer_stays() -> None:
    text = TRIANGLE.replace(
        "double energy(const Particle *p, int n)", "double energy(Particle *p, double *q, int n)"
    )
    text = text.replace("double own = p[i].charge;", "double own = p[i].charge; q[i] = own;")
    text = text.replace("energy(p, ", "energy(p, &p[0].x, ")
    made, refusals = packed(text)
    assert made == [] and any("may be changed" in each for each in refusals)


def test_an_array_in_a_struct_and_a_plain_array_are_left_alone() -> None:
    text = TRIANGLE.replace("p[j].charge", "p[j].force[0]").replace("p[j].x", "p[j].force[1]")
    assert packed(text)[0] == []

"""From profiles to hot spots: pure functions on made-up profiles."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopwright.core.profile import HotLine, Profile, Remark, Roofline
from loopwright.profilers.condense import annotate, as_text, condense

SOURCE = b"""\
void f(int n, double *a, double *b) {
    for (int i = 1; i < n; i++) {
        a[i] = a[i - 1]
             + b[i];
        /* nothing */


        b[i] = 0;
    }
}
"""
MISSED = Remark("./f.c", 2, 23, False, "loop-vectorize", "loop not vectorized: dependence (line 3)")
REASON = Remark("./f.c", 3, 9, None, "loop-vectorize", "not vectorized: dependence")
NOISE = Remark("./f.c", 3, 9, True, "licm", "hoisting mul")


def profile(*lines: HotLine, remarks: tuple[Remark, ...] = (), **more: object) -> Profile:
    return Profile("perf", "full", 100, lines, 1 - sum(hot.share for hot in lines), remarks, **more)  # type: ignore[arg-type]


def test_neighbours_merge_and_distant_lines_do_not() -> None:
    spots = condense(
        profile(HotLine("f.c", 3, 0.5, "f"), HotLine("f.c", 4, 0.3, "f"), HotLine("f.c", 8, 0.2, "f"))
    )
    assert [(s.first, s.last, round(s.share, 6)) for s in spots] == [(3, 4, 0.8), (8, 8, 0.2)]


def test_lines_directly_in_one_loop_are_one_spot() -> None:
    lines = (HotLine("f.c", 3, 0.5, "f"), HotLine("f.c", 8, 0.5, "f"))
    assert [(s.first, s.last) for s in condense(profile(*lines), {"f.c": SOURCE})] == [(3, 8)]
    two = SOURCE.replace(b"/* nothing */", b"} for (;;) {")
    assert [(s.first, s.last) for s in condense(profile(*lines), {"f.c": two})] == [(3, 3), (8, 8)]


def test_lines_of_two_functions_or_files_stay_apart() -> None:
    spots = condense(
        profile(HotLine("f.c", 3, 0.5, "f"), HotLine("f.c", 4, 0.3, "g"), HotLine("g.c", 5, 0.2, "g"))
    )
    assert [(s.file, s.function) for s in spots] == [("f.c", "f"), ("f.c", "g"), ("g.c", "g")]


def test_what_covers_95_percent_of_the_sources_is_kept_and_no_more() -> None:
    # 60 % of all samples are in the sources: 95 % of that is 0.57.
    lines = (HotLine("f.c", 1, 0.40), HotLine("f.c", 10, 0.17), HotLine("f.c", 20, 0.03))
    assert [s.first for s in condense(profile(*lines))] == [1, 10]
    assert [s.first for s in condense(profile(*lines), coverage=1.0)] == [1, 10, 20]
    assert [s.first for s in condense(profile(*lines), most=1)] == [1]


def test_the_loop_s_remark_comes_to_the_hot_line_inside_it() -> None:
    (spot,) = condense(profile(HotLine("f.c", 3, 0.9, "f"), remarks=(NOISE, REASON, MISSED)), {"f.c": SOURCE})
    assert spot.remarks == (MISSED,)


def test_a_reason_of_a_loop_further_out_is_not_told_of_the_line() -> None:
    outer = Remark("f.c", 1, 1, False, "loop-vectorize", "loop not vectorized: strange (line 3)")
    reason = Remark("f.c", 3, 1, None, "loop-vectorize", "not vectorized: strange")
    (spot,) = condense(profile(HotLine("f.c", 3, 0.9, "f"), remarks=(reason, outer, MISSED)), {"f.c": SOURCE})
    assert spot.remarks == (MISSED,)


def test_without_the_source_only_the_line_s_own_remarks() -> None:
    (spot,) = condense(profile(HotLine("f.c", 3, 0.9, "f"), remarks=(NOISE, REASON)))
    assert spot.remarks == (REASON,)


def test_a_remark_on_a_file_of_another_folder_does_not_count() -> None:
    other = Remark("lib/f.c", 3, 1, False, "loop-vectorize", "loop not vectorized")
    (spot,) = condense(profile(HotLine("src/f.c", 3, 0.9), remarks=(other,)))
    assert spot.remarks == ()


def test_annotate_numbers_every_line_as_an_editor_does() -> None:
    lines = annotate(
        SOURCE.replace(b"\n", b"\r\n"), profile(HotLine("f.c", 3, 0.75, "f"), remarks=(MISSED,)), "f.c"
    )
    assert [line.number for line in lines] == list(range(1, 11))
    assert (lines[2].share, lines[2].text) == (0.75, "        a[i] = a[i - 1]")
    assert lines[3].share is None
    assert lines[1].remarks == (MISSED,)


def test_annotate_bytes_that_are_no_text_and_no_last_newline() -> None:
    assert [line.text for line in annotate(b"a\x0cb\n\xff", profile(), "f.c")] == ["a\x0cb", "\ufffd"]
    assert annotate(b"", profile(), "f.c") == ()


def test_text_for_an_agent() -> None:
    roof = Roofline(0.3, 3.0e9, 6.0e9, "memory", 0.5, "flop/s")
    text = as_text(
        profile(HotLine("f.c", 3, 0.5, "f"), HotLine("f.c", 4, 0.3, "f"), remarks=(MISSED,), roofline=roof),
        {"f.c": SOURCE},
    )
    assert text.splitlines() == [
        "perf, 100 samples, 20.0% outside the sources",
        "3e+09 of at most 6e+09 flop/s (50%), bound by memory",
        "80.0% f.c:3-4 in f",
        "   50.0%     3 |         a[i] = a[i - 1]",
        "   30.0%     4 |              + b[i];",
        "  line 2: loop not vectorized: dependence (line 3)",
    ]


@given(
    st.lists(
        st.builds(
            HotLine,
            st.sampled_from(["a.c", "b.c"]),
            st.integers(1, 40),
            st.floats(0, 1),
            st.sampled_from(["f", "g"]),
        ),
        max_size=40,
        unique_by=lambda hot: (hot.file, hot.line),
    )
)
def test_every_kept_line_is_in_one_spot_and_none_left_out_is_hotter(lines: list[HotLine]) -> None:
    spots = condense(profile(*lines))
    kept = [line for spot in spots for line in spot.lines]
    assert len(kept) == len(set(kept)) <= 20
    left = [line.share for line in lines if line not in kept]
    assert not kept or not left or max(left) <= min(line.share for line in kept)
    assert [s.share for s in spots] == sorted((s.share for s in spots), reverse=True)
    whole = sum(line.share for line in lines)
    assert len(kept) == min(20, len(lines)) or sum(line.share for line in kept) >= 0.95 * whole - 1e-9

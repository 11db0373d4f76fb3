"""What perf, callgrind and addr2line wrote, read back: stored output, its version in the fixture's name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from loopwright.profilers.callgrind import instruction_costs
from loopwright.profilers.perf_listing import count
from loopwright.profilers.symbols import Place, SourceFolder, parse_addr2line, plain_name, shares

FIXTURES = Path(__file__).parent / "fixtures"
# Made by: perf record ... -- bwrap ... sh -c './small & ./small; wait', each process 30 million additions.
PERF = (FIXTURES / "perf-6.1-script.txt").read_text()
SMALL = "/tmp/demo/small"


def test_perf_counts_the_program_and_not_what_started_it() -> None:
    samples = count(PERF, {SMALL}, ())
    assert samples.total == 22
    assert {path for path, _ in samples.inside} == {SMALL}
    # Two processes at two addresses, one place in the file: 0x1000 mapped at the start of the text.
    assert set(samples.inside) == {(SMALL, 0x113D), (SMALL, 0x1149), (SMALL, 0x114F)}


def test_perf_samples_before_the_program_started_are_the_sandbox_s() -> None:
    listing = """\
  7 PERF_RECORD_MMAP2 7/7: [0x1000(0x1000) @ 0 fe:00 1 1]: r-xp /usr/bin/bwrap
  7 1010 (/usr/bin/bwrap)
  7 PERF_RECORD_COMM exec: prog:7/7
  7 PERF_RECORD_MMAP2 7/7: [0x1000(0x1000) @ 0x3000 fe:00 2 2]: r-xp /w/prog
  7 1010 (/w/prog)
  7 ffffffff81000000 ([kernel.kallsyms])
  7 PERF_RECORD_FORK(8:8):(7:7)
  8 1020 (/w/prog)
  9 1020 (/elsewhere/prog)
"""
    samples = count(listing, {"/w/prog"}, ())
    assert samples.inside == Counter({("/w/prog", 0x3010): 1, ("/w/prog", 0x3020): 1})
    assert samples.elsewhere == 1


def test_perf_a_library_of_the_task_counts_and_a_system_one_is_elsewhere() -> None:
    listing = """\
 7 PERF_RECORD_MMAP2 7/7: [0x1000(0x1000) @ 0 fe:00 2 2]: r-xp /w/prog
 7 PERF_RECORD_MMAP2 7/7: [0x5000(0x1000) @ 0 fe:00 2 2]: r-xp /w/lib with (odd) name.so
 7 PERF_RECORD_MMAP2 7/7: [0x9000(0x1000) @ 0 fe:00 2 2]: r-xp /usr/lib/libm.so.6
 7 5004 (/w/lib with (odd) name.so)
 7 9004 (/usr/lib/libm.so.6)
 7 f004 ([unknown])
"""
    samples = count(listing, {"/w/prog"}, ("/w",))
    assert samples.inside == Counter({("/w/lib with (odd) name.so", 4): 1})
    assert samples.elsewhere == 2


# Made by: perf record ... --call-graph dwarf,1024 -- bwrap ... ./powers 400000, a loop that calls pow().
CALLS = (FIXTURES / "perf-6.1-script-callers.txt").read_text()


def test_perf_a_library_s_time_is_that_of_the_place_that_called_it() -> None:
    samples = count(CALLS, {"/tmp/demo/powers"}, ())
    # 0x1187 calls pow, whose return address is 0x118c; 0x1090 lies in _start: one sample fell in exit().
    assert samples.inside == Counter({("/tmp/demo/powers", 0x118B): 6, ("/tmp/demo/powers", 0x1090): 1})
    assert samples.elsewhere == 0


def test_perf_frames_at_addresses_as_an_older_perf_prints_them() -> None:
    listing = """\
 7 PERF_RECORD_MMAP2 7/7: [0x401000(0x1000) @ 0x1000 fe:00 2 2]: r-xp /w/prog
 7 PERF_RECORD_MMAP2 7/7: [0x9000(0x1000) @ 0 fe:00 2 2]: r-xp /usr/lib/libm.so.6
 7
\t            9004 (/usr/lib/libm.so.6)
\t          401136 (/w/prog)
\t          401040 (/w/prog)

 7
\tffffffff81000000 ([kernel.kallsyms])
\tffffffffffffffff ([unknown])

 8
\t          401136 (/w/prog)

 7
"""
    samples = count(listing, {"/w/prog"}, ())
    assert samples.inside == Counter({("/w/prog", 0x1136): 1})
    assert samples.elsewhere == 2, (
        "one in the kernel, and one of which nothing is known; 8 is another program"
    )


def test_callgrind_every_instruction_once_and_no_call_twice() -> None:
    costs = instruction_costs((FIXTURES / "callgrind-3.19.0-bare.out").read_text())
    # As the file itself says ("totals: 18018"); the inclusive costs of the three calls are 6004 each.
    assert costs.total() == 18018
    assert costs["/tmp/demo/bare", 0x401009] == 3 + 2997
    assert costs["/tmp/demo/bare", 0x401024] == 1


def test_addr2line_inlined_frames_innermost_first() -> None:
    frames = parse_addr2line((FIXTURES / "addr2line-2.40.txt").read_text())
    ((inner, outer),) = frames.values()
    assert list(frames) == [0x10C5]
    assert inner[0].startswith("double std::accumulate<")
    assert inner[0].endswith(">")
    assert (inner[1], inner[2]) == ("/usr/include/c++/12/bits/stl_numeric.h", 140)
    assert outer == ("main", "/tmp/demo/<stdin>", 3)


def test_addr2line_lines_that_are_not_known() -> None:
    printed = "0x10\nf\n/a/b.c:?\n0x20\n??\n??:0\n0x30\ng\n/a/b.c:7 (discriminator 3)\n"
    assert parse_addr2line(printed) == {
        0x10: [("f", "/a/b.c", 0)],
        0x20: [("??", "??", 0)],
        0x30: [("g", "/a/b.c", 7)],
    }


def test_source_folder(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    link = tmp_path / "link"
    link.symlink_to(real)
    folder = SourceFolder(link)
    assert folder.relative(f"{real}/sub/../heat.c") == "heat.c"
    assert folder.relative(f"{link}/sub/heat.c") == "sub/heat.c"
    assert folder.relative("./heat.c") == "heat.c"
    assert folder.relative("../heat.c") is None
    assert folder.relative(f"{real}ly/heat.c") is None
    assert folder.relative("/usr/include/math.h") is None


def test_shares_add_up_and_one_line_of_two_functions_stands_once() -> None:
    counts = Counter({Place("a.c", 3, "f"): 5, Place("a.c", 3, "g"): 1, Place("a.c", 9, "f"): 2})
    lines, elsewhere = shares(counts, 10)
    assert [(hot.line, hot.share, hot.function) for hot in lines] == [(3, 0.6, "f"), (9, 0.2, "f")]
    assert sum(hot.share for hot in lines) + elsewhere == 1


@pytest.mark.parametrize(
    ("function", "plain"),
    [
        ("main", "main"),
        ("main._omp_fn.0", "main"),
        ("main.omp_outlined_debug__", "main"),
        ("step.omp_outlined.12", "step"),
        ("kick.isra.0", "kick"),
        ("f.constprop.0.isra.3", "f"),
        (
            "(anonymous namespace)::kick(std::vector<Body, std::allocator<Body> >&, double) [clone .isra.0]",
            "(anonymous namespace)::kick",
        ),
        ("Grid::at(int, int) const", "Grid::at"),
        ("run(void (*)(int))", "run"),
        ("Sum::operator()(double) const", "Sum::operator()"),
        ("(anonymous namespace)", "(anonymous namespace)"),
        (")(", ")("),
        ("", ""),
    ],
)
def test_plain_names(function: str, plain: str) -> None:
    assert plain_name(function) == plain

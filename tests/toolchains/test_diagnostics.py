"""Diagnostics, on what real tools printed (the version is in the fixture's name)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.core.profile import Diagnostic, Severity
from loopwright.toolchains.diagnostics import MOST, parse, wanted_standard

FIXTURES = Path(__file__).parent / "fixtures"
ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


def read(name: str) -> str:
    return (FIXTURES / name).read_bytes().decode("utf-8", "surrogateescape")


def places(found: tuple[Diagnostic, ...], severity: Severity) -> list[tuple[str, int, int]]:
    return [(d.file, d.line, d.column) for d in found if d.severity is severity]


@pytest.mark.parametrize("name", ["gcc-12.2.0-errors.txt", "gcc-12.2.0-errors.json"])
def test_gcc_text_and_json_say_the_same(name: str) -> None:
    found = parse(read(name))
    assert places(found, ERROR) == [("bad.c", 4, 12), ("bad.c", 4, 26), ("bad.c", 6, 63)]
    assert len(places(found, WARNING)) == 5
    assert [
        d.option for d in found if "unused variable 'p'" in d.message.replace("‘", "'").replace("’", "'")
    ] == ["-Wunused-variable"]
    assert places(found, NOTE) == [("bad.c", 4, 12)]


@pytest.mark.parametrize(
    ("printed", "standard"),
    [
        ("a.cpp:3:1: note: 'concept' only available with '-std=c++20' or '-fconcepts'", "c++20"),
        ("a.cpp:3:6: note: 'std::span' is only available from C++20 onwards", "c++20"),
        ("only available with '-std=c++14' or '-std=gnu++14'\nis only available from C++23 onwards", "c++23"),
        ("a.cpp:1:10: warning: designated initializers are a C++20 extension [-Wc++20-designator]", "c++20"),
        ("a.cpp:1:10: error: unknown type name 'foo'", ""),
        ("g++ -std=c++17 a.cpp", ""),
    ],
)
def test_a_standard_that_the_compiler_asks_for(printed: str, standard: str) -> None:
    assert wanted_standard(printed) == standard


def test_clang_text() -> None:
    found = parse(read("clang-19.1.7-errors.txt"))
    assert places(found, ERROR) == [("bad.c", 4, 12), ("bad.c", 4, 26), ("bad.c", 6, 24), ("bad.c", 6, 63)]
    assert (
        Diagnostic(
            WARNING,
            "format specifies type 'int' but the argument has type 'char *'",
            "bad.c",
            6,
            46,
            "-Wformat",
        )
        in found
    )


def test_clang_sarif_points_at_the_caret_and_not_at_the_range() -> None:
    found = parse(read("clang-19.1.7-errors.sarif.txt"))
    text = parse(read("clang-19.1.7-errors.txt"))
    assert places(found, ERROR) == [
        ("/tmp/demo/bad.c", line, column) for _, line, column in places(text, ERROR)
    ]


def test_linker_errors_have_their_source_line_and_no_summary() -> None:
    found = parse(read("ld-2.40-through-gcc.txt"))
    assert all(d.severity is ERROR for d in found)
    assert ("/tmp/demo/link.c", 2) in {(d.file, d.line) for d in found if "undefined reference" in d.message}
    assert any("cannot find -lnothere" in d.message for d in found)
    assert any("multiple definition of `f'" in d.message for d in found)
    assert not any("ld returned" in d.message for d in found)


def test_lld() -> None:
    found = parse(read("lld-19.1.7-through-clang.txt"))
    assert [(d.severity, d.message) for d in found] == [(ERROR, "ld.lld: undefined symbol: missing")]


def test_a_summary_alone_is_better_than_nothing() -> None:
    assert [d.message for d in parse("collect2: error: ld returned 1 exit status\n")] == [
        "ld returned 1 exit status"
    ]
    assert [d.message for d in parse("make: *** [Makefile:2: all] Error 1\n")] == [
        "make: [Makefile:2: all] Error 1"
    ]


def test_assembler() -> None:
    found = parse(read("as-2.40-through-gcc.txt"))
    assert [(d.severity, d.file, d.line) for d in found] == [(ERROR, "asm.c", 1)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gcc-12.2.0-crash.txt", "internal compiler error: Segmentation fault"),
        ("clang-19.1.7-crash.txt", "clang frontend command failed with exit code 132"),
    ],
)
def test_a_compiler_that_crashed(name: str, words: str) -> None:
    assert [d.message.partition(" (")[0] for d in parse(read(name)) if d.severity is ERROR] == [words]


def test_make_with_compiler_messages_in_between() -> None:
    found = parse(read("make-4.3.txt"))
    assert places(found, ERROR)[:3] == [("bad.c", 4, 12), ("bad.c", 4, 26), ("bad.c", 6, 63)]
    messages = [d.message for d in found if d.severity is ERROR][3:]
    assert messages == [
        "nosuchcompiler: No such file or directory",
        "make: No rule to make target 'nosuch.o', needed by 'missing'.",
    ]


def test_cmake_error_is_one_message_with_its_place() -> None:
    (found,) = parse(read("cmake-3.25.1.txt"))
    assert (found.severity, found.file, found.line) == (ERROR, "CMakeLists.txt", 3)
    assert found.message.startswith("CMake: By not providing")
    assert found.message.endswith("did not find one.")


def test_colours_are_taken_away() -> None:
    (found,) = parse("\x1b[1ma.c:3:7: \x1b[0m\x1b[0;1;31merror: \x1b[0mexpected ';'\x1b[K\n")
    assert found == Diagnostic(ERROR, "expected ';'", "a.c", 3, 7)


def test_ordinary_output_is_no_diagnostic() -> None:
    printed = "gcc -c error.c -o error.o\n-- Found warning flags: none\nhello error: world\n[ 50%] Building\n"
    assert parse(printed) == ()


def test_bytes_that_are_no_utf_8_can_be_written_afterwards() -> None:
    printed = b"caf\xe9.c:1:2: error: stray '\\351' in \xff\xfe\x00 program\n".decode(
        "utf-8", "surrogateescape"
    )
    (found,) = parse(printed)
    assert (found.line, found.column) == (1, 2)
    (found.file + found.message).encode("utf-8")


def test_huge_output_keeps_the_errors_and_ends_soon() -> None:
    lines = [f"a.c:{n}:1: warning: w{n} [-Wx]" for n in range(1, 20_000)]
    lines += ["x" * 5_000_000, "a.c:7:7: error: the one that matters", '[{"kind":' * 20_000, "[{" * 100_000]
    start = time.process_time()
    found = parse("\n".join(lines))
    assert time.process_time() - start < 20  # quadratic behaviour would take minutes
    assert len(found) == MOST
    assert found[-1].message == "the one that matters"


def test_the_same_message_from_many_files_stands_once() -> None:
    assert len(parse("h.h:1:1: warning: old [-Wd]\n" * 50)) == 1


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=300))
def test_nothing_makes_it_raise(printed: str) -> None:
    for found in parse(printed):
        (found.file + found.message).encode("utf-8")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["kind", "locations", "caret", "children", "message", "runs", "results", "level"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=15,
    )
)
def test_json_of_any_shape_does_not_make_it_raise(value: object) -> None:
    import json

    parse("[" + json.dumps({"x": value})[:-1] + "}]")
    parse(json.dumps([{"locations": value, "children": value, "kind": "error"}]))
    parse(json.dumps({"$schema": "s", "runs": value}))
    parse(json.dumps({"$schema": "s", "runs": [{"results": value}]}))
    parse(json.dumps({"$schema": "s", "runs": [{"results": [{"locations": value, "message": value}]}]}))

"""Reading real reports: clang 19.1, gcc 12.2, valgrind 3.19; build ids cut, [...] is left out."""

from __future__ import annotations

import pytest

from loopwright.core.tree import Tree
from loopwright.gates import reports_memcheck, reports_sanitizers
from loopwright.gates.findings import Finding, Place, locate

TREE = Tree({"r.c": b"a\nb\nc\nd\ne\n for(...) {\n", "u.c": b"\n" * 4 + b"big += c;\nuse(a[c + 9]);\n"})
HERE = "/tmp/sx"

TSAN_CLANG_19 = """\
==================
WARNING: ThreadSanitizer: data race (pid=25684)
  Read of size 4 at 0x55cc0941a6d8 by thread T2:
    #0 main.omp_outlined /tmp/sx/r.c (r+0xe4798)
    #1 __kmp_invoke_microtask <null> (libomp.so.5+0xe0678)
    #2 main /tmp/sx/r.c:5:1 (r+0xe4622)

  Previous write of size 4 at 0x55cc0941a6d8 by main thread:
    #0 main.omp_outlined_debug__ /tmp/sx/r.c:6:31 (r+0xe482d)
    #1 main.omp_outlined /tmp/sx/r.c:5:1 (r+0xe482d)
    #3 main /tmp/sx/r.c:5:1 (r+0xe4622)

  Location is global 'counter' of size 4 at 0x55cc0941a6d8 (r+0x14906d8)

SUMMARY: ThreadSanitizer: data race /tmp/sx/r.c in main.omp_outlined
==================
/usr/lib/llvm-19/bin/llvm-symbolizer: error: '[stack]': No such file or directory
==================
WARNING: ThreadSanitizer: data race (pid=25684)
  Write of size 8 at 0x7fffa8aef2b0 by thread T1:
    #0 main.omp_outlined_debug__ /tmp/sx/r.c:6:36 (r+0xe47e2)

  Previous write of size 8 at 0x7fffa8aef2b0 by main thread:
    [failed to restore the stack]

  Location is stack of main thread.

  Location is global '??' at 0x7fffa8acf000 ([stack]+0x202b0)
==================
"""
TSAN_TASKS_CLANG_19 = """\
==================
WARNING: ThreadSanitizer: data race (pid=1397)
  Write of size 8 at 0x7f2b15a55268 by main thread:
    #0 main.omp_outlined_debug__ /tmp/sx/t.c:2:1 (t+0xe4941)
    #1 main.omp_outlined /tmp/sx/t.c:1:1 (t+0xe4941)
    #2 __kmp_invoke_microtask <null> (libomp.so.5+0xe0678)

  Previous read of size 4 at 0x7f2b15a55268 by thread T1:
    #0 .omp_outlined. /tmp/sx/t.c:3:17 (t+0xe4694)
    #1 .omp_task_entry. /tmp/sx/t.c:2:1 (t+0xe4694)
    #2 <null> <null> (libomp.so.5+0x67b63)

  Location is heap block of size 1048576 at 0x7f2b1595d000 allocated by main thread:
    #0 malloc <null> (t+0x60390)
    #1 <null> <null> (libomp.so.5+0x1ed30)
    #2 __kmp_invoke_microtask <null> (libomp.so.5+0xe0678)

SUMMARY: ThreadSanitizer: data race /tmp/sx/t.c:2:1 in main.omp_outlined_debug__
==================
"""
ASAN_GCC_12 = """\
=================================================================
==25773==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x604000000038 at pc 0x55d26f7c42a7
READ of size 4 at 0x604000000038 thread T0
    #0 0x55d26f7c42a6 in main /tmp/sx/u.c:6
    #1 0x7fa263645249 in __libc_start_call_main ../sysdeps/nptl/libc_start_call_main.h:58

0x604000000038 is located 0 bytes to the right of 40-byte region [0x604000000010,0x604000000038)
allocated by thread T0 here:
    #0 0x7fa2638b89cf in __interceptor_malloc ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69
    #1 0x55d26f7c41ca in main /tmp/sx/u.c:3

SUMMARY: AddressSanitizer: heap-buffer-overflow /tmp/sx/u.c:6 in main
Shadow bytes around the buggy address: [...]
"""
UBSAN_CLANG_19 = """\
u.c:5:48: runtime error: signed integer overflow: 2147483647 + 1 cannot be represented in type 'int'
SUMMARY: UndefinedBehaviorSanitizer: undefined-behavior u.c:5:48
"""
MEMCHECK = """\
==25951== Conditional jump or move depends on uninitialised value(s)
==25951==    at 0x4901027: __vfprintf_internal (stdio-common/./stdio-common/vfprintf-process-arg.c:58)
==25951==    by 0x48F665A: printf (stdio-common/./stdio-common/printf.c:33)
==25951==    by 0x109192: main (/tmp/sx/u.c:5)
==25951==
==25951== Invalid read of size 4
==25951==    at 0x1091A6: main (/tmp/sx/u.c:6)
==25951==  Address 0x4a41068 is 0 bytes after a block of size 40 alloc'd
==25951==    at 0x48417B4: malloc (in /usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so)
==25951==
-2147483596
==25951== Use of uninitialised value of size 8
==25951==    at 0x48F5AAB: gomp_thread_start (team.c:129)
==25951==
"""
# clang 19.1.7 -O0 of a collapsed target region without iterations, two threads.
MEMCHECK_TEAMS = """\
==9681== Conditional jump or move depends on uninitialised value(s)
==9681==    at 0x497B0A3: __kmp_fork_call (in /usr/lib/llvm-19/lib/libomp.so.5)
==9681==    by 0x497CBF4: ??? (in /usr/lib/llvm-19/lib/libomp.so.5)
==9681==    by 0x4984FF6: ??? (in /usr/lib/llvm-19/lib/libomp.so.5)
==9681==    by 0x497C82E: __kmp_fork_call (in /usr/lib/llvm-19/lib/libomp.so.5)
==9681==    by 0x4969262: __kmpc_fork_teams (in /usr/lib/llvm-19/lib/libomp.so.5)
==9681==    by 0x109325: __omp_offloading_fe00_24c22a_sweep_l7_debug__ (/tmp/sx/heat.c:7)
==9681==    by 0x1098DC: __omp_offloading_fe00_24c22a_sweep_l7 (/tmp/sx/heat.c:7)
==9681==    by 0x1092BC: sweep (/tmp/sx/heat.c:7)
==9681==    by 0x10924E: diffuse (/tmp/sx/heat.c:21)
==9681==    by 0x109A3B: main (/tmp/sx/main.c:44)
==9681==
"""


def test_races_name_both_lines_and_the_variable() -> None:
    first, second = reports_sanitizers.races(TSAN_CLANG_19, TREE, HERE)
    assert (first.what, first.variable) == ("data race", "counter")
    # The line of an access that the compiler made itself is that of the construct around it.
    assert first.places == (Place("r.c", 5), Place("r.c", 6))
    assert HERE not in first.excerpt
    assert second.variable == ""
    assert second.places == (Place("r.c", 6),)


def test_a_bad_access_is_named_by_its_own_line_and_not_by_that_of_the_allocation() -> None:
    (found,) = reports_sanitizers.addresses(ASAN_GCC_12, TREE, HERE)
    assert found.what == "heap-buffer-overflow (read of 4 bytes)"
    assert found.places == (Place("u.c", 6),)
    assert "Shadow bytes" not in found.excerpt


def test_undefined_behaviour_is_the_same_fault_with_other_values() -> None:
    (found,) = reports_sanitizers.undefined(UBSAN_CLANG_19, TREE, HERE)
    assert found.places == (Place("u.c", 5),)
    other = UBSAN_CLANG_19.replace("u.c:5", "u.c:6").replace("2147483647 + 1", "1 + 2147483647")
    moved = Tree({"u.c": b"\n" + TREE["u.c"]})
    (again,) = reports_sanitizers.undefined(other, moved, HERE)
    assert again.identity(moved) == found.identity(TREE)
    assert again.identity(TREE) != found.identity(TREE)


def test_memcheck_names_the_innermost_line_of_the_task_and_leaves_the_runtime_out() -> None:
    (found,) = reports_memcheck.uninitialised(MEMCHECK, TREE, HERE)
    assert found.what == "Conditional jump or move depends on uninitialised value(s)"
    assert found.places == (Place("u.c", 5),)


def test_what_a_runtime_does_with_unused_halves_of_slots_is_not_the_tasks() -> None:
    tree = Tree({"heat.c": b"\n" * 30, "main.c": b"\n" * 50})
    assert reports_memcheck.uninitialised(MEMCHECK_TEAMS, tree, HERE) == ()
    asked = MEMCHECK_TEAMS.replace("__kmpc_fork_teams", "omp_set_num_threads")
    (found,) = reports_memcheck.uninitialised(asked, tree, HERE)
    assert found.places == (Place("heat.c", 7),)


def test_nothing_is_found_in_what_a_program_prints_itself() -> None:
    for text in ("", "all fine\n", "x" * 100_000, "==================\n" * 1000):
        for read in (
            reports_sanitizers.races,
            reports_sanitizers.addresses,
            reports_sanitizers.undefined,
            reports_memcheck.uninitialised,
        ):
            assert read(text, TREE, HERE) == ()


def test_files_of_the_system_are_not_the_tasks() -> None:
    tree = Tree({"math.h": b"x\n", "src/deep/a.c": b"x\n", "a.c": b"x\n"})
    assert locate("/usr/include/math.h", "1", tree) is None
    assert locate("/scratch/build/0f/src/deep/a.c", "1", tree) == Place("src/deep/a.c", 1)
    assert locate("./a.c", "1", tree) == Place("a.c", 1)
    assert locate("other.c", "1", tree) is None
    assert locate("a.c", "0", tree) is None


def test_a_message_says_what_where_and_on_what() -> None:
    race = Finding("data race", (Place("u.c", 5), Place("u.c", 5)), "big")
    assert race.message(TREE) == "data race on big: u.c:5 `big += c;` with itself"
    assert "does not name" in Finding("data race").message(TREE)


TASK = b"{\n#pragma omp task depend(in : a)\nb += a;\n}\n"


def test_the_runtimes_own_memory_of_tasks_is_explained_away() -> None:
    (finding,) = reports_sanitizers.races(TSAN_TASKS_CLANG_19, Tree({"t.c": TASK}), HERE)
    assert finding.places == (Place("t.c", 2), Place("t.c", 3))
    assert "libomp's own memory" in finding.explained


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("t.c:2:1 (t+0xe4941)", "t.c:3:1 (t+0xe4941)"),  # what the later task does in its body
        ("(libomp.so.5+0x1ed30)", "(t+0x1ed30)"),  # memory that the program allocated
        ("Location is heap block of size 1048576 at 0x7f2b1595d000", "Location is stack of"),
    ],
)
def test_nothing_else_about_tasks_is_explained_away(old: str, new: str) -> None:
    assert old in TSAN_TASKS_CLANG_19
    (finding,) = reports_sanitizers.races(TSAN_TASKS_CLANG_19.replace(old, new), Tree({"t.c": TASK}), HERE)
    assert not finding.explained


def test_a_race_beside_doacross_loops_is_in_doubt() -> None:
    loops = b"#pragma omp ordered depend(sink : i - 1)\n" + TASK
    (finding,) = reports_sanitizers.races(
        TSAN_TASKS_CLANG_19.replace("t.c:2:1 (t+0xe4941)", "t.c:4:1 (t+0xe4941)"), Tree({"t.c": loops}), HERE
    )
    assert not finding.explained
    assert "depend(sink)" in finding.doubt
    (first, _) = reports_sanitizers.races(TSAN_CLANG_19, TREE, HERE)
    assert not first.doubt

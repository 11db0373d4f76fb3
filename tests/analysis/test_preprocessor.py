"""Conditions of #if as a C compiler decides them; None for what is not decided."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from loopwright.analysis.preprocessor import holds

MACROS = {
    "__GNUC__": "12",
    "__GNUC_MINOR__": "2",
    "BIG": "0x1FUL",
    "OCTAL": "010",
    "EMPTY": "",
    "WORDS": "a b",
}
CONDITIONS = [
    "defined(__GNUC__)",
    "defined __clang__",
    "!defined(__clang__) && __GNUC__ >= 3",
    "!__GNUC__ == 0",
    "! (__GNUC__ > 4) || NOTHING",
    "__GNUC__ * 100 + __GNUC_MINOR__ >= 1202",
    "__GNUC__ - 1 - 1 == 10",
    "BIG == 31 && OCTAL == 8",
    "1 << 2 + 1 == 8",
    "-1 < 0",
    "NOTHING",
]
NOT_DECIDED = [
    "__has_builtin(x)",
    "MINE > 3",
    "__GNUC__ & 1 == 1",
    "~0",
    "3 > 2 > 1",
    "__GNUC__ ? 1 : 0",
    "EMPTY",
    "WORDS",
    "'a' == 97",
    "1 /",
    "",
]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc to say what is right")
def test_as_a_compiler_decides() -> None:
    defined = "".join(f"#define {name} {value}\n" for name, value in MACROS.items())
    tests = "".join(f"#if {c}\nyes\n#else\nno\n#endif\n" for c in CONDITIONS)
    argv = ["gcc", "-undef", "-E", "-P", "-x", "c", "-"]
    done = subprocess.run(argv, input=defined + tests, capture_output=True, text=True, check=True)
    assert [holds(c, MACROS, ()) for c in CONDITIONS] == [word == "yes" for word in done.stdout.split()]


@pytest.mark.parametrize("condition", NOT_DECIDED)
def test_the_rest_is_not_known(condition: str) -> None:
    assert holds(condition, MACROS, {"MINE"}) is None

"""Edits in replies: what is clear is carried out to the byte, everything else is refused with the reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.models.edits import (
    MalformedEdit,
    NoChange,
    expected_speedup,
    read_reply,
    stop_reason,
    whole_file,
)

FILES = {"a.c": b"int a;\nint b;\nint b2;\n", "dir/b.c": b"one\r\ntwo\r\n", "last.c": b"x\ny"}


def editable(path: str) -> bool:
    return path.endswith(".c") and path != "main.c"


def replace(path: str, search: str, text: str) -> str:
    return f"FILE {path}\n<<<<<<< SEARCH\n{search}=======\n{text}>>>>>>> REPLACE\n"


def whole(path: str, text: str) -> str:
    return f"FILE {path}\n<<<<<<< WHOLE\n{text}>>>>>>> END\n"


def test_search_and_replace_with_prose_title_and_expectation() -> None:
    text = (
        "I will do this.\n\nTITLE: better a\nEXPECT: 1.8x\n"
        + replace("a.c", "int a;\n", "long a;\n")
        + "Done.\n"
    )
    proposal = read_reply(text, FILES, editable)
    assert dict(proposal.changes) == {"a.c": b"long a;\nint b;\nint b2;\n"}
    assert (proposal.title, proposal.expected, proposal.stop) == ("better a", 1.8, "")


def test_several_blocks_follow_one_file_line_and_build_on_each_other() -> None:
    blocks = replace("a.c", "int a;\n", "long a;\n") + "<<<<<<< SEARCH\nlong a;\n=======\n>>>>>>> REPLACE\n"
    assert read_reply(blocks + whole("new.c", "n\n"), FILES, editable).changes == {
        "a.c": b"int b;\nint b2;\n",
        "new.c": b"n\n",
    }


def test_ends_of_lines_stay_as_the_file_has_them() -> None:
    assert read_reply(replace("dir/b.c", "two\n", "three\n"), FILES, editable).changes == {
        "dir/b.c": b"one\r\nthree\r\n"
    }
    assert read_reply(whole("dir/b.c", "1\n"), FILES, editable).changes == {"dir/b.c": b"1\r\n"}
    assert read_reply(replace("a.c", "int a;\n", "z\n").replace("\n", "\r\n"), FILES, editable).changes == {
        "a.c": b"z\nint b;\nint b2;\n"
    }


def test_a_last_line_without_a_newline_can_be_searched() -> None:
    assert read_reply(replace("last.c", "y\n", "z\n"), FILES, editable).changes == {"last.c": b"x\nz\n"}


def test_code_that_looks_like_a_field_or_a_file_line_is_code() -> None:
    text = "TITLE: real\n" + whole("a.c", "FILE *log;\nSTOP: return;\nEXPECT: 9x\n/*\n=======\n*/\n")
    proposal = read_reply(text, FILES, editable)
    assert proposal.changes["a.c"].startswith(b"FILE *log;\nSTOP: return;")
    assert (proposal.title, proposal.expected, proposal.stop) == ("real", None, "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("I am sorry, but there is nothing I can do.", "holds no edit"),
        ("```c\nint a;\n```", "holds no edit"),
        ("<<<<<<< SEARCH\nint a;\n=======\n>>>>>>> REPLACE\n", "before any 'FILE path'"),
        ("FILE a.c\n<<<<<<< SEARCH\nint a;\n", "no '======='"),
        ("FILE a.c\n<<<<<<< SEARCH\nint a;\n=======\nlong a;\n", "no '>>>>>>> REPLACE'"),
        ("FILE a.c\n<<<<<<< WHOLE\nint a;\n", "no '>>>>>>> END'"),
        ("FILE a.c\n=======\n", "does not belong here"),
        ("FILE a.c\n<<<<<<< HEAD\n", "does not belong here"),
        (replace("a.c", "", "long\n"), "nothing to search for"),
        (replace("a.c", "int c;\n", ""), "nowhere"),
        (replace("a.c", "a;\n", ""), "middle of a line"),
        (replace("a.c", "int", "long"), "no '======='"),
        (replace("missing.c", "int\n", ""), "no such file"),
        (replace("main.c", "int\n", ""), "protected"),
        (replace("../a.c", "int\n", ""), "no path inside"),
        (replace("/etc/passwd.c", "int\n", ""), "no path inside"),
        (whole("a.c", "```c\nint a;\n```\n"), "fence"),
        (whole("a.c", "\n"), "empty"),
        ("STOP: no\n" + whole("a.c", "x\n"), "STOP and gives an edit"),
    ],
)
def test_what_is_unclear_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(MalformedEdit, match=why):
        read_reply(text, FILES, editable)


def test_text_that_stands_twice_is_refused() -> None:
    with pytest.raises(MalformedEdit, match="2 times"):
        read_reply(replace("twice.c", "x\n", "y\n"), {"twice.c": b"x\nx\n"}, editable)


def test_an_edit_without_effect_is_a_kind_of_its_own() -> None:
    with pytest.raises(NoChange):
        read_reply(replace("a.c", "int a;\n", "int a;\n"), FILES, editable)


def test_stop_and_expectation() -> None:
    assert read_reply("STOP: bound by memory", FILES, editable).stop == "bound by memory"
    assert stop_reason("so\nSTOP:\n") == "no reason given"
    assert (expected_speedup("EXPECT: 2"), expected_speedup("EXPECT: much")) == (2.0, None)


@given(st.text(max_size=200).map(lambda t: t.replace("\r", "")))
def test_a_file_that_a_prompt_shows_comes_back_as_it_was(text: str) -> None:
    """Whole files survive the way into a prompt and back, unless they hold the markers themselves."""
    if not text.strip() or text.lstrip().startswith("```") or any(m in text for m in ("<<<<<<<", ">>>>>>>")):
        return
    shown = whole_file("t.c", text.encode("utf-8", "surrogateescape"))
    ended = text if text.endswith("\n") else text + "\n"
    assert read_reply(shown, {"t.c": b""}, editable).changes == {
        "t.c": ended.encode("utf-8", "surrogateescape")
    }


@given(st.text(alphabet="<>=\nFILE SEARCHWOLPD a.c", max_size=120))
def test_no_reply_raises_anything_else(text: str) -> None:
    try:
        proposal = read_reply(text, FILES, editable)
    except MalformedEdit as error:
        assert str(error)
    else:
        assert proposal.stop or proposal.changes

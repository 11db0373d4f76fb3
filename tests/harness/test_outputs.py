"""What a program printed and wrote, as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from loopwright.core.task import Dtype, FileFormat, Output, OutputFile, StdoutMode
from loopwright.harness.outputs import MalformedOutput, MissingOutput, file_array, stdout_arrays

NUMBERS = Output(stdout=StdoutMode.NUMBERS, ignore=("^time",))


def numbers(text: bytes) -> list[float]:
    return list(stdout_arrays(NUMBERS, text)["stdout"].astype(float))


def test_numbers_are_found_in_every_usual_form() -> None:
    text = b"x = 1, -2.5e-3; [.5] 3. +4E+2 n=7\n"
    assert numbers(text) == [1.0, -2.5e-3, 0.5, 3.0, 400.0, 7.0]


def test_nan_and_inf_are_numbers_but_names_are_not() -> None:
    found = numbers(b"nan -inf Infinity nano info v2 a1b 1.2.3\n")
    assert np.isnan(found[0]) and found[1] == -np.inf and found[2] == np.inf
    assert len(found) == 3


def test_ignored_lines_are_left_out() -> None:
    assert numbers(b"time 3.1\nsum 2\ntime 4\n") == [2.0]


def test_the_words_between_the_numbers_count() -> None:
    one, other = (stdout_arrays(NUMBERS, t) for t in (b"energy 1\n", b"mass 1\n"))
    assert list(one["stdout"]) == list(other["stdout"])
    assert list(one["stdout text"]) != list(other["stdout text"])


def test_white_space_between_words_does_not_count() -> None:
    one, other = (stdout_arrays(NUMBERS, t) for t in (b"a   1\n\n", b" a 1\n"))
    assert list(one["stdout text"]) == list(other["stdout text"])


def test_integers_beyond_doubles_are_compared_digit_by_digit() -> None:
    one, other = (stdout_arrays(NUMBERS, b"%d\n" % v) for v in (2**53 + 1, 2**53 + 2))
    assert list(one["stdout text"]) != list(other["stdout text"])


def test_exact_and_ignore() -> None:
    assert list(stdout_arrays(Output(stdout=StdoutMode.EXACT), b"a\nb")["stdout"]) == [b"a", b"b"]
    assert stdout_arrays(Output(stdout=StdoutMode.IGNORE), b"a\nb") == {}


def test_files_as_typed_arrays(tmp_path: Path) -> None:
    values = np.array([1.5, -2.0, np.nan])
    (tmp_path / "raw").write_bytes(values.tobytes())
    (tmp_path / "text").write_text("1.5 -2\nnan\n")
    np.save(tmp_path / "x.npy", values)
    for name, form in (("raw", FileFormat.RAW), ("text", FileFormat.TEXT), ("x.npy", FileFormat.NPY)):
        np.testing.assert_array_equal(file_array(OutputFile(name, Dtype.F64, form), tmp_path), values)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"12345", FileFormat.RAW),
        (b"1.0 two", FileFormat.TEXT),
        (b"", FileFormat.NPY),
        (b"\x93NUMPY junk", FileFormat.NPY),
    ],
)
def test_malformed_files(tmp_path: Path, content: bytes, form: FileFormat) -> None:
    (tmp_path / "out").write_bytes(content)
    with pytest.raises(MalformedOutput):
        file_array(OutputFile("out", Dtype.F64, form), tmp_path)


def test_a_pickle_in_an_npy_file_is_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "out", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(MalformedOutput):
        file_array(OutputFile("out.npy", Dtype.F64, FileFormat.NPY), tmp_path)


def test_a_link_is_no_output(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(np.zeros(2).tobytes())
    folder = tmp_path / "box"
    folder.mkdir()
    (folder / "out").symlink_to(secret)
    (folder / "sub").symlink_to(tmp_path)
    for path in ("out", "sub/secret", "missing"):
        with pytest.raises(MissingOutput):
            file_array(OutputFile(path, Dtype.F64), folder)

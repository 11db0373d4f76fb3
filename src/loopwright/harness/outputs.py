"""What a program task printed and wrote, as arrays that can be compared element by element."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loopwright.core.task import FileFormat, Output, OutputFile, StdoutMode

Arrays = Mapping[str, npt.NDArray[np.generic]]

_NUMBER = re.compile(
    rb"(?<![\w.])[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan(?:\([^)]*\))?|inf(?:inity)?)(?![\w.])",
    re.IGNORECASE,
)
_EXACT_INTEGER = 2**53


class MalformedOutput(Exception):
    """An output file that is not the array the task says it is; the text is for people."""


class MissingOutput(MalformedOutput):
    """An output file that was not written."""


def stdout_arrays(output: Output, stdout: bytes) -> dict[str, npt.NDArray[np.generic]]:
    """Standard output as arrays: lines for `exact`, numbers and the text around them for `numbers`.

    In `numbers` mode the text between the numbers has to be the same too, white space aside: a program
    that prints its numbers under other names prints something else. Integers beyond 2**53 stay text, so
    that they are compared digit by digit.
    """
    if output.stdout is StdoutMode.IGNORE:
        return {}
    patterns = [re.compile(p.encode("utf-8", "surrogateescape")) for p in output.ignore]
    lines = [line for line in stdout.split(b"\n") if not any(p.search(line) for p in patterns)]
    if output.stdout is StdoutMode.EXACT:
        return {"stdout": np.array(lines, dtype=object)}
    numbers: list[float] = []

    def take(match: re.Match[bytes]) -> bytes:
        value = float(re.sub(rb"\(.*\)", b"", match.group()))
        if value.is_integer() and abs(value) >= _EXACT_INTEGER and match.group().lstrip(b"+-").isdigit():
            return match.group()
        numbers.append(value)
        return b"#"

    words = [b" ".join(_NUMBER.sub(take, line).split()) for line in lines]
    text = np.array([word for word in words if word], dtype=object)
    return {"stdout": np.array(numbers, dtype=np.float64), "stdout text": text}


def file_array(spec: OutputFile, folder: Path) -> npt.NDArray[np.generic]:
    """The array in one output file.

    Raises:
        MissingOutput: when the program did not write it.
        MalformedOutput: when the content is not an array of that type.
    """
    path = folder / spec.path
    # A link could point the comparison at a file of our own.
    if path.is_symlink() or not path.is_file() or folder.resolve() not in path.resolve().parents:
        raise MissingOutput(f"{spec.path} was not written")
    content = path.read_bytes()
    dtype = np.dtype(spec.dtype.numpy)
    if spec.format is FileFormat.RAW:
        if len(content) % dtype.itemsize:
            size = dtype.itemsize
            raise MalformedOutput(f"{spec.path}: {len(content)} bytes are not a multiple of {size}")
        return np.frombuffer(content, dtype=dtype)
    try:
        if spec.format is FileFormat.NPY:
            array = np.load(io.BytesIO(content), allow_pickle=False)
            if array.dtype != dtype:
                raise MalformedOutput(f"{spec.path}: holds {array.dtype}, the task says {spec.dtype}")
            return np.asarray(array)
        words = content.split()
        if spec.dtype.is_float:
            return np.array([float(w) for w in words], dtype=dtype)
        return np.array([int(w) for w in words], dtype=dtype)
    except (ValueError, EOFError, OverflowError) as error:
        raise MalformedOutput(f"{spec.path}: not {spec.format} data of {spec.dtype}: {error}") from error


def program_outputs(output: Output, stdout: bytes, folder: Path) -> Arrays:
    """Everything that is compared after one run of a program task.

    Raises:
        MissingOutput, MalformedOutput: see :func:`file_array`.
    """
    arrays = stdout_arrays(output, stdout)
    for spec in output.files:
        arrays[spec.path] = file_array(spec, folder)
    return arrays

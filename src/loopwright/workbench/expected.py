"""Expected outputs of the original, kept on disk outside every agent's reach."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loopwright.system.store import write_atomically

Expected = Mapping[str, npt.NDArray[np.generic]]
_TEXT = "text:"


class ExpectedOutputs:
    """One file a case. Text is stored as bytes, so that nothing on disk is ever unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, Expected] = {}

    def has(self, case: str) -> bool:
        """Whether the outputs of `case` are known."""
        return self._path(case).is_file()

    def put(self, case: str, outputs: Expected) -> None:
        """Keep the outputs of `case`."""
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for name, array in outputs.items():
            if array.dtype == object:
                # The first byte tells "no lines" from "one empty line".
                joined = b"".join(b"\n" + line for line in array)
                arrays[_TEXT + name] = np.frombuffer(joined, dtype=np.uint8)
            else:
                arrays[name] = array
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{_quoted(n): a for n, a in arrays.items()})
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path(case), buffer.getvalue())
        self._held[case] = outputs

    def get(self, case: str) -> Expected:
        """The outputs of `case`; KeyError when they are not known."""
        if case not in self._held:
            if not self.has(case):
                raise KeyError(case)
            with np.load(self._path(case), allow_pickle=False) as stored:
                self._held[case] = dict(_read(_unquoted(n), stored[n]) for n in stored.files)
        return self._held[case]

    def _path(self, case: str) -> Path:
        return self.folder / f"{_quoted(case)}.npz"


def _read(name: str, array: npt.NDArray[np.generic]) -> tuple[str, npt.NDArray[np.generic]]:
    if not name.startswith(_TEXT):
        return name, array
    return name.removeprefix(_TEXT), np.array(array.tobytes().split(b"\n")[1:], dtype=object)


def _quoted(name: str) -> str:
    # A name of an output or a case may hold a slash, which neither a zip member nor a file should.
    return name.encode().hex()


def _unquoted(name: str) -> str:
    return bytes.fromhex(name).decode()

"""Translating a CUDA program to C++ with OpenMP for processors.

The way of a program: :mod:`~loopwright.moves.cuda_syntax` parses it; each kernel becomes an ordinary function
(:mod:`~loopwright.moves.cuda_threads`); each launch becomes a call of it; qualifiers of CUDA go; calls of the
CUDA runtime stay, answered by a small header that travels with the program. Every other byte stays as it is.

A translation is proposed as one edit and proved by nobody: the gates hold its outputs against those of the
original under the emulation, and look for races and wrong addresses. It says what it does not know by name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from loopwright.core.candidate import Edit
from loopwright.core.tree import Tree
from loopwright.harness.cuda_emulation.refusals import is_cuda, refusals
from loopwright.harness.cuda_emulation.tokens import closing, tokens_of
from loopwright.moves.cuda_items import BARRIERS, LANES, REFUSED_CALLS
from loopwright.moves.cuda_syntax import (
    Change,
    CudaFile,
    KernelCode,
    Launch,
    NotTranslated,
    calls,
    declared_name,
    dimensions,
    kernels_of,
    launches_of,
    of_type,
    parse,
    qualifier,
    words,
)
from loopwright.moves.cuda_threads import loops_over_threads
from loopwright.tasks.cuda_translation import HEADER, translated_path

if TYPE_CHECKING:
    from tree_sitter import Node

_DROPPED = frozenset(
    {"__device__", "__host__", "__constant__", "__global__", "__noinline__", "__grid_constant__"}
)
_LEFT_OVER = _DROPPED | BARRIERS | LANES | {"<<<", "threadIdx", "blockIdx", "__shared__"}
_NO_STREAM = ("0", "nullptr", "NULL")
_KNOWN = BARRIERS | LANES | {"__ldg", "__launch_bounds__", "__align__", "__attribute__"}
_VECTOR = re.compile(r"(?:make_)?(?:u?(?:char|short|int|long|longlong)|float|double)[1-4]$")
_INCLUDE = re.compile(
    rb'^[ \t]*#[ \t]*include[ \t]*[<"]'
    rb'(cuda_runtime(?:_api)?\.h|cuda\.h|device_launch_parameters\.h)[>"][^\n]*',
    re.MULTILINE,
)
_OWN_INCLUDE = re.compile(rb'(^[ \t]*#[ \t]*include[ \t]*")([^"\n]+\.cuh)"', re.MULTILINE)
_ONLY_WITH_A_DEVICE = re.compile(
    r"cuda(?:Stream|Event|Graph|Array|Texture|Surface|Occupancy|Func|Ipc|Peer|Host|Get(?:Device|Symbol)"
    r"|Device(?!Synchronize$|Reset$)|MemGetInfo|MemPrefetch|Mem(?:cpy|set)(?:Async|2D|3D)|Malloc(?:Async|Pitch|3D)"
    r"|FreeAsync)\w*$"
)


@dataclass(frozen=True)
class Translation:
    """The changes that translate a tree, by path; None removes. `kernels` are the names of its kernels."""

    changes: dict[str, bytes | None]
    kernels: tuple[str, ...]

    def edit(self) -> Edit:
        """The translation as an edit, for the gates to judge."""
        listed = ", ".join(self.kernels)
        return Edit(
            changes=self.changes,
            title=f"translate CUDA to OpenMP for processors: {listed}",
            proof="Threads of a block run one after another between barriers, blocks in parallel: one of the "
            "orders that CUDA allows. Not proved for this program; the gates judge it.",
            speculative=True,
            details={"move": "cuda-translation", "kernels": listed},
        )


def translate(tree: Tree) -> Translation:
    """Translate every CUDA file of `tree`.

    Raises:
        NotTranslated: naming the first thing that has no translation, with file and line.
    """
    for each in refusals(tree):
        raise NotTranslated(each.what, each.file, each.line)
    parsed = [parse(path, data) for path, data in sorted(tree.items()) if is_cuda(path, data)]
    kernels: dict[str, KernelCode] = {}
    for file in parsed:
        for kernel in kernels_of(file):
            if kernel.name in kernels:
                raise file.refused(kernel.node, f"a second kernel called {kernel.name}")
            kernels[kernel.name] = kernel
    launches = [launch for file in parsed for launch in launches_of(file)]
    program = _Program(tuple(parsed), kernels, launches)
    changes: dict[str, bytes | None] = {}
    for file in parsed:
        new = translated_path(file.path)
        if new != file.path:
            changes[file.path] = None
        changes[new] = program.translated(file)
    header = files("loopwright.moves") / "cuda_cpu" / HEADER
    changes[HEADER] = header.read_bytes()
    return Translation(changes, tuple(kernels))


@dataclass(frozen=True)
class _Program:
    files: tuple[CudaFile, ...]
    kernels: dict[str, KernelCode]
    launches: list[Launch]

    def translated(self, file: CudaFile) -> bytes:
        """The whole text of one file.

        Raises:
            NotTranslated: as :func:`translate`.
        """
        self._check(file)
        changes = [
            *self._kernels(file),
            *self._launches(file),
            *self._declarations(file),
            *self._qualifiers(file),
        ]
        text = file.changed(file.root, changes)
        whole = file.data[: file.root.start_byte] + text.encode("utf-8", "surrogateescape")
        whole += file.data[file.root.end_byte :]
        here = posixpath.relpath(HEADER, posixpath.dirname(file.path) or ".")
        line = f'#include "{here}"'.encode()
        whole, found = _INCLUDE.subn(lambda m: line if m[1] != b"device_launch_parameters.h" else b"", whole)
        if not found:
            whole = line + b"\n" + whole
        whole = _OWN_INCLUDE.sub(lambda m: m[1] + m[2].removesuffix(b".cuh") + b'.hpp"', whole)
        for token in tokens_of(whole.decode("utf-8", "surrogateescape")):
            if token.kind in ("word", "launch") and token.text in _LEFT_OVER:
                raise NotTranslated(f"'{token.text}' here is not understood", file.path, token.line)
        return whole

    def _check(self, file: CudaFile) -> None:
        for node in of_type(file.root, "identifier", "type_identifier"):
            if _ONLY_WITH_A_DEVICE.match(name := file.text(node)):
                raise file.refused(node, f"{name}: streams, events and properties of devices")
            if _VECTOR.match(name):
                raise file.refused(node, f"the vector type {name}")
        for name, call in calls(file, file.root):
            if name.startswith("__") and name not in _KNOWN and not name.startswith("__builtin_"):
                raise file.refused(call, REFUSED_CALLS.get(name, name))
        for node in of_type(file.root, "preproc_def", "preproc_function_def"):
            value = node.child_by_field_name("value")
            named = {t.text for t in tokens_of(file.text(value))} if value is not None else set()
            if hidden := sorted(named & _LEFT_OVER):
                raise file.refused(node, f"a macro with {hidden[0]} in it")
        for node in of_type(file.root, "function_definition"):
            if qualifier(node, "__device__") is None or qualifier(node, "__global__") is not None:
                continue
            if own := sorted(words(file, node) & {"threadIdx", "blockIdx", "blockDim", "gridDim"}):
                raise file.refused(node, f"a function beside the kernels that asks for {own[0]}")
            if met := [name for name, _ in calls(file, node) if name in BARRIERS or name in LANES]:
                raise file.refused(node, f"a function beside the kernels that calls {met[0]}")

    def _kernels(self, file: CudaFile) -> Iterator[Change]:
        for kernel in self.kernels.values():
            if kernel.file != file:
                continue
            grid, block = self._dimensions(kernel)
            yield self._parameters(kernel.parameters, kernel)
            body = loops_over_threads(kernel, grid, block)
            yield Change(kernel.body.start_byte, kernel.body.end_byte, body)

    def _parameters(self, node: Node, kernel: KernelCode) -> Change:
        added = "dim3 gridDim, dim3 blockDim" + (", size_t shared_bytes" if kernel.dynamic else "")
        opening = node.start_byte + 1
        return Change(opening, opening, added + (", " if node.named_children else ""))

    def _dimensions(self, kernel: KernelCode) -> tuple[int, int]:
        """Most dimensions of grid and block in any launch of a kernel; all three when none is seen."""
        sizes = [
            tuple(dimensions(self.files, launch.file, part) for part in launch.configuration[:2])
            for launch in self.launches
            if launch.kernel == kernel.name
        ]
        if not sizes:
            return 3, 3
        return max(size[0] for size in sizes), max(size[1] for size in sizes)

    def _declarations(self, file: CudaFile) -> Iterator[Change]:
        """Kernels that are declared before they are defined."""
        for node in of_type(file.root, "declaration"):
            if qualifier(node, "__global__") is None:
                continue
            head = next(of_type(node, "function_declarator"), None)
            name = declared_name(head)
            kernel = self.kernels.get(file.text(name)) if name is not None else None
            listed = head.child_by_field_name("parameters") if head is not None else None
            if kernel is None or listed is None:
                raise file.refused(node, "a kernel that is declared and not defined in the files of the task")
            yield self._parameters(listed, kernel)

    def _launches(self, file: CudaFile) -> Iterator[Change]:
        for launch in self.launches:
            if launch.file != file:
                continue
            kernel = self.kernels.get(launch.kernel)
            if kernel is None:
                raise file.refused(
                    launch.call, f"a launch of '{launch.kernel}', which is no kernel of the task"
                )
            if not 2 <= len(launch.configuration) <= 4:
                raise file.refused(launch.call, "this launch is not understood")
            streams = [each for each in launch.configuration[3:] if file.text(each) not in _NO_STREAM]
            if streams:
                raise file.refused(streams[0], "a launch in a stream")
            given = [file.text(each) for each in launch.configuration[:2]]
            if kernel.dynamic:
                given.append(file.text(launch.configuration[2]) if len(launch.configuration) > 2 else "0")
            listed = launch.call.child_by_field_name("arguments")
            assert listed is not None
            yield Change(launch.syntax.start_byte, launch.syntax.end_byte, "")
            opening = listed.start_byte + 1
            yield Change(opening, opening, ", ".join(given) + (", " if listed.named_children else ""))

    def _qualifiers(self, file: CudaFile) -> Iterator[Change]:
        """Words of CUDA that C++ does not know, with the space behind them."""
        inside = [(k.body.start_byte, k.body.end_byte) for k in self.kernels.values() if k.file == file]
        at = 0
        tokens = tokens_of(file.data.decode("utf-8", "surrogateescape"))
        skipping: int | None = None
        closed: int | None = None
        for number, token in enumerate(tokens):
            size = len(token.text.encode("utf-8", "surrogateescape"))
            start, at = at, at + size
            if any(first <= start < last for first, last in inside):
                continue
            behind = tokens[number + 1].text if number + 1 < len(tokens) else ""
            space = 0 if behind.strip(" ") else len(behind)
            if skipping is not None:
                if number == closed:
                    yield Change(skipping, at + space, "")
                    skipping = None
            elif token.text == "__launch_bounds__":
                skipping, closed = start, closing(tokens, number)
            elif token.text in _DROPPED:
                yield Change(start, at + space, "")
            elif token.text == "__forceinline__":
                yield Change(start, at, "inline")

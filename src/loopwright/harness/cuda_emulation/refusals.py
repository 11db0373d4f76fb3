"""What the emulation cannot run, found in the source and named, before anything is compiled.

The rules for HIP are in `hip.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from loopwright.harness.cuda_emulation.tokens import Token, closing, significant, tokens_of
from loopwright.tasks.read import CUDA_SUFFIXES, HIP_SUFFIX


@dataclass(frozen=True)
class Rules:
    """What cannot be emulated of one programming model, each with its name for people.

    Attributes:
        words: identifiers. patterns: expressions that match the beginning of one.
        includes: how the name of a header begins.
    """

    words: Mapping[str, str]
    patterns: tuple[tuple[re.Pattern[str], str], ...]
    includes: tuple[tuple[str, str], ...]


COMMON_WORDS: Mapping[str, str] = {
    "cooperative_groups": "cooperative groups",
    "__managed__": "managed variables",
    "thread_local": "thread_local variables beside kernels",
    "__trap": "__trap",
    "__half": "half precision",
    "half2": "half precision",
}
TEXTURES = (re.compile(r"(?:tex|surf)[123]D\w*$"), "textures and surfaces")
CUDA = Rules(
    words={
        **COMMON_WORDS,
        "asm": "inline PTX",
        "__asm__": "inline PTX",
        "cudaLaunchCooperativeKernel": "cooperative launches",
        "cudaTextureObject_t": "textures",
        "cudaSurfaceObject_t": "surfaces",
        "__nanosleep": "__nanosleep",
        "cudaLaunchKernel": "cudaLaunchKernel",
        "nvcuda": "tensor cores (wmma)",
        "__nv_bfloat16": "half precision",
    },
    patterns=(
        TEXTURES,
        (re.compile(r"cudaGraph\w*$"), "CUDA graphs"),
        (re.compile(r"cudaMemcpyPeer\w*$|cudaDeviceEnablePeerAccess$"), "several devices"),
        (re.compile(r"(?:cublas|cufft|curand|cusparse|cusolver|cudnn|nccl)\w*$"), "NVIDIA's libraries"),
        (re.compile(r"cu[A-Z][a-z]\w*$"), "the driver API"),
        (
            re.compile(r"__(?:shfl|shfl_up|shfl_down|shfl_xor|ballot|any|all)$"),
            "warp intrinsics without _sync",
        ),
    ),
    includes=(
        ("cub/", "CUB"),
        ("thrust/", "Thrust"),
        ("cuda/", "libcu++"),
        ("cooperative_groups", "cooperative groups"),
        ("mma.h", "tensor cores (wmma)"),
        ("cuda_fp16", "half precision"),
        ("cuda_bf16", "half precision"),
    ),
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', re.MULTILINE)


_MAYBE_SUFFIXES = frozenset({".h", ".hpp", ".hh", ".hxx", ".inl", ".inc", ".cpp", ".cc", ".cxx"})
_SIGNS_OF_CUDA = (b"<<<", b"__global__", b"__device__", b"__shared__", b"__constant__", b"hip/hip_runtime")


def is_cuda(path: str, content: bytes) -> bool:
    """Whether this file holds CUDA C++, with its own names or those of HIP: by its suffix, or for a header
    and for C++ by what it says.
    """
    suffix = PurePosixPath(path).suffix
    return suffix in (*CUDA_SUFFIXES, HIP_SUFFIX) or (
        suffix in _MAYBE_SUFFIXES and any(sign in content for sign in _SIGNS_OF_CUDA)
    )


@dataclass(frozen=True)
class Refusal:
    """Something that cannot be emulated: what it is, and where it stands first in a file."""

    what: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.what} ({self.file}:{self.line})"


def refusals(tree: Mapping[str, bytes], rules: Rules = CUDA) -> tuple[Refusal, ...]:
    """What in the CUDA files of `tree` cannot be emulated; each thing once a file, in the order of lines.

    A heading that is not here and not known to the emulation either is an error when it is compiled.
    """
    found: dict[tuple[str, str], Refusal] = {}
    for path, content in tree.items():
        if not is_cuda(path, content):
            continue
        text = content.decode("utf-8", "replace")
        for what, line in (*_included(text, rules), *_named(tokens_of(text), rules)):
            found.setdefault((what, path), Refusal(what, path, line))
    return tuple(sorted(found.values(), key=lambda r: (r.file, r.line)))


def marked(text: str, rules: Rules = CUDA) -> str:
    """`text` with an `#error` in place of each line that cannot be emulated; code that is left out by the
    preprocessor does not matter.
    """
    found = [*_included(text, rules), *_named(tokens_of(text), rules)]
    if not found:
        return text
    lines = text.split("\n")
    for what, line in found:
        lines[line - 1] = f"#error not available without a device: {what}"
    return "\n".join(lines)


def _included(text: str, rules: Rules) -> list[tuple[str, int]]:
    return [
        (what, text.count("\n", 0, match.start()) + 1)
        for match in _INCLUDE.finditer(text)
        for prefix, what in rules.includes
        if match[1].startswith(prefix)
    ]


def _named(tokens: list[Token], rules: Rules) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    kernels = _bodies_on_the_device(tokens)
    for at, token in enumerate(tokens):
        if token.kind == "word":
            what = rules.words.get(token.text) or next(
                (w for p, w in rules.patterns if p.match(token.text)), None
            )
            if what is not None:
                found.append((what, token.line))
        inside = any(begin < at < end for begin, end in kernels)
        if inside and token.text == "<<<":
            found.append(("kernels that launch kernels", token.line))
        elif inside and token.text in ("malloc", "free", "new", "delete"):
            found.append((f"{token.text} in code of the device", token.line))
    return found


def _bodies_on_the_device(tokens: list[Token]) -> list[tuple[int, int]]:
    """From { to } of every function that is marked __global__ or __device__ (and not __host__)."""
    found: list[tuple[int, int]] = []
    for at, token in enumerate(tokens):
        if token.text not in ("__global__", "__device__"):
            continue
        around = {tokens[i].text for i, _ in zip(significant(tokens, at - 1, -1), range(2), strict=False)}
        around |= {tokens[i].text for i, _ in zip(significant(tokens, at + 1), range(2), strict=False)}
        if "__host__" in around:
            continue
        seen_arguments = False
        for i in significant(tokens, at + 1):
            text = tokens[i].text
            seen_arguments = seen_arguments or text == "("
            if text == "{" and seen_arguments:
                end = closing(tokens, i)
                if end is not None:
                    found.append((i, end))
                break
            if text in (";", "{", "="):
                break
    return found

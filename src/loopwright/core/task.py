"""What to make faster: the task, its cases, its outputs and how exact they must be."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from loopwright.core.expressions import evaluate
from loopwright.core.tree import Tree


class Use(StrEnum):
    """What a case is for. A `time` case is checked too; a `held-out` case is run once, at the end."""

    CHECK = "check"
    TIME = "time"
    HELD_OUT = "held-out"


class Target(StrEnum):
    """The programming model to reach."""

    SERIAL = "serial"
    OPENMP = "openmp"
    OFFLOAD = "offload"
    """OpenMP with target regions: loops run on a device whose memory is its own."""

    CUDA = "cuda"
    """Kernels for an NVIDIA GPU."""

    HIP = "hip"
    """Kernels for an AMD GPU."""

    @property
    def runs_kernels(self) -> bool:
        """Whether programs for it hold kernels for a GPU, which are emulated on the processors."""
        return self in (Target.CUDA, Target.HIP)

    @property
    def uses_openmp(self) -> bool:
        """Whether programs for it are compiled with OpenMP."""
        return self in (Target.OPENMP, Target.OFFLOAD)


class Language(StrEnum):
    """The source language of a task's editable code."""

    C = "c"
    CXX = "c++"
    CUDA = "cuda"
    HIP = "hip"

    @property
    def own_target(self) -> Target | None:
        """The only target that such code is for as it stands; None for C and C++, which may be for any."""
        return {Language.CUDA: Target.CUDA, Language.HIP: Target.HIP}.get(self)


class Dtype(StrEnum):
    """Element types of arrays. Sizes in bytes are `dtype.size_bytes`."""

    F32 = "f32"
    F64 = "f64"
    I8 = "i8"
    I16 = "i16"
    I32 = "i32"
    I64 = "i64"
    U8 = "u8"
    U16 = "u16"
    U32 = "u32"
    U64 = "u64"

    @property
    def size_bytes(self) -> int:
        """Bytes of one element."""
        return int(self.value[1:]) // 8

    @property
    def is_float(self) -> bool:
        """Whether elements are IEEE 754 binary floating point."""
        return self.value.startswith("f")

    @property
    def numpy(self) -> str:
        """The little-endian NumPy type string, as in '<f8'."""
        return f"<{self.value[0]}{self.size_bytes}"


class StdoutMode(StrEnum):
    """How standard output is compared."""

    EXACT = "exact"
    NUMBERS = "numbers"
    IGNORE = "ignore"


class FileFormat(StrEnum):
    """How an output file holds its array."""

    RAW = "raw"
    TEXT = "text"
    NPY = "npy"


class Role(StrEnum):
    """What a kernel does with an argument."""

    IN = "in"
    OUT = "out"
    INOUT = "inout"


@dataclass(frozen=True)
class Tolerance:
    """When two numbers count as equal: |a - b| <= atol + rtol * |b|, or at most `ulps` units in the last
    place apart (b is the reference). NaN equals only NaN, Inf only the same Inf. Integers: exactly equal
    unless `atol` says otherwise.
    """

    rtol: float = 1e-9
    atol: float = 0.0
    ulps: int | None = None


@dataclass(frozen=True)
class OutputFile:
    """A file that the program writes and that is compared element by element."""

    path: str
    dtype: Dtype
    format: FileFormat = FileFormat.RAW
    tolerance: Tolerance | None = None
    """None: the task's own."""


@dataclass(frozen=True)
class Output:
    """What is compared after a run. `ignore` are regular expressions for lines of stdout to leave out."""

    stdout: StdoutMode = StdoutMode.NUMBERS
    ignore: tuple[str, ...] = ()
    files: tuple[OutputFile, ...] = ()
    tolerance: Tolerance = Tolerance()


@dataclass(frozen=True)
class Case:
    """One input. A program task uses args, stdin, files and env; a kernel task params and seed.

    `stdin` and `files` are paths inside the task; files are placed under the same path in the working
    folder of the run. `timeout_s` bounds one execution of the original and of every candidate.
    """

    name: str
    use: Use = Use.CHECK
    args: tuple[str, ...] = ()
    stdin: str | None = None
    files: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, int] = field(default_factory=dict)
    seed: int = 1
    timeout_s: float | None = None


@dataclass(frozen=True)
class Range:
    """Whole numbers from `low` to `high`, both included, in steps of `step`."""

    low: int
    high: int
    step: int = 1

    @property
    def last(self) -> int:
        """The largest number that belongs to it."""
        return self.high - (self.high - self.low) % self.step

    def __str__(self) -> str:
        return f"{self.low}..{self.high}" + (f" step {self.step}" if self.step != 1 else "")


@dataclass(frozen=True)
class HeldOut:
    """Inputs that nobody knows before the end of a run: `count` cases whose params are drawn then.

    In `args`, "{n}" stands for the number drawn for the param n. A kernel gets a fresh seed with each.
    """

    params: Mapping[str, int | Range] = field(default_factory=dict)
    name: str = "held-out"
    count: int = 4
    args: tuple[str, ...] = ()
    stdin: str | None = None
    files: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None


@dataclass(frozen=True)
class Build:
    """How the program is built: by `sources`, or by `command` with {cc} {cxx} {cflags} {ldflags} {exe}.

    `flags` are the task's own optimisation flags, the ones its users build with today. `executable` is
    what a command leaves behind when it has no {exe}.
    """

    sources: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    libs: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()
    flags: tuple[str, ...] = ("-O2",)
    standard: str | None = None
    command: str | None = None
    executable: str | None = None
    timeout_s: float = 300.0


@dataclass(frozen=True)
class Init:
    """How an array argument is filled. `kind` and its options:

    uniform(low, high), normal(mean, std), linspace(start, stop), zeros(), constant(value),
    permutation() of 0..n-1, sorted(low, high), csr_rowptr(nnz) (n+1 offsets, last is `nnz`, rows of
    random length), csr_colind(columns) (indices below `columns`, sorted within no row in particular),
    index(limit) (integers in [0, limit)), npy(path), generator(function, source) where the protected C
    function `void f(void *data, size_t count, uint64_t seed)` fills the array.
    Options that are strings are expressions over the case's params, except `path`, `function`, `source`.
    """

    kind: str = "uniform"
    options: Mapping[str, str | float | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Argument:
    """One argument of a kernel, in the order of its parameters.

    A scalar has no shape and a `value` expression; an array has a shape of expressions over the params.
    """

    name: str
    role: Role
    dtype: Dtype
    shape: tuple[str, ...] = ()
    value: str | None = None
    init: Init = Init()
    tolerance: Tolerance | None = None

    @property
    def is_array(self) -> bool:
        """Whether this is a pointer to elements rather than a scalar passed by value."""
        return bool(self.shape)


@dataclass(frozen=True)
class Launch:
    """How a `__global__` function is started: blocks of the grid and threads of a block, one to three numbers
    each with x first, and bytes of dynamic shared memory. All are expressions over the case's params.
    """

    grid: tuple[str, ...]
    block: tuple[str, ...]
    shared: str = "0"

    def __str__(self) -> str:
        parts = [f"({', '.join(numbers)})" for numbers in (self.grid, self.block)]
        return f"<<<{', '.join(parts if self.shared == '0' else [*parts, self.shared])}>>>"


@dataclass(frozen=True)
class Kernel:
    """One function with no main. Loopwright writes the driver.

    `prototype` is the C declaration, as in "void axpy(int n, double a, const double *x, double *y)".
    `returns` is the dtype of a compared return value, None for void. `restrict` states that the array
    arguments never overlap: the driver always passes separate arrays, so True is the default. `launch` is
    given if and only if the function is a `__global__` one: the driver then copies arrays to the device and
    back around it.
    """

    function: str
    prototype: str
    arguments: tuple[Argument, ...]
    language: Language = Language.C
    returns: Dtype | None = None
    header: str | None = None
    restrict: bool = True
    launch: Launch | None = field(default=None, repr=False)

    @property
    def contract(self) -> str:
        """What a candidate has to keep: the prototype, and how the driver launches it."""
        return f"{self.prototype}, launched as {self.launch}" if self.launch else self.prototype


@dataclass(frozen=True)
class Work:
    """Stated work of one execution, as expressions over the case's params: bytes that must move between
    memory and processor, floating-point operations that must be done.
    """

    bytes: str | None = None
    flops: str | None = None

    def bytes_of(self, case: Case) -> float | None:
        """Bytes for `case`, None when the task does not say."""
        return None if self.bytes is None else float(evaluate(self.bytes, case.params))

    def flops_of(self, case: Case) -> float | None:
        """Floating-point operations for `case`, None when the task does not say."""
        return None if self.flops is None else float(evaluate(self.flops, case.params))


@dataclass(frozen=True)
class Task:
    """What to make faster. A complete value: it holds the content of every file, so it can be frozen.

    `editable` are globs over `tree`; every other file is protected. `kernel` is None for a program task.
    `fast_math` allows flags and edits that reassociate floating point beyond what a reduction needs.
    """

    name: str
    tree: Tree
    editable: tuple[str, ...]
    build: Build
    cases: tuple[Case, ...]
    output: Output = Output()
    summary: str = ""
    language: Language = Language.C
    kernel: Kernel | None = None
    work: Work = Work()
    fast_math: bool = False
    schema: int = 1
    held_out: tuple[HeldOut, ...] = ()

    def is_editable(self, path: str) -> bool:
        """Whether a candidate may change, add or remove the file `path`."""
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in self.editable)

    @property
    def editable_files(self) -> Tree:
        """The files that a candidate may change, as they are in the original."""
        return Tree({p: c for p, c in self.tree.items() if self.is_editable(p)})

    def cases_for(self, *uses: Use) -> tuple[Case, ...]:
        """The cases of these uses, in the order of the task file."""
        return tuple(case for case in self.cases if case.use in uses)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the whole task, files included: 64 hexadecimal digits."""
        spec = repr((self.name, self.editable, self.build, self.cases, self.output, self.kernel, self.work,
                     self.language, self.fast_math, self.schema))  # fmt: skip
        if self.held_out:
            # Tasks without ranges keep the digest that they had before there were any.
            spec += repr(self.held_out)
        if self.kernel is not None and self.kernel.launch is not None:
            spec += repr(self.kernel.launch)
        return hashlib.sha256((self.tree.digest + spec).encode("utf-8", "surrogateescape")).hexdigest()

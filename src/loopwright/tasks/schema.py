"""The tables of loopwright.toml as pydantic models: names, types and simple ranges, nothing else.

What a value means beside other values (a file that must exist, an expression over parameters) is checked
in `checks` and `kernel_checks`.
"""

from __future__ import annotations

import math
import shlex
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

SCHEMA = 1
"""The newest version of the task file that this Loopwright reads."""

DtypeName = Literal["f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"]
LanguageName = Literal["c", "c++", "cuda", "hip"]


def _words(value: object) -> object:
    """A string of compiler flags split as a shell would split it."""
    if isinstance(value, str):
        try:
            return shlex.split(value)
        except ValueError as error:
            raise ValueError(f"cannot be split into flags: {error}") from error
    return value


def _expression(value: object) -> object:
    """A number written without quotes, as the expression that it is."""
    if isinstance(value, bool):
        raise ValueError('found a truth value; write a number or an expression in quotes, as in "n + 1"')
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"found {value}; write a finite number or an expression in quotes")
        return repr(value)
    return value


Expression = Annotated[str, BeforeValidator(_expression)]
Words = Annotated[list[str], BeforeValidator(_words)]
Relative = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Absolute = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Ulps = Annotated[int, Field(ge=0, le=2**20)]
Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]


class Table(BaseModel):
    """Base of every table: an unknown key is an error and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ToleranceKeys(Table):
    """The three keys that say how exact numbers must be."""

    rtol: Relative | None = None
    atol: Absolute | None = None
    ulps: Ulps | None = None


class BuildTable(Table):
    """`[build]`."""

    sources: list[str] | None = None
    include: list[str] = []
    libs: list[str] = []
    defines: list[str] = []
    flags: Words = ["-O2"]
    standard: str | None = None
    command: str | None = None
    executable: str | None = None
    timeout_s: Seconds = 300.0


class CaseTable(Table):
    """`[[case]]`."""

    name: str
    use: Literal["check", "time", "held-out"] = "check"
    args: list[str] | None = None
    stdin: str | None = None
    files: list[str] | None = None
    env: dict[str, str] = {}
    params: dict[str, int] = {}
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    timeout_s: Seconds | None = None


class HeldOutTable(Table):
    """`[[held-out]]`."""

    name: str = "held-out"
    params: dict[str, int | str]
    count: Annotated[int, Field(ge=1, le=16)] = 4
    args: list[str] | None = None
    stdin: str | None = None
    files: list[str] | None = None
    env: dict[str, str] = {}
    timeout_s: Seconds | None = None


class OutputFileTable(ToleranceKeys):
    """One entry of `files` in `[output]`."""

    path: str
    dtype: DtypeName
    format: Literal["raw", "text", "npy"] = "raw"


class OutputTable(ToleranceKeys):
    """`[output]`."""

    stdout: Literal["exact", "numbers", "ignore"] | None = None
    ignore: list[str] | None = None
    files: list[OutputFileTable] | None = None


class WorkTable(Table):
    """`[work]`."""

    bytes: Expression | None = None
    flops: Expression | None = None


class ArgumentTable(ToleranceKeys):
    """`[[kernel.argument]]`."""

    name: str
    role: Literal["in", "out", "inout"] | None = None
    dtype: DtypeName
    shape: list[Expression] | None = None
    value: Expression | None = None
    init: dict[str, Any] | None = None


class LaunchTable(Table):
    """`[kernel.launch]`."""

    grid: list[Expression]
    block: list[Expression]
    shared: Expression | None = None


class KernelTable(Table):
    """`[kernel]`."""

    function: str
    prototype: str | None = None
    language: LanguageName | None = None
    returns: DtypeName | None = None
    header: str | None = None
    restrict: bool = True
    launch: LaunchTable | None = None
    argument: list[ArgumentTable]


class TaskTable(Table):
    """The whole file."""

    schema_: Annotated[int, Field(alias="schema")]
    name: str
    summary: str = ""
    language: LanguageName | None = None
    editable: list[str]
    fast_math: bool = False
    build: BuildTable
    case: list[CaseTable]
    held_out: Annotated[list[HeldOutTable], Field(alias="held-out")] = []
    output: OutputTable = OutputTable()
    work: WorkTable = WorkTable()
    kernel: KernelTable | None = None


TABLES: dict[tuple[str, ...], type[Table]] = {
    (): TaskTable,
    ("build",): BuildTable,
    ("case",): CaseTable,
    ("held-out",): HeldOutTable,
    ("output",): OutputTable,
    ("output", "files"): OutputFileTable,
    ("work",): WorkTable,
    ("kernel",): KernelTable,
    ("kernel", "launch"): LaunchTable,
    ("kernel", "argument"): ArgumentTable,
}
"""Which model reads the table at these keys (list positions left out)."""


def known_keys(table: tuple[str, ...]) -> tuple[str, ...]:
    """The keys that the table at `table` may have, in the order of the model."""
    model = TABLES.get(table)
    if model is None:
        return ()
    return tuple(field.alias or name for name, field in model.model_fields.items())

"""What every kind of initialiser needs, with defaults, and its options as numbers for one case."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from loopwright.core.errors import TaskError
from loopwright.core.expressions import Number, evaluate
from loopwright.core.task import Argument, Case, Dtype, Init, Task


@dataclass(frozen=True)
class InitKind:
    """One initialiser: the C constant that names it in the driver, and its numeric options in order.

    `integers` and `floats` say for which element types it is meaningful.
    """

    constant: str
    options: tuple[str, ...] = ()
    integers: bool = True
    floats: bool = True


INIT_KINDS: Mapping[str, InitKind] = MappingProxyType(
    {
        "zeros": InitKind("LW_ZEROS"),
        "constant": InitKind("LW_CONSTANT", ("value",)),
        "uniform": InitKind("LW_UNIFORM", ("low", "high")),
        "normal": InitKind("LW_NORMAL", ("mean", "std"), integers=False),
        "linspace": InitKind("LW_LINSPACE", ("start", "stop")),
        "sorted": InitKind("LW_SORTED", ("low", "high")),
        "permutation": InitKind("LW_PERMUTATION", floats=False),
        "index": InitKind("LW_INDEX", ("limit",), floats=False),
        "csr_rowptr": InitKind("LW_CSR_ROWPTR", ("nnz",), floats=False),
        "csr_colind": InitKind("LW_INDEX", ("columns",), floats=False),
        "npy": InitKind("LW_FILE", ("skip",)),
        "generator": InitKind("LW_GENERATOR"),
    }
)
"""Every kind of :class:`~loopwright.core.task.Init`. The `skip` of npy is worked out, never written."""

_DEFAULTS: Mapping[str, Number] = {"low": 0, "mean": 0, "std": 1, "start": 0}
_LARGEST_INTEGER_BY_DEFAULT = 1000


def integer_range(dtype: Dtype) -> tuple[int, int]:
    """The smallest and the largest value of an integer type."""
    bits = 8 * dtype.size_bytes
    return (0, 2**bits - 1) if dtype.value.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def init_numbers(task: Task, case: Case, argument: Argument, count: int) -> dict[str, Number]:
    """Option name to value for `argument` of `count` elements; integer types get whole numbers in range.

    Integers of `uniform` and `sorted` are at least `low` and below `high`.

    Raises:
        TaskError: for an unknown kind, a missing option, a value that the element type cannot hold or
            an .npy file that does not fit.
    """
    kind = kind_of(argument)
    if argument.init.kind == "npy":
        return {"skip": _npy_offset(task, argument, count)}
    where = f"kernel argument {argument.name!r}, case {case.name!r}"
    numbers: dict[str, Number] = {}
    for name in kind.options:
        value = argument.init.options.get(name, _default(argument.dtype, name))
        if value is None:
            raise TaskError(
                f"init kind {argument.init.kind!r} needs {name!r}",
                where=where,
                hint=f'init = {{ kind = "{argument.init.kind}", {name} = ... }}',
            )
        number = evaluate(value, case.params) if isinstance(value, str) else value
        if not argument.dtype.is_float:
            if number != int(number):
                raise TaskError(f"{name} is {number}; {argument.dtype} holds whole numbers", where=where)
            number = int(number)
        numbers[name] = number
    _check(argument, numbers, count, where)
    return numbers


def kind_of(argument: Argument) -> InitKind:
    """The initialiser of `argument`.

    Raises:
        TaskError: for a kind that does not exist or does not suit the element type.
    """
    name, where = argument.init.kind, f"kernel argument {argument.name!r}"
    kind = INIT_KINDS.get(name)
    if kind is None:
        raise TaskError(f"unknown init kind {name!r}", where=where, hint=f"known: {', '.join(INIT_KINDS)}")
    if argument.dtype.is_float and not kind.floats:
        raise TaskError(f"init kind {name!r} makes integers, but dtype is {argument.dtype}", where=where)
    if not argument.dtype.is_float and not kind.integers:
        raise TaskError(f"init kind {name!r} makes real numbers, but dtype is {argument.dtype}", where=where)
    return kind


def text_option(init: Init, name: str, argument: str) -> str:
    """An option that is text (`path`, `function`, `source`).

    Raises:
        TaskError: when it is missing or not text.
    """
    value = init.options.get(name)
    if not isinstance(value, str) or not value:
        raise TaskError(f"init kind {init.kind!r} needs {name!r}", where=f"kernel argument {argument!r}")
    return value


def _default(dtype: Dtype, name: str) -> Number | None:
    if name in ("high", "stop"):
        if dtype.is_float:
            return 1
        return min(_LARGEST_INTEGER_BY_DEFAULT, integer_range(dtype)[1] + 1 if name == "high" else 100)
    return _DEFAULTS.get(name)


def _check(argument: Argument, numbers: Mapping[str, Number], count: int, where: str) -> None:
    kind = argument.init.kind
    if kind in ("uniform", "sorted") and not numbers["low"] <= numbers["high"]:
        raise TaskError(f"low {numbers['low']} is above high {numbers['high']}", where=where)
    if argument.dtype.is_float:
        return
    if kind in ("uniform", "sorted") and numbers["low"] == numbers["high"]:
        raise TaskError(f"no integer is at least {numbers['low']} and below {numbers['high']}", where=where)
    if kind in ("index", "csr_colind") and count > 0 and next(iter(numbers.values())) < 1:
        raise TaskError(f"{kind}: no index is below {next(iter(numbers.values()))}", where=where)
    if kind == "csr_rowptr" and (numbers["nnz"] < 0 or (count < 2 and numbers["nnz"] != 0)):
        raise TaskError(f"{count - 1} rows cannot hold {numbers['nnz']} entries", where=where)
    smallest, largest = integer_range(argument.dtype)
    ends = [n - 1 if name in ("high", "limit", "columns") else n for name, n in numbers.items()]
    if kind == "permutation":
        ends = [count - 1]
    for end in ends:
        if kind != "zeros" and not smallest <= max(end, 0 if kind == "index" else end) <= largest:
            raise TaskError(f"init kind {kind!r} makes {end}, too large for {argument.dtype}", where=where)


def _npy_offset(task: Task, argument: Argument, count: int) -> int:
    """Where the elements begin in the .npy file of `argument`, after its header is found to fit."""
    import numpy as np

    path = text_option(argument.init, "path", argument.name)
    where = f"kernel argument {argument.name!r}, {path}"
    if path not in task.tree:
        raise TaskError("no such file in the task", where=where)
    stream = io.BytesIO(task.tree[path])
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(stream)
    except ValueError as error:
        raise TaskError(f"not an .npy file: {error}", where=where) from error
    if dtype != np.dtype(argument.dtype.numpy):
        raise TaskError(f"holds {dtype}, the argument is {argument.dtype}", where=where)
    if fortran and len(shape) > 1:
        raise TaskError("is in Fortran order", where=where, hint="save np.ascontiguousarray(array)")
    if int(np.prod(shape, dtype=np.int64)) != count:
        raise TaskError(f"has shape {shape}; the argument has {count} elements", where=where)
    return stream.tell()

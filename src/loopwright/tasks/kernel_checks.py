"""Kernel tasks: the arguments beside the prototype, and every expression for every case."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping

from loopwright.core.errors import TaskError
from loopwright.core.expressions import evaluate, evaluate_int
from loopwright.core.task import Argument, Case, Dtype, Kernel, Role, Task
from loopwright.tasks.launch_checks import check_launch
from loopwright.tasks.problems import Key, TaskFile, found, suggestion
from loopwright.tasks.prototype import Parameter, Prototype, parse_prototype
from loopwright.tasks.references import check_in_tree, check_integer_tolerance, check_names

LARGEST_ARRAY_BYTES = 1 << 36

INIT_OPTIONS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "uniform": ((), ("low", "high")),
    "normal": ((), ("mean", "std")),
    "linspace": ((), ("start", "stop")),
    "zeros": ((), ()),
    "constant": (("value",), ()),
    "permutation": ((), ()),
    "sorted": ((), ("low", "high")),
    "csr_rowptr": (("nnz",), ()),
    "csr_colind": (("columns",), ()),
    "index": (("limit",), ()),
    "npy": (("path",), ()),
    "generator": (("function", "source"), ()),
}
"""Kinds of initialiser: the options that each must have, and those that it may have."""

_TEXT_OPTIONS = frozenset({"path", "function", "source"})
_INTEGER_KINDS = frozenset({"permutation", "csr_rowptr", "csr_colind", "index"})
_WHOLE_OPTIONS = frozenset({"nnz", "columns", "limit"})
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def check_kernel(file: TaskFile, task: Task) -> None:
    """Check the `[kernel]` table of a task.

    Raises:
        TaskError: about the first thing that is wrong.
    """
    kernel = task.kernel
    assert kernel is not None
    if task.build.command is not None:
        raise file.problem(
            ("build", "command"),
            "a kernel task is built from sources, together with its driver",
            'write sources = ["kernel.c"] instead',
        )
    if not _IDENTIFIER.fullmatch(kernel.function):
        raise file.problem(
            ("kernel", "function"),
            f"found {found(kernel.function)}; expected the function's name",
            'the name alone, without brackets; a C++ function has to be extern "C" or global',
        )
    if kernel.header is not None:
        check_in_tree(file, ("kernel", "header"), kernel.header, task, "header")
    _check_defined(file, task, kernel)
    _check_prototype(file, task, kernel)
    _check_arguments(file, task, kernel)


def _check_defined(file: TaskFile, task: Task, kernel: Kernel) -> None:
    texts = [task.tree[path].decode("utf-8", "replace") for path in task.build.sources]
    words = {word for text in texts for word in _IDENTIFIER.findall(text)}
    # Names pasted together by the preprocessor do not stand in the text.
    if kernel.function not in words and not any("##" in content for content in texts):
        raise file.problem(
            ("kernel", "function"),
            f"no source mentions {kernel.function!r}{suggestion(kernel.function, words)}",
            f"looked in {', '.join(task.build.sources)}",
        )


def _check_prototype(file: TaskFile, task: Task, kernel: Kernel) -> None:
    key = ("kernel", "prototype")
    prototype = parse_prototype(kernel.prototype)
    if prototype is None:
        raise file.problem(
            key,
            f"cannot be read as a C declaration: {kernel.prototype!r}",
            'as in "void axpy(int n, double a, const double *x, double *y)"',
        )
    if prototype.function != kernel.function:
        raise file.problem(key, f"declares {prototype.function!r}, but function = {kernel.function!r}")
    check_launch(file, task, kernel, prototype)
    _check_returns(file, kernel, prototype)
    wanted, given = prototype.parameters, kernel.arguments
    if len(wanted) != len(given):
        raise file.problem(
            ("kernel", "argument"),
            f"{len(given)} arguments for the {len(wanted)} parameters of {kernel.function}: "
            f"({', '.join(p.text for p in wanted)})",
            "one [[kernel.argument]] for each parameter, in the same order",
        )
    for n, (parameter, argument) in enumerate(zip(wanted, given, strict=True)):
        _check_parameter(file, ("kernel", "argument", n), n, parameter, argument)


def _check_returns(file: TaskFile, kernel: Kernel, prototype: Prototype) -> None:
    key = ("kernel", "returns")
    if prototype.returns == "void" and kernel.returns is not None:
        raise file.problem(
            key, f"found {kernel.returns.value!r}, but {kernel.function} returns void", "remove it"
        )
    if prototype.returns_dtype is not None and kernel.returns is not prototype.returns_dtype:
        raise file.problem(
            key,
            f"found {kernel.returns.value if kernel.returns else None!r}, but {kernel.function} returns "
            f"{prototype.returns} ({prototype.returns_dtype.value})",
            f'write returns = "{prototype.returns_dtype.value}", or leave it out',
        )


def _check_parameter(file: TaskFile, key: Key, n: int, parameter: Parameter, argument: Argument) -> None:
    of = f"parameter {n + 1} ({parameter.text})"
    if parameter.is_reference:
        raise file.problem(
            key,
            f"{of} is a reference; arrays are passed as pointers, scalars by value",
            'add a small extern "C" function around the kernel',
        )
    if parameter.name and parameter.name != argument.name:
        raise file.problem(
            (*key, "name"),
            f"found {argument.name!r}; {of} is named {parameter.name!r}",
            "arguments stand in the order of the parameters, under the same names",
        )
    if parameter.is_pointer and not argument.is_array:
        raise file.problem(key, f"{of} is a pointer; {argument.name!r} has no shape", 'add shape = ["n"]')
    if not parameter.is_pointer and argument.is_array:
        raise file.problem(
            (*key, "shape"),
            f"{of} is not a pointer; {argument.name!r} has a shape",
            'give a scalar value = "n" in place of shape',
        )
    if parameter.dtype is not None and parameter.dtype is not argument.dtype:
        raise file.problem(
            (*key, "dtype"), f"found {argument.dtype.value!r}; {of} is {parameter.dtype.value!r}"
        )
    if parameter.is_pointer and parameter.is_const and argument.role is not Role.IN:
        raise file.problem((*key, "role"), f"found {argument.role.value!r}; {of} is const, so it is 'in'")


def _check_arguments(file: TaskFile, task: Task, kernel: Kernel) -> None:
    names = [argument.name for argument in kernel.arguments]
    for n, argument in enumerate(kernel.arguments):
        key: Key = ("kernel", "argument", n)
        if not _IDENTIFIER.fullmatch(argument.name):
            raise file.problem((*key, "name"), f"found {found(argument.name)}; expected a C name")
        if argument.name in names[:n]:
            raise file.problem((*key, "name"), f"two arguments are named {argument.name!r}")
        if argument.is_array:
            _check_array(file, task, key, argument)
        else:
            _check_scalar(file, task, key, argument)
    if not any(a.role is not Role.IN for a in kernel.arguments) and kernel.returns is None:
        raise file.problem(
            ("kernel", "argument"),
            "no argument is 'out' or 'inout' and nothing is returned",
            "a kernel without a result cannot be checked: give the written array its role",
        )
    for case in task.cases:
        total = sum(_size_bytes(argument, case) for argument in kernel.arguments if argument.is_array)
        if total > LARGEST_ARRAY_BYTES:
            raise file.problem(
                ("case", task.cases.index(case), "params"),
                f"the arrays need {_gib(total)} together; at most {_gib(LARGEST_ARRAY_BYTES)}",
            )


def _check_scalar(file: TaskFile, task: Task, key: Key, argument: Argument) -> None:
    if argument.value is None:
        empty = file.at((*key, "shape")) is not None
        raise file.problem(
            (*key, "shape") if empty else key,
            f"{argument.name!r} has {'an empty shape' if empty else 'neither a shape nor a value'}",
            'an array needs shape = ["n"], a scalar value = "n" (expressions over the params of a case)',
        )
    if argument.role is not Role.IN:
        raise file.problem(
            (*key, "role"),
            f"found {argument.role.value!r}; a scalar is passed by value: it is 'in'",
            'an array of one element would be shape = ["1"]',
        )
    if file.at((*key, "init")) is not None:
        raise file.problem((*key, "init"), "a scalar has a value, not an initialiser", "remove init")
    check_names(file, (*key, "value"), argument.value, task.cases)
    for case in task.cases:
        number = _number(file, (*key, "value"), argument.value, case)
        _check_fits(file, (*key, "value"), number, argument.dtype, case)


def _check_array(file: TaskFile, task: Task, key: Key, argument: Argument) -> None:
    if argument.value is not None:
        raise file.problem(
            (*key, "value"),
            f"{argument.name!r} has both a shape and a value; expected one",
            'an array is filled by init = { kind = "constant", value = 0 }',
        )
    for expression in argument.shape:
        check_names(file, (*key, "shape"), expression, task.cases)
    for case in task.cases:
        for expression in argument.shape:
            try:
                extent = evaluate_int(expression, case.params)
            except TaskError as error:
                raise file.problem((*key, "shape"), f"case {case.name!r}: {error.message}") from None
            if extent < 1:
                raise file.problem(
                    (*key, "shape"), f"{expression!r} is {extent} for case {case.name!r}; expected 1 or more"
                )
        if (size := _size_bytes(argument, case)) > LARGEST_ARRAY_BYTES:
            raise file.problem(
                (*key, "shape"), f"{_gib(size)} for case {case.name!r}; at most {_gib(LARGEST_ARRAY_BYTES)}"
            )
    if not argument.dtype.is_float:
        check_integer_tolerance(file, key, argument.name, argument.dtype)
    _check_init(file, task, key, argument)


def _check_init(file: TaskFile, task: Task, key: Key, argument: Argument) -> None:
    key, init = (*key, "init"), argument.init
    if argument.role is Role.OUT:
        if file.at(key) is not None:
            raise file.problem(
                key,
                "an 'out' array is filled with poison before every call, not initialised",
                'write role = "inout" if the kernel reads it',
            )
        return
    if init.kind not in INIT_OPTIONS:
        raise file.problem(
            key,
            f"unknown kind {init.kind!r}{suggestion(init.kind, INIT_OPTIONS)}",
            f"known: {', '.join(INIT_OPTIONS)}",
        )
    required, optional = INIT_OPTIONS[init.kind]
    for name in init.options:
        if name not in (*required, *optional):
            raise file.problem(
                key,
                f"{init.kind} has no option {name!r}{suggestion(name, (*required, *optional))}",
                f"options of {init.kind}: {', '.join((*required, *optional)) or 'none'}",
            )
    for name in required:
        if name not in init.options:
            raise file.problem(
                key, f"{init.kind} needs {name!r}", f'init = {{ kind = "{init.kind}", {name} = … }}'
            )
    if init.kind in _INTEGER_KINDS and argument.dtype.is_float:
        raise file.problem(key, f"{init.kind} makes integers; {argument.name!r} is {argument.dtype.value}")
    if init.kind == "normal" and not argument.dtype.is_float:
        raise file.problem(
            key,
            f"normal makes real numbers; {argument.name!r} is {argument.dtype.value}",
            'init = { kind = "uniform", low = 0, high = 100 }',
        )
    if init.kind in ("csr_rowptr", "permutation") and len(argument.shape) != 1:
        raise file.problem(
            key, f"{init.kind} is for an array of one dimension; this has {len(argument.shape)}"
        )
    for name, value in init.options.items():
        if name in _TEXT_OPTIONS:
            _check_text_option(file, task, key, name, value)
        else:
            _check_number_option(file, task, key, argument, name, value)
    if init.kind == "npy":
        _check_npy(file, task, key, argument)


def _check_text_option(file: TaskFile, task: Task, key: Key, name: str, value: object) -> None:
    if not isinstance(value, str):
        raise file.problem(key, f"{name}: found {found(value)}; expected a string")
    if name in ("path", "source"):
        check_in_tree(file, key, value, task, "array file" if name == "path" else "source")
    elif not _IDENTIFIER.fullmatch(value):
        raise file.problem(key, f"{name}: found {found(value)}; expected the name of a C function")


def _check_number_option(
    file: TaskFile, task: Task, key: Key, argument: Argument, name: str, value: str | float | int
) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise file.problem(key, f"{name}: found {value}; expected a finite number")
    expression = value if isinstance(value, str) else repr(value)
    check_names(file, key, expression, task.cases)
    for case in task.cases:
        number = _number(file, key, expression, case)
        shown = f"{name} is {number:g} for case {case.name!r}"
        if name in _WHOLE_OPTIONS and (number != int(number) or number < (0 if name == "nnz" else 1)):
            raise file.problem(key, f"{shown}; expected a whole number, {0 if name == 'nnz' else 1} or more")
        if name == "std" and number < 0:
            raise file.problem(key, f"{shown}; it cannot be negative")
        if name in ("value", "low", "high", "start", "stop"):
            _check_fits(file, key, number, argument.dtype, case, whole=name == "value")
        if name == "high":
            low = _number(file, key, str(argument.init.options.get("low", 0)), case)
            if low > number:
                raise file.problem(
                    key,
                    f"low is {low:g} and high {number:g} for case {case.name!r}",
                    "low has to be the smaller one",
                )


def _check_npy(file: TaskFile, task: Task, key: Key, argument: Argument) -> None:
    import numpy as np

    path = str(argument.init.options["path"])
    try:
        array = np.load(io.BytesIO(task.tree[path]), allow_pickle=False)
        dtype = array.dtype.newbyteorder("<").str.replace("|", "<")
    except (ValueError, EOFError, OSError, AttributeError) as error:
        raise file.problem(
            key, f"{path!r} is not a NumPy array file: {error}", "numpy.save(path, array) writes one"
        ) from None
    if dtype != argument.dtype.numpy:
        raise file.problem(key, f"{path!r} holds {array.dtype}; {argument.name!r} is {argument.dtype.value}")
    for case in task.cases:
        shape = tuple(evaluate_int(expression, case.params) for expression in argument.shape)
        if math.prod(shape) != array.size:
            raise file.problem(key, f"{path!r} has shape {array.shape}; case {case.name!r} needs {shape}")


def _number(file: TaskFile, key: Key, expression: str, case: Case) -> int | float:
    try:
        return evaluate(expression, case.params)
    except TaskError as error:
        raise file.problem(key, f"case {case.name!r}: {error.message}") from None


def _check_fits(
    file: TaskFile, key: Key, number: int | float, dtype: Dtype, case: Case, *, whole: bool = True
) -> None:
    if dtype.is_float:
        return
    bits = 8 * dtype.size_bytes
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if dtype.value[0] == "i" else (0, 2**bits - 1)
    if whole and number != int(number):
        raise file.problem(key, f"is {number:g} for case {case.name!r}; {dtype.value} holds whole numbers")
    if not low <= number <= high + (not whole):
        raise file.problem(
            key, f"{number:g} (case {case.name!r}) does not fit {dtype.value}: {low} to {high}"
        )


def _size_bytes(argument: Argument, case: Case) -> int:
    return argument.dtype.size_bytes * math.prod(evaluate_int(e, case.params) for e in argument.shape)


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 30):,.1f} GiB"

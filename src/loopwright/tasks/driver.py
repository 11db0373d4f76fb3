"""The driver of a kernel task: its C text, its command line, and what comes back from it.

A driver is the generated file (one call of the kernel with its arguments) and fixed headers. It is compiled
with the language of the kernel and linked with the task's sources. Around CUDA it is C++, and a second
generated file, compiled as CUDA, makes the call. Shapes, scalars, launches and options of initialisers are
worked out here and passed as numbers, so one executable serves every case.
"""

from __future__ import annotations

import math
from importlib import resources

from loopwright.core.errors import TaskError
from loopwright.core.expressions import Number, evaluate, evaluate_int
from loopwright.core.task import Argument, Case, Dtype, Kernel, Language, Role, Task
from loopwright.tasks.driver_cuda import CALL, call_prototype, call_values, launch_options
from loopwright.tasks.driver_exit import explain_exit
from loopwright.tasks.driver_inits import INIT_KINDS, init_numbers, integer_range, kind_of, text_option
from loopwright.tasks.driver_result import DriverResult, LateOutputs, MalformedResult, read_result
from loopwright.tasks.prototype import C_TYPES, declaration

__all__ = [
    "INIT_KINDS",
    "DriverResult",
    "LateOutputs",
    "MalformedResult",
    "driver_arguments",
    "explain_exit",
    "read_result",
    "write_driver",
]

_FOLDER = "driver_c"
_HEADERS = (
    "loopwright_arrays.h",
    "loopwright_inputs.h",
    "loopwright_machine.h",
    "loopwright_rounds.h",
    "loopwright_run.h",
)
_CXX_HEADERS = ("loopwright_pointer.h",)
_LAUNCH_HEADERS = ("loopwright_device.h", "loopwright_hooks.h", "loopwright_launch.h")
_PLACEMENTS = ("aligned", "end", "start")


def write_driver(task: Task) -> dict[str, str]:
    """File name to text of the driver of a kernel task: `loopwright_driver.c` (`.cpp` for C++ and CUDA,
    where `loopwright_call.cu` is its part in CUDA) and the headers that it includes. All belong into one
    folder.

    The kernel is declared by its header where the task names one, else by its prototype; a C++ kernel
    with C linkage says `extern "C"` there. Generators are C functions, in files that the task names.

    Raises:
        TaskError: for an initialiser that does not exist or does not suit its argument.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    kernel = _kernel_of(task)
    environment = Environment(
        loader=FunctionLoader(_packaged),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    cuda = kernel.language is Language.CUDA
    cxx = cuda or kernel.language is Language.CXX
    name = "loopwright_driver.cpp" if cxx else "loopwright_driver.c"
    arrays = [_array_fields(a, n) for n, a in enumerate(kernel.arguments) if a.is_array]
    if kernel.returns is not None:
        arrays.append(_fields("return", "LW_OUT", kernel.returns, len(kernel.arguments), "LW_ZEROS"))
    places = {a.name: n for n, a in enumerate(a for a in kernel.arguments if a.is_array)}
    scalars = [a for a in kernel.arguments if not a.is_array]
    scalar_places = {a.name: n for n, a in enumerate(scalars)}
    generators = sorted(
        {
            text_option(a.init, "function", a.name)
            for a in kernel.arguments
            if _is_input(a) and a.init.kind == "generator"
        }
    )
    text = environment.get_template("driver.c.j2").render(
        task=task.name,
        kernel=kernel.function,
        function=CALL if cuda else kernel.function,
        prototype=call_prototype(kernel) if cuda else declaration(kernel.prototype),
        header=None if cuda else kernel.header,
        launch=kernel.launch,
        cxx=cxx,
        compiler="nvcc" if cuda else "c++" if cxx else "cc",
        file=f"{name} {CALL}.cu" if cuda else name,
        sources=" ".join(task.build.sources),
        arrays=arrays,
        scalars=[a.name for a in scalars],
        generators=generators,
        result=""
        if kernel.returns is None
        else f"*({C_TYPES[kernel.returns]} *)(void *)arrays_of_kernel[{len(arrays) - 1}].data = ",
        values=[
            f"LW_POINTER({places[a.name]})"
            if a.is_array
            else f"({C_TYPES[a.dtype]})scalars_of_kernel[{scalar_places[a.name]}].value."
            f"{'real' if a.dtype.is_float else 'integer'}"
            for a in kernel.arguments
        ],
    )
    texts = {name: text}
    if cuda:
        texts[f"{CALL}.cu"] = environment.get_template("call.cu.j2").render(
            task=task.name,
            function=kernel.function,
            prototype=declaration(kernel.prototype),
            call=call_prototype(kernel),
            header=kernel.header,
            launch=kernel.launch,
            values=call_values(kernel),
        )
    headers = (
        *_HEADERS,
        *(_CXX_HEADERS if cxx else ()),
        *(_LAUNCH_HEADERS if kernel.launch is not None else ()),
    )
    return {**texts, **{header: _packaged(header) for header in headers}}


def driver_arguments(
    task: Task,
    case: Case,
    *,
    result: str,
    repetitions: int = 1,
    warmup: int = 0,
    placement: str = "aligned",
    check: bool | None = None,
    nonce: int = 0,
) -> tuple[str, ...]:
    """The command line of one execution of the driver for `case`.

    Args:
        task, case: what is run.
        result: file that the driver writes, relative to its working folder.
        repetitions, warmup: timed calls of the kernel, and calls before them that are not timed. Every
            call finds fresh outputs.
        placement: "aligned" (64 bytes, for timing), "end" or "start": the end of every array that touches
            a guard page.
        check: inputs are read-only memory, and verified after every call instead of after the last.
            None: yes, unless the placement is "aligned".
        nonce: of one call in an earlier execution, for its inputs once more; 0 for those of the case. Only
            for a single call: each of several calls finds random arrays in another order, drawn right
            before it, so that an answer kept from an earlier call is a wrong one. The result then holds the
            outputs of one call, drawn after it, and its nonce.

    Raises:
        TaskError: when a shape, a scalar or an option of an initialiser cannot be worked out or does not
            fit its type.
    """
    kernel = _kernel_of(task)
    if placement not in _PLACEMENTS:
        raise ValueError(f"placement {placement!r} is none of {', '.join(_PLACEMENTS)}")
    if nonce and repetitions + warmup > 1:
        raise ValueError("a nonce is for a single call")
    check = placement != "aligned" if check is None else check
    line = [
        f"--result={result}",
        f"--seed={case.seed}",
        f"--repetitions={repetitions}",
        f"--warmup={warmup}",
        f"--check={int(check)}",
        f"--placement={placement}",
        f"--nonce={nonce}",
    ]
    for argument in kernel.arguments:
        if not argument.is_array:
            line.append(f"{argument.name}={_written(_scalar(argument, case))}")
            continue
        count = math.prod(_shape(argument, case))
        line.append(f"{argument.name}.count={count}")
        if _is_input(argument):
            numbers = init_numbers(task, case, argument, count)
            line += [f"{argument.name}.{name}={_written(number)}" for name, number in numbers.items()]
            if argument.init.kind == "npy":
                line.append(f"{argument.name}.file={text_option(argument.init, 'path', argument.name)}")
    if kernel.returns is not None:
        line.append("return.count=1")
    if kernel.launch is not None:
        line += launch_options(kernel.launch, case)
    return tuple(line)


def _kernel_of(task: Task) -> Kernel:
    if task.kernel is None:
        raise ValueError(f"{task.name} is a program task: it has a main of its own")
    return task.kernel


def _packaged(name: str) -> str:
    return resources.files("loopwright.tasks").joinpath(_FOLDER, name).read_text("utf-8")


def _is_input(argument: Argument) -> bool:
    return argument.is_array and argument.role is not Role.OUT


def _array_fields(argument: Argument, position: int) -> dict[str, object]:
    if not _is_input(argument):
        return _fields(argument.name, "LW_OUT", argument.dtype, position, "LW_ZEROS")
    kind = kind_of(argument)
    generator = (
        text_option(argument.init, "function", argument.name) if argument.init.kind == "generator" else "NULL"
    )
    role = "LW_IN" if argument.role is Role.IN else "LW_INOUT"
    return _fields(argument.name, role, argument.dtype, position, kind.constant, kind.options, generator)


def _fields(
    name: str,
    role: str,
    dtype: Dtype,
    position: int,
    init: str,
    options: tuple[str, ...] = (),
    generator: str = "NULL",
) -> dict[str, object]:
    """One row of the table of arrays in the driver."""
    quoted = [f'"{option}"' for option in options] + ["NULL", "NULL"]
    return {
        "name": name,
        "role": role,
        "dtype": f"LW_{dtype.name}",
        "ctype": C_TYPES[dtype],
        "position": position,
        "init": init,
        "first": quoted[0],
        "second": quoted[1],
        "generator": generator,
    }


def _shape(argument: Argument, case: Case) -> tuple[int, ...]:
    shape = tuple(evaluate_int(extent, case.params) for extent in argument.shape)
    if any(extent < 0 for extent in shape):
        raise TaskError(
            f"shape {shape} has a negative extent",
            where=f"kernel argument {argument.name!r}, case {case.name!r}",
        )
    return shape


def _scalar(argument: Argument, case: Case) -> Number:
    where = f"kernel argument {argument.name!r}, case {case.name!r}"
    if argument.value is None:
        raise TaskError("a scalar needs a value", where=where, hint='value = "n"')
    if argument.dtype.is_float:
        return float(evaluate(argument.value, case.params))
    value = evaluate_int(argument.value, case.params)
    smallest, largest = integer_range(argument.dtype)
    if not smallest <= value <= largest:
        raise TaskError(f"value {value} does not fit into {argument.dtype}", where=where)
    return value


def _written(number: Number) -> str:
    """A number as the driver reads it: integers in decimal, reals in hexadecimal, to the last bit."""
    return str(number) if isinstance(number, int) else float(number).hex()

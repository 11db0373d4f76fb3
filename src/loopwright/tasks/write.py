"""A Task as the text of a task file that loads back to the same Task."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from loopwright.core.task import (
    Argument,
    Build,
    Case,
    HeldOut,
    Init,
    Kernel,
    Launch,
    Output,
    OutputFile,
    Range,
    Role,
    StdoutMode,
    Task,
    Tolerance,
)
from loopwright.tasks.load import implied_language

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LINE_WIDTH = 100


def task_text(task: Task, *, comments: Mapping[str, str] | None = None) -> str:
    """`task` as TOML. The files of its tree are not part of the text.

    `comments` maps a key, as in "editable" or "build.sources", to a remark that is written above it.
    """
    return _Writer(task, comments or {}).text()


def toml_value(value: object) -> str:
    """One value in TOML, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are those of TOML, but for DEL, which TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(k)} = {toml_value(v)}" for k, v in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(toml_value(v) for v in value)}]"
    raise TypeError(f"no TOML value: {value!r}")


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else toml_value(name)


class _Writer:
    def __init__(self, task: Task, comments: Mapping[str, str]) -> None:
        self.task = task
        self.comments = comments
        self.lines: list[str] = []

    def text(self) -> str:
        task = self.task
        self._table("", _head(task))
        self._table("build", _build(task.build))
        if task.kernel is not None:
            self._table("kernel", _kernel(task.kernel))
            if task.kernel.launch is not None:
                self._table("kernel.launch", _launch(task.kernel.launch))
            for argument in task.kernel.arguments:
                self._table("kernel.argument", _argument(argument), many=True)
        for case in task.cases:
            self._table("case", _case(case, task.kernel is not None), many=True)
        for held_out in task.held_out:
            self._table("held-out", _held_out(held_out), many=True)
        self._table("output", _output(task.output, task.kernel is not None))
        stated = {"bytes": task.work.bytes, "flops": task.work.flops}
        if work := {name: text for name, text in stated.items() if text is not None}:
            self._table("work", work)
        return "\n".join(self.lines) + "\n"

    def _table(self, name: str, content: Mapping[str, object], *, many: bool = False) -> None:
        if name:
            self.lines.append("")
            self._comment(name)
            self.lines.append(f"[[{name}]]" if many else f"[{name}]")
        for key, value in content.items():
            self._comment(f"{name}.{key}" if name else key)
            self.lines += _assignment(key, value)

    def _comment(self, key: str) -> None:
        # A remark about a key that several tables have is written once.
        if remark := self.comments.get(key):
            shown = [f"# {line}" for line in remark.splitlines()]
            if shown[0] not in self.lines:
                self.lines += shown


def _assignment(key: str, value: object) -> list[str]:
    line = f"{_key(key)} = {toml_value(value)}"
    if len(line) <= _LINE_WIDTH or not isinstance(value, (list, tuple)):
        return [line]
    return [f"{_key(key)} = [", *(f"    {toml_value(item)}," for item in value), "]"]


def _head(task: Task) -> dict[str, object]:
    head: dict[str, object] = {"schema": task.schema, "name": task.name}
    if task.summary:
        head["summary"] = task.summary
    if task.kernel is None and task.language is not implied_language(
        task.build.sources, task.editable, task.tree
    ):
        head["language"] = task.language.value
    head["editable"] = task.editable
    if task.fast_math:
        head["fast_math"] = True
    return head


def _build(build: Build) -> dict[str, object]:
    table: dict[str, object] = {}
    for name in ("command", "executable", "sources", "include", "libs", "defines", "standard"):
        if value := getattr(build, name):
            table[name] = value
    table["flags"] = build.flags
    if build.timeout_s != Build.timeout_s:
        table["timeout_s"] = build.timeout_s
    return table


def _kernel(kernel: Kernel) -> dict[str, object]:
    table: dict[str, object] = {"function": kernel.function, "prototype": kernel.prototype}
    table["language"] = kernel.language.value
    if kernel.returns is not None:
        table["returns"] = kernel.returns.value
    if kernel.header is not None:
        table["header"] = kernel.header
    if not kernel.restrict:
        table["restrict"] = False
    return table


def _launch(launch: Launch) -> dict[str, object]:
    table: dict[str, object] = {"grid": launch.grid, "block": launch.block}
    return table if launch.shared == Launch.shared else table | {"shared": launch.shared}


def _argument(argument: Argument) -> dict[str, object]:
    table: dict[str, object] = {"name": argument.name, "role": argument.role.value}
    table["dtype"] = argument.dtype.value
    if argument.shape:
        table["shape"] = argument.shape
    if argument.value is not None:
        table["value"] = argument.value
    if argument.init != Init():
        table["init"] = {"kind": argument.init.kind, **argument.init.options}
    if argument.tolerance is not None and argument.role is not Role.IN:
        table |= _tolerance(argument.tolerance)
    return table


def _case(case: Case, is_kernel: bool) -> dict[str, object]:
    table: dict[str, object] = {"name": case.name, "use": case.use.value}
    for name in ("args", "stdin", "files", "env", "params"):
        if value := getattr(case, name):
            table[name] = value
    if is_kernel:
        table["seed"] = case.seed
    if case.timeout_s is not None:
        table["timeout_s"] = case.timeout_s
    return table


def _held_out(held_out: HeldOut) -> dict[str, object]:
    params = {n: str(v) if isinstance(v, Range) else v for n, v in held_out.params.items()}
    table: dict[str, object] = {"name": held_out.name, "params": params, "count": held_out.count}
    for name in ("args", "stdin", "files", "env"):
        if value := getattr(held_out, name):
            table[name] = value
    if held_out.timeout_s is not None:
        table["timeout_s"] = held_out.timeout_s
    return table


def _output(output: Output, is_kernel: bool) -> dict[str, object]:
    table: dict[str, object] = {}
    if not is_kernel:
        table["stdout"] = output.stdout.value
        if output.ignore:
            table["ignore"] = output.ignore
        if output.files:
            table["files"] = [_output_file(entry) for entry in output.files]
    elif output.stdout is not StdoutMode.NUMBERS or output.ignore or output.files:
        raise ValueError("the output of a kernel task has tolerances only")
    return table | _tolerance(output.tolerance)


def _output_file(entry: OutputFile) -> dict[str, object]:
    table: dict[str, object] = {"path": entry.path, "dtype": entry.dtype.value}
    table["format"] = entry.format.value
    return table | (_tolerance(entry.tolerance) if entry.tolerance is not None else {})


def _tolerance(tolerance: Tolerance) -> dict[str, object]:
    table: dict[str, object] = {"rtol": tolerance.rtol, "atol": tolerance.atol}
    if tolerance.ulps is not None:
        table["ulps"] = tolerance.ulps
    return table

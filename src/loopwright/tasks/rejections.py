"""What pydantic rejects, in the words of the task file: what was found and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from loopwright.core.errors import TaskError
from loopwright.tasks.problems import Key, TaskFile, found, key_lines, suggestion
from loopwright.tasks.schema import TABLES, known_keys

if TYPE_CHECKING:
    from pydantic import ValidationError

_EXPECTED = {
    "string_type": 'a string in quotes, as in "64"',
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list in brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "finite_number": "a finite number",
}
_RANGES = {"greater_than_equal": ("ge", "at least"), "greater_than": ("gt", "more than"),
           "less_than_equal": ("le", "at most"), "less_than": ("lt", "less than")}  # fmt: skip
_MISSING_HINTS = {
    ("schema",): "add schema = 1 as the first line",
    ("name",): 'add name = "heat2d": letters, digits, - and _',
    ("editable",): 'add editable = ["kernel.c"]: the files that may be changed; all others are protected',
    ("build",): 'add [build] with sources = ["main.c"], or with command = "make CC={cc} CFLAGS={cflags} …"',
    ("case",): 'add [[case]] with name = "full", args = ["2048"] and use = "time"',
    ("kernel", "argument"): "add one [[kernel.argument]] for each parameter, in order",
    ("kernel", "launch", "grid"): 'add grid = ["(n + 255) // 256"]: blocks in x, y and z',
    ("kernel", "launch", "block"): 'add block = ["256"]: threads of a block in x, y and z',
}


def rejection(file: TaskFile, error: ValidationError) -> TaskError:
    """The error to show for `error`: about what stands first in the file; the rest is counted."""
    lines = key_lines(file.text)
    problems = error.errors(include_url=False)

    def line_of(details: Mapping[str, Any]) -> tuple[bool, int]:
        key = tuple(details["loc"])
        line = next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), 10**9)
        return (details["type"] == "missing", line)

    # A misspelt key is also a missing one: unknown keys first, they explain the others.
    first = min(problems, key=line_of)
    result = _problem(file, first)
    if len(problems) > 1:
        more = f"{len(problems) - 1} more to mend in this file after this one"
        hint = f"{result.hint}\n  ({more})" if result.hint else more
        return TaskError(result.message, where=result.where, hint=hint)
    return result


def _problem(file: TaskFile, details: Mapping[str, Any]) -> TaskError:
    key: Key = tuple(details["loc"])
    kind: str = details["type"]
    value: object = details["input"]
    names = tuple(part for part in key if isinstance(part, str))
    context: Mapping[str, Any] = details.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(file, key)
    if kind == "missing":
        return file.problem(key, "missing", _MISSING_HINTS.get(names, ""))
    if kind == "literal_error":
        allowed = _allowed(names)
        listed = ", ".join(repr(name) for name in allowed)
        near = suggestion(value, allowed) if isinstance(value, str) else ""
        return file.problem(key, f"found {found(value)}; allowed: {listed}{near}")
    if kind in _RANGES:
        option, words = _RANGES[kind]
        hint = "a relative tolerance of 1 or more would accept zeros" if names[-1] == "rtol" else ""
        return file.problem(key, f"found {found(value)}; it must be {words} {context[option]:g}", hint)
    if kind == "value_error":
        return file.problem(key, str(context["error"]))
    if kind in ("list_type", "model_type") and names in TABLES and isinstance(value, (dict, list)):
        many = kind == "list_type"
        wanted, got = ("[[", "]]") if many else ("[", "]"), ("[", "]") if many else ("[[", "]]")
        path = ".".join(names)
        return file.problem(
            key,
            f"found {got[0]}{path}{got[1]}; expected {wanted[0]}{path}{wanted[1]}",
            f"write {wanted[0]}{path}{wanted[1]} "
            + ("with double brackets: there may be several" if many else "once"),
        )
    expected = _EXPECTED.get(kind)
    if expected is None:
        return file.problem(key, f"found {found(value)}: {details['msg'].lower()}")
    hint = ""
    if kind == "list_type" and isinstance(value, str):
        hint = f'write {names[-1]} = ["{value}"]'
    elif kind == "string_type" and isinstance(value, (int, float)) and not isinstance(value, bool):
        hint = f'write "{value}"'
    return file.problem(key, f"found {found(value)}; expected {expected}", hint)


def _unknown_key(file: TaskFile, key: Key) -> TaskError:
    name = str(key[-1])
    table = tuple(part for part in key[:-1] if isinstance(part, str))
    known = known_keys(table)
    title = f"[{'.'.join(table)}]" if table else "the top level"
    near = suggestion(name, known)
    elsewhere = [t for t in TABLES if t != table and name in known_keys(t)]
    hint = f"keys of {title}: {', '.join(known)}"
    if not near and elsewhere:
        hint = (
            f"{name!r} belongs into [{'.'.join(elsewhere[0])}]; " + hint
            if elsewhere[0]
            else (f"{name!r} belongs to the top, before the first [table]; {hint}")
        )
    return file.problem(key, f"unknown key {name!r}{near}", hint)


def _allowed(names: tuple[str, ...]) -> tuple[str, ...]:
    """The values that the Literal type of the key at `names` lists."""
    model = TABLES[names[:-1]]
    annotation = model.model_fields[names[-1]].annotation
    choices: list[str] = []
    for option in (annotation, *get_args(annotation)):
        choices += [choice for choice in get_args(option) if isinstance(choice, str)]
        if isinstance(option, str):
            choices.append(option)
    return tuple(dict.fromkeys(choices))

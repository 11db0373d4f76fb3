"""docs/tasks.md: its examples load, and its tables have every key with the default that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loopwright.core.task import Dtype, Launch, Range, Task, Use
from loopwright.tasks.kernel_checks import INIT_OPTIONS
from loopwright.tasks.load import load_task
from loopwright.tasks.schema import TABLES, known_keys

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tasks.md").read_text("utf-8")
FILES = {
    "program": {
        "main.c": "void smooth(int n, double *x);\nint main(void) { double x[1]; smooth(1, x); return 0; }\n",
        "smooth.c": "void smooth(int n, double *x) { (void)n; (void)x; }\n",
    },
    "kernel": {
        "residual.c": "void residual(int n, const int *start, const int *column, const double *a,\n"
        "              const double *x, double *r)\n{\n    for (int i = 0; i < n; i++)\n"
        "        for (int k = start[i]; k < start[i + 1]; k++)\n"
        "            r[i] -= a[k] * x[column[k]];\n}\n",
    },
    "cuda": {"row_sums.cu": "__global__ void row_sums(int columns, const double *a, double *sums) {}\n"},
}
HEADINGS = {
    (): "## Top level",
    ("build",): "## `[build]`",
    ("case",): "## `[[case]]`",
    ("held-out",): "## `[[held-out]]`",
    ("output",): "## `[output]`",
    ("output", "files"): "### Entries of `files`",
    ("work",): "## `[work]`",
    ("kernel",): "## `[kernel]`",
    ("kernel", "launch"): "### `[kernel.launch]`",
    ("kernel", "argument"): "### `[[kernel.argument]]`",
}


def example(name: str, folder: Path) -> Task:
    blocks = re.findall(rf"<!-- example: {name} -->\n```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 1
    (folder / "loopwright.toml").write_text(blocks[0])
    for path, text in FILES[name].items():
        (folder / path).write_text(text)
    return load_task(folder)


def rows(heading: str) -> dict[str, list[str]]:
    """First column to the others, of the first table below `heading`."""
    assert PAGE.count(f"\n{heading}\n") == 1, heading
    section = PAGE.split(f"\n{heading}\n")[1]
    table = re.search(r"^\|.*?\n(?!\|)", section + "\n", re.DOTALL | re.MULTILINE)
    assert table is not None
    # The heading and the rule below it are no rows.
    cells = [[c.strip() for c in line.strip("|").split(" | ")] for line in table[0].strip().split("\n")[2:]]
    assert len({len(row) for row in cells}) == 1
    return {row[0].strip("`| "): row[1:] for row in cells}


def test_the_program_example_is_a_task(tmp_path: Path) -> None:
    task = example("program", tmp_path)
    assert task.kernel is None
    assert [case.use for case in task.cases] == [Use.CHECK, Use.TIME]
    assert task.held_out[0].params == {"n": Range(1000, 2500000), "steps": Range(1, 60)}
    assert task.held_out[0].args == ("{n}", "{steps}")
    assert task.output.files[0].path == "line.bin"


def test_the_kernel_example_is_a_task(tmp_path: Path) -> None:
    task = example("kernel", tmp_path)
    assert task.kernel is not None
    tolerances = {argument.name: argument.tolerance for argument in task.kernel.arguments}
    assert tolerances["r"] is not None and tolerances["r"].atol == 1e-13
    assert task.work.bytes_of(task.cases[0]) == 124


def test_the_cuda_example_is_a_task(tmp_path: Path) -> None:
    kernel = example("cuda", tmp_path).kernel
    assert kernel is not None
    assert kernel.launch == Launch(("rows",), ("128",), "8 * 128")


def test_every_table_of_the_format_has_a_heading() -> None:
    assert set(HEADINGS) == set(TABLES)


@pytest.mark.parametrize("table", list(TABLES), ids=lambda keys: ".".join(keys) or "top")
def test_the_tables_have_every_key_and_what_is_required(table: tuple[str, ...]) -> None:
    shown = rows(HEADINGS[table])
    assert set(shown) == set(known_keys(table))
    for name, field in TABLES[table].model_fields.items():
        default = shown[field.alias or name][1]
        assert (default == "required") == field.is_required(), name
        if isinstance(field.default, bool):
            assert default == f"`{str(field.default).lower()}`", name
        elif isinstance(field.default, (int, float)):
            assert float(default) == field.default, name
        elif isinstance(field.default, str):
            assert default == f'`"{field.default}"`', name


def test_every_initialiser_is_shown_with_its_options() -> None:
    shown = rows("### `init`")
    assert set(shown) == set(INIT_OPTIONS)
    for kind, (required, optional) in INIT_OPTIONS.items():
        assert re.findall(r"`(\w+)`", shown[kind][0]) == [*required, *optional], kind


def test_every_element_type_is_named() -> None:
    line = next(line for line in PAGE.split("\n\n") if line.startswith("Element types are"))
    assert {f"`{dtype}`" for dtype in Dtype} <= set(re.findall(r"`\w+`", line))


def test_every_null_candidate_is_explained() -> None:
    from loopwright.gates.null_makers import ALWAYS_TRIED

    first = [line.split(" | ")[0] for line in PAGE.split("## Is the task fit?")[1].split("\n") if "|" in line]
    shown = set(re.findall(r"`([a-z-]+)(?: NAME)?`", " ".join(first)))
    assert shown == {*ALWAYS_TRIED, "stale-case", "stale-seed", "copied-input", "untouched"}

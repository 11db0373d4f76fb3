"""Broken task files: each gives a TaskError that names the key, what was found and what is allowed."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loopwright.core.errors import TaskError
from loopwright.tasks.load import load_task

PROGRAM = """\
schema = 1
name = "heat2d"
editable = ["heat.c"]
# head

[build]
sources = ["heat.c", "main.c"]
libs = ["m"]
# build

[[case]]
name = "tiny"
args = ["64", "10"]
params = { n = 64 }

[[case]]
name = "full"
args = ["2048", "200"]
use = "time"
params = { n = 2048 }

[output]
stdout = "numbers"
files = [{ path = "field.bin", dtype = "f64" }]

[work]
bytes = "16 * n * n"
"""

KERNEL = """\
schema = 1
name = "axpy"
editable = ["axpy.c"]

[build]
sources = ["axpy.c"]

[kernel]
function = "axpy"
prototype = "void axpy(int n, double a, const double *x, double *y)"

[[kernel.argument]]
name = "n"
role = "in"
dtype = "i32"
value = "n"

[[kernel.argument]]
name = "a"
role = "in"
dtype = "f64"
value = 2.5

[[kernel.argument]]
name = "x"
role = "in"
dtype = "f64"
shape = ["n"]
init = { kind = "uniform", low = -1, high = 1 }

[[kernel.argument]]
name = "y"
role = "inout"
dtype = "f64"
shape = ["n"]

[[case]]
name = "full"
use = "time"
params = { n = 1000 }
"""

# (test name, text to replace, its replacement, end of `where`, fragments of the whole error)
PROGRAM_CASES = [
    ("unknown_key", "# head", "edible = 1", ": edible", ["unknown key 'edible'", "did you mean 'editable'"]),
    ("unknown_build_key", "# build", 'source = ["x.c"]', ":9: build.source", ["did you mean 'sources'"]),
    ("key_in_wrong_table", "# build", "rtol = 1e-9", ": build.rtol", ["unknown key 'rtol'", "[output"]),
    ("unknown_case_key", 'use = "time"', 'usage = "time"', ": case[full].usage", ["did you mean 'use'"]),
    ("top_key_in_table", "# build", "fast_math = true", ": build.fast_math", ["before the first [table]"]),
    (
        "held_out_misspelt",
        'use = "time"',
        'use = "held_out"',
        "case[full].use",
        ["'held_out'", "'check', 'time', 'held-out'", "did you mean 'held-out'"],
    ),
    ("use_of_wrong_type", 'use = "time"', "use = 3", "case[full].use", ["found 3", "allowed: 'check'"]),
    ("stdout_mode", '"numbers"', '"number"', "output.stdout", ["did you mean 'numbers'"]),
    ("dtype", '"f64"', '"float64"', "output.files[field.bin].dtype", ["'float64'", "'f32', 'f64'"]),
    ("schema_newer", "schema = 1", "schema = 2", ":1: schema", ["found 2", "reads schema 1", "upgrade"]),
    ("schema_text", "schema = 1", 'schema = "1"', ":1: schema", ["expected a whole number"]),
    ("schema_true", "schema = 1", "schema = true", ":1: schema", ["true", "expected a whole number"]),
    ("schema_missing", "schema = 1\n", "", ": schema", ["missing", "schema = 1"]),
    ("name_missing", 'name = "heat2d"\n', "", ": name", ["missing"]),
    ("name_empty", 'name = "heat2d"', 'name = ""', ": name", ["expected a short name"]),
    ("name_with_slash", 'name = "heat2d"', 'name = "../x"', ": name", ["expected a short name"]),
    (
        "editable_text",
        '["heat.c"]\n#',
        '"heat.c"\n#',
        ": editable",
        ["expected a list", 'editable = ["heat.c"]'],
    ),
    (
        "editable_no_match",
        '["heat.c"]\n#',
        '["haet.c"]\n#',
        ":3: editable",
        ["no file", "did you mean 'heat.c'"],
    ),
    ("editable_empty", '["heat.c"]\n#', "[]\n#", ":3: editable", ["nothing may be edited"]),
    ("editable_climbs", '["heat.c"]\n#', '["../*.c"]\n#', ":3: editable", ["leads out"]),
    ("editable_input", '["heat.c"]\n#', '["*"]\n#', ":3: editable", ["input.txt", "stay protected"]),
    ("no_cases", None, PROGRAM.split("[[case]]")[0], ": case", ["missing", "[[case]]"]),
    (
        "case_single_brackets",
        None,
        PROGRAM.split("[[case]]")[0] + '[case]\nname = "x"\n',
        ": case",
        ["double brackets"],
    ),
    ("no_time_case", 'use = "time"', 'use = "check"', "case", ['no case has use = "time"']),
    ("duplicate_case", 'name = "tiny"', 'name = "full"', "case[full].name", ["two cases are named 'full'"]),
    (
        "args_of_numbers",
        '["64", "10"]',
        "[64, 10]",
        "case[tiny].args",
        ["found 64 (a whole number)", 'write "64"'],
    ),
    ("args_text", '["64", "10"]', '"64 10"', "case[tiny].args", ["expected a list"]),
    (
        "stdin_missing",
        'use = "time"',
        'use = "time"\nstdin = "inputs.txt"',
        "case[full].stdin",
        ["no input file 'inputs.txt'", "did you mean 'input.txt'"],
    ),
    ("file_missing", 'use = "time"', 'use = "time"\nfiles = ["grid.bin"]', "case[full].files", ["grid.bin"]),
    (
        "file_absolute",
        'use = "time"',
        'use = "time"\nfiles = ["/etc/passwd"]',
        "case[full].files",
        ["absolute path"],
    ),
    ("file_climbs", 'use = "time"', 'use = "time"\nfiles = ["../x"]', "case[full].files", ["leads out"]),
    (
        "file_twice",
        'use = "time"',
        'use = "time"\nfiles = ["input.txt", "input.txt"]',
        "case[full].files",
        ["given twice"],
    ),
    ("timeout_zero", 'use = "time"', 'use = "time"\ntimeout_s = 0', "case[full].timeout_s", ["more than 0"]),
    ("timeout_infinite", 'use = "time"', 'use = "time"\ntimeout_s = inf', "case[full].timeout_s", ["finite"]),
    (
        "env_threads",
        'use = "time"',
        'use = "time"\nenv = { OMP_NUM_THREADS = "1" }',
        "case[full].env",
        ["set by Loopwright"],
    ),
    ("seed_of_program", 'use = "time"', 'use = "time"\nseed = 4', "case[full].seed", ["kernel tasks"]),
    ("param_float", "n = 2048", "n = 20.5", "case[full].params.n", ["expected a whole number"]),
    ("param_keyword", "{ n = 64 }", "{ n = 64, lambda = 1 }", "case[tiny].params", ["'lambda'"]),
    (
        "source_missing",
        '"main.c"]',
        '"mian.c"]',
        ":7: build.sources",
        ["no source 'mian.c'", "did you mean 'main.c'"],
    ),
    ("source_glob", '["heat.c", "main.c"]', '["*.c"]', "build.sources", ["name each file"]),
    ("source_header", '"main.c"]', '"heat.h"]', "build.sources", ["is a header"]),
    ("source_absolute", '"main.c"]', '"/tmp/main.c"]', "build.sources", ["absolute path"]),
    ("source_long_form", '"main.c"]', '"./main.c"]', "build.sources", ["long form of 'main.c'"]),
    (
        "no_sources_no_command",
        'sources = ["heat.c", "main.c"]',
        "",
        "build",
        ["neither 'sources' nor 'command'"],
    ),
    ("sources_and_command", "# build", 'command = "{cc} {cflags} -o {exe}"', "build.command", ["both"]),
    (
        "command_without_exe",
        'sources = ["heat.c", "main.c"]',
        'command = "make CC={cc} CFLAGS={cflags}"',
        "build.command",
        ["no {exe}", "executable ="],
    ),
    (
        "command_without_cflags",
        'sources = ["heat.c", "main.c"]',
        'command = "make CC={cc} OUT={exe}"',
        "build.command",
        ["without {cflags}"],
    ),
    (
        "command_without_cc",
        'sources = ["heat.c", "main.c"]',
        'command = "make CFLAGS={cflags} OUT={exe}"',
        "build.command",
        ["without {cc} or {cxx}"],
    ),
    (
        "command_placeholder",
        'sources = ["heat.c", "main.c"]',
        'command = "make CC={cc} CFLAGS={cflag} OUT={exe}"',
        "build.command",
        ["unknown placeholder {cflag}", "did you mean 'cflags'"],
    ),
    (
        "command_quotes",
        'sources = ["heat.c", "main.c"]',
        "command = 'make CC={cc} CFLAGS=\"{cflags}\" O={exe}'",
        "build.command",
        ["stands in quotes"],
    ),
    (
        "command_and_libs",
        'sources = ["heat.c", "main.c"]',
        'command = "make CC={cc} CFLAGS={cflags} O={exe}"',
        "build.libs",
        ["by 'command'", "LDLIBS=-lm"],
    ),
    (
        "executable_without_command",
        "# build",
        'executable = "heat"',
        "build.executable",
        ["beside 'command' only"],
    ),
    ("flags_quote", "# build", 'flags = "-O2 \'-DX"', "build.flags", ["cannot be split"]),
    ("flags_output", "# build", 'flags = ["-O2", "-o"]', "build.flags", ["'-o'"]),
    ("flags_fast_math", "# build", 'flags = "-Ofast"', "build.flags", ["fast_math = true"]),
    ("flags_standard", "# build", 'flags = "-O2 -std=c99"', "build.flags", ['standard = "c99"']),
    ("flags_number", "# build", "flags = 2", "build.flags", ["found 2", "expected a list"]),
    ("standard", "# build", 'standard = "c12"', "build.standard", ["unknown standard 'c12'", "did you mean"]),
    ("standard_language", "# build", 'standard = "c++17"', "build.standard", ["is C++"]),
    ("library_flag", 'libs = ["m"]', 'libs = ["-lm"]', "build.libs", ['write "m"']),
    ("define_flag", "# build", 'defines = ["-DN=4"]', "build.defines", ["NAME=VALUE"]),
    ("include_missing", "# build", 'include = ["inc"]', "build.include", ["no folder 'inc'"]),
    (
        "regex",
        'stdout = "numbers"',
        'stdout = "numbers"\nignore = ["(time"]',
        "output.ignore",
        ["not a regular expression"],
    ),
    (
        "regex_all",
        'stdout = "numbers"',
        'stdout = "numbers"\nignore = [".*"]',
        "output.ignore",
        ["every line"],
    ),
    ("rtol_negative", 'stdout = "numbers"', "rtol = -1e-9", "output.rtol", ["at least 0"]),
    ("rtol_one", 'stdout = "numbers"', "rtol = 1", "output.rtol", ["less than 1", "accept zeros"]),
    ("rtol_nan", 'stdout = "numbers"', "rtol = nan", "output.rtol", ["nan"]),
    ("atol_infinite", 'stdout = "numbers"', "atol = inf", "output.atol", ["finite"]),
    ("rtol_text", 'stdout = "numbers"', 'rtol = "1e-9"', "output.rtol", ["expected a number"]),
    ("rtol_true", 'stdout = "numbers"', "rtol = true", "output.rtol", ["true", "expected a number"]),
    (
        "ulps_on_integers",
        'dtype = "f64"',
        'dtype = "i32", ulps = 4',
        "output.files[field.bin].ulps",
        ["integers"],
    ),
    (
        "ulps_fraction",
        'dtype = "f64"',
        'dtype = "f64", ulps = 0.5',
        "files[field.bin].ulps",
        ["whole number"],
    ),
    ("format", 'dtype = "f64"', 'dtype = "f64", format = "numpy"', "files[field.bin].format", ["'npy'"]),
    ("output_absolute", '"field.bin"', '"/tmp/field.bin"', "output.files[/tmp/field.bin].path", ["absolute"]),
    ("output_no_dtype", ', dtype = "f64"', "", "output.files[field.bin].dtype", ["missing"]),
    (
        "output_nothing",
        PROGRAM[PROGRAM.index("stdout =") : PROGRAM.index("[work]")],
        'stdout = "ignore"\n\n',
        "output",
        ["nothing would be compared"],
    ),
    ("work_unknown_param", '"16 * n * n"', '"16 * m"', "work.bytes", ["'m'", "gives n"]),
    ("work_not_everywhere", "params = { n = 64 }", "", "work.bytes", ["case 'tiny' gives none"]),
    ("work_not_arithmetic", '"16 * n * n"', '"16 n"', "work.bytes", ["not an arithmetic expression"]),
    ("work_code", '"16 * n * n"', "\"__import__('os').getpid()\"", "work.bytes", ["is not allowed"]),
    ("work_division", '"16 * n * n"', '"1 / (n - 64)"', "work.bytes", ["case 'tiny'", "division"]),
    ("work_negative", '"16 * n * n"', '"0 - n"', "work.bytes", ["negative"]),
    ("work_huge", '"16 * n * n"', '"n ** 60"', "work.bytes", ["beyond 2**63"]),
    ("kernel_false", "[work]", "[kernel]\n[work]", "kernel.function", ["missing"]),
    ("no_table_brackets", "[build]", "build", ":6", ["not TOML"]),
    ("unquoted", 'name = "heat2d"', "name = heat2d", ":2", ["not TOML", "strings need quotes"]),
    ("twice", "# head", 'name = "again"', "", ["not TOML", "overwrite"]),
    ("date", 'name = "heat2d"', "name = 2026-11-21", ":2: name", ["a date or time", "expected a string"]),
]

KERNEL_CASES = [
    ("neither_shape_nor_value", 'value = "n"\n', "", "kernel.argument[n]", ["neither a shape nor a value"]),
    (
        "empty_shape",
        'role = "inout"\ndtype = "f64"\nshape = ["n"]',
        'role = "inout"\ndtype = "f64"\nshape = []',
        "kernel.argument[y]",
        ["pointer", "no shape"],
    ),
    ("both", 'value = "n"', 'value = "n"\nshape = ["n"]', "kernel.argument[n].shape", ["not a pointer"]),
    (
        "out_scalar",
        'role = "in"\ndtype = "i32"',
        'role = "out"\ndtype = "i32"',
        "kernel.argument[n].role",
        ["passed by value"],
    ),
    ("role", 'role = "inout"', 'role = "in-out"', "kernel.argument[y].role", ["did you mean 'inout'"]),
    ("role_missing", 'role = "inout"\n', "", "kernel.argument[y].role", ["missing"]),
    (
        "const_out",
        'name = "x"\nrole = "in"',
        'name = "x"\nrole = "inout"',
        "kernel.argument[x].role",
        ["const"],
    ),
    ("nothing_written", 'role = "inout"', 'role = "in"', "kernel.argument", ["cannot be checked"]),
    ("name_order", 'name = "a"', 'name = "alpha"', "kernel.argument[alpha].name", ["named 'a'"]),
    (
        "dtype_of_parameter",
        'role = "in"\ndtype = "i32"',
        'role = "in"\ndtype = "i64"',
        "kernel.argument[n].dtype",
        ["'i64'", "'i32'"],
    ),
    (
        "too_few",
        KERNEL[KERNEL.index('[[kernel.argument]]\nname = "y"') : KERNEL.index("[[case]]")],
        "",
        "kernel.argument",
        ["3 arguments for the 4 parameters", "double *y"],
    ),
    (
        "no_arguments",
        KERNEL[KERNEL.index("[[kernel.argument]]") : KERNEL.index("[[case]]")],
        "",
        "kernel.argument",
        ["missing"],
    ),
    (
        "scalar_for_pointer",
        'shape = ["n"]\ninit',
        'value = "n"\ninit',
        "kernel.argument[x]",
        ["pointer", "no shape"],
    ),
    (
        "shape_zero",
        '"inout"\ndtype = "f64"\nshape = ["n"]',
        '"inout"\ndtype = "f64"\nshape = ["n - 1000"]',
        "kernel.argument[y].shape",
        ["is 0 for case 'full'"],
    ),
    (
        "shape_negative",
        '"inout"\ndtype = "f64"\nshape = ["n"]',
        '"inout"\ndtype = "f64"\nshape = [-3]',
        "kernel.argument[y].shape",
        ["is -3"],
    ),
    (
        "shape_fraction",
        '"inout"\ndtype = "f64"\nshape = ["n"]',
        '"inout"\ndtype = "f64"\nshape = ["n / 3"]',
        "kernel.argument[y].shape",
        ["not a whole number"],
    ),
    ("shape_huge", "n = 1000", "n = 9_000_000_000_000", "kernel.argument[n].value", ["does not fit i32"]),
    (
        "array_huge",
        '"inout"\ndtype = "f64"\nshape = ["n"]',
        '"inout"\ndtype = "f64"\nshape = ["n", "n", "n", "n"]',
        "kernel.argument[y].shape",
        ["GiB"],
    ),
    (
        "shape_text",
        '"inout"\ndtype = "f64"\nshape = ["n"]',
        '"inout"\ndtype = "f64"\nshape = "n"',
        "kernel.argument[y].shape",
        ["expected a list", 'shape = ["n"]'],
    ),
    (
        "shape_true",
        '"inout"\ndtype = "f64"\nshape = ["n"]',
        '"inout"\ndtype = "f64"\nshape = [true]',
        "kernel.argument[y].shape",
        ["truth value"],
    ),
    (
        "shape_unknown_param",
        '"inout"\ndtype = "f64"\nshape = ["n"]',
        '"inout"\ndtype = "f64"\nshape = ["N"]',
        "kernel.argument[y].shape",
        ["'N'", "did you mean 'n'"],
    ),
    ("params_missing", "params = { n = 1000 }", "", "kernel.argument[n].value", ["gives none"]),
    ("args_in_kernel_case", 'use = "time"', 'use = "time"\nargs = ["1"]', "case[full].args", ["has no args"]),
    ("seed_negative", 'use = "time"', 'use = "time"\nseed = -1', "case[full].seed", ["at least 0"]),
    (
        "init_kind",
        '"uniform"',
        '"unifrom"',
        "kernel.argument[x].init",
        ["did you mean 'uniform'", "linspace"],
    ),
    ("init_no_kind", 'kind = "uniform", ', "", "kernel.argument[x].init", ["missing 'kind'"]),
    (
        "init_option",
        "low = -1",
        "lo = -1",
        "kernel.argument[x].init",
        ["no option 'lo'", "did you mean 'low'"],
    ),
    (
        "init_required",
        'kind = "uniform", low = -1, high = 1',
        'kind = "constant"',
        "kernel.argument[x].init",
        ["needs 'value'"],
    ),
    ("init_range", "high = 1", 'high = "0 - n"', "kernel.argument[x].init", ["low is -1 and high -1000"]),
    ("init_nan", "low = -1", "low = nan", "kernel.argument[x].init", ["low", "finite"]),
    ("init_list", "low = -1", "low = [1]", "kernel.argument[x].init", ["low: found a list"]),
    (
        "init_integers",
        'kind = "uniform", low = -1, high = 1',
        'kind = "permutation"',
        "kernel.argument[x].init",
        ["makes integers"],
    ),
    (
        "init_index_zero",
        'kind = "uniform", low = -1, high = 1',
        'kind = "index", limit = 0',
        "argument[x].init",
        ["makes integers"],
    ),
    (
        "init_npy_missing",
        'kind = "uniform", low = -1, high = 1',
        'kind = "npy", path = "x.npy"',
        "argument[x].init",
        ["no array file 'x.npy'"],
    ),
    (
        "init_npy_type",
        'kind = "uniform", low = -1, high = 1',
        'kind = "npy", path = "i.npy"',
        "argument[x].init",
        ["int32", "f64"],
    ),
    (
        "init_npy_size",
        'kind = "uniform", low = -1, high = 1',
        'kind = "npy", path = "d.npy"',
        "argument[x].init",
        ["(3,)", "(1000,)"],
    ),
    (
        "init_npy_junk",
        'kind = "uniform", low = -1, high = 1',
        'kind = "npy", path = "axpy.c"',
        "argument[x].init",
        ["not a NumPy array"],
    ),
    (
        "init_generator_editable",
        'kind = "uniform", low = -1, high = 1',
        'kind = "generator", function = "g", source = "axpy.c"',
        ":3: editable",
        ["makes the inputs"],
    ),
    (
        "init_on_scalar",
        "value = 2.5",
        'value = 2.5\ninit = { kind = "zeros" }',
        "argument[a].init",
        ["a scalar"],
    ),
    (
        "init_on_out",
        'role = "inout"',
        'role = "out"\ninit = { kind = "zeros" }',
        "argument[y].init",
        ["poison"],
    ),
    (
        "tolerance_on_in",
        'shape = ["n"]\ninit',
        'shape = ["n"]\nrtol = 1e-3\ninit',
        "argument[x].rtol",
        ["unchanged"],
    ),
    (
        "value_does_not_fit",
        'value = "n"',
        'value = "n * n * n * n"',
        "argument[n].value",
        ["does not fit i32"],
    ),
    ("value_fraction", 'value = "n"', "value = 1.5", "argument[n].value", ["whole numbers"]),
    ("value_code", 'value = "n"', "value = \"open('/etc/passwd')\"", "argument[n].value", ["not allowed"]),
    ("prototype_other", "void axpy(", "void daxpy(", "kernel.prototype", ["declares 'daxpy'"]),
    (
        "prototype_junk",
        '"void axpy(int n, double a, const double *x, double *y)"',
        '"axpy"',
        "kernel.prototype",
        ["cannot be read as a C declaration"],
    ),
    ("reference", "const double *x", "const double &x", "kernel.argument[x]", ["is a reference"]),
    ("function", 'function = "axpy"', 'function = "axpi"', "kernel.function", ["did you mean 'axpy'"]),
    (
        "returns_void",
        'function = "axpy"',
        'function = "axpy"\nreturns = "f64"',
        "kernel.returns",
        ["returns void"],
    ),
    (
        "header_missing",
        'function = "axpy"',
        'function = "axpy"\nheader = "axpy.h"',
        "kernel.header",
        ["no header"],
    ),
    ("language", 'function = "axpy"', 'function = "axpy"\nlanguage = "C"', "kernel.language", ["'c', 'c++'"]),
    (
        "kernel_command",
        'sources = ["axpy.c"]',
        'command = "make CC={cc} CFLAGS={cflags} O={exe}"',
        "build.command",
        ["together with its driver"],
    ),
    (
        "output_files",
        "[[case]]",
        '[output]\nstdout = "exact"\n[[case]]',
        "output.stdout",
        ["are its arguments"],
    ),
]


def _program_folder(folder: Path) -> Path:
    (folder / "heat.c").write_text("void step(int n) { (void)n; }\n")
    (folder / "heat.h").write_text("void step(int n);\n")
    (folder / "main.c").write_text('#include <stdio.h>\nint main(void) { printf("1\\n"); return 0; }\n')
    (folder / "input.txt").write_text("1 2 3\n")
    return folder


def _kernel_folder(folder: Path) -> Path:
    (folder / "axpy.c").write_text(
        "void axpy(int n, double a, const double *x, double *y)\n"
        "{ for (int i = 0; i < n; i++) y[i] += a * x[i]; }\n"
    )
    for name, array in (("i.npy", np.zeros(1000, np.int32)), ("d.npy", np.zeros(3))):
        stream = io.BytesIO()
        np.save(stream, array)
        (folder / name).write_bytes(stream.getvalue())
    return folder


def _check(folder: Path, text: str, where: str, fragments: list[str]) -> None:
    (folder / "loopwright.toml").write_text(text)
    with pytest.raises(TaskError) as caught:
        load_task(folder)
    error = caught.value
    assert error.where.startswith(str(folder / "loopwright.toml")), error.where
    assert error.where.endswith(where), str(error)
    assert error.exit_status == 2
    for fragment in fragments:
        assert fragment in str(error)
    assert "pydantic" not in str(error)


def test_the_unbroken_files_load(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "k").mkdir()
    (_program_folder(tmp_path / "p") / "loopwright.toml").write_text(PROGRAM)
    (_kernel_folder(tmp_path / "k") / "loopwright.toml").write_text(KERNEL)
    assert load_task(tmp_path / "p").name == "heat2d"
    assert load_task(tmp_path / "k").kernel is not None


@pytest.mark.parametrize("case", PROGRAM_CASES, ids=lambda case: case[0])
def test_broken_program_task(tmp_path: Path, case: tuple[str, str | None, str, str, list[str]]) -> None:
    name, old, new, where, fragments = case
    assert old is None or old in PROGRAM, name
    text = new if old is None else PROGRAM.replace(old, new, 1)
    if name == "editable_input":
        text = text.replace('name = "full"', 'name = "full"\nstdin = "input.txt"')
    _check(_program_folder(tmp_path), text, where, fragments)


@pytest.mark.parametrize("case", KERNEL_CASES, ids=lambda case: case[0])
def test_broken_kernel_task(tmp_path: Path, case: tuple[str, str, str, str, list[str]]) -> None:
    name, old, new, where, fragments = case
    assert old in KERNEL, name
    _check(_kernel_folder(tmp_path), KERNEL.replace(old, new, 1), where, fragments)


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b'schema = 1\nname = "h\xe9at"\n', "not UTF-8"),
        (bytes(range(256)) * 40, "not UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00\x00\x00", "not TOML"),
        (b"schema = 1\x00\n", "not TOML"),
        (b"a = " + b"[" * 100_000, "not TOML"),
        (b"schema = " + b"9" * 10_000, "not TOML"),
        (b"x" * (2 << 20), "may have"),
        (b'""" never closed', "not TOML"),
    ],
    ids=["empty", "blank", "latin1", "bytes", "elf", "nul", "deep", "digits", "large", "open"],
)
def test_junk(tmp_path: Path, content: bytes, fragment: str) -> None:
    (_program_folder(tmp_path) / "loopwright.toml").write_bytes(content)
    with pytest.raises(TaskError) as caught:
        load_task(tmp_path)
    assert fragment in str(caught.value)
    assert str(tmp_path) in caught.value.where
    assert len(str(caught.value)) < 2000


def test_every_single_deletion_of_a_line_loads_or_is_a_task_error(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "k").mkdir()
    folders = ((_program_folder(tmp_path / "p"), PROGRAM), (_kernel_folder(tmp_path / "k"), KERNEL))
    errors = 0
    for folder, text in folders:
        lines = text.splitlines(keepends=True)
        for n in range(len(lines)):
            (folder / "loopwright.toml").write_text("".join(lines[:n] + lines[n + 1 :]))
            try:
                load_task(folder)
            except TaskError as error:
                errors += 1
                assert error.where
    assert errors > 20


@pytest.mark.parametrize(
    "value",
    [
        "1",
        "-1",
        "1.5",
        '"x"',
        "true",
        "[]",
        "[[]]",
        "{}",
        "[{}]",
        "[1, 'a']",
        "2026-01-01",
        "nan",
        '""',
        '["\\u0000"]',
        "99999999999999999999",
    ],
)
def test_any_value_for_any_key_loads_or_is_a_task_error(tmp_path: Path, value: str) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "k").mkdir()
    folders = ((_program_folder(tmp_path / "p"), PROGRAM), (_kernel_folder(tmp_path / "k"), KERNEL))
    for folder, text in folders:
        lines = text.splitlines(keepends=True)
        for n, line in enumerate(lines):
            if " = " not in line:
                continue
            changed = [*lines[:n], line.split(" = ")[0] + f" = {value}\n", *lines[n + 1 :]]
            (folder / "loopwright.toml").write_text("".join(changed))
            try:
                load_task(folder)
            except TaskError as error:
                assert error.where and error.message


def test_a_folder_without_task_file_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(TaskError) as caught:
        load_task(tmp_path)
    assert "no loopwright.toml" in str(caught.value)
    assert f"loopwright init {tmp_path}" in caught.value.hint
    assert "loopwright optimize prog.c -- ARGS" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "fragment"),
    [("prog.c", "loopwright optimize"), ("x.toml", "no such file"), ("notes.txt", ".toml")],
)
def test_a_path_that_is_no_task(tmp_path: Path, name: str, fragment: str) -> None:
    if name != "x.toml":
        (tmp_path / name).write_text("int main(void) { return 0; }\n")
    with pytest.raises(TaskError) as caught:
        load_task(tmp_path / name)
    assert fragment in str(caught.value)


def test_a_task_file_that_is_a_folder_or_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "loopwright.toml").mkdir()
    with pytest.raises(TaskError, match="not a regular file"):
        load_task(tmp_path)


def test_more_than_one_mistake_is_counted(tmp_path: Path) -> None:
    text = PROGRAM.replace('use = "time"', 'use = "tiem"').replace("libs", "libz")
    _check(_program_folder(tmp_path), text, ":8: build.libz", ["did you mean 'libs'", "1 more"])


def test_a_makefile_may_not_be_editable(tmp_path: Path) -> None:
    folder = _program_folder(tmp_path)
    text = PROGRAM.replace('libs = ["m"]', "").replace(
        'sources = ["heat.c", "main.c"]', 'command = "make CC={cc} CFLAGS={cflags} O={exe}"'
    )
    _check(
        folder, text.replace('["heat.c"]', '["*[!t]"]'), ":3: editable", ["Makefile", "how the task is built"]
    )


def test_a_program_without_main(tmp_path: Path) -> None:
    folder = _program_folder(tmp_path)
    (folder / "main.c").write_text("int domain(void) { return 0; }\n")
    _check(folder, PROGRAM, ": build", ["no file of this task has a main function", "[kernel]"])


def test_pydantic_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, loopwright.tasks.load, loopwright.tasks.infer; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

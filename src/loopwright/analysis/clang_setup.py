"""libclang: finding it, the parts of its C API that the Python package lacks, and where headers are."""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from loopwright.core.task import Language


def _numbered(names: str) -> dict[int, str]:
    return dict(enumerate(names.split()))


BINARY_OPERATORS = _numbered(
    "? .* ->* * / % + - << >> <=> < > <= >= == != & ^ | && || = *= /= %= += -= <<= >>= &= ^= |= ,"
)
"""CXBinaryOperatorKind of libclang 17 and later."""

UNARY_OPERATORS = _numbered("? _++ _-- ++_ --_ & * + - ~ ! real imag extension await")
"""CXUnaryOperatorKind of libclang 17 and later."""


@functools.cache
def library() -> Any:
    """The loaded libclang, with the functions for operators and constants declared.

    Raises:
        OSError, AttributeError: when the shared library is missing or older than 17.
    """
    from clang import cindex

    lib = cindex.conf.lib
    for name in ("clang_getCursorBinaryOperatorKind", "clang_getCursorUnaryOperatorKind"):
        getattr(lib, name).argtypes = [cindex.Cursor]
        getattr(lib, name).restype = ctypes.c_int
    lib.clang_Cursor_Evaluate.argtypes = [cindex.Cursor]
    lib.clang_Cursor_Evaluate.restype = ctypes.c_void_p
    lib.clang_EvalResult_getKind.argtypes = [ctypes.c_void_p]
    lib.clang_EvalResult_getAsLongLong.argtypes = [ctypes.c_void_p]
    lib.clang_EvalResult_getAsLongLong.restype = ctypes.c_longlong
    lib.clang_Cursor_getVarDeclInitializer.argtypes = [cindex.Cursor]
    lib.clang_Cursor_getVarDeclInitializer.restype = cindex.Cursor
    lib.clang_Cursor_isAnonymousRecordDecl.argtypes = [cindex.Cursor]
    lib.clang_EvalResult_dispose.argtypes = [ctypes.c_void_p]
    return lib


def evaluated(cursor: Any) -> int | None:
    """The integer that libclang computes for a constant expression, None when it is not one."""
    lib = library()
    result = lib.clang_Cursor_Evaluate(cursor)
    if not result:
        return None
    try:
        return (
            int(lib.clang_EvalResult_getAsLongLong(result))
            if lib.clang_EvalResult_getKind(result) == 1
            else None
        )
    finally:
        lib.clang_EvalResult_dispose(result)


def initialiser(cursor: Any) -> Any | None:
    """The cursor of the expression that a variable declaration starts with, None when it has none."""
    found = library().clang_Cursor_getVarDeclInitializer(cursor)
    if not found.kind.is_expression():
        return None
    found._tu = cursor._tu  # keeps the translation unit alive, as every cursor of the package does
    return found


@functools.cache
def header_folders(language: Language) -> tuple[str, ...]:
    """The folders in which gcc (or clang) looks for system headers, in order; empty when there is none."""
    name, standard = ("g++", "c++") if language is Language.CXX else ("gcc", "c")
    fallback = ("clang++", "c++") if language is Language.CXX else ("clang", "c")
    for compiler, kind in ((name, standard), ("cc", standard), fallback):
        if shutil.which(compiler) is None:
            continue
        argv = [compiler, "-E", "-v", "-x", kind, "/dev/null"]
        english = {**os.environ, "LC_ALL": "C"}
        try:
            done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=english)
        except (OSError, subprocess.TimeoutExpired):
            continue
        _, _, rest = done.stderr.partition("#include <...> search starts here:")
        folders = tuple(
            line.strip() for line in rest.partition("End of search list")[0].splitlines() if line.strip()
        )
        if folders:
            return folders
    return ()


_COMPILERS = ("gcc", "clang", *(f"clang-{version}" for version in range(30, 16, -1)))
_OPTIONS = ((), ("-O3", "-march=native"), ("-O3", "-march=native", "-fopenmp"))
_OLDEST, _NEWEST = "17", "99"


@functools.cache
def predefined_macros(language: Language) -> tuple[Mapping[str, str], ...]:
    """The macros that gcc and clang define by themselves, with their values: without any option, as libclang
    does, and as they optimise for this machine, with OpenMP and without. Empty where there is no clang to
    show what libclang defines.
    """
    found: list[Mapping[str, str]] = []
    for compiler, options in itertools.product(_COMPILERS, _OPTIONS):
        if (path := shutil.which(compiler)) is None:
            continue
        argv = [path, "-dM", "-E", *options, "-x", str(language), "/dev/null"]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            continue
        macros = dict(re.findall(r"^#define (\w+) ?(.*)$", done.stdout, re.MULTILINE))
        found += [macros] if macros else []
    clangs = [macros for macros in found if "__clang__" in macros]
    # libclang may be of another version than the compilers.
    found += [{**clang, "__clang_major__": major} for clang in clangs for major in (_OLDEST, _NEWEST)]
    return tuple(found) if clangs else ()


def arguments(
    language: Language, include: Sequence[str], defines: Sequence[str], standard: str | None
) -> list[str]:
    """The command line for libclang: language, standard, the compiler's header folders, then the user's."""
    args = ["-x", str(language), f"-std={standard or ('gnu++17' if language is Language.CXX else 'gnu17')}"]
    folders = header_folders(language)
    if folders:
        args += ["-nostdinc", *(part for folder in folders for part in ("-isystem", folder))]
    # Programs are built with optimisation; gcc's headers then have functions where they have macros without.
    args.append("-D__OPTIMIZE__")
    args += [f"-D{define.removeprefix('-D')}" for define in defines]
    args += [f"-I{folder}" for folder in include]
    return [*args, "-Wno-everything", "-ferror-limit=0"]

"""What a CMakeLists.txt and a compile_commands.json say, read as text: cmake itself is not needed."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from loopwright.core.task import Build
from loopwright.core.tree import Tree
from loopwright.tasks.found_build import FoundBuild, sorted_flags
from loopwright.tasks.source_facts import has_main, is_source

_COMMENT = re.compile(r"#\[\[.*?\]\]|#[^\n]*", re.DOTALL)
_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_KEYWORDS = frozenset({"WIN32", "MACOSX_BUNDLE", "EXCLUDE_FROM_ALL"})


def infer_cmake(tree: Tree) -> FoundBuild | None:
    """How the CMakeLists.txt of `tree` builds its first executable; None when it names none."""
    if "CMakeLists.txt" not in tree:
        return None
    variables: dict[str, str] = {}
    languages: set[str] = set()
    targets: list[tuple[str, str, tuple[str, ...]]] = []
    args: tuple[str, ...] | None = None
    text = ""
    listed = sorted(
        (p for p in tree if PurePosixPath(p).name == "CMakeLists.txt"), key=lambda p: p.count("/")
    )
    for path in listed:
        folder = posixpath.dirname(path)
        text += (content := _COMMENT.sub("", tree[path].decode("utf-8", "replace")))
        for name, inside in _CALL.findall(content):
            words = _words(inside, variables)
            match name.lower(), words:
                case "set", [variable, *values]:
                    variables[variable] = " ".join(values)
                case "project", [project, *rest]:
                    variables.setdefault("PROJECT_NAME", project)
                    variables.setdefault("CMAKE_PROJECT_NAME", project)
                    languages |= {word for word in rest if word in ("C", "CXX")}
                case "add_executable", [target, *rest] if rest and rest[0] not in ("IMPORTED", "ALIAS"):
                    paths = [
                        posixpath.normpath(posixpath.join(folder, word.removeprefix("./")))
                        for word in rest
                        if word not in _KEYWORDS
                    ]
                    kept = tuple(source for source in paths if source in tree and is_source(source))
                    targets.append((posixpath.join(folder, target), target, kept))
                case "add_test", _ if args is None and "COMMAND" in words:
                    args = tuple(words[words.index("COMMAND") + 2 :])
    if not targets:
        return None
    location, target, sources = next((t for t in targets if any(has_main(tree[s]) for s in t[2])), targets[0])
    return _cmake_build(tree, text, languages, location, target, sources, len(targets), args)


def _cmake_build(
    tree: Tree,
    text: str,
    languages: set[str],
    location: str,
    target: str,
    sources: tuple[str, ...],
    count: int,
    args: tuple[str, ...] | None,
) -> FoundBuild:
    folder = "build" if not any(p.startswith("build/") for p in tree) else "loopwright-build"
    suffixes = {PurePosixPath(source).suffix for source in sources}
    settings = ["-DCMAKE_BUILD_TYPE=None"]
    if "C" in languages or not languages:
        settings += ["-DCMAKE_C_COMPILER={cc}", "-DCMAKE_C_FLAGS={cflags}"]
    if "CXX" in languages or not languages:
        settings += ["-DCMAKE_CXX_COMPILER={cxx}", "-DCMAKE_CXX_FLAGS={cflags}"]
    settings.append("-DCMAKE_EXE_LINKER_FLAGS={ldflags}")
    command = f"cmake -S . -B {folder} {' '.join(settings)} && cmake --build {folder} --target {target}"
    release = re.search(r"CMAKE_BUILD_TYPE\s+\"?Release", text) is not None
    found = FoundBuild(
        Build(
            command=command,
            executable=f"{folder}/{location}",
            flags=("-O3",) if release else ("-O2",),
            defines=("NDEBUG",) if release else (),
        ),
        sources,
        args=args,
    )
    found.seen.append(f"CMakeLists.txt builds {target} from {', '.join(sources) or 'sources not found'}")
    found.guessed.append(f"flags = {'-O3 (its build type is Release)' if release else '-O2'}")
    if args is not None:
        found.seen.append(f"add_test runs it with: {' '.join(args) or 'no arguments'}")
    if count > 1:
        found.check.append(f"CMakeLists.txt has {count} executables; {target} was taken")
    if "RUNTIME_OUTPUT_DIRECTORY" in text:
        found.check.append(f"the project moves its executables: is it really {folder}/{location}?")
    if not suffixes:
        found.check.append(f"the sources of {target} could not be read from CMakeLists.txt: check 'editable'")
    return found


def infer_compile_commands(tree: Tree, directory: Path) -> FoundBuild | None:
    """Sources and flags from compile_commands.json at the top of `tree` or in a build folder of `directory`.

    None when there is none or it lists no source of the tree. What is linked is not in that file.
    """
    read = _compile_commands(tree, directory)
    if read is None:
        return None
    name, entries = read
    sources: dict[str, None] = {}
    words: list[str] = []
    for entry in entries:
        path = _inside(entry, str(entry.get("file", "")), directory)
        if path is None or path not in tree or not is_source(path):
            continue
        sources[path] = None
        for word in _arguments(entry):
            if word.startswith("-I") and len(word) > 2:
                inside = _inside(entry, word[2:], directory)
                word = f"-I{inside}" if inside is not None else word
            words.append(word)
    if not sources:
        return None
    flags = sorted_flags(words)
    kept = tuple(f for f in flags.include if f == "." or any(p.startswith(f + "/") for p in tree))
    found = FoundBuild(
        Build(
            sources=tuple(sources),
            include=kept,
            defines=flags.defines,
            standard=flags.standard,
            flags=(*(flags.optimisation or ("-O2",)), *dict.fromkeys(flags.others)),
        ),
        tuple(sources),
    )
    found.seen.append(f"{name} compiles {', '.join(sources)}")
    return found


def _compile_commands(tree: Tree, directory: Path) -> tuple[str, Sequence[Mapping[str, object]]] | None:
    for name in ("compile_commands.json", "build/compile_commands.json"):
        try:
            content = tree[name] if name in tree else (directory / name).read_bytes()
            entries = json.loads(content)
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(entries, list) and (good := [e for e in entries if isinstance(e, dict)]):
            return name, good
    return None


def _arguments(entry: Mapping[str, object]) -> list[str]:
    arguments = entry.get("arguments")
    if isinstance(arguments, list):
        return [str(word) for word in arguments][1:]
    try:
        return shlex.split(str(entry.get("command", "")))[1:]
    except ValueError:
        return []


def _inside(entry: Mapping[str, object], path: str, directory: Path) -> str | None:
    """`path` of an entry as a path in `directory`, None when it lies elsewhere."""
    root = str(directory.resolve())
    folder = posixpath.join(root, str(entry.get("directory", "")))
    whole = posixpath.normpath(posixpath.join(folder, path))
    relative = posixpath.relpath(whole, root)
    return None if relative.startswith("..") else relative


def _words(inside: str, variables: Mapping[str, str]) -> list[str]:
    expanded = re.sub(r"\$\{(\w+)\}", lambda m: _variable(m.group(1), variables), inside)
    return [word.strip('"') for word in re.split(r"[\s;]+", expanded) if word.strip('"')]


def _variable(name: str, variables: Mapping[str, str]) -> str:
    if name in ("CMAKE_SOURCE_DIR", "PROJECT_SOURCE_DIR", "CMAKE_CURRENT_SOURCE_DIR"):
        return "."
    return variables.get(name, "")

"""What a build description (Makefile, CMakeLists.txt, ...) told about a program."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from loopwright.core.task import Build


@dataclass
class FoundBuild:
    """A build as it was found, and how sure each part of it is.

    `sources` are the sources of the program, as paths in the tree; `args` and `stdin` a way of running it
    that was found; `seen`, `guessed` and `check` are remarks for the user.
    """

    build: Build
    sources: tuple[str, ...] = ()
    args: tuple[str, ...] | None = None
    stdin: str | None = None
    seen: list[str] = field(default_factory=list)
    guessed: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Flags:
    """Compiler flags sorted by what they are for; warnings and dependency files are left out."""

    optimisation: tuple[str, ...]
    include: tuple[str, ...]
    defines: tuple[str, ...]
    standard: str | None
    libs: tuple[str, ...]
    others: tuple[str, ...]


_WITH_OPERAND = frozenset({"-I", "-D", "-l", "-include", "-isystem", "-x", "-o", "-MF", "-MT", "-MQ", "-L"})


def sorted_flags(words: Sequence[str]) -> Flags:
    """Sort the words of a compile or link command; words that are not flags are left out."""
    optimisation: list[str] = []
    include: list[str] = []
    defines: list[str] = []
    libs: list[str] = []
    others: list[str] = []
    standard: str | None = None
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word in _WITH_OPERAND and queue:
            operand = queue.pop(0)
            if word in ("-I", "-D", "-l"):
                word += operand
            else:
                if word in ("-include", "-isystem", "-L"):
                    others += [word, operand]
                continue
        if word.startswith("-I"):
            folder = word[2:]
            if folder.startswith("/"):
                others.append(word)
            else:
                include.append(str(PurePosixPath(folder)))
        elif word.startswith("-D"):
            defines.append(word[2:])
        elif word.startswith("-l"):
            libs.append(word[2:])
        elif word.startswith("-std="):
            standard = word[5:]
        elif word.startswith(
            ("-O", "-march", "-mtune", "-mcpu", "-funroll", "-ffast-math", "-ftree", "-flto")
        ):
            optimisation.append(word)
        elif word.startswith(("-f", "-m", "-pthread", "-L", "-U")):
            others.append(word)
    return Flags(_once(optimisation), _once(include), _once(defines), standard, _once(libs), tuple(others))


def one_word(placeholder: str, extra: Iterable[str]) -> str:
    """`{cflags}` with further flags in the same shell word, as in `{cflags}' -std=c99'`."""
    joined = shlex.join(extra)
    return placeholder if not joined else placeholder + shlex.quote(" " + joined)


def split_commands(text: str) -> list[list[str]]:
    """The commands in printed shell lines, as words; what cannot be split is left out."""
    commands: list[list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        try:
            lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|<>")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError:
            continue
        command: list[str] = []
        for word in words:
            if word in (";", "&&", "||", "|", "&"):
                commands.append(command)
                command = []
            else:
                command.append(word)
        commands.append(command)
    return [command for command in commands if command]


def run_of(commands: Iterable[Sequence[str]], executable: str) -> tuple[tuple[str, ...], str | None] | None:
    """Arguments and standard input with which one of `commands` starts `executable`, None when none does."""
    name = PurePosixPath(executable).name
    for command in commands:
        for position, word in enumerate(command):
            if PurePosixPath(word).name != name or (position and "=" not in command[position - 1]
                                                    and command[position - 1] != "time"):  # fmt: skip
                continue
            args: list[str] = []
            stdin: str | None = None
            rest = list(command[position + 1 :])
            while rest:
                item = rest.pop(0)
                if item == "<" and rest:
                    stdin = rest.pop(0)
                elif item in (">", ">>") and rest:
                    rest.pop(0)
                else:
                    args.append(item)
            return tuple(args), stdin
    return None


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))

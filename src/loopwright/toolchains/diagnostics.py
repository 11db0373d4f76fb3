"""What compilers, linkers and make print, as data. Pure.

Plain text is asked of both compilers rather than gcc's JSON or clang's SARIF: it is the only form that
every version prints, that keeps the warning option with clang, and that people read in the log as it
stands. clang's SARIF also announces itself with a warning, which `-Werror` turns into a failed build.
JSON and SARIF are understood all the same, because a task's own build command may ask for them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from loopwright.core.profile import Diagnostic, Severity

PLAIN_TEXT_FLAGS = ("-fdiagnostics-color=never", "-fmessage-length=0")
"""One line a message, without colours, from gcc (4.9 or later) and clang alike."""

MOST = 500
"""Diagnostics kept; errors are kept before warnings, warnings before notes."""
_LONGEST_LINE = 4000
_LONGEST_MESSAGE = 1000

_SEVERITY = {
    "error": Severity.ERROR,
    "fatal error": Severity.ERROR,
    "internal compiler error": Severity.ERROR,
    "sorry, unimplemented": Severity.ERROR,
    "warning": Severity.WARNING,
    "note": Severity.NOTE,
    "remark": Severity.NOTE,
    "none": Severity.NOTE,
}
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_KINDS = "|".join(sorted((re.escape(k) for k in _SEVERITY if k != "none"), key=len, reverse=True))
_TEXT = re.compile(
    rf"^(?:(?P<file>[^:\s][^:]*?):(?:(?P<line>\d+):(?:(?P<column>\d+):)?)?\s+)?"
    rf"(?P<kind>{_KINDS}):\s*(?P<message>.*)$",
    re.IGNORECASE,
)
_OPTION = re.compile(r"\s*\[(-W[^\]\s,]+)(?:,[^\]]*)?\]$")
_CMAKE = re.compile(r"^CMake (?P<kind>Error|Warning)(?: \(dev\))?(?: at (?P<file>.+?):(?P<line>\d+))?.*:$")
_MAKE = re.compile(r"^(?:(?P<file>[^\s:]+):(?P<line>\d+): )?(?:g?make(?:\[\d+\])?: )?\*\*\* (?P<message>.+)$")
_IGNORED = " (ignored)"
_NO_PROGRAM = r"\S+: (?:No such file or directory|[Cc]ommand not found|Permission denied|not found)"
_SHELL = re.compile(
    rf"^(?:g?make(?:\[\d+\])?|(?:/\S+/)?(?:ba|da|z)?sh): (?:(?:line )?\d+: )?(?P<message>{_NO_PROGRAM})$"
)
_LINKED = re.compile(
    r"^(?:\S*?ld(?:\.\w+)?: )?(?:(?P<file>[^\s:()][^:()]*?):(?:(?P<line>\d+):|\([^)]*\):)?\s*)?"
    r"(?P<message>(?:undefined reference to|multiple definition of|cannot find |could not read symbols|"
    r"unrecognized file|file not recognized|relocation |DSO missing|undefined symbol|first defined here).*)$"
)
_OPTIONS = re.compile(r"^\S+ \(LLVM option parsing\): (?!Did you mean)(?P<message>.+)$")
# gcc: "available with '-std=c++20'", "available from C++20 onwards"; clang: "are a C++20 extension".
_WANTED = re.compile(
    r"(?:available with .-std=(?:c|gnu)|available from C|(?:is|are) a C)\+\+(?P<year>[12]\w)"
)
_SUMMARIES = re.compile(
    r"^(?:linker command failed with exit code|ld returned \d+ exit status|"
    r"make: \[.*\] (?:Error \d+|Killed|Terminated))"
)


def parse(printed: str) -> tuple[Diagnostic, ...]:
    """Every diagnostic in `printed`, in order, each once.

    Copes with make's lines in between, linker errors, crashes of the compiler, colours, bytes that were
    no UTF-8 (as surrogates) and output of any size: at most `MOST` are kept, the worst first.
    """
    seen = dict.fromkeys(_clean(d) for d in _all(printed))
    # "ld returned 1 exit status" and "make: *** [all] Error 1" say nothing beside the message before them.
    found = [d for d in seen if not _SUMMARIES.search(d.message)]
    if not any(d.severity is Severity.ERROR for d in found):
        found = list(seen)
    if len(found) <= MOST:
        return tuple(found)
    rank = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
    kept = sorted(range(len(found)), key=lambda i: (rank[found[i].severity], i))[:MOST]
    return tuple(found[i] for i in sorted(kept))


def wanted_standard(printed: str) -> str:
    """The C++ standard without which, by what a compiler says, something does not work: "c++20"; "" when none
    is named. Of several the latest.
    """
    return max((f"c++{match['year']}" for match in _WANTED.finditer(printed)), default="")


def _all(printed: str) -> Iterator[Diagnostic]:
    lines = iter(printed.splitlines())
    for raw in lines:
        line = raw.strip("\r\n")
        start = line.lstrip()[:12]
        if start.startswith("[{") and (parsed := _json(line)) is not None:
            yield from _from_gcc_json(parsed)
        elif (
            start.startswith(('{"$schema"', '{"runs"', '{"version"')) and (parsed := _json(line)) is not None
        ):
            yield from _from_sarif(parsed)
        else:
            yield from _from_text(_ANSI.sub("", line[:_LONGEST_LINE]), lines)


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _from_text(line: str, following: Iterator[str]) -> Iterator[Diagnostic]:
    if (match := _TEXT.match(line)) is not None:
        message = match["message"]
        option = ""
        if (tail := _OPTION.search(message)) is not None:
            option, message = tail[1], message[: tail.start()]
        kind = match["kind"].lower()
        if kind in ("internal compiler error", "sorry, unimplemented"):
            message = f"{kind}: {message}"
        # "gcc: error: ..." and "ld.lld: error: ..." name a program where others name a file.
        file = match["file"] or ""
        if not match["line"]:
            message, file = (f"{file}: {message}", "") if _is_linker(file) else (message, "")
        yield Diagnostic(
            _SEVERITY[kind], message, file, int(match["line"] or 0), int(match["column"] or 0), option
        )
    elif (match := _LINKED.match(line)) is not None:
        severity = Severity.NOTE if match["message"].startswith("first defined") else Severity.ERROR
        yield Diagnostic(severity, match["message"], match["file"] or "", int(match["line"] or 0))
    elif (match := _MAKE.match(line)) is not None:
        if not match["message"].endswith(_IGNORED):
            yield Diagnostic(
                Severity.ERROR, f"make: {match['message']}", match["file"] or "", int(match["line"] or 0)
            )
    elif (match := _CMAKE.match(line)) is not None:
        severity = Severity.ERROR if match["kind"] == "Error" else Severity.WARNING
        yield Diagnostic(
            severity, f"CMake: {_paragraph(following)}", match["file"] or "", int(match["line"] or 0)
        )
    elif (match := _SHELL.match(line) or _OPTIONS.match(line)) is not None:
        yield Diagnostic(Severity.ERROR, match["message"])


def _paragraph(lines: Iterator[str]) -> str:
    words: list[str] = []
    for line in lines:
        if line.strip():
            words += line.split()
        elif words:
            break
    return " ".join(words)


def _is_linker(program: str) -> bool:
    return re.search(r"(?:^|[/-])(?:ld(?:\.\w+)?|mold|gold)$", program) is not None


def _from_gcc_json(entries: Any) -> Iterator[Diagnostic]:
    for entry in _dicts(entries):
        location = next(_dicts(entry.get("locations")), {})
        caret = next(_dicts([location.get("caret")]), {})
        kind = str(entry.get("kind", "error"))
        message = str(entry.get("message", ""))
        yield Diagnostic(
            _SEVERITY.get(kind, Severity.ERROR),
            f"{kind}: {message}" if kind in ("internal compiler error", "sorry, unimplemented") else message,
            str(caret.get("file", "")),
            _number(caret.get("line")),
            _number(caret.get("column")),
            str(entry.get("option", "")),
        )
        yield from _from_gcc_json(entry.get("children"))


def _from_sarif(log: Any) -> Iterator[Diagnostic]:
    for run in _dicts(log.get("runs") if isinstance(log, dict) else None):
        for result in _dicts(run.get("results")):
            # clang puts the highlighted ranges first and the caret last.
            places = [
                p["physicalLocation"] for p in _dicts(result.get("locations")) if "physicalLocation" in p
            ]
            place = next(_dicts(places[-1:]), {})
            region = next(_dicts([place.get("region")]), {})
            artifact = next(_dicts([place.get("artifactLocation")]), {})
            text = next(_dicts([result.get("message")]), {})
            rule = str(result.get("ruleId", ""))
            yield Diagnostic(
                _SEVERITY.get(str(result.get("level", "warning")), Severity.WARNING),
                str(text.get("text", "")),
                _path_of(str(artifact.get("uri", ""))),
                _number(region.get("startLine")),
                _number(region.get("startColumn")),
                rule if rule.startswith("-W") else "",
            )


def _path_of(uri: str) -> str:
    return unquote(urlsplit(uri).path) if uri.startswith("file:") else uri


def _dicts(values: Any) -> Iterator[dict[str, Any]]:
    items: Iterable[Any] = values if isinstance(values, list) else ()
    return (item for item in items if isinstance(item, dict))


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _clean(d: Diagnostic) -> Diagnostic:
    return Diagnostic(
        d.severity, _readable(d.message)[:_LONGEST_MESSAGE], _readable(d.file), d.line, d.column, d.option
    )


def _readable(text: str) -> str:
    """`text` without surrogates and control characters, so that it can be written anywhere."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() or c == "\t" else " " for c in whole).strip()


class PlainText:
    """What gcc and clang have in common: messages as plain text, one line each."""

    @property
    def diagnostic_flags(self) -> tuple[str, ...]:
        """Plain text without colours and carets."""
        return PLAIN_TEXT_FLAGS

    def parse_diagnostics(self, stderr: str) -> tuple[Diagnostic, ...]:
        """See :func:`parse`."""
        return parse(stderr)

"""What the optimisers did and did not do, as data. Pure.

gcc writes text (`-fopt-info-all=FILE`), clang a restricted YAML (`-fsave-optimization-record`, LLVM's
`RemarkSerializer`). Both say "this loop was not vectorised" at the loop and the reason at a statement:
here the remark of the loop carries its reason, and pass names are clang's for both compilers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from loopwright.core.profile import Remark

VECTORISER = "loop-vectorize"
"""`Remark.optimisation` of everything the loop vectoriser says."""

_LONGEST = 400
_MOST_REASONS = 2
_LOOP_NOT_VECTORISED = "loop not vectorized"

_GCC_LINE = re.compile(
    r"^(?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+): (?P<kind>optimized|missed|note):"
    r" (?P<indent> *)(?P<message>.*)"
)
_GCC_PASSED = {"optimized": True, "missed": False, "note": None}
_GCC_CHATTER = re.compile(r"\*{5}|^vectorized \d+ loops|^failed: |^Guard edge|^Create new block|^Move stmt")
_GCC_REASON = re.compile(
    r"^(?:not vectorized[:,] (?P<reason>.*)|(?P<bare>possible (?:dependence|alias)\b.*))$"
)
# Said of every vector size too small for the type, of remainders and of straight code: no reason for a loop.
_GCC_LAME = re.compile(r"^no vectype|will never be profitable|iteration count too small|in basic block")
NOT_VECTORISED = "not vectorized: "
"""How the message of a reason begins, at the statement that it is about."""
# In this order: "vectorized" also stands in messages that speak of inlining or unrolling.
_GCC_PASSES = (
    ("basic block part vectorized", "slp-vectorizer"),
    ("vectoriz", VECTORISER),
    ("inlin", "inline"),
    ("unroll", "loop-unroll"),
    ("peeled", "loop-unroll"),
    ("paralleliz", "loop-parallelize"),
    ("interchange", "loop-interchange"),
    ("distribut", "loop-distribute"),
    ("split into", "loop-distribute"),
    ("unswitch", "loop-unswitch"),
    ("loop", "loop"),
)

_CLANG_KIND = {"Passed": True, "Missed": False, "Failure": False}
# The others (register allocation, stack sizes, instruction counts) speak of machine code, not of loops.
_CLANG_PASSES = re.compile(
    r"^(loop-.*|slp-vectorizer|inline|licm|gvn|openmp-opt|polly.*|transform-warning|tailcallelim)$"
)
_DOCUMENT = re.compile(r"^--- !(?P<kind>\w+)\n(?P<body>.*?)^\.\.\.$", re.MULTILINE | re.DOTALL)
_TOP = re.compile(r"^(?P<key>Pass|Name|Function):[ \t]+(?P<value>.+)$", re.MULTILINE)
_PLACE = re.compile(
    r"^(?P<indent> *)DebugLoc:\s*\{\s*File:\s*(?P<file>'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"|[^,\n]+?),"
    r"\s*Line:\s*(?P<line>\d+),\s*Column:\s*(?P<column>\d+)\s*\}",
    re.MULTILINE,
)
_ARGUMENT = re.compile(r"^  - \w+:(?:[ \t]+(?P<value>.*))?$")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)")


def from_gcc(content: bytes) -> tuple[Remark, ...]:
    """The remarks in a file written by gcc's `-fopt-info-...=FILE`, each once, in the order written.

    With gcc's internals in the file, "loop not vectorized" carries what the widest vectors failed at.
    """
    found: list[Remark] = []
    reasons: list[Remark] = []
    last: int | None = None
    for raw in content.decode("utf-8", "replace").splitlines():
        match = _GCC_LINE.match(raw)
        if match is None or _GCC_CHATTER.search(match["message"]):
            continue
        message = match["message"].strip().rstrip(".;")[:_LONGEST]
        remark = Remark(
            match["file"],
            int(match["line"]),
            int(match["column"]),
            _GCC_PASSED[match["kind"]],
            _gcc_pass(message),
            message,
        )
        reason = _GCC_REASON.match(message) if remark.passed is False else None
        if message == "couldn't vectorize loop":
            found += _gcc_loop(remark, reasons)
            reasons, last = [], len(found) - 1
        elif reason is not None and match["indent"]:
            reasons.append(replace(remark, message=reason["reason"] or reason["bare"]))
        elif reason is not None:
            # The summary after "couldn't vectorize loop": all there is where gcc gave no internals.
            if last is not None and found[last].message == _LOOP_NOT_VECTORISED:
                found[last:] = _gcc_loop(found[last], [replace(remark, message=reason["reason"] or message)])
            last = None
        elif not match["indent"] or remark.optimisation == "inline":
            found.append(remark)
            reasons = [] if remark.optimisation == VECTORISER else reasons
    return tuple(dict.fromkeys(found))


def _gcc_loop(loop: Remark, reasons: list[Remark]) -> list[Remark]:
    """The remark of a loop that was not vectorised, and its reasons at their own places."""
    telling = [r for r in reasons if not _GCC_LAME.search(r.message)] or reasons[-1:]
    chosen = list(dict.fromkeys(telling))[:_MOST_REASONS]
    whole = _with_reasons(loop, [(r.line, r.message) for r in chosen])
    elsewhere = [r for r in chosen if r.line != loop.line]
    return [
        *(
            replace(r, passed=None, optimisation=VECTORISER, message=NOT_VECTORISED + r.message)
            for r in elsewhere
        ),
        whole,
    ]


def _gcc_pass(message: str) -> str:
    return next((name for word, name in _GCC_PASSES if word in message), "other")


def from_clang(content: bytes) -> tuple[Remark, ...]:
    """The remarks in a YAML file written by clang's `-fsave-optimization-record`, each once, in order.

    Passes that speak of machine code alone (register allocation, stack layout) are left out, and so are
    remarks without a place in the source.
    """
    found: list[Remark] = []
    reasons: list[tuple[int, str]] = []
    function = ""
    for kind, top, place, message in _documents(content.decode("utf-8", "replace")):
        name = top.get("Pass", "")
        if top.get("Function", "") != function:
            function, reasons = top.get("Function", ""), []
        remark = Remark(
            _scalar(place["file"]),
            int(place["line"]),
            int(place["column"]),
            _CLANG_KIND.get(kind),
            name,
            message[:_LONGEST],
        )
        if name == VECTORISER:
            if remark.passed is None:
                reason = message.removeprefix(f"{_LOOP_NOT_VECTORISED}: ")
                reasons.append((remark.line, reason))
                remark = replace(remark, message=f"{NOT_VECTORISED}{reason}"[:_LONGEST])
            else:
                if remark.passed is False and message == _LOOP_NOT_VECTORISED:
                    remark = _with_reasons(remark, reasons)
                reasons = []
        found.append(remark)
    return tuple(dict.fromkeys(found))


def _documents(text: str) -> Iterator[tuple[str, dict[str, str], re.Match[str], str]]:
    for document in _DOCUMENT.finditer(text):
        head, _, arguments = document["body"].partition("\nArgs:")
        top = {m["key"]: _scalar(m["value"]) for m in _TOP.finditer(head)}
        place = _PLACE.search(head)
        if place is not None and _CLANG_PASSES.match(top.get("Pass", "")):
            yield document["kind"], top, place, _message(arguments)


# Advice on a pragma that clang itself seldom obeys; the reason stands after it.
_ADVICE = re.compile(r" Use #pragma clang loop distribute\(enable\) to allow .*? separate loop\b")


def _message(arguments: str) -> str:
    parts: list[str] = []
    block = False
    for line in arguments.splitlines():
        if (match := _ARGUMENT.match(line)) is not None:
            value = (match["value"] or "").strip()
            block = value in ("|", "|-", "|+", ">", ">-")
            parts.append("" if block else _scalar(value))
        elif block and line.startswith("      "):
            parts.append(line.strip() + " ")
        else:
            block = False
    return _ADVICE.sub("", " ".join("".join(parts).split()))


def _scalar(text: str) -> str:
    """The value of a YAML scalar: single-quoted, double-quoted or plain."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return _ESCAPE.sub(_unescaped, text[1:-1])
    return text


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] == "x" and len(code) == 3:
        return chr(int(code[1:], 16))
    return {"n": "\n", "t": "\t", "r": "\r", "0": ""}.get(code, code)


def _with_reasons(loop: Remark, reasons: list[tuple[int, str]]) -> Remark:
    texts = dict.fromkeys(
        reason if line == loop.line else f"{reason} (line {line})" for line, reason in reasons
    )
    message = f"{_LOOP_NOT_VECTORISED}: {'; '.join(texts)}" if texts else _LOOP_NOT_VECTORISED
    return replace(loop, message=message[:_LONGEST])

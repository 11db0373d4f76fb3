"""Parts of the source that another compiler reads differently: under `#ifdef __clang__` or `#ifdef _OPENMP`.

libclang reads what gcc builds, and a candidate is built with OpenMP where the original is not. What stands
under a condition on a macro that differs between them, and what is defined there, may be another program than
the one that was read. This works on the text, since a parse has one of the branches only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from loopwright.analysis.preprocessor import holds
from loopwright.analysis.text import KEYWORDS, NAME, plain

_DIRECTIVE = re.compile(r"\s*#\s*(\w+)(.*)", re.DOTALL)
_DEFINED = re.compile(r"\bdefined\s*\(?\s*(\w+)\s*\)?")
_LANGUAGE = re.compile(r'extern\s*"[^"]*"\s*\{?|[{}\s;]')

Macros = Sequence[Mapping[str, str]]
"""For each compiler, and each way to call it, its own macros with their values."""

_BRANCH = "\0"
_STREAMS = frozenset({"stderr", "stdout", "NULL", "size_t", "std"})
"""Names that no statement gives another meaning."""

_RESERVED = re.compile(r"_[_A-Z]\w*$")
_SAME = re.compile(
    r"_(?:WIN|MSC_|POSIX|XOPEN|GNU_SOURCE|BSD|SVID|DEFAULT_SOURCE|LARGEFILE|FILE_OFFSET|ISOC|REENTRANT)\w*$|"
    r"__(?:linux|unix|gnu_linux|APPLE|MACH|ELF|MINGW|CYGWIN|FreeBSD|x86_64|amd64|i386|aarch64|arm|powerpc|LP64|"
    r"BYTE_ORDER|ORDER_|SIZEOF_|CHAR_BIT|GLIBC|USE_|DBL_|FLT_|INT_|LONG_|STDC__)\w*$|__(?:MMX|SSE2?(?:_MATH)?)__$"
)
"""Reserved names that mean the same to all compilers for one machine: every x86-64 has SSE2."""
_COMPILERS = re.compile(
    r"(?:_OPENMP|__(?:clang|GNUC|GNUG|VERSION|AVX|SSS?E[34]|FMA|FAST_MATH|FINITE_MATH|OPTIMIZE|NO_INLINE|has_|"
    r"INTEL|ICC|NVCOMPILER|PGI|llvm|cplusplus|STDC_VERSION|BASE_FILE|SANITIZE|ROUNDING_MATH|"
    r"NO_MATH_ERRNO|CHAR_UNSIGNED|EXCEPTIONS|PIC|pic|PIE|pie|TIME|DATE|COUNTER)\w*)$"
)
"""Reserved names that are macros of a compiler, and no words of its language. Those of CUDA and HIP, such as
__CUDACC__, no compiler defines for C or C++.
"""


@dataclass
class _Group:
    """From #if to #endif, with the lines of code and the macros of all its branches."""

    path: str
    first: int
    last: int = 0
    outer: _Group | None = None
    conditions: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    included: list[str] = field(default_factory=list)
    differs: bool = False


@dataclass
class Region:
    """The code between an #if and its #endif. `variables` are those of the function around it, by name."""

    path: str
    first: int
    last: int
    branches: list[str]
    variables: Collection[str] = ()

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.path}:{self.first}"


@dataclass
class Conditionals:
    """What depends on the compiler in some files.

    `names`: macros, types and variables, each with where the condition stands. `regions`: the conditional
    code, by file. `unread`: everything that is named in such code. `anywhere`: where a file of the program is
    included under such a condition. `compilers`: what each build defines by itself; empty when not known.
    """

    compilers: Macros = ()
    names: dict[str, str] = field(default_factory=dict)
    regions: dict[str, list[Region]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    anywhere: str = ""
    _lines: dict[str, list[str]] = field(default_factory=dict)

    def of(self, path: str, first: int, last: int) -> str:
        """Where the condition stands on which some lines of a file depend; empty when there is none."""
        for region in self.regions.get(path, ()):
            if region.first <= last and first <= region.last and not self._is_statements(region, first, last):
                return region.where
        return self.anywhere or self._named(self._text(path, range(first, last + 1)))

    def inside(self, path: str, first: int, last: int) -> list[Region]:
        """The regions in some lines of a file."""
        return [r for r in self.regions.get(path, ()) if first < r.first and r.last < last]

    def _text(self, path: str, numbers: Iterable[int]) -> str:
        """Lines of a file without directives."""
        lines = self._lines.get(path, [])
        text = "\n".join(lines[n - 1] for n in numbers if n <= len(lines))
        return re.sub(r"(?m)^\s*#.*(?:\\\n.*)*", "", text)

    def _is_statements(self, region: Region, first: int, last: int) -> bool:
        """Whether every branch of a region is some whole statements of the function in these lines, which
        declare nothing that hides another name.
        """
        if not first < region.first or not region.last < last:
            return False
        before = self._text(region.path, range(first, region.first)).rstrip()
        if not before.endswith((";", "{", "}")) or not all(map(_are_whole, region.branches)):
            return False
        text = before + self._text(region.path, range(region.last + 1, last + 1))
        outside = set(re.findall(r"[A-Za-z_]\w*(?!\w|\s*\()", text))
        named = {n for b in region.branches for n in NAME.findall(b)} - KEYWORDS
        return all(n in _STREAMS or n in region.variables for n in named & outside)

    def _named(self, text: str) -> str:
        name: str
        for name in NAME.findall(text):
            if name in self.names or _COMPILERS.match(name):
                return self.names.get(name, name)
        return ""

    def declare(self, functions: Collection[tuple[str, int, int]]) -> None:
        """Adds what is declared by names that depend on the compiler, outside of `functions`: each is a file,
        the first and the last line.
        """
        declarations: list[str] = []
        for path, lines in self._lines.items():
            inside = {n for file, first, last in functions if file == path for n in range(first, last + 1)}
            declarations += _parts(self._text(path, (n for n in range(1, len(lines) + 1) if n not in inside)))
            for region in self.regions.get(path, ()):
                if region.first not in inside:
                    for name in _declared_in(region.branches):
                        self.names.setdefault(name, region.where)
        grown = True
        while grown:
            before = len(self.names)
            for part in declarations:
                if where := self._named(part):
                    for name in _declared(part):
                        self.names.setdefault(name, where)
            grown = len(self.names) > before


def conditionals(
    files: Mapping[str, bytes], defines: Collection[str], others: Iterable[str], compilers: Macros
) -> Conditionals:
    """Finds them in the files that one source includes, with itself. `defines` are the macros that every
    build gets, `others` all files of the program, `compilers` the macros that builds define by themselves.
    """
    found = Conditionals(compilers)
    groups: list[_Group] = []
    macros: list[tuple[str, str, _Group | None]] = []
    for path, content in files.items():
        _read(path, content, found, groups, macros)
    own = {path.rpartition("/")[2] for path in others}
    known = {d.removeprefix("-D").partition("=")[0] for d in defines} | {name for name, _, _ in macros}
    grown = True
    while grown:
        grown = False
        for group in groups:
            outer = group.outer is not None and group.outer.differs
            if not group.differs and (outer or any(_differs(c, known, found) for c in group.conditions)):
                group.differs = grown = True
        for name, body, around in macros:
            if name not in found.names and (where := _origin(body, around, found)):
                found.names[name] = where
                grown = True
    for group in groups:
        if group.differs and own & set(group.included):
            found.anywhere = f"{group.path}:{group.first}"
        branches = "\n".join(group.code).split(_BRANCH)
        if group.differs and any(_LANGUAGE.sub("", text) for text in branches):
            region = Region(group.path, group.first, group.last, branches)
            found.regions.setdefault(group.path, []).append(region)
            found.unread |= {name for text in branches for name in NAME.findall(text)}
    grown = True
    while grown:
        before = len(found.unread)
        for name, body, _ in macros:
            if name in found.names or name in found.unread:
                found.unread |= set(NAME.findall(body))
        grown = len(found.unread) > before
    found.unread -= KEYWORDS
    return found


def _read(
    path: str,
    content: bytes,
    found: Conditionals,
    groups: list[_Group],
    macros: list[tuple[str, str, _Group | None]],
) -> None:
    lines = plain(content).split("\n")
    raw = content.decode("utf-8", "replace").split("\n")
    found._lines[path] = lines
    group: _Group | None = None
    for number, line in _logical(lines):
        directive = _DIRECTIVE.match(line)
        if directive is None:
            if group is not None:
                group.code.append(line)
            continue
        word, rest = directive[1], directive[2]
        if word in ("if", "ifdef", "ifndef"):
            condition = rest if word == "if" else f"defined({rest.strip()})"
            group = _Group(path, number, outer=group, conditions=[condition])
            groups.append(group)
        elif group is not None and word in ("elif", "else"):
            group.code.append(_BRANCH)
            group.conditions += [rest] if word == "elif" else []
        elif group is not None and word == "endif":
            group.last = number
            if group.outer is not None:
                group.outer.code += group.code
            group = group.outer
        elif word in ("define", "undef") and (name := NAME.search(rest)) is not None:
            macros.append((name[0], rest[name.end() :], group))
        elif group is not None and word == "include":
            group.included += re.findall(r'([^/"<>]+)[">]', raw[number - 1])


def _logical(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Lines with those that continue them, and the number of the first."""
    joined, start = "", 0
    for number, line in enumerate(lines, 1):
        start = start or number
        if line.rstrip("\r").endswith("\\"):
            joined += line.rstrip("\r")[:-1] + " "
            continue
        yield start, joined + line
        joined, start = "", 0


def _differs(condition: str, known: Collection[str], found: Conditionals) -> bool:
    """Whether a condition may hold for one compiler and not for another. `known` are the user's macros."""
    names = set(NAME.findall(_DEFINED.sub(r"\1", condition)))
    if names & found.names.keys():
        return True
    if not any(name not in known and _depends(name, found.compilers) for name in names):
        return False
    answers = {holds(condition, macros, known) for macros in found.compilers}
    return len(answers) != 1 or None in answers


def _depends(name: str, compilers: Macros) -> bool:
    """Whether it is a macro that compilers define by themselves, each in its way."""
    if _SAME.match(name) or not _RESERVED.match(name):
        return False
    predefined = not compilers or any(name in macros for macros in compilers)
    return predefined or _COMPILERS.match(name) is not None


def _origin(body: str, around: _Group | None, found: Conditionals) -> str:
    """Where the condition stands on which the meaning of a macro depends; empty when there is none."""
    if around is not None and around.differs:
        return f"{around.path}:{around.first}"
    name: str
    for name in NAME.findall(body):
        if name in found.names:
            return found.names[name]
        if _COMPILERS.match(name):
            return name
    return ""


def _are_whole(text: str) -> bool:
    """Whether a text is whole statements that only go on to the next one, or nothing."""
    depth = 0
    for bracket in re.findall(r"[][(){}]", text):
        depth += 1 if bracket in "([{" else -1
        if depth < 0:
            return False
    jumps = re.search(r"\b(?:else|case|default|goto|break|continue|try|catch)\b", text)
    return depth == 0 and not jumps and text.rstrip()[-1:] in ("", ";", "}")


def _declared_in(branches: Iterable[str]) -> set[str]:
    return {name for text in branches for part in _parts(text) for name in _declared(part)}


def _parts(text: str) -> list[str]:
    """Declarations outside of functions, one each; the bodies of functions are left out."""
    parts, depth, part, body = [], 0, "", False
    for character in text:
        if character == "{":
            if depth == 0:
                body = part.rstrip().endswith((")", "const", "noexcept", "override"))
            depth += 1
        if not (body and depth):
            part += character
        if character == "}":
            depth = max(0, depth - 1)
        if depth == 0 and (character == ";" or (character == "}" and body)):
            parts.append(part)
            part, body = "", False
    return [*parts, part]


def _declared(part: str) -> set[str]:
    """The names that a declaration may declare, those of the members of a struct included."""
    head = part.partition("=")[0] if "{" not in part.partition("=")[0] else part
    names = set(re.findall(r"([A-Za-z_]\w*)\s*(?=[(\[=;,:{})]|$)", head))
    return {n for n in names if n not in KEYWORDS and not n.startswith("__")}

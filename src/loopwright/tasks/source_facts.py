"""What the text of C and C++ files shows without a compiler: main, includes, the libraries they need."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from loopwright.tasks.read import SOURCE_SUFFIXES

HEADER_SUFFIXES = frozenset(
    {".h", ".hh", ".hpp", ".hxx", ".h++", ".inc", ".inl", ".ipp", ".tpp", ".def", ".cuh"}
)

_COMMENT_OR_STRING = re.compile(
    r"/\*.*?\*/|//(?:\\\n|[^\n])*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL
)
# Also `main() -> int`, `main() try`, and the declarations of K&R C between the brackets and the body.
_MAIN = re.compile(
    r"\bmain\s*\([^;{}]*\)\s*(?:noexcept\s*)?(?:->\s*\w+\s*)?(?:try\s*)?"
    r"(?:[A-Za-z_][\w\s,*\[\]]*;\s*)*\{"
)
_NAME = r"\s*\"([^\"\\\n]+)\"\s*"
_OPENED = re.compile(
    rf"\bfopen\s*\({_NAME},\s*\"r[^\"+]*\"|\bifstream\s+\w+\s*[({{]{_NAME}|\bopen\s*\({_NAME},\s*O_RDONLY\b"
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.MULTILINE)
_LIBRARIES = {
    "math.h": "m", "cmath": "m", "complex.h": "m", "tgmath.h": "m", "fenv.h": "m",
    "pthread.h": "pthread", "thread": "pthread",
    "cblas.h": "openblas", "lapacke.h": "lapacke", "fftw3.h": "fftw3", "zlib.h": "z", "hdf5.h": "hdf5",
    "gsl/gsl_math.h": "gsl",
}  # fmt: skip
_CXX20 = frozenset(
    {
        "barrier", "concepts", "coroutine", "format", "latch", "numbers", "ranges", "semaphore",
        "source_location", "span", "stop_token", "syncstream",
    }
)  # fmt: skip
_CXX23 = frozenset(
    {"expected", "flat_map", "flat_set", "generator", "mdspan", "print", "spanstream", "stacktrace"}
)
_CXX20_WORDS = re.compile(
    r"\bconcept\s+\w+\s*=|[>)]\s*requires\b|\b(?:consteval|constinit|co_await|co_yield|co_return)\b|<=>"
)
_ASKS_STANDARD = re.compile(r"\b__cplusplus\b|\b__has_include\b|\b__cpp_\w+")


def text_of(content: bytes) -> str:
    """A source file as text; bytes that are not UTF-8 do not matter to what is looked for here."""
    return content.decode("utf-8", "replace")


def without_comments(text: str) -> str:
    """`text` with comments as spaces and string and character literals emptied."""
    return _COMMENT_OR_STRING.sub(lambda m: '""' if m.group()[0] in "\"'" else " ", text)


def has_main(content: bytes) -> bool:
    """Whether a main function is defined in this file."""
    return _MAIN.search(without_comments(text_of(content))) is not None


def reads_arguments(content: bytes) -> bool:
    """Whether the code mentions `argv`."""
    return re.search(r"\bargv\b\s*[\[+]|\*\s*argv\b[^\[\],)]", without_comments(text_of(content))) is not None


def reads_stdin(content: bytes) -> bool:
    """Whether the code seems to read standard input."""
    return (
        re.search(r"\b(scanf|getchar|getline\s*\(\s*(std::)?cin|cin\s*>>)|\bstdin\b",
                  without_comments(text_of(content))) is not None
    )  # fmt: skip


def opened(contents: Iterable[bytes]) -> tuple[str, ...]:
    """Names of files that the code opens to read, as far as it writes them there: `fopen("a.txt", "r")`."""
    found: dict[str, None] = {}
    for content in contents:
        code = _COMMENT_OR_STRING.sub(lambda m: m[0] if m[0][0] in "\"'" else " ", text_of(content))
        for match in _OPENED.finditer(code):
            found[posixpath.normpath(next(filter(None, match.groups())))] = None
    return tuple(found)


def is_source(path: str) -> bool:
    """Whether a compiler is given this file: a C or C++ source by its suffix."""
    return PurePosixPath(path).suffix in SOURCE_SUFFIXES


def includes(content: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the file includes: names in quotes, names in angle brackets."""
    # Only comments are blanked: the names themselves look like strings.
    text = re.sub(r"/\*.*?\*/", " ", text_of(content), flags=re.DOTALL)
    found = _INCLUDE.findall(text)
    return tuple(quoted for quoted, _ in found if quoted), tuple(angle for _, angle in found if angle)


def libraries(contents: Iterable[bytes]) -> tuple[str, ...]:
    """Libraries that the included headers belong to, as for -l."""
    found: dict[str, None] = {}
    for content in contents:
        for name in (*includes(content)[0], *includes(content)[1]):
            if name in _LIBRARIES:
                found[_LIBRARIES[name]] = None
    return tuple(found)


def standard(contents: Iterable[bytes]) -> str | None:
    """The C++ standard that the files need beyond what compilers take by themselves; None when that will do.

    What a file does only where it may (it asks for `__cplusplus`) is not counted.
    """
    found: str | None = None
    for content in contents:
        text = without_comments(text_of(content))
        if _ASKS_STANDARD.search(text):
            continue
        headers = set(includes(content)[1])
        if headers & _CXX23:
            return "gnu++23"
        if headers & _CXX20 or _CXX20_WORDS.search(text):
            found = "gnu++20"
    return found


def include_folders(sources: Sequence[str], tree: Mapping[str, bytes]) -> tuple[str, ...]:
    """Folders of the tree that the sources need with -I, because an include is found there alone."""
    folders: dict[str, None] = {}
    waiting, done = list(sources), set(sources)
    while waiting:
        path = waiting.pop(0)
        for name in (name for group in includes(tree[path]) for name in group):
            inside = _beside(path, name)
            if inside not in tree:
                inside = next((p for p in tree if p == name or p.endswith("/" + name)), "")
                if not inside:
                    continue
                folders[inside[: len(inside) - len(name)].rstrip("/") or "."] = None
            if inside not in done:
                done.add(inside)
                waiting.append(inside)
    return tuple(folders)


def included_sources(tree: Mapping[str, bytes]) -> frozenset[str]:
    """Sources that another file includes: they are not compiled by themselves."""
    found: set[str] = set()
    for path, content in tree.items():
        if is_source(path) or PurePosixPath(path).suffix in HEADER_SUFFIXES:
            found |= {_beside(path, name) for name in includes(content)[0] if is_source(name)}
    return frozenset(found & set(tree))


def _beside(path: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))

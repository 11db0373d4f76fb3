"""State that each thread has of its own, and that a loop on several threads would leave behind in the others.

The rounding mode and the exception flags of floating point are those of a thread (C11 7.6p2), and so is errno
(C11 7.5p2), which functions of <math.h> may set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from loopwright.analysis.ir import Array, Unknown
from loopwright.analysis.purity import is_pure_by_name
from loopwright.analysis.syntax import Function, Stmt

_FLOATING = re.compile(
    rb"\b(?:fesetround|fesetenv|feholdexcept|feupdateenv|feclearexcept|fetestexcept|feraiseexcept"
    rb"|fegetexceptflag|fesetexceptflag)\s*\("
)
_ERRNO = ("__errno_location", "__error")


def per_thread(sources: Iterable[bytes]) -> frozenset[str]:
    """The variables that OpenMP gives each thread one of (OpenMP 5.0, 2.19.2), by name, in some files."""
    lists = (names for source in sources for names in re.findall(rb"\bthreadprivate\s*\(([^)]*)\)", source))
    return frozenset(name.decode() for names in lists for name in re.findall(rb"\w+", names))


def asks_for_flags(sources: Iterable[bytes]) -> bool:
    """Whether a program sets how floating point is computed, or looks at what happened in it."""
    return any(_FLOATING.search(source) for source in sources)


def left_behind(function: Function, nest: Stmt, arrays: Iterable[Array], *, flags: bool) -> Iterator[Unknown]:
    """What the threads of a nest would keep for themselves. `flags`: as :func:`asks_for_flags`."""
    if flags and any(array.is_float for array in arrays):
        yield Unknown("the program uses the floating-point environment, of which each thread has one")
    looks = any(
        e.kind == "call" and e.name in _ERRNO for root in function.body.expressions() for e in root.walk()
    )
    calls = (e for root in nest.expressions() for e in root.walk() if e.kind == "call")
    if looks and any(is_pure_by_name(call) for call in calls):
        yield Unknown("the function looks at errno, of which each thread has one", nest.line)

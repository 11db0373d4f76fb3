"""One profile of one tree: hot lines, the compiler's remarks on them, the roofline."""

from __future__ import annotations

_REPETITIONS = 20

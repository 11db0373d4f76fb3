"""The last samples of the incumbent, which the next first look begins with.

Candidates that are looked at one after another stand beside the same incumbent, and the last execution of one
look lies right before the first of the next: A B B A C C A in place of A B B A A C C A. Only looks share
samples so; a trial, which something is promoted by, takes all of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from loopwright.core.timing import Sample
from loopwright.timing.compare import Sampler

RECENT_S = 30.0
"""How old a sample may be that stands beside new ones."""


class LastSamples:
    """Keeps the last sample of every case of one version, for half a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._version = ""
        self._taken: dict[str, tuple[float, Sample]] = {}

    def of(self, version: str, sampler: Sampler) -> Sampler:
        """`sampler` of that version, whose first sample of a case is the last one of an earlier look, if
        there is one that is recent enough.
        """
        if version != self._version:
            self._version, self._taken = version, {}
        waiting, self._taken = self._taken, {}

        def sample(case: str) -> Sample:
            at_s, known = waiting.pop(case, (0.0, None))
            if known is not None and self._clock() - at_s <= RECENT_S:
                return known
            fresh = sampler(case)
            self._taken[case] = self._clock(), fresh
            return fresh

        return sample

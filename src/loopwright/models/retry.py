"""Asking again after a time-out, a rate limit or a server that is down: with back-off, and not for ever."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from loopwright.models.model import Answer, Model, ModelFailure, Request

MOST_ATTEMPTS = 5
_FIRST_WAIT_S = 2.0
_LONGEST_WAIT_S = 60.0


@dataclass(frozen=True)
class Patient:
    """A model that is asked up to `attempts` times as long as the trouble is one that passes.

    Waits double from `first_wait_s` to a minute, with up to a quarter added by chance so that many runs do
    not come back at the same moment; where the provider says how long to wait, that counts, up to the same
    minute. `may_wait` is told each wait in seconds and says whether there is time for it.
    """

    model: Model
    attempts: int = MOST_ATTEMPTS
    first_wait_s: float = _FIRST_WAIT_S
    may_wait: Callable[[float], bool] = lambda seconds: True
    sleep: Callable[[float], None] = time.sleep

    def complete(self, request: Request) -> Answer:
        """The first answer that is not a passing trouble, or the last of `attempts`."""
        wait_s = self.first_wait_s
        began = time.monotonic()
        attempt = 1
        while True:
            answer = self.model.complete(request)
            answer = replace(answer, attempts=attempt, wall_s=round(time.monotonic() - began, 6))
            if not isinstance(answer, ModelFailure) or not answer.trouble.passes or attempt >= self.attempts:
                return answer
            asked_s = answer.retry_after_s
            pause_s = min(
                asked_s if asked_s is not None else wait_s * random.uniform(1.0, 1.25), _LONGEST_WAIT_S
            )
            if not self.may_wait(pause_s):
                return answer
            self.sleep(pause_s)
            wait_s *= 2
            attempt += 1

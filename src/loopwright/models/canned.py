"""Models without a network: scripted replies, recorded ones, and one that changes nothing.

They are for tests, demos and for looking at a run again, and are named like any other: `model:scripted/FILE`,
`model:replay/RUN`, `model:echo/echo`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from loopwright.core.errors import UsageError
from loopwright.models.edits import WHOLE_BLOCK
from loopwright.models.model import (
    Answer,
    Finish,
    ModelFailure,
    Reply,
    Request,
    Trouble,
    estimated_usage,
    judged,
)
from loopwright.workbench.journal import read_journal
from loopwright.workbench.records import from_data
from loopwright.workbench.spending import MODEL_CALL

_ENDED = "STOP: the script has no further reply"
_HEADER = re.compile(r"^@@ (\w+)[^\n]*\n", re.MULTILINE)
_FINISHES = {
    "reply": Finish.STOP,
    "empty": Finish.STOP,
    "truncated": Finish.LENGTH,
    "refusal": Finish.REFUSAL,
}
_HINT = "begin each reply with a line '@@ reply'; others: @@ " + ", @@ ".join(
    [*list(_FINISHES)[1:], *(t for t in Trouble if t.passes)]
)


@dataclass
class Canned:
    """Gives `answers` one after the other, whatever it is asked, and then says that it stops."""

    name: str
    answers: Sequence[Reply | ModelFailure]
    at: int = 0
    is_priced: bool = True

    def complete(self, request: Request) -> Answer:
        """The next answer. Tokens are counted by length where the answer does not say."""
        self.at += 1
        if self.at > len(self.answers):
            return Reply(_ENDED, estimated_usage(request, _ENDED), self.name, cost_usd=0.0)
        answer = self.answers[self.at - 1]
        if isinstance(answer, ModelFailure):
            return answer
        if answer.usage.tokens:
            return judged(answer, request)
        usage = estimated_usage(request, answer.text)
        return judged(Reply(answer.text, usage, self.name, answer.finish, 0.0), request)


@dataclass(frozen=True)
class Echo:
    """Hands the first file of the prompt back with a comment at its end: a candidate that works and never
    improves. An honest agent with it ends with 'no-gain'.
    """

    name: str = "echo/echo"
    is_priced: bool = True

    def complete(self, request: Request) -> Answer:
        """The first whole file of the last message that holds one."""
        for message in reversed(request.messages):
            if (found := WHOLE_BLOCK.search(message.text)) is not None:
                path, content = found["path"], found["content"]
                text = f"TITLE: echo\n\nFILE {path}\n<<<<<<< WHOLE\n{content}/* echo */\n>>>>>>> END\n"
                return Reply(text, estimated_usage(request, text), self.name, cost_usd=0.0)
        return Reply(_ENDED, estimated_usage(request, _ENDED), self.name, cost_usd=0.0)


def scripted(path: Path, used: int = 0) -> Canned:
    """The model in a script: replies one after the other, each below a line `@@ reply`.

    Instead of `reply` the line may name what goes wrong: `empty`, `truncated`, `refusal`, `time_out`,
    `rate_limit`, `unavailable`. `used` answers were given before (a run that is resumed).

    Raises:
        UsageError: for a file that is not there, or is no script.
    """
    where = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"cannot read the script: {why}", where=where, hint=_HINT) from error
    pieces = _HEADER.split(text)
    if pieces[0].strip() or len(pieces) < 3:
        raise UsageError("not a script of replies", where=where, hint=_HINT)
    answers: list[Reply | ModelFailure] = []
    for word, body in zip(pieces[1::2], pieces[2::2], strict=True):
        if word in _FINISHES:
            answers.append(Reply("" if word == "empty" else body, finish=_FINISHES[word]))
        elif word in list(Trouble) and Trouble(word).passes:
            answers.append(ModelFailure(Trouble(word), "as the script says", cost_usd=0.0, retry_after_s=0.0))
        else:
            raise UsageError(f"unknown kind of reply {word!r}", where=where, hint=_HINT)
    return Canned(f"scripted/{path.name}", answers, used)


def replayed(run: Path, used: int = 0) -> Canned:
    """The model calls of a run directory once more, in their order.

    Raises:
        UsageError: when this is no run, or no model was asked in it.
    """
    if not (run / "run.json").is_file():
        raise UsageError("not the folder of a run", where=str(run), hint="loopwright runs list")
    calls = [event.data for event in read_journal(run / "journal.jsonl") if event.kind == MODEL_CALL]
    answers = [_at_once(recorded_answer(call)) for call in calls]
    if not answers:
        raise UsageError("no model was asked in this run", where=str(run), hint="loopwright runs list")
    return Canned(f"replay/{run.name}", answers, used)


def _at_once(answer: Answer) -> Answer:
    """A recorded failure is not waited for again."""
    return replace(answer, retry_after_s=0.0) if isinstance(answer, ModelFailure) else answer


def recorded_answer(data: object) -> Answer:
    """The answer in the data of such an event."""
    assert isinstance(data, dict)
    if data.get("failure") is not None:
        return from_data(ModelFailure, data["failure"])
    return from_data(Reply, data["answer"])

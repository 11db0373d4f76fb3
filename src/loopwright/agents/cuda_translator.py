"""The built-in translator of CUDA programs: one edit, then nothing is left to propose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from loopwright.agents.strategies.translate import Translate
from loopwright.core.candidate import Candidate, Edit
from loopwright.core.errors import UsageError
from loopwright.core.tree import Tree
from loopwright.moves.cuda_syntax import NotTranslated
from loopwright.moves.cuda_translation import Translation, translate
from loopwright.workbench.bench import Workbench


@lru_cache(maxsize=1)
def translation_of(tree: Tree) -> Translation:
    """The translation of a program. It is asked for twice: before a run is made, and by the agent of the run.

    Raises:
        UsageError: naming what has none, with file and line.
    """
    try:
        return translate(tree)
    except NotTranslated as reason:
        raise UsageError(
            f"not translated to OpenMP: {reason.what}",
            where=f"{reason.file}:{reason.line}",
            hint="docs/gpu.md lists what is; a model can write the rest: --agent model:PROVIDER/NAME",
        ) from reason


@dataclass(frozen=True)
class CudaProposer:
    """Proposes the translation of the original."""

    def propose(self, parent: Candidate, bench: Workbench) -> Sequence[Edit]:
        """One edit of the original, none of a translation."""
        if parent.id != bench.original.id:
            return ()
        return (translation_of(bench.tree(parent)).edit(),)


@dataclass(frozen=True)
class CudaTranslator:
    """The built-in agent where CUDA sources are translated for processors."""

    name: str = "builtin"
    runs_unread_code: bool = False

    def work(self, bench: Workbench) -> None:
        """Have the translation judged."""
        Translate().search(bench, CudaProposer())

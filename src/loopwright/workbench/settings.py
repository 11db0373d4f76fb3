"""What a run was asked to do. Frozen in run.json when the run is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from loopwright.core.errors import UsageError
from loopwright.core.run import Budget
from loopwright.core.task import Target

_MOST_THREADS = 1024


@dataclass(frozen=True)
class ModelOptions:
    """How a language model is asked: address of a server instead of the provider's own, tier of the prompts
    (user, knowledgeable, expert), folder with prompts of the user's own.
    """

    base_url: str | None = None
    tier: str = "expert"
    prompts: str | None = None


@dataclass(frozen=True)
class Settings:
    """The choices of one run.

    Attributes:
        toolchain: name, as in "gcc-12"; None takes gcc if there is one, else clang.
        threads: processors to use when timing; None is all usable ones.
        sandbox: "auto", "bubblewrap" or "none".
        unread_code: whether candidates hold code that nobody has read; then "auto" insists on a sandbox.
        seed: for everything an agent draws by chance.
        translate: whether CUDA sources become a program for `target`; else they stay CUDA.
        memory: whether lessons of earlier runs are used, and this run's are kept. Never for comparisons.

    Raises:
        UsageError: for a number of threads that no program is started with.
    """

    agent: str = "builtin"
    strategy: str = "refine"
    target: Target = Target.OPENMP
    toolchain: str | None = None
    budget: Budget = field(default_factory=Budget)
    threads: int | None = None
    sandbox: str = "auto"
    seed: int = 1
    unread_code: bool = False
    model: ModelOptions = field(default_factory=ModelOptions)
    memory: bool = False
    translate: bool = False

    def __post_init__(self) -> None:
        if self.threads is not None and not 1 <= self.threads <= _MOST_THREADS:
            raise UsageError(
                f"{self.threads} threads",
                hint=f"--threads 1 to {_MOST_THREADS}; default: all usable processors",
            )

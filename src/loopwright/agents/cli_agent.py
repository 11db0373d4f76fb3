"""Command-line coding agents: `--agent codex` and others, or with a model as `codex:NAME`."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from loopwright.agents.adapters.adapter import Adapter
from loopwright.agents.allowance import Allowance
from loopwright.agents.cli_adapters import find_program, key_headers
from loopwright.agents.gateway import Gateway, Upstream
from loopwright.agents.outside import Program, work_outside
from loopwright.agents.workspace import visible_task
from loopwright.core.errors import UsageError
from loopwright.core.run import Budget
from loopwright.models.prices import Price, price_of, unpriced
from loopwright.models.secrets import redacted
from loopwright.models.templates import parse_tier, render
from loopwright.system.store import write_atomically
from loopwright.workbench.bench import Workbench
from loopwright.workbench.settings import ModelOptions

_STEP = "agent-step"
_USAGE = "agent-usage"


@dataclass(frozen=True)
class CliAgent:
    """Starts the program non-interactively in the sandbox, in a workspace with the task and instructions.

    It has the commands `loopwright check|time|profile` and the MCP server there, and no network but a gateway
    to its provider, which holds the key on the outside.

    Raises when made:
        ToolMissing: when the program is not installed. UsageError: without a key, or a model; for a budget of
            money and a model whose price is not known.
    """

    adapter: Adapter
    model: str
    options: ModelOptions
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        parse_tier(self.options.tier)
        find_program(self.adapter)
        if self.adapter.needs_model and not self.model:
            raise UsageError(
                f"{self.adapter.name} has no model of its own choice",
                hint=f"--agent {self.adapter.name}:NAME",
            )
        key_headers(self.adapter, self.options.base_url)
        if self.budget.cost_usd is not None and self._price(self.model) is None:
            raise unpriced(self.name if self.model else f"the model that {self.name} chooses")

    @property
    def name(self) -> str:
        """As on the command line."""
        return f"{self.adapter.name}:{self.model}" if self.model else self.adapter.name

    @property
    def runs_unread_code(self) -> bool:
        """Nobody has read what the program writes."""
        return True

    def work(self, bench: Workbench) -> None:
        """Run the program to its end or to that of the budget, then judge what it left."""
        upstream = Upstream(
            self.options.base_url or self.adapter.url, key_headers(self.adapter, self.options.base_url)
        )

        def make(workspace: Path, sockets: Path) -> Program:
            return self._program(bench, workspace, sockets, upstream)

        allowance = Allowance(bench, self._price)

        def beside(sockets: Path) -> AbstractContextManager[object]:
            return Gateway(sockets / "gateway", upstream, allowance.refusal, allowance.record,
                           one_at_a_time=allowance.is_limited)  # fmt: skip

        execution = work_outside(bench, self.name, make, beside)
        if execution is not None:
            self._record(bench, execution.stdout)

    def _price(self, model: str) -> Price | None:
        return price_of(self.adapter.prices, model, only_own=self.options.base_url is not None)

    def _program(self, bench: Workbench, workspace: Path, sockets: Path, upstream: Upstream) -> Program:
        home = bench.directory.path / "agent-home"
        home.mkdir(exist_ok=True)
        home.chmod(0o777)
        values = _values(bench, self.adapter)
        tier, target = bench.settings.model.tier, bench.settings.target.value
        folder = Path(self.options.prompts) if self.options.prompts else None
        if self.adapter.notes not in bench.task.tree:
            notes = render("workspace", tier, target, values, folder=folder)
            # Never through a link that an agent left there before a run was resumed.
            write_atomically(workspace / self.adapter.notes, notes.encode())
        prompt = render("outside", tier, target, values, folder=folder).strip()
        (bench.directory.evidence("agent") / "prompt.md").write_text(prompt + "\n")
        path, folders = find_program(self.adapter)
        start = self.adapter.start(path, prompt, self.model, upstream.path, home, sockets / "door")
        relay = Path(__file__).with_name("relay.py")
        argv = (sys.executable, str(relay), str(sockets / "gateway"), *start.argv)
        places = tuple(dict.fromkeys([str(Path(path).parent), *(str(f) for f in folders)]))
        environment = {"HOME": str(home), **start.env}
        return Program(argv, environment, readable=(relay, *folders), writable=(home,), path=places)

    def _record(self, bench: Workbench, stdout: bytes) -> None:
        events = self.adapter.read(stdout.splitlines())
        for step in events.steps:
            bench.journal.write(_STEP, step=step.kind, text=redacted(step.text))
        told: dict[str, Any] = asdict(events)
        del told["steps"]
        bench.journal.write(_USAGE, agent=self.name, steps=len(events.steps), **told)


def _values(bench: Workbench, adapter: Adapter) -> dict[str, Any]:
    task = visible_task(bench.task)
    budget = bench.settings.budget
    return {
        "task": {"name": task.name, "summary": task.summary, "language": task.language.value,
                 "editable": sorted(task.editable_files)},
        "notes": adapter.notes,
        "threads": bench.context.threads[-1],
        "baseline_s": bench.baseline.wall_s,
        "noise_percent": (bench.machine.noise.ratio - 1) * 100,
        "evaluations": budget.evaluations,
        "remaining_s": bench.remaining_s,
    }  # fmt: skip

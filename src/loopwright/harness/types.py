"""What a build and a run of one case give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loopwright.core.profile import Diagnostic, Remark
from loopwright.core.task import Case
from loopwright.core.timing import Sample
from loopwright.core.verdict import Failure
from loopwright.system.execution import Execution
from loopwright.toolchains.toolchain import Toolchain, Variant


@dataclass(frozen=True)
class BuildResult:
    """One build of one tree. `executable` is None if and only if `failure` is set."""

    directory: Path
    executable: Path | None
    toolchain: Toolchain
    variant: Variant
    log: str
    diagnostics: tuple[Diagnostic, ...] = ()
    failure: Failure | None = None
    wall_s: float = 0.0
    commands: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    """Optimisation remarks; only builds for a profile, made from sources, have them."""


@dataclass(frozen=True)
class CaseRun:
    """One execution of one case.

    `outputs` maps "stdout", the paths of output files, or the names of kernel arguments (and "return") to
    arrays; stdout is an array of numbers or of lines (dtype object), after the ignored lines are left out.
    Empty when `failure` is set. `nonce` stands for the inputs that a kernel had instead of the case's own, 0
    for these; `call` is the number of the timed call that `outputs` are from.
    """

    case: Case
    execution: Execution
    outputs: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    sample: Sample | None = None
    failure: Failure | None = None
    nonce: int = 0
    call: int = 0

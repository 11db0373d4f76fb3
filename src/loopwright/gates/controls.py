"""Positive controls: an instrument is believed after it caught a planted fault here and passed a clean twin.

The controls are small C, CUDA or HIP programs beside this file. Each line of a faulty one that says `planted`
must be among the places that are found; a clean one uses the same constructs rightly. They are built and
run as candidates are: same toolchain, flags, runner, environment and settings.
"""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

from loopwright.core.task import Build, Case, Output, StdoutMode, Target, Task
from loopwright.core.tree import Tree
from loopwright.gates import proofs
from loopwright.gates.findings import Place
from loopwright.gates.gate import Context
from loopwright.gates.instrument import Instrument, observe
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner
from loopwright.harness.failures import failure_of
from loopwright.toolchains.toolchain import Toolchain

_FOLDER = Path(__file__).with_name("controls")
_SUFFIXES = (".c", ".cu", ".hip")
_SUFFIX_OF = {Target.CUDA: ".cu", Target.HIP: ".hip"}
_MARK = "planted"
_WALL_S = 60.0


def proven(instrument: Instrument, toolchain: Toolchain, context: Context) -> str:
    """Empty when `instrument` passed its control with `toolchain` on this machine, now or earlier; else what
    went wrong.
    """
    return proofs.proven(
        _key(instrument, toolchain, context),
        f"{instrument.name} with {toolchain.name} {toolchain.version}",
        lambda: _tried(instrument, toolchain, context),
    )


def sources(name: str, target: Target = Target.OPENMP) -> tuple[str, str]:
    """The faulty control of the instrument `name` for programs of `target`, and its clean twin."""
    suffix = _suffix(name, target)
    faulty, clean = ((_FOLDER / f"{name}_{kind}{suffix}").read_text() for kind in ("faulty", "clean"))
    return faulty, clean


def planted(source: str, file: str = "control.c") -> frozenset[Place]:
    """The lines of a faulty control, which is called `file`, that must be found."""
    lines = enumerate(source.splitlines(), start=1)
    return frozenset(Place(file, number) for number, line in lines if _MARK in line)


def _suffix(name: str, target: Target) -> str:
    """That of C, CUDA or HIP: the one that fits `target`, when there are several."""
    suffixes = sorted(_SUFFIXES, key=lambda suffix: suffix != _SUFFIX_OF.get(target, ".c"))
    return next(suffix for suffix in suffixes if (_FOLDER / f"{name}_faulty{suffix}").is_file())


def _tried(instrument: Instrument, toolchain: Toolchain, context: Context) -> str:
    target = context.variant.target
    faulty, clean = sources(instrument.name, target)
    file = f"control{_suffix(instrument.name, target)}"
    for source, expected in ((faulty, planted(faulty, file)), (clean, frozenset[Place]())):
        task = Task(
            name=f"control-{instrument.name}",
            tree=Tree({file: source.encode()}),
            editable=(),
            build=Build(sources=(file,)),
            cases=(Case("control"),),
            output=Output(stdout=StdoutMode.IGNORE),
        )
        runner = context.cases.runner
        scratch = context.builder.scratch / "controls"
        builder = Builder(task, runner, scratch)
        cases = CaseRunner(task, runner, scratch, cores=context.cases.cores)
        variant = instrument.variant(toolchain, context)
        build = builder.build(task.tree, toolchain, variant)
        if build.failure is not None:
            return f"its control does not build: {build.failure.message}"
        found: set[Place] = set()
        for setting in instrument.settings(variant.target.uses_openmp):
            seen = observe(instrument, cases, task.tree, build, task.cases[0], setting, _WALL_S)
            found.update(place for finding in seen.findings for place in finding.places)
            if not seen.findings and not seen.explained:
                ended = failure_of(seen.execution, gate=instrument.name, what=str(setting))
                if ended is not None:
                    return f"its control does not run: {ended.message}"
            if not expected and seen.findings:
                return f"its correct control was called wrong: {seen.findings[0].message(task.tree)}"
        builder.discard(task.tree, toolchain, variant)
        if missed := expected - found:
            place = min(missed, key=str)
            return f"its control was not caught: {source.splitlines()[place.line - 1].strip()}"
    return ""


def _key(instrument: Instrument, toolchain: Toolchain, context: Context) -> str:
    """Everything that the answer depends on, as far as it can be known without running it."""
    driver = toolchain.compiler(context.task.language)
    used = (
        sources(instrument.name, context.variant.target),
        toolchain.name,
        toolchain.version,
        str(driver),
        driver.stat().st_mtime_ns,
        repr(instrument.variant(toolchain, context)),
        sorted(instrument.environment(toolchain).items()),
        [str(setting) for setting in instrument.settings(context.variant.target.uses_openmp)],
        instrument.identification(),
        context.cases.runner.name,
        platform.release(),
    )
    return hashlib.sha256(repr(used).encode()).hexdigest()

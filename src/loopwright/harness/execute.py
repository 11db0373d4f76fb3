"""Running one case of a built task, and collecting what came out."""

from __future__ import annotations

import mmap
import os
import statistics
import tempfile
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from loopwright.core.modes import FailureMode
from loopwright.core.task import Case, Task
from loopwright.core.timing import Sample
from loopwright.core.verdict import Failure
from loopwright.harness.environment import program_environment
from loopwright.harness.failures import failure_of
from loopwright.harness.outputs import MalformedOutput, MissingOutput, program_outputs
from loopwright.harness.types import BuildResult, CaseRun
from loopwright.system.execution import Command, Execution, Limits, Runner
from loopwright.system.gpu_files import Gpu, GpuFiles, gpu_files
from loopwright.system.store import remove_tree, require_room
from loopwright.tasks.driver import (
    LateOutputs,
    MalformedResult,
    driver_arguments,
    explain_exit,
    read_result,
)
from loopwright.toolchains.device import Device

_RESULT = "loopwright_result.bin"
_LARGE_BYTES = 1 << 20
_MADV_POPULATE_WRITE = 23


@dataclass(frozen=True)
class RunOptions:
    """How one run is made. The first four are for the driver of a kernel task: timed repetitions, those
    before that are not counted, where arrays lie against their guard pages ("aligned", "end", "start"), and
    the nonce of a single call (see :func:`loopwright.tasks.driver.driver_arguments`).
    `quiet` is :attr:`loopwright.system.execution.Command.quiet`.
    """

    repetitions: int = 1
    warmup: int = 0
    placement: str = "aligned"
    nonce: int = 0
    quiet: bool = False


class CaseRunner:
    """Runs cases of one task, each in a fresh working folder below `scratch`."""

    def __init__(self, task: Task, runner: Runner, scratch: Path, *, cores: int) -> None:
        self.task = task
        self.runner = runner
        self.scratch = scratch
        self.cores = cores

    def command(
        self, build: BuildResult, case: Case, folder: Path, *, threads: int, options: RunOptions
    ) -> Command:
        """The command of one run in `folder`, which gets the case's input files."""
        assert build.executable is not None
        for path in case.files:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.task.tree[path])
        env = program_environment(
            case,
            threads=threads,
            toolchain=build.toolchain.environment(build.variant),
            timed=options.quiet,
            oversubscribed=threads > self.cores,
        )
        args = case.args
        if self.task.kernel is not None:
            for path in _data_files(self.task):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.task.tree[path])
            args = driver_arguments(
                self.task,
                case,
                repetitions=options.repetitions,
                warmup=options.warmup,
                placement=options.placement,
                nonce=options.nonce,
                result=_RESULT,
            )
        gpu = gpu_files(Gpu.NVIDIA) if build.variant.device is Device.NVPTX else GpuFiles()
        return Command(
            argv=(str(build.executable), *args),
            cwd=folder,
            env=env,
            stdin=self.task.tree[case.stdin] if case.stdin is not None else None,
            readable=(build.executable, *gpu.readable),
            nodes=gpu.nodes,
            quiet=options.quiet,
        )

    def run(
        self,
        build: BuildResult,
        case: Case,
        limits: Limits,
        *,
        threads: int,
        gate: str,
        options: RunOptions | None = None,
    ) -> CaseRun:
        """Run `case` once. What the program does wrong is in `CaseRun.failure`, under the name `gate`.

        Raises:
            DiskFull: when it failed and, without what it wrote itself, there is no room either.
        """
        folder = self.scratch / "box" / uuid.uuid4().hex
        folder.mkdir(parents=True)
        options = options or RunOptions()
        try:
            execution = self.runner.run(
                self.command(build, case, folder, threads=threads, options=options), limits
            )
            what = f"case {case.name}, {threads} thread{'s' if threads != 1 else ''}"
            if self.task.kernel is None:
                run = self._program(case, execution, folder, gate, what)
            else:
                run = self._kernel(case, execution, folder, gate, what, options)
        finally:
            remove_tree(folder)
        if run.failure is not None:
            require_room(self.scratch, Path(tempfile.gettempdir()))
        return run

    def _program(self, case: Case, execution: Execution, folder: Path, gate: str, what: str) -> CaseRun:
        if (failure := failure_of(execution, gate=gate, what=what)) is not None:
            return CaseRun(case, execution, failure=failure)
        try:
            outputs = program_outputs(self.task.output, execution.stdout, folder)
        except MalformedOutput as error:
            missing = isinstance(error, MissingOutput)
            mode = FailureMode.MISSING_OUTPUT if missing else FailureMode.MALFORMED_OUTPUT
            return CaseRun(case, execution, failure=Failure(mode, gate, f"{what}: {error}"))
        return CaseRun(case, execution, outputs, sample_of(execution, execution.wall_s))

    def _kernel(
        self, case: Case, execution: Execution, folder: Path, gate: str, what: str, options: RunOptions
    ) -> CaseRun:
        stderr = execution.stderr.decode("utf-8", "replace")
        explained = explain_exit(execution.exit_code, execution.signal, stderr)
        failure = failure_of(execution, gate=gate, what=what)
        if failure is not None and explained is not None:
            mode, message = explained
            failure = Failure(mode, gate, f"{what}: {message}", failure.evidence)
        if failure is not None:
            return CaseRun(case, execution, failure=failure)
        path = folder / _RESULT
        try:
            if path.is_symlink() or not path.is_file():
                raise MalformedResult("the driver's result is missing: the program ended before it was done")
            result = read_result(_content(path), self.task, case, repetitions=options.repetitions)
            alone = options.repetitions + options.warmup == 1
            if (result.nonce != options.nonce) if alone else (result.nonce == 0):
                raise MalformedResult("the result is of other inputs than were asked for")
        except MalformedResult as error:
            late = isinstance(error, LateOutputs)
            mode = FailureMode.FORGED_TIME if late else FailureMode.MALFORMED_OUTPUT
            return CaseRun(case, execution, failure=Failure(mode, gate, f"{what}: {error}"))
        if result.fp_control_changed and not self.task.fast_math:
            changed = Failure(
                FailureMode.FP_CONTROL_CHANGED,
                gate,
                f"{what}: leaves the processor with another rounding or treatment of tiny numbers than a "
                "program starts with, for whatever is computed next",
            )
            return CaseRun(case, execution, failure=changed)
        sample = replace(
            sample_of(execution, statistics.median(result.inner_s)), inner_s=tuple(result.inner_s)
        )
        if sum(result.inner_s) > execution.outer_s:
            forged = Failure(
                FailureMode.FORGED_TIME,
                gate,
                f"{what}: the repetitions claim {sum(result.inner_s):.6f} s inside a process of "
                f"{execution.outer_s:.6f} s",
            )
            return CaseRun(case, execution, failure=forged)
        return CaseRun(case, execution, result.outputs, sample, nonce=result.nonce, call=result.round)


def _content(path: Path) -> bytes | mmap.mmap:
    """The bytes of a file. Memory for many of them is had at once, which takes half as long as page by page.

    A copy, and no mapping of the file: nobody can change it once it was looked at.
    """
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes < _LARGE_BYTES:
            return file.read()
        memory = mmap.mmap(-1, size_bytes)
        with suppress(OSError):  # an older system
            memory.madvise(_MADV_POPULATE_WRITE)
        file.readinto(memory)
        return memory


def sample_of(execution: Execution, wall_s: float) -> Sample:
    """The sample of one execution, with the kernel's accounting beside the time that counts."""
    return Sample(
        wall_s=wall_s,
        user_s=execution.user_s,
        system_s=execution.system_s,
        peak_memory_bytes=execution.peak_memory_bytes,
        outer_s=execution.outer_s,
    )


def _data_files(task: Task) -> list[str]:
    assert task.kernel is not None
    return sorted(
        str(argument.init.options["path"])
        for argument in task.kernel.arguments
        if argument.init.kind == "npy" and "path" in argument.init.options
    )

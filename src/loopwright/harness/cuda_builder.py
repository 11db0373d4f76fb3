"""Building a CUDA program for the emulation, and its translation with an ordinary compiler."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from loopwright.core.task import Language, Task
from loopwright.core.tree import Tree
from loopwright.harness.build import Builder
from loopwright.harness.cuda_emulation.toolchain import EmulatedCuda
from loopwright.harness.types import BuildResult
from loopwright.system.execution import Runner
from loopwright.tasks.cuda_translation import translated_path
from loopwright.toolchains.toolchain import Toolchain, Variant


class TranslationBuilder(Builder):
    """Builds the original of a CUDA task by `emulation`, whatever toolchain is asked for, and every other
    tree from the translated sources, with that toolchain. A candidate that still is CUDA does not build.
    """

    def __init__(self, task: Task, runner: Runner, scratch: Path, emulation: EmulatedCuda) -> None:
        sources = tuple(map(translated_path, task.build.sources))
        # The header of a CUDA kernel is CUDA; what the function looks like stands in the prototype, too.
        kernel = task.kernel and replace(task.kernel, language=Language.CXX, header=None)
        build = replace(task.build, sources=sources)
        super().__init__(replace(task, build=build, language=Language.CXX, kernel=kernel), runner, scratch)
        self.emulation = emulation
        self._original_tree = task.tree
        self._original = Builder(task, runner, scratch)

    def build(self, tree: Tree, toolchain: Toolchain, variant: Variant) -> BuildResult:
        """As :meth:`Builder.build`; the original by the emulation."""
        if self._is_original(tree):
            return self._original.build(tree, self.emulation, variant)
        return super().build(tree, toolchain, variant)

    def discard(self, tree: Tree, toolchain: Toolchain, variant: Variant) -> None:
        """As :meth:`Builder.discard`."""
        if self._is_original(tree):
            self._original.discard(tree, self.emulation, variant)
        else:
            super().discard(tree, toolchain, variant)

    def _is_original(self, tree: Tree) -> bool:
        return tree.digest == self._original_tree.digest

"""The one vocabulary of failure modes: why a candidate was not accepted, in one word, with a category.

The raw status of a process (exit code, signal, limit) is kept beside it in the evidence.
"""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    """Where in the way of a candidate a failure belongs."""

    EDIT = "edit"
    INTEGRITY = "integrity"
    BUILD = "build"
    RUN = "run"
    OUTPUT = "output"
    SAFETY = "safety"
    OFFLOAD = "offload"
    TIMING = "timing"
    HELD_OUT = "held-out"


class FailureMode(StrEnum):
    """Why a candidate failed. Names are a contract: they stand in journals and in `--json`."""

    MALFORMED_EDIT = "malformed_edit"
    NO_CHANGE = "no_change"
    PROTECTED_FILE = "protected_file"
    BUILD_ERROR = "build_error"
    BUILD_TIMEOUT = "build_timeout"
    BUILD_NO_EXECUTABLE = "build_no_executable"
    CRASH = "crash"
    NONZERO_EXIT = "nonzero_exit"
    TIME_LIMIT = "time_limit"
    CPU_LIMIT = "cpu_limit"
    MEMORY_LIMIT = "memory_limit"
    PROCESS_LIMIT = "process_limit"
    OUTPUT_LIMIT = "output_limit"
    DISK_LIMIT = "disk_limit"
    WROTE_OUTSIDE = "wrote_outside"
    LEFT_PROCESSES = "left_processes"
    MISSING_OUTPUT = "missing_output"
    MALFORMED_OUTPUT = "malformed_output"
    WRONG_OUTPUT = "wrong_output"
    STALE_OUTPUT = "stale_output"
    NONDETERMINISTIC = "nondeterministic"
    THREAD_DEPENDENT = "thread_dependent"
    INPUT_MODIFIED = "input_modified"
    OUT_OF_BOUNDS = "out_of_bounds"
    DATA_RACE = "data_race"
    BARRIER_DIVERGENCE = "barrier_divergence"
    MEMORY_ERROR = "memory_error"
    UNDEFINED_BEHAVIOUR = "undefined_behaviour"
    UNINITIALISED_READ = "uninitialised_read"
    FP_CONTROL_CHANGED = "fp_control_changed"
    WRONG_MAPPING = "wrong_mapping"
    PLAN_MISMATCH = "plan_mismatch"
    NOT_OFFLOADED = "not_offloaded"
    BELOW_FLOOR = "below_floor"
    FORGED_TIME = "forged_time"
    HELD_OUT_FAILURE = "held_out_failure"

    @property
    def category(self) -> Category:
        """The stage of the way that this mode belongs to."""
        return _CATEGORY[self]


_BY_CATEGORY: dict[Category, tuple[FailureMode, ...]] = {
    Category.EDIT: (FailureMode.MALFORMED_EDIT, FailureMode.NO_CHANGE),
    Category.INTEGRITY: (FailureMode.PROTECTED_FILE,),
    Category.BUILD: (FailureMode.BUILD_ERROR, FailureMode.BUILD_TIMEOUT, FailureMode.BUILD_NO_EXECUTABLE),
    Category.RUN: (
        FailureMode.CRASH,
        FailureMode.NONZERO_EXIT,
        FailureMode.TIME_LIMIT,
        FailureMode.CPU_LIMIT,
        FailureMode.MEMORY_LIMIT,
        FailureMode.PROCESS_LIMIT,
        FailureMode.OUTPUT_LIMIT,
        FailureMode.DISK_LIMIT,
        FailureMode.WROTE_OUTSIDE,
        FailureMode.LEFT_PROCESSES,
    ),
    Category.OUTPUT: (
        FailureMode.MISSING_OUTPUT,
        FailureMode.MALFORMED_OUTPUT,
        FailureMode.WRONG_OUTPUT,
        FailureMode.STALE_OUTPUT,
        FailureMode.NONDETERMINISTIC,
        FailureMode.THREAD_DEPENDENT,
        FailureMode.INPUT_MODIFIED,
    ),
    Category.SAFETY: (
        FailureMode.OUT_OF_BOUNDS,
        FailureMode.DATA_RACE,
        FailureMode.BARRIER_DIVERGENCE,
        FailureMode.MEMORY_ERROR,
        FailureMode.UNDEFINED_BEHAVIOUR,
        FailureMode.UNINITIALISED_READ,
        FailureMode.FP_CONTROL_CHANGED,
    ),
    Category.OFFLOAD: (
        FailureMode.WRONG_MAPPING,
        FailureMode.PLAN_MISMATCH,
        FailureMode.NOT_OFFLOADED,
    ),
    Category.TIMING: (FailureMode.BELOW_FLOOR, FailureMode.FORGED_TIME),
    Category.HELD_OUT: (FailureMode.HELD_OUT_FAILURE,),
}
_CATEGORY: dict[FailureMode, Category] = {
    mode: category for category, modes in _BY_CATEGORY.items() for mode in modes
}

"""For on-a-gpu.sh: lays out the versions of the examples that go to a GPU, and times them in turn.

    gpu_examples.py lay FOLDER        FOLDER/EXAMPLE/{original,builtin,expert}/, and the timed arguments
    gpu_examples.py time EXAMPLE OUT  rounds A B B A of whole executions; a line of JSON for each version

Needs Python 3.11 alone, not Loopwright: a lent machine may have nothing else.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples" / "offload"
KEPT = ROOT / "docs" / "data" / "offload-without-gpu.json"
ROUNDS, EXECUTION_S = 3, 60.0
TOLERANCE = 1e-8


def lay(folder: Path) -> None:
    """Every example of examples/offload that is a program, in all its versions."""
    kept = json.loads(KEPT.read_text())["examples"]
    for example in sorted(EXAMPLES.glob("*/loopwright.toml")):
        name = example.parent.name
        task = tomllib.loads(example.read_text())
        timed = next(case for case in task["case"] if case.get("use") == "time")
        changes = {"original": {}, "builtin": kept[f"offload/{name}"].get("changes", {})}
        changes["expert"] = {p.name: p.read_text() for p in (EXAMPLES / "expert" / name).iterdir()}
        for version, files in changes.items():
            place = folder / name / version
            shutil.copytree(example.parent, place, dirs_exist_ok=True)
            for path, text in files.items():
                (place / path).write_text(text)
        (folder / name / "arguments.txt").write_text(" ".join(timed["args"]))


def run(folder: Path, arguments: list[str]) -> tuple[float, str]:
    """Seconds and printed text of one execution. Raises CalledProcessError, TimeoutExpired."""
    begun = time.perf_counter()
    done = subprocess.run(
        ["./prog", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=EXECUTION_S
    )
    return time.perf_counter() - begun, done.stdout


def same(one: str, other: str) -> bool:
    """Whether two outputs say the same, numbers within a relative tolerance."""
    first, second = one.split(), other.split()
    return len(first) == len(second) and all(map(_alike, first, second))


def _alike(one: str, other: str) -> bool:
    try:
        return abs(float(one) - float(other)) <= TOLERANCE * max(1.0, abs(float(one)))
    except ValueError:
        return one == other


def timed(example: Path, out: Path) -> bool:
    """Time what was built of an example; whether all of it ran and said what the original says."""
    arguments = (example / "arguments.txt").read_text().split()
    right = True
    for version in ("builtin", "expert"):
        told: dict[str, object] = {"example": example.name, "version": version}
        samples: dict[str, list[float]] = {"original": [], version: []}
        try:
            _, expected = run(example / "original", arguments)  # the first execution of each does not count
            _, printed = run(example / version, arguments)
            told["same_output"] = same(expected, printed)
            for _ in range(ROUNDS):
                for each in ("original", version, version, "original"):
                    samples[each].append(run(example / each, arguments)[0])
        except (OSError, subprocess.SubprocessError) as error:
            told["problem"] = str(error)
        right = right and bool(told.get("same_output")) and "problem" not in told
        with out.open("a") as file:
            file.write(json.dumps({**told, "wall_s": samples}) + "\n")
    return right


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["lay", folder]:
            lay(Path(folder))
        case ["time", example, out]:
            sys.exit(0 if timed(Path(example), Path(out)) else 1)
        case _:
            sys.exit(__doc__)

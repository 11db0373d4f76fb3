"""Optimises the whole programs of examples/programs one after another and prints what came out.

    .venv/bin/python scripts/measure-programs.py [--budget 90s] [--json FILE] [--home FOLDER] [NAME...]

Nobody names a loop: each is `loopwright optimize PROGRAM -- ARGUMENTS`. The machine should be idle. With
--json the results are kept in FILE, written after every program; those that it holds are not run again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path

from loopwright.system.machine import this_machine
from loopwright.workbench.records import to_data

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "examples" / "programs"


def arguments() -> dict[str, list[str]]:
    """The arguments of each program, by file name."""
    lines = (PROGRAMS / "arguments.txt").read_text().splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    return {name: rest for name, *rest in words}


def optimised(name: str, given: list[str], options: argparse.Namespace) -> dict[str, object]:
    """The result of one program as `--json` prints it, with what was run and the patch."""
    command = [
        str(Path(sys.executable).with_name("loopwright")), "optimize", str(PROGRAMS / name), "--json",
        "--budget", options.budget, "--strategy", options.strategy, "--home", options.home, "--", *given,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{name}: status {done.returncode}\n{done.stderr}")
    result: dict[str, object] = json.loads(done.stdout)
    directory = Path(str(result.pop("directory")))
    return {
        "arguments": given,
        "digest": hashlib.sha256((PROGRAMS / name).read_bytes()).hexdigest(),
        "result": result,
        "patch": (directory / "best.patch").read_text(),
    }


def row(name: str, result: dict[str, object]) -> tuple[float, str]:
    """The speedup of one result, 1 without any, and its line in the table."""
    best = result["best"]
    if isinstance(best, dict):
        speedup = best["speedup"]
        estimate = float(speedup["estimate"])
        interval = f"{speedup['low']:.2f} to {speedup['high']:.2f}"
        shown, words = f"{estimate:8.2f}  {interval:15}", f"{best['verified']}; {best['title']}"
    else:
        estimate, shown, words = 1.0, f"{'-':>8}  {'':15}", str(result["reason"])
    return estimate, f"{name:16} {result['status']:9} {shown} {result['evaluations']:5}  {words}"


def main() -> None:
    """One line a program, and the geometric mean with what is not faster at 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", help="programs; all without")
    parser.add_argument("--budget", default="90s")
    parser.add_argument("--strategy", default="refine")
    parser.add_argument("--home", default=".loopwright")
    parser.add_argument("--json", type=Path, help="file of results, to be gone on with")
    options = parser.parse_args()
    settings = {"budget": options.budget, "strategy": options.strategy, "machine": to_data(this_machine())}
    done: dict[str, dict[str, object]] = {}
    if options.json and options.json.exists():
        known = json.loads(options.json.read_text())
        if known["settings"] != settings:
            sys.exit(
                f"{options.json} was measured with other settings or on another machine: {known['settings']}"
            )
        done = known["programs"]
    print(f"{'program':16} {'status':9} {'speedup':>8}  {'95 % interval':15} {'evals':>5}  verified, best")
    speedups: list[float] = []
    for name, given in arguments().items():
        if options.names and name not in options.names:
            continue
        if name not in done:
            done[name] = optimised(name, given, options)
            if options.json:
                content = {"schema": 1, "kind": "programs", "settings": settings, "programs": done}
                options.json.write_text(json.dumps(content, indent=1) + "\n")
        result = done[name]["result"]
        assert isinstance(result, dict)
        speedup, line = row(name, result)
        speedups.append(speedup)
        print(line, flush=True)
    mean = math.exp(math.fsum(math.log(max(s, 1.0)) for s in speedups) / len(speedups))
    print(f"geometric mean {mean:.2f} of {len(speedups)}, lowest {min(speedups):.2f}")


if __name__ == "__main__":
    main()

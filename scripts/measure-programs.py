"""Optimises the whole programs of examples/programs one after another and prints what came out.

    .venv/bin/python scripts/measure-programs.py [--budget 40s] [--home FOLDER] [--strategy S] [NAME...]

Nobody names a loop: each is `loopwright optimize PROGRAM -- ARGUMENTS`. The machine should be idle.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "examples" / "programs"


def arguments() -> dict[str, list[str]]:
    """The arguments of each program, by file name."""
    lines = (PROGRAMS / "arguments.txt").read_text().splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    return {name: rest for name, *rest in words}


def optimised(name: str, given: list[str], options: argparse.Namespace) -> dict[str, object]:
    """The result of one program as `--json` prints it."""
    command = [
        str(Path(sys.executable).with_name("loopwright")), "optimize", str(PROGRAMS / name), "--json",
        "--budget", options.budget, "--strategy", options.strategy, "--home", options.home, "--", *given,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{name}: status {done.returncode}\n{done.stderr}")
    result: dict[str, object] = json.loads(done.stdout)
    return result


def main() -> None:
    """One line a program, and the geometric mean with what is not faster at 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="programs; all without")
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--strategy", default="refine")
    parser.add_argument("--home", default=".loopwright")
    options = parser.parse_args()
    wanted = {n: a for n, a in arguments().items() if not options.names or n in options.names}
    speedups: list[float] = []
    begun = time.monotonic()
    print(f"{'program':16} {'status':9} {'speedup':>8}  {'95 % interval':15} {'evals':>5}  verified, best")
    for name, given in wanted.items():
        result = optimised(name, given, options)
        best = result["best"]
        if isinstance(best, dict):
            speedup = best["speedup"]
            speedups.append(speedup["estimate"])
            interval = f"{speedup['low']:.2f} to {speedup['high']:.2f}"
            shown = f"{speedup['estimate']:8.2f}  {interval:15}"
            words = f"{best['verified']}; {best['title']}"
        else:
            speedups.append(1.0)
            shown, words = f"{'-':>8}  {'':15}", str(result["reason"])
        print(f"{name:16} {result['status']:9} {shown} {result['evaluations']:5}  {words}", flush=True)
    mean = math.exp(math.fsum(math.log(max(s, 1e-9)) for s in speedups) / len(speedups))
    print(f"geometric mean {mean:.2f}, lowest {min(speedups):.2f}, {(time.monotonic() - begun) / 60:.1f} min")


if __name__ == "__main__":
    main()

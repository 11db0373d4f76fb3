"""scripts/on-a-gpu.sh on a machine without a GPU; with one it is run by hand (docs/gpu.md)."""

from __future__ import annotations

import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "on-a-gpu.sh"


def test_without_a_gpu_it_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "nvidia-smi"
    broken.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed' >&2\nexit 9\n")
    broken.chmod(0o755)
    results = tmp_path / "results"
    done = subprocess.run(
        ["/bin/sh", str(SCRIPT), str(results)],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no NVIDIA GPU" in done.stderr and "nothing was run" in done.stderr
    assert not results.exists()

"""A program that is built for a GPU sees its device files in the sandbox, others see none.

No GPU is needed and none is used: a device node of our own making stands for that of a driver.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from loopwright.system.execution import Command, Execution, Limits, Runner
from loopwright.system.gpu_files import Gpu, GpuFiles, gpu_files

NVIDIA = ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-caps/nvidia-cap1")
AMD = ("kfd", "dri/renderD128")
OTHERS = ("null", "sda", "dri/card0", "nvram")


def machine(root: Path, *names: str) -> Path:
    """A root folder with plain files for device nodes, and what drivers read below /sys."""
    for name in names:
        path = root / "dev" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for folder in ("bus/pci/devices", "devices/pci0000:00", "module/nvidia_uvm", "module/ext4", "class/kfd"):
        (root / "sys" / folder).mkdir(parents=True)
    return root


@pytest.mark.parametrize(("gpu", "own"), [(Gpu.NVIDIA, NVIDIA), (Gpu.AMD, AMD)])
def test_each_driver_has_its_own_files(gpu: Gpu, own: tuple[str, ...], tmp_path: Path) -> None:
    root = machine(tmp_path, *NVIDIA, *AMD, *OTHERS)
    found = gpu_files(gpu, root)
    assert {str(p.relative_to(root / "dev")) for p in found.nodes} == set(own)
    assert root / "sys/bus/pci" in found.readable
    assert root / "sys/module/ext4" not in found.readable


def test_without_a_gpu_nothing_is_shown(tmp_path: Path) -> None:
    root = machine(tmp_path, *OTHERS)
    assert gpu_files(Gpu.NVIDIA, root) == gpu_files(Gpu.AMD, root) == GpuFiles()


def zeros(runner: Runner, cwd: Path, node: Path, *nodes: Path) -> Execution:
    """Four bytes of a device, as a program in the sandbox reads them."""
    command = Command(("sh", "-c", f"head -c 4 {node} | od -An -tx1; ls /dev"), cwd, nodes=nodes)
    return runner.run(command, Limits(wall_s=20))


def test_a_device_file_works_in_the_sandbox_when_it_is_asked_for(
    sandbox: Runner, cwd: Path, tmp_path: Path
) -> None:
    node = tmp_path / "fake-gpu"
    try:
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 5))  # what /dev/zero is
        with node.open("rb") as opened:
            opened.read(1)
    except OSError as error:
        pytest.skip(f"no device node can be made here: {error}")
    shown = zeros(sandbox, cwd, node, node)
    assert shown.ok and b"00 00 00 00" in shown.stdout and shown.wrote_outside == ()
    hidden = zeros(sandbox, cwd, node)
    assert b"00 00 00 00" not in hidden.stdout and b"No such file" in hidden.stderr


def test_a_node_of_the_host_is_there_under_its_name_and_alone(sandbox: Runner, cwd: Path) -> None:
    others = [
        p
        for p in sorted(Path("/dev").iterdir())
        if p.is_char_device() and p.name[:3] in ("fus", "kvm", "loo")
    ]
    if len(others) < 2:
        pytest.skip("no further device nodes here")
    shown, hidden = others[:2]
    seen = zeros(sandbox, cwd, Path("/dev/zero"), shown).stdout.decode().split()
    assert shown.name in seen and hidden.name not in seen
    assert shown.name not in zeros(sandbox, cwd, Path("/dev/zero")).stdout.decode().split()


def test_a_node_that_is_gone_is_an_error_not_a_run_without_it(sandbox: Runner, cwd: Path) -> None:
    done = zeros(sandbox, cwd, Path("/dev/zero"), Path("/dev/nvidia-not-there"))
    assert not done.ok and done.stdout == b""

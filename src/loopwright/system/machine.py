"""What this machine is, from /proc, /sys and the limits put on us. Unknown is empty, never guessed."""

from __future__ import annotations

import math
import os
import platform
from functools import cache
from pathlib import Path

from loopwright.core.machine import Machine

_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_ARM_IMPLEMENTERS = {
    "0x41": "Arm", "0x42": "Broadcom", "0x43": "Cavium", "0x46": "Fujitsu", "0x48": "HiSilicon",
    "0x4e": "NVIDIA", "0x50": "APM", "0x51": "Qualcomm", "0x61": "Apple",
    "0x6d": "Microsoft", "0xc0": "Ampere",
}  # fmt: skip
_ARM_PARTS = {
    ("0x41", "0xd03"): "Cortex-A53", ("0x41", "0xd07"): "Cortex-A57", ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd0b"): "Cortex-A76", ("0x41", "0xd0c"): "Neoverse-N1", ("0x41", "0xd40"): "Neoverse-V1",
    ("0x41", "0xd49"): "Neoverse-N2", ("0x41", "0xd4f"): "Neoverse-V2", ("0x46", "0x001"): "A64FX",
    ("0xc0", "0xac3"): "Ampere-1",
}  # fmt: skip
_ONE_THIRD = 1 / 3


@cache
def this_machine() -> Machine:
    """The machine that we run on, with the cores that we may use (affinity and cgroup quota)."""
    info = parse_cpuinfo(_text("/proc/cpuinfo"))
    return Machine(
        cpu=_cpu_name(info),
        architecture=platform.machine(),
        cores=usable_cores(),
        memory_bytes=_memory_bytes(),
        caches_bytes=_caches(Path("/sys/devices/system/cpu")),
        features=tuple(sorted((info.get("flags") or info.get("Features") or "").split())),
        os=_os_name(_text("/etc/os-release") or _text("/usr/lib/os-release")),
        kernel=platform.release(),
        virtualised=_virtualised(info),
    )


def usable_cpus() -> tuple[int, ...]:
    """Numbers of the processors that this process may run on, in order."""
    return tuple(sorted(os.sched_getaffinity(0)))


def usable_cores() -> int:
    """How many threads can run at one time: the affinity, further cut by a cgroup's CPU quota."""
    quota = _cgroup_cpus()
    count = len(usable_cpus())
    # A quota of 1.5 lets two threads run, though not all the time.
    return count if quota is None else max(1, min(count, math.ceil(quota - _ONE_THIRD)))


def parse_cpuinfo(text: str) -> dict[str, str]:
    """The fields of the first processor in /proc/cpuinfo, and those that stand behind all (ARM, POWER)."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    return fields


def _cpu_name(info: dict[str, str]) -> str:
    for field in ("model name", "Model Name", "cpu model", "cpu"):
        if info.get(field):
            return " ".join(info[field].split())
    implementer, part = info.get("CPU implementer", ""), info.get("CPU part", "")
    if implementer:
        vendor = _ARM_IMPLEMENTERS.get(implementer, f"implementer {implementer}")
        return f"{vendor} {_ARM_PARTS.get((implementer, part), f'part {part}')}"
    return ""


def _memory_bytes() -> int:
    """Physical memory, or the cgroup's limit where that is lower."""
    total = 0
    for line in _text("/proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            total = int(line.split()[1]) * 1024
    limits = [int(text) for text in _cgroup_values("memory.max", "memory", "memory.limit_in_bytes")
              if text.isdigit()]  # fmt: skip
    return min([total, *limits]) if total else 0


def _cgroup_cpus() -> float | None:
    """The CPU quota in processors, None when there is none."""
    quotas = []
    for text in _cgroup_values("cpu.max", "", ""):
        quota, _, period = text.partition(" ")
        if quota.isdigit() and period.isdigit() and int(period) > 0:
            quotas.append(int(quota) / int(period))
    v1 = zip(
        _cgroup_values("", "cpu", "cpu.cfs_quota_us"),
        _cgroup_values("", "cpu", "cpu.cfs_period_us"),
        strict=False,
    )
    quotas += [int(quota) / int(period) for quota, period in v1 if int(quota) > 0 and int(period) > 0]
    return min(quotas, default=None)


def _cgroup_values(v2_file: str, v1_controller: str, v1_file: str) -> list[str]:
    """Contents of a control file in our cgroup and in all above it (a limit above holds, too)."""
    found = []
    for line in _text("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "" and v2_file:
            base, name = Path("/sys/fs/cgroup"), v2_file
        elif v1_controller and v1_controller in controllers.split(","):
            base, name = Path("/sys/fs/cgroup") / v1_controller, v1_file
        else:
            continue
        here = base / path.lstrip("/")
        levels = [folder for folder in (here, *here.parents) if folder.is_relative_to(base)]
        found += [text for folder in levels if (text := _text(folder / name).strip())]
    return found


def _caches(cpus: Path) -> dict[str, int]:
    """Size of each cache that the first processor has: `L1d`, `L1i`, `L2`, `L3`."""
    sizes: dict[str, int] = {}
    for index in sorted((cpus / "cpu0" / "cache").glob("index[0-9]*")):
        kind, size = _text(index / "type").strip(), _text(index / "size").strip()
        if size and size[-1] in _UNITS and size[:-1].isdigit():
            suffix = {"Data": "d", "Instruction": "i"}.get(kind, "")
            sizes[f"L{_text(index / 'level').strip()}{suffix}"] = int(size[:-1]) * _UNITS[size[-1]]
    return sizes


def _os_name(release: str) -> str:
    for line in release.splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip().strip('"')
    return ""


def _virtualised(info: dict[str, str]) -> bool | None:
    """x86 processors tell in a flag; elsewhere firmware tables name a hypervisor, or nothing is known."""
    if "flags" in info:
        return "hypervisor" in info["flags"].split()
    product = (_text("/sys/class/dmi/id/sys_vendor") + _text("/sys/class/dmi/id/product_name")).lower()
    if any(word in product for word in ("qemu", "kvm", "vmware", "virtual", "xen", "amazon ec2")):
        return "metal" not in product
    return True if Path("/proc/device-tree/hypervisor").exists() else None


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""

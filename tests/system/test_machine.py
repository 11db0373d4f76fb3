"""What is told of this machine, against what the system says; and what other machines print."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from loopwright.system import machine
from loopwright.system.machine import parse_cpuinfo, this_machine, usable_cores, usable_cpus

# /proc/cpuinfo of an Ampere Altra and of an A64FX node (Linux 5.15 and 4.18), and of a POWER9, shortened.
ALTRA = """processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1
"""
A64FX = ALTRA.replace("0x41", "0x46").replace("0xd0c", "0x001")
UNKNOWN_ARM = ALTRA.replace("0xd0c", "0xfff")
POWER9 = "processor\t: 0\ncpu\t\t: POWER9, altivec supported\nclock\t\t: 2300.000000MHz\n"


def test_this_machine_is_what_the_system_says() -> None:
    here = this_machine()
    assert here.architecture == platform.machine()
    assert here.kernel == platform.release()
    assert 1 <= here.cores <= len(os.sched_getaffinity(0)) <= (os.cpu_count() or 1)
    assert 0 < here.memory_bytes <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 1.1
    if platform.machine() == "x86_64":
        assert "sse2" in here.features
        assert here.cpu in Path("/proc/cpuinfo").read_text()


@pytest.mark.skipif(shutil.which("getconf") is None, reason="getconf is not installed")
@pytest.mark.parametrize(("name", "variable"), [("L1d", "LEVEL1_DCACHE_SIZE"), ("L2", "LEVEL2_CACHE_SIZE")])
def test_caches_are_those_of_getconf(name: str, variable: str) -> None:
    known = subprocess.run(["getconf", variable], capture_output=True, text=True, check=False).stdout.strip()
    if name not in this_machine().caches_bytes or known in ("", "0", "undefined"):
        pytest.skip("the kernel or the C library does not know")
    assert this_machine().caches_bytes[name] == int(known)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (ALTRA, "Arm Neoverse-N1"),
        (A64FX, "Fujitsu A64FX"),
        (UNKNOWN_ARM, "Arm part 0xfff"),
        (POWER9, "POWER9, altivec supported"),
        ("model name\t: Intel(R)  Xeon(R) CPU @ 2.20GHz\n", "Intel(R) Xeon(R) CPU @ 2.20GHz"),
        ("", ""),
    ],
)
def test_names_of_processors(text: str, name: str) -> None:
    assert machine._cpu_name(parse_cpuinfo(text)) == name


def test_the_affinity_is_respected() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert usable_cpus() == (min(allowed),)
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(
    ("quota", "cores"), [(None, 8), (0.5, 1), (1.0, 1), (1.5, 2), (2.0, 2), (7.9, 8), (64.0, 8)]
)
def test_a_cpu_quota_cuts_the_cores(quota: float | None, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "usable_cpus", lambda: tuple(range(8)))
    monkeypatch.setattr(machine, "_cgroup_cpus", lambda: quota)
    assert usable_cores() == cores


def cgroup_files(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    monkeypatch.setattr(machine, "_text", lambda path: files.get(str(path), ""))


def test_limits_of_cgroup_v2_hold_from_every_level(monkeypatch: pytest.MonkeyPatch) -> None:
    cgroup_files(
        monkeypatch,
        {
            "/proc/self/cgroup": "0::/slurm/job_7/step_0\n",
            "/proc/meminfo": "MemTotal:       1048576 kB\n",
            "/sys/fs/cgroup/slurm/job_7/step_0/cpu.max": "max 100000\n",
            "/sys/fs/cgroup/slurm/job_7/cpu.max": "400000 100000\n",
            "/sys/fs/cgroup/slurm/job_7/memory.max": "268435456\n",
            "/sys/fs/cgroup/slurm/memory.max": "max\n",
        },
    )
    assert machine._cgroup_cpus() == 4.0
    assert machine._memory_bytes() == 256 << 20


def test_limits_of_cgroup_v1(monkeypatch: pytest.MonkeyPatch) -> None:
    cgroup_files(
        monkeypatch,
        {
            "/proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/system.slice\n",
            "/proc/meminfo": "MemTotal:       1048576 kB\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "250000\n",  # inside the container the path is not there
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    )
    assert machine._cgroup_cpus() == 2.5
    assert machine._memory_bytes() == 1 << 30


def test_no_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    cgroup_files(
        monkeypatch,
        {
            "/proc/self/cgroup": "4:cpu:/\n0::/\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert machine._cgroup_cpus() is None
    assert machine._memory_bytes() == 0

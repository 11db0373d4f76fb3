"""What a command-line agent can get at, tried by a program that looks for everything it should not see."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from loopwright import api
from loopwright.core.run import RunResult
from loopwright.system.bubblewrap import bubblewrap_problem
from loopwright.workbench.expected import ExpectedOutputs

pytestmark = pytest.mark.skipif(
    bool(bubblewrap_problem()), reason="code that nobody has read is only run under bubblewrap"
)

# A held-out case that nobody could guess, and what the user keeps elsewhere.
HELD_OUT_SIZE, HELD_OUT_STEPS = "43793", "1327"
KEY, LETTER, OTHER_WINNER = "key-5b1c9e77", "letter-d2f04a61", "winner-90ab31c4"

SMOOTH_C = """\
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    const int n = argc > 1 ? atoi(argv[1]) : 16, steps = argc > 2 ? atoi(argv[2]) : 1;
    double *a = malloc(n * sizeof *a), sum = 0;
    for (int i = 0; i < n; i++)
        a[i] = i % 101 / 101.0;
    for (int s = 0; s < steps; s++)
        for (int i = 1; i < n; i++)
            a[i] = 0.5 * (a[i] + a[i - 1]);
    for (int i = 0; i < n; i++)
        sum += a[i];
    printf("sum %.17g\\n", sum);
    return 0;
}
"""
TASK_TOML = f"""\
schema = 1
name = "smooth"
editable = ["smooth.c"]

[build]
sources = ["smooth.c"]

[[case]]
name = "tiny"
args = ["17", "3"]

[[case]]
name = "full"
args = ["20000", "60"]
use = "time"

[[case]]
name = "odd"
args = ["{HELD_OUT_SIZE}", "{HELD_OUT_STEPS}"]
files = ["secret.in"]
use = "held-out"
"""
PROBE = r"""
import ctypes, json, os, socket, sys

needles = [n.encode() for n in json.loads(sys.argv[1])]
system = ("/proc", "/sys", "/usr", "/lib", "/lib64", "/bin", "/sbin", "/dev", "/opt")
skipped = (*system, *json.loads(sys.argv[2]))
own = os.path.abspath(sys.argv[0])
seen = {"found": [], "files": [], "environment": dict(os.environ)}


def holds(path, words):
    try:
        with open(path, "rb") as file:
            content = file.read(64 << 20)
    except OSError:
        return []
    return [word.hex() for word in words if word in content]


for root, folders, names in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(root, f) not in skipped]
    for name in names:
        path = os.path.join(root, name)
        if path != own and not os.path.islink(path) and os.path.isfile(path):
            seen["files"].append(path)
            seen["found"] += [(path, word) for word in holds(path, needles)]

seen["processes"], seen["memory"] = [], []
libc = ctypes.CDLL(None, use_errno=True)
for name in filter(str.isdigit, os.listdir("/proc")):
    if int(name) == os.getpid():
        continue
    try:
        command = open(f"/proc/{name}/cmdline", "rb").read().replace(b"\0", b" ").decode()
    except OSError:
        command = ""
    seen["processes"].append((int(name), command))
    for part in ("environ", "maps", "mem"):
        try:
            with open(f"/proc/{name}/{part}", "r+b" if part == "mem" else "rb") as file:
                content = file.read(1 << 20)
            if int(name) != os.getppid():  # the shell that the agent was started by is its own
                seen["memory"].append((int(name), part, len(content)))
        except OSError:
            pass
    if int(name) != os.getppid() and libc.ptrace(16, int(name), 0, 0) == 0:
        seen["memory"].append((int(name), "ptrace", 0))

seen["descriptors"] = sorted(int(n) for n in os.listdir("/proc/self/fd"))[:-1]
seen["network"] = []
places = {socket.AF_INET: ("127.0.0.1", int(sys.argv[3])), socket.AF_UNIX: "\0" + sys.argv[4]}
for family, place in places.items():
    try:
        with socket.socket(family) as connection:
            connection.settimeout(2)
            connection.connect(place)
            seen["network"].append(str(place))
    except OSError:
        pass

seen["answers"] = []
for request in ('{"operation": "held-out"}', '{"operation": "reference"}', '{"operation": []}', "[]", "{"):
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(os.environ["LOOPWRIGHT_BENCH"])
        door.sendall(request.encode() + b"\n")
        seen["answers"].append(door.makefile().readline())

links = {"../../../machine.json": "link-to-home", "/etc/shadow": "link-to-shadow"}
for target, name in links.items():
    os.symlink(target, name)
seen["through_links"] = [name for name in links.values() if holds(name, [b""])]
print("PROBE" + json.dumps(seen))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, measured_home: Path) -> tuple[dict[str, Any], RunResult]:
    """What the probe told, and the result of its run."""
    import socket

    folder = tmp_path_factory.mktemp("isolation")
    home, task = folder / "home", folder / "smooth"
    for place, content in (
        (home / ".ssh" / "id_ed25519", LETTER),
        (home / "notes.txt", LETTER),
        (folder / "other" / ".loopwright" / "runs" / "1" / "best.patch", OTHER_WINNER),
        (measured_home / "runs" / "another" / "best.patch", OTHER_WINNER),
        (task / "smooth.c", SMOOTH_C),
        (task / "loopwright.toml", TASK_TOML),
        (task / "secret.in", "input of the held-out case: " + LETTER),
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    needles = [HELD_OUT_SIZE, HELD_OUT_STEPS, KEY, LETTER, OTHER_WINNER]
    probe = folder / "probe.py"
    probe.write_text(PROBE)
    with (
        socket.socket() as tcp,
        socket.socket(socket.AF_UNIX) as abstract,
        pytest.MonkeyPatch.context() as patch,
    ):
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        abstract.bind(f"\0loopwright-test-{os.getpid()}")
        abstract.listen()
        patch.setenv("HOME", str(home))
        patch.setenv("OPENAI_API_KEY", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
        skipped = [sys.prefix, sys.base_prefix, str(Path(api.__file__).parent)]
        arguments = [json.dumps(needles), json.dumps(skipped),
                     str(tcp.getsockname()[1]), f"loopwright-test-{os.getpid()}"]  # fmt: skip
        words = " ".join("'" + argument + "'" for argument in arguments)
        result = api.optimize(task, agent=f"cmd:{sys.executable} {probe} {words}", home=measured_home)
    stdout = (Path(result.directory) / "evidence" / "agent" / "stdout.txt").read_text()
    stderr = (Path(result.directory) / "evidence" / "agent" / "stderr.txt").read_text()
    assert "PROBE" in stdout, f"the probe did not come to its end: {stderr}"
    return json.loads(stdout.partition("PROBE")[2]), result


@pytest.mark.slow
def test_no_file_holds_a_secret(told: tuple[dict[str, Any], RunResult]) -> None:
    seen, _ = told
    assert any(path.endswith("/smooth.c") for path in seen["files"]), (
        "the walk must have come to the workspace"
    )
    assert seen["found"] == []


@pytest.mark.slow
def test_neither_expected_outputs_nor_other_runs_nor_the_home_folder_are_there(
    told: tuple[dict[str, Any], RunResult],
) -> None:
    seen, result = told
    run = Path(result.directory)
    assert ExpectedOutputs(run / "reference").has("full"), "there is something to be found"
    workspace = str(run / "workspace")
    strangers = [
        path
        for path in seen["files"]
        if not path.startswith((f"{workspace}/", "/tmp/", "/etc/", "/run/loopwright-launcher"))
        and not path.endswith("/probe.py")
    ]
    assert strangers == []
    assert not [
        path for path in seen["files"] if path.endswith((".npz", "journal.jsonl", "machine.json", "run.json"))
    ]
    assert "secret.in" not in {Path(path).name for path in seen["files"]}, (
        "a file that only a held-out case uses"
    )
    assert "/etc/shadow" not in seen["files"]
    assert seen["through_links"] == []


@pytest.mark.slow
def test_the_environment_holds_nothing_of_the_users(told: tuple[dict[str, Any], RunResult]) -> None:
    seen, _ = told
    environment = seen["environment"]
    assert KEY not in environment.values() and "OPENAI_API_KEY" not in environment
    assert environment["HOME"] == "/tmp"
    known = {
        "PATH",
        "LANG",
        "HOME",
        "TMPDIR",
        "LOOPWRIGHT_BENCH",
        "PYTHONDONTWRITEBYTECODE",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
        "LC_CTYPE",
    }
    assert set(environment) <= known


@pytest.mark.slow
def test_no_process_outside_can_be_seen_read_or_traced(told: tuple[dict[str, Any], RunResult]) -> None:
    seen, _ = told
    assert seen["processes"], "the launcher and the shell"
    assert all(pid < 100 for pid, _ in seen["processes"]), (
        "process numbers are those of a namespace of its own"
    )
    assert not [command for _, command in seen["processes"] if "-m pytest" in command]
    assert seen["memory"] == []
    assert seen["descriptors"] == [0, 1, 2]


@pytest.mark.slow
def test_the_network_and_the_machines_sockets_are_out_of_reach(
    told: tuple[dict[str, Any], RunResult],
) -> None:
    assert told[0]["network"] == []


@pytest.mark.slow
def test_the_door_answers_known_questions_only(told: tuple[dict[str, Any], RunResult]) -> None:
    answers = told[0]["answers"]
    assert all("unknown operation" in answer or answer == "" for answer in answers)
    assert not [answer for answer in answers if HELD_OUT_SIZE in answer]

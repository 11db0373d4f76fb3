"""The MCP server in a process of its own, with the real client: what it gives, what it refuses."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import sysconfig
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from loopwright.mcp.files import Refused, read_text, write_text
from loopwright.system.bubblewrap import bubblewrap_problem
from loopwright.workbench.journal import read_journal

pytest.importorskip("mcp", reason="the mcp library is not installed: pip install 'loopwright[mcp]'")
needs_sandbox = pytest.mark.skipif(
    bool(bubblewrap_problem()), reason="code that nobody has read is only run under bubblewrap"
)
Ask = Callable[..., Awaitable[dict[str, Any]]]

SLOW_C = """\
#include <math.h>
void smooth(int n, const double *in, double *out)
{
    for (int i = 1; i < n - 1; i++)
        out[i] = 0.25 * in[i - 1] * fabs(cos(0.0)) + 0.5 * in[i] + 0.25 * in[i + 1] * exp(0.0 * log(1.0 + i));
}
"""
FAST_C = """\
void smooth(int n, const double *in, double *out)
{
    for (int i = 1; i < n - 1; i++)
        out[i] = 0.25 * in[i - 1] + 0.5 * in[i] + 0.25 * in[i + 1];
}
"""


def talk(arguments: list[str], conversation: Callable[[Ask, set[str]], Awaitable[None]]) -> None:
    from mcp import Client
    from mcp.client.stdio import StdioServerParameters

    async def body() -> None:
        environment = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR", "PYTHONPATH")}
        server = StdioServerParameters(
            command=f"{sysconfig.get_path('scripts')}/loopwright", args=arguments, env=environment
        )
        async with Client(server) as client:

            async def ask(tool: str, **given: str) -> dict[str, Any]:
                result = await client.call_tool(tool, given)
                assert not result.is_error, result
                assert isinstance(result.structured_content, dict)
                return result.structured_content

            await conversation(ask, {tool.name for tool in (await client.list_tools()).tools})

    asyncio.run(asyncio.wait_for(body(), 300))


@needs_sandbox
@pytest.mark.slow
def test_a_client_in_another_process_improves_a_task_by_the_tools_alone(
    smooth_task: Path, measured_home: Path
) -> None:
    (smooth_task / "smooth.c").write_text(SLOW_C)
    toml = (
        (smooth_task / "loopwright.toml")
        .read_text()
        .replace('"smooth.c"]\n\n[[', '"smooth.c"]\nlibs = ["m"]\n\n[[')
    )
    (smooth_task / "loopwright.toml").write_text(toml)
    told: dict[str, Any] = {}

    async def conversation(ask: Ask, tools: set[str]) -> None:
        assert tools == {"task", "read_file", "write_file", "analyze", "check", "time", "profile", "remarks",
                         "history", "finish"}  # fmt: skip
        told["task"] = await ask("task")
        text = (await ask("read_file", path="smooth.c"))["text"]
        assert text == SLOW_C
        loops = (await ask("analyze"))["loops"]
        assert [loop["line"] for loop in loops] == [4] and loops[0]["reason"]
        for hidden in ("../reference/full", "/etc/passwd", "loopwright.toml", "../../lineage.git/HEAD"):
            assert "no file of this task" in (await ask("read_file", path=hidden))["error"]
        assert "not an editable file" in (await ask("write_file", path="main.c", text="int main;"))["error"]
        assert (await ask("write_file", path="smooth.c", text="no C"))["bytes"] == 4
        failed = await ask("check")
        assert (failed["verdict"], failed["failure"]["mode"]) == ("fail", "build_error")
        await ask("write_file", path="smooth.c", text=FAST_C)
        assert (await ask("check"))["verdict"] == "pass"
        timed = await ask("time")
        assert timed["speedup"]["low"] > 1 and timed["best_so_far"]
        assert (await ask("profile"))["schema"] == 1
        assert "places" in await ask("remarks")
        rows = (await ask("history"))["evaluations"]
        assert [row["verdict"] for row in rows] == ["fail", "pass"] and rows[1]["best"]
        told["result"] = await ask("finish")
        assert "run is over" in (await ask("check"))["error"]

    talk(["mcp", str(smooth_task), "--home", str(measured_home), "--budget", "4m"], conversation)
    result = told["result"]
    assert result["status"] == "improved" and result["agent"] == "mcp" and result["evaluations"] == 2
    assert "odd" not in json.dumps(told["task"]) and "0000001021" not in json.dumps(told["task"]), (
        "held-out case shown"
    )
    events = read_journal(Path(result["directory"]) / "journal.jsonl")
    refused = [e.data["what"] for e in events if e.kind == "refused"]
    assert len(refused) == 5 and "read ../reference/full" in refused


@needs_sandbox
def test_the_same_tools_inside_a_sandboxed_agent(smooth_task: Path, measured_home: Path) -> None:
    """A command agent starts the server in its workspace, with the real client, and reaches the run."""
    from loopwright import api

    client = smooth_task.parent / "client.py"
    client.write_text(
        "import asyncio, json, sys\n"
        "from mcp import Client\n"
        "from mcp.client.stdio import StdioServerParameters\n"
        "import os\n"
        "async def main():\n"
        "    server = StdioServerParameters(command='loopwright', args=['mcp'], env=dict(os.environ))\n"
        "    async with Client(server) as client:\n"
        "        for tool in ('task', 'check', 'history'):\n"
        "            print(tool, json.dumps((await client.call_tool(tool, {})).structured_content))\n"
        "        print(sorted(t.name for t in (await client.list_tools()).tools))\n"
        "asyncio.run(main())\n"
    )
    result = api.optimize(
        smooth_task, agent=f"cmd:python {client}", home=measured_home, evaluations=3, wall_s=120
    )
    output = (Path(result.directory) / "evidence" / "agent" / "stdout.txt").read_text()
    lines = dict(line.split(" ", 1) for line in output.splitlines() if line[0] != "[")
    assert json.loads(lines["task"])["evaluations_left"] == 3, output
    assert json.loads(lines["check"])["verdict"] == "pass"
    assert "finish" not in output and "odd" not in output


def test_files_of_a_workspace_are_read_and_written_without_following_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.c").write_text("secret")
    work = tmp_path / "work"
    (work / "src").mkdir(parents=True)
    (work / "src" / "a.c").write_text("long text")
    allowed = frozenset({"src/a.c", "link.c", "dir/secret.c", "pipe.c", "../outside/secret.c"})
    assert read_text(work, "src/a.c", allowed) == "long text"
    write_text(work, "src/a.c", "new", allowed)
    assert (work / "src" / "a.c").read_text() == "new"
    (work / "link.c").symlink_to(outside / "secret.c")
    (work / "dir").symlink_to(outside)
    os.mkfifo(work / "pipe.c")
    for path in sorted(allowed - {"src/a.c"}):
        with pytest.raises(Refused):
            read_text(work, path, allowed)
        with pytest.raises(Refused):
            write_text(work, path, "overwritten", allowed)
    assert (outside / "secret.c").read_text() == "secret"
    with pytest.raises(Refused, match="larger"):
        write_text(work, "src/a.c", "x" * (5 << 20), allowed)


def test_without_the_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from loopwright.core.errors import ToolMissing
    from loopwright.mcp.server import Inside, make_server

    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with pytest.raises(ToolMissing, match="pip install 'loopwright\\[mcp\\]'"):
        make_server(Inside())

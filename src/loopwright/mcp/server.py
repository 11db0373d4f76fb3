"""The MCP server: thin tools over one run, with structured results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from loopwright.agents.door import ask
from loopwright.core.errors import ToolMissing
from loopwright.mcp.files import Refused, read_text, write_text

if TYPE_CHECKING:
    from mcp.server import MCPServer

INSTALL = "pip install 'loopwright[mcp]'"
INSTRUCTIONS = """\
Make the task faster without changing what it computes. `task` says what it is; edit the editable files (with
write_file, or in the workspace), then `check` (does it build, is it right?) and `time` (is it faster?).
`profile`, `remarks` and `analyze` say where the time goes, what the compiler did, and which loops are proved
parallel. Every check and time is an evaluation in the record of the run and counts against its budget; the
same files are never judged twice. Inputs that you do not see are run at the end.
"""
Json = dict[str, Any]


class Backend(Protocol):
    """Where requests go.

    Contract: `answer` takes `{"operation": NAME, ...}` and gives the answer, with a key `error` when there is
    none; it never raises for what a client does and may take minutes. `workspace` is the folder of the files.
    """

    @property
    def workspace(self) -> Path:
        """The folder with the files that are judged."""
        ...

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask the run."""
        ...


class Inside:
    """The backend of a server that an agent started in its own workspace, in the sandbox of its run."""

    @property
    def workspace(self) -> Path:
        """The current folder."""
        return Path.cwd()

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask the run outside, through its door."""
        try:
            return ask(**{key: str(value) for key, value in request.items()})
        except (OSError, ValueError) as error:
            return {"schema": 1, "error": f"the run outside does not answer: {error}"}


def make_server(backend: Backend) -> MCPServer[Any]:
    """A server with the tools of one run. Raises ToolMissing without the mcp library."""
    try:
        from mcp.server import MCPServer
    except ImportError as error:
        raise ToolMissing(
            f"the MCP server needs the library mcp, which is not installed ({error.name})", hint=INSTALL
        ) from error
    import anyio.to_thread

    server: MCPServer[Any] = MCPServer("loopwright", instructions=INSTRUCTIONS, log_level="WARNING")

    async def asked(operation: str, **arguments: str) -> Json:
        request = {"operation": operation, **arguments}
        return dict(await anyio.to_thread.run_sync(backend.answer, request))

    async def files(key: str) -> frozenset[str]:
        return frozenset((await asked("task")).get(key, ()))

    async def refused(what: str, why: Refused) -> Json:
        await asked("refused", what=what, reason=str(why))
        return {"schema": 1, "error": str(why)}

    @server.tool()
    async def task() -> Json:
        """What is to be made faster: files, which may be edited, cases, tolerance, compiler, budget."""
        return await asked("task")

    @server.tool()
    async def read_file(path: str) -> Json:
        """The text of a file of the task as it is in the workspace now."""
        try:
            return {
                "schema": 1,
                "path": path,
                "text": read_text(backend.workspace, path, await files("files")),
            }
        except Refused as why:
            return await refused(f"read {path}", why)

    @server.tool()
    async def write_file(path: str, text: str) -> Json:
        """Replace an editable file of the workspace by `text`."""
        try:
            write_text(backend.workspace, path, text, await files("editable"))
        except Refused as why:
            return await refused(f"write {path}", why)
        return {"schema": 1, "path": path, "bytes": len(text.encode("utf-8", "replace"))}

    @server.tool()
    async def analyze() -> Json:
        """Every loop of the editable files: proved parallel, refuted or unknown, and why."""
        return await asked("analyze")

    @server.tool()
    async def check() -> Json:
        """Build the files and compare their results with the original's. A recorded evaluation."""
        return await asked("check")

    @server.tool()
    async def time() -> Json:
        """Check, then time against the best version so far. A recorded evaluation; takes half a minute."""
        return await asked("time")

    @server.tool()
    async def profile() -> Json:
        """Where the time of the files as they are goes, by source line; the roofline if the work is known."""
        return await asked("profile")

    @server.tool()
    async def remarks() -> Json:
        """What the compiler said about the hot places: vectorised or not, and why not."""
        return await asked("remarks")

    @server.tool()
    async def history() -> Json:
        """Every evaluation of this run so far."""
        return await asked("history")

    return server

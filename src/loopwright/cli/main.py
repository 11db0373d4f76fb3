"""The entry point: version without waiting, errors without tracebacks, exit statuses as documented."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; exits with 0, 2 (wrong use or broken task), 3 (tool missing) or 130."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from importlib.metadata import version

        print(f"loopwright {version('loopwright')}")
        return
    from loopwright.cli.app import run

    sys.exit(run())

"""loopwright doctor: what is installed, what each thing enables, how to get the rest."""

from __future__ import annotations

from loopwright.cli import options
from loopwright.cli.printing import print_json


def doctor(json: options.Json = False) -> None:
    """What is installed here, what does each thing enable, and what is the line to get the rest?"""
    from loopwright.reports.terminal import print_doctor
    from loopwright.system.machine import this_machine
    from loopwright.toolchains.doctor import examine
    from loopwright.workbench.records import to_data

    tools, machine = examine(), this_machine()
    if json:
        print_json({"schema": 1, "machine": to_data(machine), "tools": to_data(tools)})
    else:
        print_doctor(tools, machine)

"""``doctor``: what this machine and this installation have, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.commands.checkup import CHECKS, Finding, examine
from sandbox.ui.console import Console

SCHEMA = "sandbox.doctor/1"


@dataclass(frozen=True)
class Doctor:
    """Show versions, device, display, ffmpeg, extras and free disk, and what to do where something is wrong.

    Nothing is changed and no window opens. A machine without a display or a GPU is not ill.

    Examples:
        python -m sandbox doctor
        python -m sandbox doctor --json
    """

    def run(self, console: Console) -> dict[str, Any]:
        """Examine; returns what ``--json`` prints."""
        warnings: list[dict[str, str]] = []
        facts: dict[str, Any] = {}
        for name in CHECKS:
            finding = examine(name)
            console.print(section(name, finding))
            facts[name] = finding.facts
            warnings += [{"warning": text, "hint": hint} for text, hint in finding.warnings]
        console.print()
        for found in warnings:
            console.print(f"warning: {found['warning']}\n   hint: {found['hint']}")
        if not warnings:
            console.print("all is well")
        return {"schema": SCHEMA, "healthy": not warnings, "warnings": warnings, **facts}


def section(name: str, finding: Finding) -> str:
    """A finding as aligned lines: its name, then what was found; ``!`` where there is a warning."""
    mark = "!" if finding.warnings else " "
    margins = [f"{mark} {name:<9} ", *[" " * 12] * (len(finding.lines) - 1)]
    return "\n".join(margin + line for margin, line in zip(margins, finding.lines, strict=True))

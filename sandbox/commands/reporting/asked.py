"""What a run was asked for: as it was typed, and in what its config differs from the preset."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from sandbox.commands.comparison.grouping import flatten
from sandbox.commands.reporting.subject import Subject
from sandbox.commands.reporting.words import said
from sandbox.core.errors import SandboxError
from sandbox.ui.report.page import Asked

OF_THE_MACHINE = {"threads", "device", "data_dir", "seed"}
"""settings that are told elsewhere on the page"""


def asked(subject: Subject) -> Asked:
    """See `sandbox.ui.report.page.Asked`."""
    changes, note = _compared(subject)
    # A file that is no config is not shown: it may be anything that a link led to.
    text = "" if subject.config is None else subject.run.config_path.read_text(encoding="utf-8")
    return Asked(command_of(subject), changes, note, text)


def command_of(subject: Subject) -> str:
    """The command line that started the run; empty where nobody knows."""
    words = (subject.manifest or {}).get("command")
    return shlex.join(map(str, words)) if isinstance(words, list) else ""


def differences(config: Mapping[str, Any], preset: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The settings that differ: name, value here, value of the preset."""
    here, usual = flatten(config), flatten(preset)
    return [
        (key, said(here.get(key)), said(usual.get(key)))
        for key in {**here, **usual}
        if here.get(key) != usual.get(key) and key.rpartition(".")[2] not in OF_THE_MACHINE
    ]


def _compared(subject: Subject) -> tuple[list[tuple[str, str, str]], str]:
    preset_of = getattr(subject.kind, "preset_of", None)
    if subject.config is None or preset_of is None:
        return [], "" if subject.config is None else "For such runs no preset is known to compare with."
    try:
        changes = differences(subject.config, preset_of(subject.run, subject.trust))
    except SandboxError as error:
        return [], f"What the preset would be cannot be told here: {error}."
    return changes, "" if changes else "Nothing else: these are the preset’s own settings."

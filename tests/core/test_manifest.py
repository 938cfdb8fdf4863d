"""The manifest: what made a run, and what continued it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sandbox.core.manifest import versions, write_manifest
from sandbox.core.runs import create_run


def test_it_names_command_versions_and_machine(runs_root: Path) -> None:
    run = create_run(runs_root, "train-agent", "CartPole-v1", 0, "ppo")
    write_manifest(run, ["python", "-m", "sandbox", "train-agent", "CartPole"], {"device": "cpu"})
    manifest = json.loads(run.manifest_path.read_text())
    assert manifest["command"][-1] == "CartPole"
    assert manifest["device"] == "cpu"
    assert manifest["versions"]["numpy"] == versions(["numpy"])["numpy"]
    assert manifest["python"] == ".".join(str(part) for part in sys.version_info[:3])
    assert manifest["cpus"] >= 1


def test_continuing_a_run_keeps_what_started_it(runs_root: Path) -> None:
    run = create_run(runs_root, "train-agent", "CartPole-v1", 0, "ppo")
    for word in ("first", "second", "third"):
        write_manifest(run, [word])
    manifest = json.loads(run.manifest_path.read_text())
    assert manifest["command"] == ["first"]
    assert [entry["command"] for entry in manifest["continued"]] == [["second"], ["third"]]


def test_a_package_that_is_not_installed_has_no_version() -> None:
    assert versions(["no-such-package-anywhere"]) == {}

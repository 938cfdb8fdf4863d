"""The manifest of a run: what made it, on what machine, with which versions."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.core.files import to_json, write_atomically
from sandbox.core.machine import usable_cpus

if TYPE_CHECKING:
    from sandbox.core.run import Run

SCHEMA = "sandbox.manifest/1"
_PACKAGES = (
    "rl-sandbox",
    "numpy",
    "torch",
    "gymnasium",
    "stable-baselines3",
    "sb3-contrib",
    "ale-py",
    "box2d",
    "vizdoom",
    "pygame-ce",
    "safetensors",
    "kornia",
    "optuna",
    "diffusers",
)
_ENVIRONMENT = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "CUDA_VISIBLE_DEVICES",
    "CUBLAS_WORKSPACE_CONFIG",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TRIM_THRESHOLD_",
    "PYTHONHASHSEED",
    "SDL_VIDEODRIVER",
)


def write_manifest(run: Run, command: Sequence[str], extra: Mapping[str, Any] | None = None) -> None:
    """Write manifest.json; continuing a run adds to its ``continued`` list and keeps what started it.

    Args:
        command: The command line, as a list of words.
        extra: What only the caller knows, such as device, threads and checksums of data.

    Raises:
        OSError: The folder cannot be written.
    """
    record = describe(command) | dict(extra or {})
    first = read_manifest(run)
    if first is not None:
        continued = first.get("continued")
        record = first | {"continued": [*(continued if isinstance(continued, list) else []), record]}
    else:
        record = {"schema": SCHEMA, **record}
    write_atomically(run.manifest_path, to_json(record, indent=2) + "\n")


def describe(command: Sequence[str]) -> dict[str, Any]:
    """Return what is known about this process, its code and its machine, as JSON values."""
    return {
        "command": list(command),
        "time": datetime.now().astimezone().isoformat(timespec="seconds"),
        "git": git_revision(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}",
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "usable_cpus": usable_cpus(),
        "threads": _torch_threads(),
        "versions": versions(),
        "environment": {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    }


def versions(packages: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """Return the installed versions of ``packages``, read from their metadata without importing them."""
    from importlib import metadata

    found: dict[str, str] = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_revision() -> dict[str, Any] | None:
    """Return {"revision", "dirty"} of the repository that this code is tracked in, or None."""
    folder = Path(__file__).resolve().parent
    # An installed copy may lie inside somebody else's repository: only a tracked file counts.
    if _git(folder, "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    described = _git(folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    if not described:
        return None
    return {"revision": described.removesuffix("-dirty"), "dirty": described.endswith("-dirty")}


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints, or None if it fails, hangs or is not there."""
    try:
        result = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=5,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def read_manifest(run: Run) -> dict[str, Any] | None:
    """Return the manifest that is there, or None where there is no usable one."""
    try:
        manifest = json.loads(run.manifest_path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return manifest if isinstance(manifest, dict) else None


def _processor() -> str | None:
    """Name of the processor, where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _torch_threads() -> int | None:
    """Torch's thread count, if torch is loaded; results on the CPU depend on it."""
    torch = sys.modules.get("torch")
    return None if torch is None else int(torch.get_num_threads())

"""An agent as one file: a zip of JSON and safetensors. Nothing in it can execute code.

agent.json             format, algorithm, policy, hyperparameters, spaces, counters
state.json             the tree of weights and optimiser state
tensors.safetensors    its tensors
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch

from sandbox.core.errors import Broken, NotFound, UsageError
from sandbox.nn import state_tree

FORMAT = 1
Target = str | Path | io.BufferedIOBase

_MEMBERS = ("agent.json", "state.json", "tensors.safetensors")


def write_agent(target: Target, description: dict[str, Any], state: dict[str, Any]) -> None:
    """Write an agent. Like SB3, a path without a suffix gets `.zip`, and folders are made.

    Args:
        target: a path or an open binary file.
        description: JSON values.
        state: nested dicts and lists of tensors and JSON values.
    """
    tree, tensors = state_tree.encode(state)
    members = {
        "agent.json": json.dumps({"format": FORMAT, **description}, indent=2).encode(),
        "state.json": json.dumps(tree).encode(),
        "tensors.safetensors": safetensors.torch.save(tensors),
    }
    if isinstance(target, str | Path):
        path = Path(target)
        path = path if path.suffix else path.with_suffix(".zip")
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.writing")
        _zip(aside, members)
        aside.replace(path)
    else:
        _zip(target, members)  # type: ignore[arg-type]


def read_agent(source: Target) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Read what `write_agent` wrote: description and state. None for a zip of stock SB3, which holds pickles.

    Raises:
        NotFound: there is no such file.
        Broken: it is no zip, or is incomplete or damaged.
    """
    name = source if isinstance(source, str | Path) else "the file"
    try:
        with zipfile.ZipFile(_existing(source)) as archive:
            names = set(archive.namelist())
            if "agent.json" not in names and {"data", "policy.pth"} <= names:
                return None
            missing = [member for member in _MEMBERS if member not in names]
            if missing:
                raise Broken(f"{name} is no saved agent: {missing[0]} is missing in it")
            description, tree = (json.loads(archive.read(member)) for member in _MEMBERS[:2])
            tensors = safetensors.torch.load(archive.read(_MEMBERS[2]))
            state = state_tree.decode(tree, tensors)
    except (
        zipfile.BadZipFile,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,  # also RecursionError: JSON nested deeper than Python goes
        zlib.error,
        NotImplementedError,
        safetensors.SafetensorError,
    ) as error:
        raise Broken(f"{name} is damaged or no saved agent: {error}") from error
    if not isinstance(description, dict) or not isinstance(state, dict):
        raise Broken(f"{name} is no saved agent: agent.json or state.json is no object")
    if description.get("format") != FORMAT:
        raise Broken(f"{name} has format {description.get('format')}; this version reads {FORMAT}")
    return description, state


def read_sb3_parameters(source: Target, trust: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attributes and parameters of an agent saved by stock SB3, which unpickles: only with `trust`.

    Raises:
        UsageError: without `trust`.
    """
    if not trust:
        raise UsageError(
            f"{source} was saved by stable-baselines3 and holds pickles, which can execute code when loaded",
            hint="if you trust where it comes from, pass trust=True (on the command line: --trust)",
        )
    from stable_baselines3.common.save_util import load_from_zip_file

    data, parameters, _ = load_from_zip_file(_existing(source), device="cpu")
    if data is None or parameters is None:
        raise Broken(f"{source} is no agent of stable-baselines3's")
    return data, parameters


def _existing(source: Target) -> Any:
    if not isinstance(source, str | Path):
        return source
    for path in (Path(source), Path(f"{source}.zip")):
        if path.is_file():
            return path
    raise NotFound(f"there is no file {source}")


def _zip(target: Path | BinaryIO, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            # A fixed date: the same agent gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)

"""Backbones that move from one run to another: one file, and what fits where."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from sandbox.core.errors import Broken, NotFound, UsageError
from sandbox.core.files import write_atomically
from sandbox.core.run import Run
from sandbox.core.runs import find_run
from sandbox.nn.backbone import Backbone, preset_name

FILE = "backbone.safetensors"
SCHEMA = "sandbox.backbone/1"


@dataclass(frozen=True)
class Transfer:
    """What moved from one backbone into another."""

    body: int
    """Parameters that were copied as they are."""
    stem: str
    """What became of the stem, in words."""

    def __str__(self) -> str:
        return f"{self.body:,} parameters as they are, the stem {self.stem}"


def save_backbone(path: Path, backbone: Backbone) -> None:
    """Write weights and shape of a backbone into one safetensors file, in one move."""
    weights = {name: part.detach().cpu().contiguous() for name, part in backbone.state_dict().items()}
    # A single entry: safetensors writes several in any order, and equal backbones shall be equal files.
    about = {SCHEMA: json.dumps(backbone.description())}
    write_atomically(path, save(weights, about))


def load_backbone(source: str | Path, root: str | Path | None = None) -> Backbone:
    """The backbone that a run learned; reads `backbone.safetensors` and nothing else.

    Args:
        source: a run ("latest", the start of its name, its folder), or the file.
        root: folder with the runs.

    Raises:
        NotFound: there is no such run or file, or the run has no backbone.
        Broken: the file is damaged, or no backbone.
    """
    path = find_backbone(source, root)
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise Broken(f"{path} cannot be read: {error}") from error
    if SCHEMA not in about:
        raise Broken(f"{path} is no backbone of this sandbox", hint=f"it should say {SCHEMA} in its metadata")
    try:
        backbone = Backbone(**_arguments(json.loads(about[SCHEMA])))
        backbone.load_state_dict(weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise Broken(f"{path} does not hold the backbone that it describes: {error}") from error
    return backbone


def transfer(source: Backbone, target: Backbone) -> Transfer:
    """Copy what `source` learned into `target`: the body as it is, the stem converted as timm does.

    To grey the stem is summed over the channels; to colour or stacks it is repeated and rescaled, so that the
    sum over the channels stays.

    Raises:
        UsageError: their shapes differ in more than the input channels; both are named.
    """
    if source.preset != target.preset:
        raise UsageError(
            f"the weights are those of {_shape(source)}, and the network has {_shape(target)}",
            hint=f"use --backbone {preset_name(source)}" if preset_name(source) else None,
        )
    weights = source.state_dict()
    weights["stem.weight"] = convert_stem(weights["stem.weight"], target.in_channels)
    target.load_state_dict(weights)
    body = sum(part.numel() for name, part in weights.items() if not name.startswith("stem."))
    return Transfer(body, _told(source.in_channels, target.in_channels))


def convert_stem(weight: Tensor, in_channels: int) -> Tensor:
    """The stem's weights (out, in, height, width) for another number of input channels.

    A picture whose channels repeat those of the old one gives the same features as the old one did.
    """
    before = weight.shape[1]
    if in_channels == before:
        return weight
    if in_channels == 1:
        return weight.sum(1, keepdim=True)
    repeats = -(-in_channels // before)
    return weight.repeat(1, repeats, 1, 1)[:, :in_channels] * (before / in_channels)


def adopted(source: str, asked: str | None, root: Path | None) -> dict[str, str]:
    """The backbone to start from, as a path (another run is the latest tomorrow), and its preset.

    Raises:
        UsageError: another one was asked for, or it is none of the presets.
    """
    file = find_backbone(source, root)
    name = preset_name(load_backbone(file))
    if name is None:
        raise UsageError(f"the backbone of {source} has a shape of its own: no preset fits it")
    if asked not in (None, name):
        raise UsageError(f"the backbone of {source} is {name!r}, not {asked!r}", hint="leave --backbone out")
    return {"init_from": str(file.absolute()), "backbone": name}


def parent_of(source: str | None, prefix: str = "") -> str | None:
    """The name of the run that a file belongs to, or the source itself where that is part of no run.

    Args:
        source: what a run starts from; None, and so is the answer.
        prefix: before the path of some sources.
    """
    if source is None:
        return None
    run = Run(Path(source.removeprefix(prefix)).parent)
    return run.name if run.problem is None else source


def find_backbone(source: str | Path, root: str | Path | None = None) -> Path:
    """The file that `load_backbone` reads. Raises NotFound."""
    path = Path(source)
    if path.is_file():
        return path
    folder = path if path.is_dir() else find_run(str(source), root).path
    if not (folder / FILE).is_file():
        raise NotFound(f"{folder} has no {FILE}", hint="a run has one once it has learned with a backbone")
    return folder / FILE


def _arguments(plain: Any) -> dict[str, Any]:
    if not isinstance(plain, dict) or set(plain) != {"in_channels", "widths", "depth", "stem_stride"}:
        raise ValueError("its description is not one of a backbone")
    sizes = [plain["in_channels"], plain["depth"], *plain["widths"]]
    if not all(isinstance(size, int) and size <= 4096 for size in sizes):  # before memory is asked for
        raise ValueError("its description has impossible sizes")
    return {**plain, "widths": tuple(plain["widths"])}


def _shape(backbone: Backbone) -> str:
    name, shape = preset_name(backbone), backbone.preset
    text = f"widths {shape.widths}, depth {shape.depth}, stem stride {shape.stem_stride}"
    return f"{name!r} ({text})" if name else f"a backbone of {text}"


def _told(before: int, after: int) -> str:
    if before == after:
        return "too"
    how = "summed" if after == 1 else "repeated and rescaled"
    return f"{how} from {before} to {after} channels"

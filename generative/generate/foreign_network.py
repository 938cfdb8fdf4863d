"""A network in a folder of diffusers', which is looked at before it takes any memory, and never executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DModel
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError, safe_open

from generative.unet import UNet, shape_of
from sandbox.core.errors import Broken, NotFound

NETWORKS: dict[tuple[str, str], type[UNet] | type[UNet2DModel]] = {
    ("diffusers", "UNet2DModel"): UNet2DModel,
    ("generative.unet", "UNet"): UNet,
}
"""by module and name, as they stand in a folder's index"""
MOST_LAYERS, MOST_SIDE = 16, 4_096
RENAMED = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""parts of an attention, as diffusers once called them"""
LONGEST_SHOWN = 60
"""letters of a foreign value in a message"""
PICKLES = (".bin", ".pt", ".pth", ".ckpt")

Weights = dict[str, tuple[int, ...]]
"""names and shapes"""


def open_network(folder: Path, named: Any) -> UNet | UNet2DModel:
    """The network in a folder.

    Args:
        folder: has `config.json` and the weights.
        named: module and class, as the index says.

    Raises:
        NotFound, Broken: a file is missing or damaged, or it is another network; the message names it.
    """
    cls = next((cls for name, cls in NETWORKS.items() if list(name) == named), None)
    if cls is None:
        raise Broken(
            f"{folder}: the network {shown(class_name(named))} is none that is known here",
            hint="known: diffusers' UNet2DModel, and this sandbox's UNet; foreign code is never run",
        )
    file, weights = folder / "config.json", folder / SAFETENSORS_WEIGHTS_NAME
    described = _described(cls, read_json(file), file)
    stored = _stored(weights)
    names = sorted(described.keys() | stored.keys())
    unlike = [name for name in names if described.get(name) != stored.get(name)]
    if unlike:
        more = f", and {len(unlike) - 1} more" if len(unlike) > 1 else ""
        first = printable(unlike[0])[:200]
        raise Broken(f"{weights} does not fit {file.name}: {first} is not in both, or not alike{more}")
    try:
        return cls.from_pretrained(folder, use_safetensors=True, low_cpu_mem_usage=False)
    except Exception as error:  # noqa: BLE001 - diffusers wraps what goes wrong in many ways
        raise Broken(f"{folder} cannot be opened: {one_line(error)}") from None


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object. Raises NotFound, Broken."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"{file} is missing") from None
    except (ValueError, RecursionError):
        raise Broken(f"{file} is damaged: not valid JSON") from None
    except OSError as error:
        raise Broken(f"{file} cannot be read: {error.strerror}") from None
    if not isinstance(found, dict):
        raise Broken(f"{file} is damaged: not a JSON object")
    return found


def class_name(name: Any) -> Any:
    """The name of a class that diffusers writes alone, or behind that of its module."""
    return name[-1] if isinstance(name, list) and name else name


def one_line(error: Exception) -> str:
    """What an error of a library says, as a part of a line."""
    return printable(" ".join(str(error).split()))[:200] or type(error).__name__


def shown(value: Any) -> str:
    """A value out of a foreign file, as a part of a line."""
    text = printable(repr(value))
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def printable(text: str) -> str:
    """Text without what would steer a terminal."""
    return "".join(letter for letter in text if letter.isprintable())


def _stored(file: Path) -> Weights:
    """The weights in a file, under their present names."""
    if not file.is_file():
        others = sorted(path.name for path in file.parent.iterdir() if path.suffix in PICKLES)
        if others:
            raise Broken(
                f"{file.parent} has its weights in {others[0]} alone, a pickle, which can run code: "
                "it is not opened",
                hint=f"find a copy of the model with {file.name}",
            )
        raise NotFound(f"{file} is missing")
    try:
        with safe_open(file, framework="pt") as content:
            return {_renamed(name): tuple(content.get_slice(name).get_shape()) for name in content.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise Broken(f"{file} is damaged: {one_line(error)}") from None


def _renamed(name: str) -> str:
    *path, part, kind = ["", *name.rsplit(".", 2)] if name.count(".") > 1 else ["", "", name]
    return ".".join([*filter(None, path), RENAMED.get(part, part), kind]) if part else name


def _described(cls: type[UNet] | type[UNet2DModel], config: Mapping[str, Any], file: Path) -> Weights:
    """The weights of a config's network, found out without any memory for them.

    Raises:
        Broken: no network can be made of it, or none that draws pictures.
    """
    if "quantization_config" in config:
        raise Broken(f"{file}: quantised networks are not known here")
    widths = config.get("block_out_channels", config.get("widths", ()))
    layers = config.get("layers_per_block", config.get("depth", 1))
    if not (isinstance(widths, list) and isinstance(layers, int) and max(len(widths), layers) <= MOST_LAYERS):
        raise Broken(f"{file} is damaged: it describes no network, or one that is too deep")
    try:
        with torch.device("meta"):
            network: Any = cls.from_config(dict(config))
            shape = shape_of(network)
            if shape[0] not in (1, 3) or max(shape[1:]) > MOST_SIDE:
                raise ValueError(f"{shape} are no pictures in grey or colour")
            made = network(torch.empty(1, *shape), torch.zeros(1), **_told(config)).sample
    except Exception as error:  # noqa: BLE001 - values of any kind may stand there
        cause = _cause(config) if cls is UNet2DModel else None
        why = cause or f"no network can be made of it ({one_line(error)})"
        raise Broken(f"{file} is damaged: {why}") from None
    if made.shape[1:] != shape:
        raise Broken(f"{file}: its network answers with {made.shape[1]} channels to pictures of {shape[0]}")
    return {name: tuple(part.shape) for name, part in network.state_dict().items()}


def _cause(config: Mapping[str, Any]) -> str | None:
    """Why diffusers could make no network of a config, where it is one of the common reasons."""
    side = config.get("sample_size")
    if side is None:
        return "it does not say the size of its pictures: sample_size must be one, such as 64"
    sides = side if isinstance(side, list) else [side, side]
    if len(sides) != 2 or not all(type(one) is int and one > 0 for one in sides):
        return f"sample_size {shown(side)} is no size of pictures"
    widths, groups = config.get("block_out_channels", []), config.get("norm_num_groups", 32)
    for key in ("down_block_types", "up_block_types"):
        named = config.get(key, widths)
        if not isinstance(named, list) or len(named) != len(widths):
            return f"{key} must be as many as block_out_channels, {len(widths)}"
    smallest = 2 ** (len(widths) - 1)
    if any(one % smallest for one in sides):
        return f"sample_size must be a multiple of {smallest}, not {shown(side)}"
    if type(groups) is int and groups > 0 and any(type(one) is int and one % groups for one in widths):
        return f"block_out_channels must be multiples of norm_num_groups, {groups}"
    return None


def _told(config: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """What diffusers' network has to be told where it is told classes."""
    if config.get("num_class_embeds") is None:
        return {}
    return {"class_labels": torch.zeros(1, dtype=torch.int64)}

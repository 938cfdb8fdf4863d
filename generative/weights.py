"""The weights of a model: by what they are known again, and how many bytes they have."""

from __future__ import annotations

import hashlib

import torch
from torch import nn


def weights_sum(model: nn.Module) -> str:
    """sha256 of the names, types, shapes and values of all weights, wherever they lie."""
    digest = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        plain = weight.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}\n".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def weights_bytes(model: nn.Module) -> int:
    """How many bytes all weights have."""
    return sum(weight.numel() * weight.element_size() for weight in model.state_dict().values())

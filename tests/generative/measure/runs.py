"""Small runs of both kinds, made once for a module."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.generative.run_folders import train, without_curves

KINDS = {
    "plain": ("autoencoder",),
    "denoising": ("autoencoder", "--noise", "0.3"),
    "threes": ("autoencoder", "--only", "3"),
    "grey": ("vae", "--likelihood", "gaussian"),
    "told": ("vae", "--likelihood", "bernoulli", "--class-conditional"),
}


def make_runs(folder: Path, *names: str) -> Path:
    """`folder` with a run of each of these names."""
    with pytest.MonkeyPatch.context() as patch:
        without_curves(patch)
        for name in names:
            kind, *options = KINDS[name]
            assert train(folder, name, kind, *options) == 0
    return folder

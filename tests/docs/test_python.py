"""The Python that the documentation shows runs, with small budgets; the blocks of a page are one program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.docs.documented import Block, blocks, name_of, pages
from tests.docs.modules import forgotten_modules, modules_shown, write_modules
from tests.docs.scene import Scene
from tests.docs.shortened import NAMED

SHOWN = {name_of(page): [block for block in blocks(page) if block.language == "python"] for page in pages()}

SHORTER = [
    (r"\.learn\((total_timesteps=)?[\d_]+", r".learn(\g<1>64"),
    (r"num_inference_steps=\d+", "num_inference_steps=2"),
    (r"n_envs=64, policy_kwargs", "n_envs=2, n_steps=8, policy_kwargs"),
]
"""what is replaced in every block"""

LATEST = {
    "README.md": ["pole"],
    "docs/agents.md": ["pole", "tiny"],
    "docs/classifiers.md": ["tiny"],
    "docs/generative.md": ["vae"],
}
"""the latest run in each block that asks for it; of a page that is not here, an agent's on CartPole"""


def given() -> dict[str, Any]:
    """What pages take for granted: an observation, pictures, an environment of stock SB3's."""
    import numpy as np
    import stable_baselines3
    import torch

    from agents import SB3VecEnv

    return {
        "np": np,
        "observation": np.zeros((1, 4), np.float32),
        "pictures": torch.zeros(3, 1, 28, 28),
        "stable_baselines3": stable_baselines3,
        "env": SB3VecEnv("Sandbox/Catch-v0", n_envs=2),
        "__name__": "shown",
    }


@pytest.mark.parametrize("page", [page for page, shown in SHOWN.items() if shown])
def test_it_runs(page: str, scene: Scene, tmp_path: Path) -> None:
    write_modules(tmp_path)
    written = set(modules_shown().values())
    latest = iter(LATEST.get(page, ["pole"] * len(SHOWN[page])))
    with forgotten_modules(tmp_path):
        names = given()
        for block in SHOWN[page]:
            text = "\n".join(block.lines) + "\n"
            if text not in written:
                furnish(text, scene, tmp_path, latest)
                run(block, text, names)


def furnish(text: str, scene: Scene, here: Path, latest: Any) -> None:
    """Put what a block opens into the working folder."""
    runs = {name: recipe for name, recipe in NAMED.items() if f"runs/{name}/" in text}
    if '"latest"' in text:
        recipe = next(latest)
        runs[f"latest-{recipe}"] = recipe
    for name in list(runs):
        if (here / "runs" / name).exists():
            del runs[name]
    scene.furnish(here, re.findall(r'"([^"]+)"', text), runs)


def run(block: Block, text: str, names: dict[str, Any]) -> None:
    """Execute a block so that an error names the line of the page."""
    for pattern, shorter in SHORTER:
        text = re.sub(pattern, shorter, text)
    exec(compile("\n" * (block.line - 1) + text, block.page, "exec"), names)

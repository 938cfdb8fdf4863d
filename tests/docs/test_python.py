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
    (r"n_eval_episodes=\d+", "n_eval_episodes=2"),
    (r"num_envs=512", "num_envs=16"),
    (r"per_class=10", "per_class=2"),
    (r'Catch-v0", n_envs=8', 'Catch-v0", n_envs=1'),
    (r"n_envs=64, policy_kwargs", "n_envs=2, n_steps=8, policy_kwargs"),
]
"""what is replaced in every block"""

LATEST = {"docs/agents.md": "tiny", "docs/classifiers.md": "tiny", "docs/generative.md": "vae"}
"""the latest run, of a page that asks for it; else an agent's on CartPole"""


@pytest.mark.parametrize("page", [page for page, shown in SHOWN.items() if shown])
def test_it_runs(page: str, scene: Scene, tmp_path: Path) -> None:
    write_modules(tmp_path)
    text = "\n".join("\n".join(block.lines) for block in SHOWN[page])
    runs = {name: recipe for name, recipe in NAMED.items() if f'"runs/{name}/' in text}
    if '"latest"' in text:
        runs["latest-run"] = LATEST.get(page, "pole")
    scene.furnish(tmp_path, [], runs)
    written, names = set(modules_shown().values()), {"__name__": "shown"}
    with forgotten_modules(tmp_path):
        for block in SHOWN[page]:
            text = "\n".join(block.lines) + "\n"
            if text not in written:
                run(block, text, names)


def run(block: Block, text: str, names: dict[str, Any]) -> None:
    """Execute a block so that an error names the line of the page."""
    for pattern, shorter in SHORTER:
        text = re.sub(pattern, shorter, text)
    exec(compile("\n" * (block.line - 1) + text, block.page, "exec"), names)

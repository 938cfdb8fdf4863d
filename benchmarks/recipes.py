"""What the benchmark measures: the recipes behind the tables and pictures of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.curves import Record, draw, draw_steps, draw_transfer
from generative.bench.tasks import STEPS_CURVES

CLASSICS = (
    *("cartpole-ppo", "cartpole-dqn", "mountaincar-ppo", "mountaincar-dqn", "acrobot-ppo", "acrobot-dqn"),
    *("pendulum-ppo", "pendulum-dqn", "mountaincarcontinuous-ppo"),
    *("lunarlander-ppo", "lunarlander-dqn", "lunarlander-dqn-500k"),
)
PIXELS = (
    *("catch-ppo", "catch-dqn", "snake-ppo", "snake-dqn", "pong-ppo", "pong-dqn"),
    *("breakout-ppo", "breakout-dqn", "cartpole-ppo", "cartpole-dqn"),
)
MEMORY = {
    **dict.fromkeys(("tmaze-10", "tmaze-50", "tmaze-100"), ("ppo", "dqn", "contrib")),
    "tmaze-pixels-10": ("ppo", "dqn"),
    "cartpole": ("ppo", "dqn", "contrib"),
    "pendulum": ("ppo", "contrib"),
    "lunarlander": ("ppo", "dqn", "contrib"),
    "mountaincar": ("ppo", "contrib"),
    **dict.fromkeys(("cartpole-pixels", "pong-flicker", "rooms", "maze3d"), ("ppo", "dqn")),
}
"""task -> our algorithms, each with memory and without; "contrib": sb3-contrib's, hours apart"""
GENERATIVE = ("autoencoder", "one-class", "vae", "others", "speed")
DIFFUSION = {
    "ddpm": ("ddpm", "ddpm-steps"),
    "ddpm-long": ("ddpm-long",),
    "ddpm-peer": ("ddpm-peer", "ddpm-pace", "ddpm-gpu"),
    "ddpm-others": ("ddpm-others",),
}
"""part of `bench generative` -> its tables"""


@dataclass(frozen=True)
class Recipe:
    """What to measure, over which seeds."""

    name: str
    """Names the result files and, unless ``place`` does, the place in docs/benchmarks.md."""
    command: str
    """Words after ``python -m`` and the program; ``{seed}`` is filled in. ``--json`` is added."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    tables: tuple[str, ...] = ("rows",)
    """Where its result holds rows for a table."""
    place: str = ""
    """Recipes of one place share a table."""
    picture: str = ""
    """File beside the document that shows the curves of all recipes of the place, above the table."""
    draw: Callable[[Sequence[Record], Path], Path] = draw
    """What draws that file, from the results."""
    shown: str = "Curves of each task and seed; the table says where they end"
    """What is to be seen in it, for those who cannot."""
    first: str = ""
    """Words for the first seed alone, such as where its pictures go."""
    program: str = "sandbox"
    """The module that is run."""
    own: bool = False
    """It keeps its result itself, as results/<name>.json, and writes its table, in a document of its own."""


RECIPES = (
    Recipe(
        "agents",
        "bench agents --seeds 1 --first-seed {seed}",
        tables=("rows", "processes"),
    ),
    Recipe(
        "agents-memory",
        "bench agents --seeds 1 --first-seed {seed} --only memory",
        seeds=(0,),
        tables=("memory",),
    ),
    Recipe(
        "envs",
        "bench envs --growth --seed {seed}",
        seeds=(0, 1, 2),
        tables=("rows", "growth", "gymnasium", "others"),
    ),
    Recipe("classics-ours", "bench classics --engine ours --seeds 1 --first-seed {seed}"),
    *(
        Recipe(
            f"classics-{name}",
            f"bench classics --seeds 1 --first-seed {{seed}} --only {name}",
            place="classics",
        )
        for name in CLASSICS
    ),
    *(
        Recipe(
            f"pixels-{name}",
            f"bench pixels --engine ours --seeds 1 --first-seed {{seed}} --only {name}",
            seeds=(0, 1, 2),
            place="pixels",
            picture="pixels.png",
        )
        for name in PIXELS
    ),
    *(
        Recipe(
            f"race-{name}",
            f"bench pixels --seeds 1 --first-seed {{seed}} --only {name}",
            seeds=(0, 1, 2),
            place="race",
            picture="race.png",
        )
        for name in ("pong-ppo", "pong-dqn")
    ),
    Recipe("eyes", "bench eyes", seeds=(0,)),
    *(
        Recipe(
            f"memory-{task}-{who}",
            f"bench memory --seeds 1 --first-seed {{seed}} --tasks {task} "
            + ("--agents contrib" if who == "contrib" else f"--agents memory memoryless --algos {who}")
            + (" --limit-minutes 30" if task in ("rooms", "maze3d") else ""),
            place="memory",
        )
        for task, learners in MEMORY.items()
        for who in learners
    ),
    *(
        Recipe(
            f"recurrent-speed{suffix}",
            f"bench agents --only recurrent --seeds 1 --first-seed {{seed}} --threads {threads}",
            tables=("recurrent", "updates"),
            place="recurrent-speed",
        )
        for suffix, threads in (("", 2), ("-one-thread", 1))
    ),
    Recipe(
        "ablations",
        "bench ablations --seeds 1 --first-seed {seed}",
        seeds=tuple(range(8)),
        tables=("rows", "claims"),
    ),
    Recipe(
        "supervised",
        "bench supervised --seeds 1 --first-seed {seed} --only mnist-fast sign-v0 sign-v1 sign-v2 "
        "sign-backbone",
        seeds=(0, 1, 2),
    ),
    Recipe(
        "supervised-photographs",
        "bench supervised --seeds 1 --first-seed {seed} --only photographs photographs-5 "
        "photographs-from-signs photographs-from-signs-5 photographs-frozen photographs-fine-tuned "
        "photographs-fine-tuned-full-rate",
        seeds=(0, 1, 2),
    ),
    *(
        Recipe(
            f"supervised-{name}",
            f"bench supervised --seeds 1 --first-seed {{seed}} --only {name}",
            seeds=(0, 1, 2),
            tables=(name,),
        )
        for name in ("transfer", "search")
    ),
    Recipe(
        "supervised-best",
        "bench supervised --seeds 1 --first-seed {seed} --only mnist-best",
        seeds=(0, 1, 2),
    ),
    *(
        Recipe(
            f"generative-{part}",
            f"bench generative --seeds 1 --first-seed {{seed}} --only {part} --threads 1"
            + (" --no-peers" if part == "vae" else ""),
            seeds=(0, 1, 2),
            tables=(part,),
        )
        for part in GENERATIVE
    ),
    *(
        Recipe(
            f"generative-{part}",
            f"bench generative --seeds 1 --first-seed {{seed}} --only {part} --threads 1",
            seeds=(0, 1, 2),
            tables=tables,
            picture=STEPS_CURVES if part == "ddpm" else "",
            draw=draw_steps,
            shown="Fréchet distance and digits judged right against the steps of each sampler",
            first="--pictures docs",
        )
        for part, tables in DIFFUSION.items()
    ),
    Recipe(
        "transfer",
        "bench transfer --seeds 1 --first-seed {seed}",
        seeds=(0, 1, 2),
        tables=("rows", "gains", "gains_alone"),
        picture="transfer.png",
        draw=draw_transfer,
        shown="A heat map: what each backbone adds to each task, and where it hurts",
    ),
    Recipe("videos", "--seed {seed}", seeds=(0, 1, 2), program="benchmarks.videos"),
    Recipe("experts", "", seeds=(0,), program="benchmarks.experts", own=True),
)

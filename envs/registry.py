"""The environments of the sandbox: one table, from which all are registered with gymnasium."""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium


@dataclass(frozen=True)
class Entry:
    """What is known about an environment without importing it."""

    name: str
    """Its short name; the id is `Sandbox/<name>-v<version>`."""
    module: str
    """Where the classes `<name>` (batched) and `<name>Env` (single) stand."""
    summary: str
    """The task in one line."""
    reward_threshold: float
    """The mean return of an episode at which the task counts as solved."""
    max_episode_steps: int | None
    """The fixed time limit in steps; None where it follows from the environment's arguments."""
    twin: str | None = None
    """The id of gymnasium's own environment with equal dynamics."""
    observations: tuple[str, ...] = ("features", "pixels")
    """The values of the argument `obs`, the default first."""
    needs: tuple[str, ...] = ()
    """What an agent needs beside reflexes: "eyes", "memory"."""
    version: int = 0

    @property
    def id(self) -> str:
        """The id for `gymnasium.make` and `gymnasium.make_vec`."""
        return f"Sandbox/{self.name}-v{self.version}"


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="CartPole",
        module="envs.classic.cartpole",
        summary="Balance a pole on a cart by pushing the cart left and right.",
        reward_threshold=475.0,
        max_episode_steps=500,
        twin="CartPole-v1",
    ),
    Entry(
        name="MountainCar",
        module="envs.classic.mountain_car",
        summary="Swing a car that is too weak for the hill up to the flag.",
        reward_threshold=-110.0,
        max_episode_steps=200,
        twin="MountainCar-v0",
    ),
    Entry(
        name="MountainCarContinuous",
        module="envs.classic.mountain_car_continuous",
        summary="The same hill, with a throttle, and fuel to save.",
        reward_threshold=90.0,
        max_episode_steps=999,
        twin="MountainCarContinuous-v0",
    ),
    Entry(
        name="Acrobot",
        module="envs.classic.acrobot",
        summary="Swing two links up by turning the joint between them.",
        reward_threshold=-100.0,
        max_episode_steps=500,
        twin="Acrobot-v1",
    ),
    Entry(
        name="Pendulum",
        module="envs.classic.pendulum",
        summary="Swing a pendulum up and hold it there, with little torque.",
        reward_threshold=-200.0,
        max_episode_steps=200,
        twin="Pendulum-v1",
    ),
    Entry(
        name="Catch",
        module="envs.catch",
        summary="Catch the falling balls: the simplest delayed reward.",
        reward_threshold=8.0,
        max_episode_steps=1_000,
        observations=("pixels", "features"),
        needs=("eyes",),
    ),
    Entry(
        name="Snake",
        module="envs.snake",
        summary="Eat apples and grow, without running into the walls or yourself.",
        reward_threshold=18.0,
        max_episode_steps=2_000,
        observations=("pixels", "features"),
        needs=("eyes",),
    ),
    Entry(
        name="Pong",
        module="envs.pong",
        summary="Table tennis against a scripted opponent, first to 21.",
        reward_threshold=17.0,
        max_episode_steps=10_000,
        observations=("pixels", "features"),
        needs=("eyes",),
    ),
    Entry(
        name="Breakout",
        module="envs.breakout",
        summary="Break the wall of bricks with a ball that must not be lost.",
        reward_threshold=45.0,
        max_episode_steps=5_000,
        observations=("pixels", "features"),
        needs=("eyes",),
    ),
    Entry(
        name="TMaze",
        module="envs.tmaze",
        summary="Remember the cue at the start until the corridor forks.",
        reward_threshold=0.85,
        max_episode_steps=None,
        observations=("pixels", "features"),
        needs=("eyes", "memory"),
    ),
    Entry(
        name="Rooms",
        module="envs.rooms",
        summary="Find keys and doors in a maze of rooms, seen through a small window.",
        reward_threshold=1.5,
        max_episode_steps=300,
        observations=("pixels",),
        needs=("eyes", "memory"),
    ),
    Entry(
        name="Maze3D",
        module="envs.maze3d",
        summary="Find the goal of a maze in first person; collect the good, avoid the bad.",
        reward_threshold=1.2,
        max_episode_steps=400,
        observations=("pixels",),
        needs=("eyes", "memory"),
    ),
)


def register_all() -> None:
    """Register every environment with gymnasium; nothing is imported before it is made."""
    for entry in ENTRIES:
        if entry.id not in gymnasium.registry:
            gymnasium.register(
                entry.id,
                entry_point=f"{entry.module}:{entry.name}Env",
                vector_entry_point=f"{entry.module}:{entry.name}",
                reward_threshold=entry.reward_threshold,
                max_episode_steps=entry.max_episode_steps,
            )


def listing() -> tuple[Entry, ...]:
    """All environments of the sandbox, in the order in which they are best met."""
    return ENTRIES


def twin(env_id: str) -> str | None:
    """Our id with the dynamics of gymnasium's `env_id`, or None: "CartPole-v1" -> "Sandbox/CartPole-v0"."""
    return next((entry.id for entry in ENTRIES if entry.twin == env_id), None)

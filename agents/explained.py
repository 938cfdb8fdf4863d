"""What an agent brings to be explained: its backbone, and the frames of episodes that it plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from envs.controls import Controls, controls_of
from sandbox.core.errors import UsageError
from sandbox.core.kinds import Question
from sandbox.core.run import Run
from sandbox.nn.explain import Subject

from .actors import PolicyActor, as_known
from .config import AgentConfig
from .names import with_end
from .saliency import Pictures
from .simulators.from_id import find_spec, make_single

if TYPE_CHECKING:
    from .actors import Moment
    from .protocols import AnyAgent

FRAMES = 500
"""of all episodes together, unless told otherwise"""
EPISODES = 5


def subject(run: Run, config: AgentConfig, agent: AnyAgent, question: Question) -> Subject:
    """The agent's backbone, frames of greedy episodes, and what it did.

    Raises:
        UsageError: it has no backbone, or the question is one for classifiers.
    """
    if question.split is not None or question.data_dir is not None:
        raise UsageError("--split and --data-dir are for classifiers: an agent plays episodes")
    if question.file is not None or question.classes or question.channel is not None:
        raise UsageError("FILE, --classes and --channel are for classifiers: an agent has no classes")
    if agent.backbone is None:
        raise UsageError(
            f"{run.name} cannot be explained: {config.algo} with {config.policy} has no backbone",
            hint="explain agents that see pictures through one: ppo and dqn with CnnPolicy",
        )
    actor = agent.actor(config.algo)
    assert isinstance(actor, PolicyActor)
    spec = find_spec(config.train_env)
    env = make_single(spec, config.wrap, with_end(spec.id, config.env_args))
    try:
        observations, moments, labels, episodes = _play(actor, env, question)
        colours = colours_of(env, agent.backbone.in_channels)
    finally:
        env.close()
    pictures = Pictures(agent.observation_space)
    return Subject(
        title=f"{config.algo} on {config.env}, step {agent.num_timesteps:,}",
        source=f"{len(observations):,} frames of {episodes} {'episode' if episodes == 1 else 'episodes'}",
        eyes=agent.backbone,
        pictures=torch.stack([pictures.of(observation) for observation in observations]),
        colours=colours,
        answer=lambda number, changed: _ask(actor, pictures, observations[number], moments[number], changed),
        labels=labels,
    )


@torch.inference_mode()
def _ask(actor: PolicyActor, pictures: Pictures, observation: Any, moment: Moment, changed: Tensor) -> Tensor:
    return actor.tendencies(pictures.put(observation, changed), moment).cpu()


def _play(
    actor: PolicyActor, env: gym.Env[Any, Any], question: Question
) -> tuple[list[Any], list[Moment], list[str], int]:
    """Observations, what was remembered before and done after each, and how many episodes they are of."""
    controls = controls_of(env)
    observations, moments, labels = [], [], []
    for episode in range(question.episodes or EPISODES):
        seed = (question.seed or 0) + episode
        observation, ended = env.reset(seed=seed)[0], False
        actor.begin(seed)
        while not ended:
            action = actor.act(observation).action
            observations.append(_kept(as_known(observation, actor.policy.observation_space)))
            moments.append(actor.before)
            labels.append(_named(action, controls))
            if len(observations) == (question.frames or FRAMES):
                return observations, moments, labels, episode + 1
            observation, _, terminated, truncated, _ = env.step(action)
            ended = bool(terminated or truncated)
    return observations, moments, labels, question.episodes or EPISODES


def _kept(observation: Any) -> Any:
    """A copy: environments may write the next observation into the same array."""
    if isinstance(observation, dict):
        return {name: np.array(part) for name, part in observation.items()}
    return np.array(observation)


def _named(action: Any, controls: Controls | None) -> str:
    """An action by its name; its number or numbers where it has none."""
    numbers = np.asarray(action)
    if numbers.dtype.kind == "f":
        return ", ".join(f"{part:+.1f}" for part in numbers.ravel()).replace("-", "−")
    if numbers.ndim or controls is None:
        return str(action)
    return controls.name_of(int(numbers))


def colours_of(env: gym.Env[Any, Any], channels: int) -> int:
    """Channels of one frame of `env`'s pictures, of which `channels` / that many are stacked: 1 or 3."""
    depth = env.get_wrapper_attr("stack_depth") if env.has_wrapper_attr("stack_depth") else 1
    if channels % depth == 0 and channels // depth in (1, 3):
        return channels // depth
    return 3 if channels % 3 == 0 else 1

"""The whole state of training, for a resume that ends bit-identical to a run that was never stopped."""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sandbox.core.errors import CheckpointBroken
from sandbox.nn.optimizers import load_optimizer_state
from sandbox.nn.optimizers import optimizer_state as moments_of

from .episodes import EpisodeStatistics

if TYPE_CHECKING:
    from .array_algorithm import ArrayAlgorithm
    from .normalize import RewardNormalizer


def capture(agent: ArrayAlgorithm) -> dict[str, Any]:
    """Everything that decides how training goes on: nested dicts and lists of tensors, arrays and JSON
    values."""
    assert agent.episodes is not None
    assert agent.ep_info_buffer is not None
    normalizer = _reward_normalizer(agent)
    return {
        "policy": dict(agent.policy.state_dict()),
        "optimizer": optimizer_state(agent.policy.optimizer),  # type: ignore[arg-type]
        "generator": agent.generator.get_state(),
        "global_generators": _global_generators(),
        "threads": torch.get_num_threads(),
        "simulator": agent.simulator.state_dict(),
        "discounted_returns": None if normalizer is None else normalizer.running,
        "last": {
            "observation": agent._last_obs,
            "episode_starts": agent._last_episode_starts,
            "policy_state": agent._policy_state,
        },
        "episodes": agent.episodes.state_dict(),
        # Without "t": the wall clock is no part of the state.
        "recent_episodes": [[episode["r"], episode["l"]] for episode in agent.ep_info_buffer],
        "recent_successes": [float(success) for success in agent.ep_success_buffer or ()],
        "counters": {
            "num_timesteps": agent.num_timesteps,
            "episodes": agent._episode_num,
            "updates": agent._n_updates,
        },
    }


def restore(agent: ArrayAlgorithm, state: dict[str, Any]) -> list[str]:
    """Put an agent, made with the same arguments, where `capture` found the other one.

    Returns:
        One sentence for each thing that could not be restored and starts anew.

    Raises:
        CheckpointBroken: the state is not one of such an agent.
    """
    try:
        # Sums are split between threads: another number of them gives other last bits.
        torch.set_num_threads(state["threads"])
        agent.policy.load_state_dict(state["policy"])
        load_optimizer(agent.policy.optimizer, state["optimizer"])  # type: ignore[arg-type]
        agent.generator.set_state(state["generator"])
        counters, last = state["counters"], state["last"]
        agent.num_timesteps, agent._n_updates = counters["num_timesteps"], counters["updates"]
        agent._episode_num = counters["episodes"]
        recent = [{"r": total, "l": length, "t": 0.0} for total, length in state["recent_episodes"]]
        agent.ep_info_buffer = deque(recent, maxlen=agent._stats_window_size)
        agent.ep_success_buffer = deque(state["recent_successes"], maxlen=agent._stats_window_size)
        agent.episodes = EpisodeStatistics(agent.n_envs)
        agent.episodes.load_state_dict(state["episodes"])
        normalizer = _reward_normalizer(agent)
        if normalizer is not None:
            normalizer.running = state["discounted_returns"].to(agent.device)
        _restore_memory(agent, last["policy_state"])
        agent._last_obs, agent._last_episode_starts = last["observation"], last["episode_starts"]
        troubles = _restore_simulator(agent, state["simulator"])
        _restore_global_generators(state["global_generators"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointBroken(f"the checkpoint does not fit this agent: {in_a_line(error)}") from error
    return troubles


def _restore_memory(agent: ArrayAlgorithm, saved: torch.Tensor | None) -> None:
    """Take over what a policy with memory remembers of the running episodes."""
    nothing = agent.policy.initial_state(agent.n_envs)  # type: ignore[operator]
    if nothing is not None:
        if saved is None or saved.shape != nothing.shape:
            raise ValueError("another memory was kept")
        agent._policy_state = saved.to(agent.device)


def restore_policy(agent: ArrayAlgorithm, state: dict[str, Any], step: int) -> None:
    """Only what `capture` kept of the policy. Raises CheckpointBroken where it does not fit."""
    try:
        agent.policy.load_state_dict(state["policy"])
    except (KeyError, TypeError, RuntimeError) as error:
        reason = in_a_line(error)
        raise CheckpointBroken(f"the checkpoint of step {step} does not fit this agent: {reason}") from error
    agent.num_timesteps = step


def in_a_line(error: Exception) -> str:
    """What torch says in many lines, in one."""
    words = " ".join(str(error).split())
    return words if len(words) <= 200 else words[:199] + "…"


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The optimiser's state with text keys (its own are numbers)."""
    groups = [dict(group) for group in optimizer.state_dict()["param_groups"]]
    return {"state": moments_of(optimizer), "param_groups": groups}


def load_optimizer(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """The inverse of `optimizer_state`."""
    load_optimizer_state(optimizer, saved["state"])
    for group, kept in zip(optimizer.param_groups, saved["param_groups"], strict=True):
        group.update({name: value for name, value in kept.items() if name != "params"})


def _reward_normalizer(agent: ArrayAlgorithm) -> RewardNormalizer | None:
    return getattr(agent.policy, "reward_normalizer", None)


def _restore_simulator(agent: ArrayAlgorithm, state: dict[str, Any] | None) -> list[str]:
    """Put the environments back; the ones that cannot be start a new episode. Returns what to tell the
    user."""
    assert agent.episodes is not None
    assert agent._last_episode_starts is not None
    troubles = agent.simulator.load_state_dict(state)
    anew = agent.simulator.restarted
    if troubles and anew is not None:
        agent._last_obs = agent.simulator.observation  # type: ignore[assignment]
        agent._last_episode_starts = agent._last_episode_starts | anew
        agent.episodes.returns[anew] = 0.0
        agent.episodes.lengths[anew] = 0
        normalizer = _reward_normalizer(agent)
        if normalizer is not None:
            normalizer.running[torch.as_tensor(anew, device=agent.device)] = 0.0
    return troubles


def _global_generators() -> dict[str, Any]:
    """States of the process-wide generators: nothing of ours draws from them, a user's network or task
    may."""
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)  # type: ignore[misc]  # noqa: NPY002
    version, internal, gauss = random.getstate()
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": {"kind": str(kind), "keys": keys, "rest": [int(position), int(has_gauss), float(cached)]},
        "python": {"version": version, "internal": list(internal), "gauss": gauss},
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _restore_global_generators(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    numpy_state = state["numpy"]
    np.random.set_state((numpy_state["kind"], numpy_state["keys"], *numpy_state["rest"]))  # noqa: NPY002
    python_state = state["python"]
    random.setstate((python_state["version"], tuple(python_state["internal"]), python_state["gauss"]))

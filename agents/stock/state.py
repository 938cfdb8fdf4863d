"""What of a stock algorithm's training is kept: parameters, optimisers, statistics and counters.

Arrays and JSON values only, never a pickle. Stock SB3 has no way to keep its generators, the episodes in
progress and what an off-policy algorithm remembers of others, so a resumed run is not the uninterrupted one.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.save_util import recursive_getattr
from stable_baselines3.common.vec_env import VecNormalize
from torch.optim import Optimizer

from agents.state import load_optimizer, optimizer_state
from sandbox.core.errors import CheckpointBroken
from sandbox.core.seeding import derive_seed

from .policy import StockPolicy, moments_of, set_moments

_COUNTERS = ("num_timesteps", "_episode_num", "_n_updates", "_n_calls")
"""SB3's names; the last one, of calls since the target network was updated, is DQN's"""


class Wrapped(Protocol):
    """What a stock algorithm and what is around it are kept of: a `StockAgent`."""

    model: BaseAlgorithm
    policy: StockPolicy
    normalizer: VecNormalize | None
    seed: int


def capture(agent: Wrapped) -> dict[str, Any]:
    """Nested dicts and lists of tensors and JSON values; the policy's under "policy"."""
    model: Any = agent.model
    _, variables = model._get_torch_save_params()
    return {
        "policy": agent.policy.state_dict(),
        "optimizers": {name: optimizer_state(one) for name, one in _optimizers(agent).items()},
        "variables": {name: recursive_getattr(model, name).detach().clone() for name in variables},
        "rewards": None if agent.normalizer is None else moments_of(agent.normalizer.ret_rms),
        "counters": {name: int(getattr(model, name)) for name in _COUNTERS if hasattr(model, name)},
        # Without "t": the wall clock is no part of the state.
        "recent_episodes": [[float(one["r"]), int(one["l"])] for one in model.ep_info_buffer or ()],
    }


def restore(agent: Wrapped, state: dict[str, Any]) -> list[str]:
    """Put an agent, made with the same arguments, close to where `capture` found the other one.

    Returns:
        A sentence about what starts anew.

    Raises:
        CheckpointBroken: the state is not one of such an agent.
    """
    model: Any = agent.model
    try:
        agent.policy.load_state_dict(state["policy"])
        for name, optimizer in _optimizers(agent).items():
            load_optimizer(optimizer, state["optimizers"][name])
        for name, value in state["variables"].items():
            recursive_getattr(model, name).data.copy_(value)
        if agent.normalizer is not None:
            set_moments(agent.normalizer.ret_rms, state["rewards"])
        for name in _COUNTERS:
            if hasattr(model, name):
                setattr(model, name, int(state["counters"][name]))
        recent = [{"r": total, "l": length, "t": 0.0} for total, length in state["recent_episodes"]]
        model.ep_info_buffer = deque(recent, maxlen=model._stats_window_size)
        model.ep_success_buffer = deque(maxlen=model._stats_window_size)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
        raise CheckpointBroken(f"the checkpoint does not fit this agent: {error}") from error
    # With the run's own seed it would meet the first episodes again, and draw the first numbers.
    model.set_random_seed(derive_seed(agent.seed, "resume", model.num_timesteps))
    buffer = ", nor the replay buffer" if isinstance(model, OffPolicyAlgorithm) else ""
    return [f"of stock SB3 neither generators nor episodes in progress are kept{buffer}: they start anew"]


def restore_policy(agent: Wrapped, state: dict[str, Any], step: int) -> None:
    """Only what `capture` kept of the policy. Raises CheckpointBroken where it does not fit."""
    try:
        agent.policy.load_state_dict(state["policy"])
    except (KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise CheckpointBroken(f"the checkpoint of step {step} does not fit this agent: {error}") from error
    agent.model.num_timesteps = step


def _optimizers(agent: Wrapped) -> dict[str, Optimizer]:
    """The algorithm's optimisers, under SB3's names for them."""
    names, _ = agent.model._get_torch_save_params()
    found = {name: recursive_getattr(agent.model, name) for name in names}
    return {name: one for name, one in found.items() if isinstance(one, Optimizer)}

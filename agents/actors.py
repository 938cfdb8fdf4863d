"""Agents as actors: one observation in, an action out, and what the agent thinks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common import distributions as sb3

from sandbox.core.errors import UsageError
from sandbox.ui.actor import View

from .actions import for_env
from .observations import is_image, to_tensors
from .saliency import Saliency, centred, leanings

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch import Tensor

    from .networks import ActorCritic, PolicyState

    Moment = tuple[PolicyState, Tensor]
    from .observations import Arrays, Tensors
    from .q_policies import QPolicy


class PolicyActor:
    """One of our policies, taking its most likely action.

    Args:
        policy: is switched to evaluation mode.
        name: who it is, for people.

    Attributes:
        before: what it remembered before the last observation, (1, numbers), and whether an episode began
            with that, (1,) bool.
    """

    before: Moment

    def __init__(self, policy: ActorCritic | QPolicy, name: str) -> None:
        policy.set_training_mode(False)
        self.policy, self.name = policy, name
        self._saliency = Saliency(policy.observation_space)
        self.blind = self._saliency.blind
        self.begin(0)
        self.forgetful = "it has no memory" if self._state is None else ""

    def begin(self, seed: int) -> None:
        """Forget the last episode."""
        del seed  # nothing is drawn
        self._state, self._first = self.policy.initial_state(1), self._flag(True)

    def act(self, observation: Any) -> View:
        """What to do after one observation (*shape), or a flat dict of such."""
        policy = self.policy
        self._seen = as_known(observation, policy.observation_space)
        batch = to_tensors(_batch_of_one(self._seen), policy.device)
        self.before = self._state, self._first
        with torch.inference_mode():
            actions, self._state, thoughts = _decide(policy, batch, *self.before)
            units = policy.activations(self._state)
        self._first = self._flag(False)
        memory = None if units is None else _row(units)
        return View(for_env(actions, policy.action_space)[0], memory=memory, **thoughts)

    def saliency(self) -> np.ndarray:
        """See `sandbox.ui.actor.Seeing`."""
        with torch.inference_mode():
            return self._saliency(lambda changed: self.tendencies(changed, self.before), self._seen)

    def tendencies(self, observations: Arrays, before: Moment) -> Tensor:
        """What the policy tends to after observations.

        Args:
            observations: (batch, …), each in the place of one and the same.
            before: `before` of that one.

        Returns:
            (batch, numbers), see `leanings`.
        """
        from .q_policies import QPolicy

        policy, (state, first) = self.policy, before
        batch = to_tensors(observations, policy.device)
        count = len(next(iter(batch.values())) if isinstance(batch, dict) else batch)
        first = first.expand(count)
        if state is not None:
            state = state.expand(count, -1)
        if isinstance(policy, QPolicy):
            return centred(policy.q_values(batch, state, first))
        return leanings(policy.get_distribution(batch, state, first))  # type: ignore[arg-type]

    def _flag(self, first: bool) -> Tensor:
        """(1,) bool, whether an episode begins."""
        return torch.tensor([first], device=self.policy.device)


def _decide(
    policy: ActorCritic | QPolicy, batch: Tensors, state: PolicyState, first: Tensor
) -> tuple[Tensor, PolicyState, dict[str, Any]]:
    """Most likely actions, the next memory, and fields of a `View`, after a batch of one observation."""
    from .q_policies import QPolicy

    if isinstance(policy, QPolicy):
        actions, after = policy.choose(batch, state, first)
        return actions, after, {"q_values": _row(policy.q_values(batch, state, first))}
    # Not `choose`: a critic may have a memory of its own.
    decision = policy.act(batch, state, first, deterministic=True)
    thoughts = described(policy.get_distribution(batch, state, first))  # type: ignore[arg-type]
    return decision.actions, decision.state, {"value": float(decision.values[0]), **thoughts}


class SB3Actor:
    """An agent of stock stable-baselines3, or of a library like it, taking its most likely action."""

    def __init__(self, model: BaseAlgorithm, name: str) -> None:
        self.model, self.name = model, name
        self._saliency = Saliency(model.observation_space)  # type: ignore[arg-type]
        self.blind = self._saliency.blind
        remembers = hasattr(model.policy, "lstm_actor")
        self.forgetful = "stock agents do not say what they remember" if remembers else "it has no memory"
        if remembers:
            self.blind = "it remembers, and stock agents do not say what"
        self.begin(0)

    def begin(self, seed: int) -> None:
        """Forget the last episode."""
        del seed  # nothing is drawn
        self._state, self._first = None, np.ones(1, bool)

    def act(self, observation: Any) -> View:
        """What to do after one observation (*shape), or a flat dict of such."""
        action, self._state = self.model.predict(observation, self._state, self._first, deterministic=True)
        self._first, self._seen = np.zeros(1, bool), observation
        policy: Any = self.model.policy
        if self._state is not None:  # it remembers: what it thinks depends on more than this observation
            return View(action)
        with torch.inference_mode():
            tensors, _ = policy.obs_to_tensor(observation)
            if hasattr(policy, "q_net"):
                return View(action, q_values=policy.q_net(tensors)[0].cpu().numpy())
            if not hasattr(policy, "get_distribution"):
                return View(action, mean=_flat(action, self.model.action_space))
            value = float(policy.predict_values(tensors)[0, 0])
            return View(action, value, **described(policy.get_distribution(tensors)))

    def saliency(self) -> np.ndarray:
        """See `sandbox.ui.actor.Seeing`."""
        with torch.inference_mode():
            return self._saliency(self.tendencies, self._seen)

    def tendencies(self, observations: Any) -> Tensor:
        """As `PolicyActor.tendencies`."""
        policy: Any = self.model.policy
        tensors, _ = policy.obs_to_tensor(observations)
        if hasattr(policy, "quantile_net"):
            return centred(policy.quantile_net(tensors).mean(1))
        if hasattr(policy, "q_net"):
            return centred(policy.q_net(tensors))
        if not hasattr(policy, "get_distribution"):
            return policy._predict(tensors, deterministic=True).flatten(1)
        return leanings(policy.get_distribution(tensors))


def described(distribution: sb3.Distribution) -> dict[str, Any]:
    """Fields of a `View` for the first row of a batch; empty for kinds without a simple picture."""
    inner: Any = getattr(distribution, "distribution", None)
    if isinstance(distribution, sb3.CategoricalDistribution):
        return {"probabilities": (_row(inner.probs),)}
    if isinstance(distribution, sb3.MultiCategoricalDistribution):
        return {"probabilities": tuple(_row(part.probs) for part in inner)}
    if isinstance(distribution, sb3.BernoulliDistribution):
        return {"probabilities": tuple(np.array([1 - p, p]) for p in _row(inner.probs))}
    if isinstance(distribution, sb3.DiagGaussianDistribution):
        return {"mean": _row(inner.mean), "spread": _row(inner.stddev)}
    if isinstance(distribution, sb3.StateDependentNoiseDistribution) and distribution.bijector is None:
        return {"mean": _row(inner.mean), "spread": _row(inner.stddev)}
    return {}


def check_fit(
    who: str,
    seen: spaces.Space,
    acts: spaces.Space,
    env_id: str,
    env_seen: spaces.Space,
    env_acts: spaces.Space,
) -> None:
    """Refuse an environment that shows, or takes, something else than what the agent learnt with.

    Bounds of observations may differ: they never reach the network.

    Raises:
        UsageError: it names both spaces.
    """
    for what, ours, theirs in (("sees", seen, env_seen), ("acts in", acts, env_acts)):
        if not _alike(ours, theirs):
            raise UsageError(
                f"{who} does not fit {env_id}: it {what} {_short(ours)}, not {_short(theirs)}",
                hint="leave --env out to watch it where it learnt",
            )


def _alike(one: spaces.Space, other: spaces.Space) -> bool:
    if isinstance(one, spaces.Box) and isinstance(other, spaces.Box):
        # SB3 agents know pictures with the channels first.
        shapes = (
            {other.shape, (*other.shape[-1:], *other.shape[:-1])} if len(other.shape) == 3 else {other.shape}
        )
        return one.shape in shapes and one.dtype == other.dtype
    if isinstance(one, spaces.Dict) and isinstance(other, spaces.Dict):
        same = one.spaces.keys() == other.spaces.keys()
        return same and all(_alike(part, other.spaces[name]) for name, part in one.spaces.items())
    return one == other


def _short(space: spaces.Space) -> str:
    return f"Box{space.shape}" if isinstance(space, spaces.Box) else str(space)


def as_known(observation: Any, space: spaces.Space) -> Any:
    """An observation as the agent learnt to know it: SB3 shows pictures with the channels first.

    Args:
        observation: one, as the environment shows it.
        space: of the agent's observations.
    """
    if isinstance(space, spaces.Dict):
        return {name: as_known(part, space[name]) for name, part in observation.items()}
    turned = is_image(space) and np.shape(observation) != space.shape
    return np.moveaxis(observation, 2, 0) if turned else observation


def _batch_of_one(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {name: np.asarray(part)[None] for name, part in observation.items()}
    return np.asarray(observation)[None]


def _row(batch: torch.Tensor) -> np.ndarray:
    """The first row, flat: (numbers,)."""
    return batch[0].flatten().cpu().numpy()


def _flat(action: Any, space: spaces.Space) -> np.ndarray | None:
    return np.asarray(action).ravel() if isinstance(space, spaces.Box) else None

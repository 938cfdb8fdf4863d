"""A wrapper that makes any single environment restorable: it remembers how the running episode came about."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from .arrays import copied, same_bits

LONGEST = 1_000_000
"""Steps after which the actions of an episode are no longer remembered (8 MB of discrete actions)."""


class Restorable(gym.Wrapper[Any, Any, Any, Any]):
    """Remembers the generator's state before the last reset, and the actions since.

    To restore, a freshly built environment is reset from that state and the actions are replayed: exact for
    everything that draws its randomness from gymnasium's `np_random`, Box2D included, and carries nothing
    else from one episode to the next. Whether it was exact is checked: the last observation, the sum of the
    rewards and the generator must agree to the last bit.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.last_observation: Any = None
        self._start: dict[str, Any] | None = None
        space = env.action_space
        self._actions = np.empty(
            (0, *(space.shape or ())), space.dtype
        )  # (steps, *action shape), and room for more
        self._length = 0
        self._total = 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        generator = _state_of(self.env) if seed is None else None
        self._start = {
            "seed": None if seed is None else int(seed),
            "generator": generator,
            "options": options,
        }
        self._length, self._total = 0, 0.0
        _renew_world(self.env)
        self.last_observation, info = self.env.reset(seed=seed, options=options)
        return self.last_observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self._remember(action)
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.last_observation = observation
        self._total += float(reward)
        return observation, reward, terminated, truncated, info

    def _remember(self, action: Any) -> None:
        length = self._length
        if length == len(self._actions) or length == 0:
            self._make_room(np.asarray(action))
        if length < LONGEST:
            self._actions[length] = action
        self._length = length + 1

    def _make_room(self, action: np.ndarray) -> None:
        fits = self._actions.shape[1:] == action.shape and self._actions.dtype == action.dtype
        if self._length == 0 and fits and len(self._actions):
            return  # the array of the last episode serves again
        longer = np.empty((min(max(64, 2 * self._length), LONGEST), *action.shape), action.dtype)
        if self._length:
            longer[: self._length] = self._actions
        self._actions = longer

    def state_dict(self) -> dict[str, Any] | None:
        """The running episode: its start, its actions (steps, …), what they led to; None before a reset."""
        if self._start is None:
            return None
        return {
            "start": self._start,
            "length": self._length,
            "actions": self._actions[: self._length if self._length <= LONGEST else 0].copy(),
            "observation": copied(self.last_observation),
            "total": self._total,
            "generator": _state_of(self.env),
        }

    def load_state_dict(self, state: dict[str, Any] | None) -> str | None:
        """Replay the saved episode; None if it led to the same bits, else why not, and a new episode runs."""
        reason = "it had not been reset" if state is None else self._replay(state)
        if reason is None:
            return None
        if state is not None and state["generator"] is not None:
            _set_state(
                self.env, state["generator"]
            )  # so that a second attempt goes the same way as the first
        self.reset()
        return reason

    def _replay(self, state: dict[str, Any]) -> str | None:
        start, actions = state["start"], state["actions"]
        if state["length"] > LONGEST:
            return f"its episode was longer than {LONGEST} steps"
        if start["seed"] is None and not _set_state(self.env, start["generator"]):
            return "it does not draw from gymnasium's np_random"
        self.reset(seed=start["seed"], options=start["options"])
        self._start = start  # the same state as saved: a restored run's checkpoints have the same bytes
        ended = False
        for action in actions:
            if ended:
                return "its replayed episode ended too early"
            _, _, terminated, truncated, _ = self.step(action)
            ended = bool(terminated or truncated)
        same = (
            same_bits(copied(self.last_observation), state["observation"])
            and same_bits(self._total, state["total"])
            and same_bits(_state_of(self.env), state["generator"])
        )
        return None if same else "its replayed episode went another way"


def _renew_world(env: gym.Env[Any, Any]) -> None:
    """Give gymnasium's Box2D environments a new world before a reset, as LunarLander does by itself.

    BipedalWalker and CarRacing keep theirs, whose order of contacts depends on all episodes before: the same
    actions then lead to slightly different places, and a replay in a new environment goes astray.
    """
    base: Any = env.unwrapped
    world: Any = getattr(base, "world", None)
    if type(world).__module__.startswith("Box2D") and hasattr(base, "_destroy"):
        base._destroy()
        base.world = type(world)(gravity=world.gravity)


def _state_of(env: gym.Env[Any, Any]) -> dict[str, Any] | None:
    """A copy of the generator's state, or None if the environment has no such generator."""
    generator = getattr(env.unwrapped, "np_random", None)
    return dict(generator.bit_generator.state) if isinstance(generator, np.random.Generator) else None


def _set_state(env: gym.Env[Any, Any], state: dict[str, Any] | None) -> bool:
    generator = getattr(env.unwrapped, "np_random", None)
    if state is None or not isinstance(generator, np.random.Generator):
        return False
    if type(generator.bit_generator).__name__ != state["bit_generator"]:
        return False
    generator.bit_generator.state = state
    return True

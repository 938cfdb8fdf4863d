"""What all wrappers of batches share: modes, generators, states, and passing on what the batch can do."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper

from envs.arguments import check_alike
from envs.base import Step
from envs.controls import Controls
from envs.task import Array, Mask


class BatchWrapper(VectorWrapper[Array, Any, Any, Any, Array]):
    """A wrapper around any `VectorEnv`, in each of the three autoreset modes.

    Around a batch of ours it keeps what that promises: `state_dict()` and `load_state_dict()`,
    `observation()`, `picture(one)`, `controls`, copies and pickles, and observations that alternate between
    two arrays. Randomness of its own comes from a generator of its own, seeded by `reset(seed=...)` and the
    wrapper's depth, so that the episodes underneath are those of the batch without it.

    Raises:
        ValueError: an argument is outside its range, or the environment is not one that can be wrapped so.
    """

    draws: ClassVar[bool] = False
    """Whether it has randomness of its own."""
    state_names: ClassVar[tuple[str, ...]] = ()
    """The arrays that are its state, beside that of the environment."""

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        try:
            self.autoreset_mode = AutoresetMode(env.metadata.get("autoreset_mode"))
        except ValueError:
            raise ValueError(f"{self.name}: {env} does not say which autoreset mode it follows") from None
        self.depth: int = 1 + (env.depth if isinstance(env, BatchWrapper) else 0)
        """1 for the innermost wrapper."""
        self.stack_depth: int = getattr(env, "stack_depth", 1)
        """How many frames an observation consists of, the oldest first: a replay buffer can rebuild it."""
        self._generator = np.random.default_rng()
        self.late = np.zeros(self.num_envs, np.bool_)  # NEXT_STEP: the next step begins an episode
        self._started = False

    @property
    def name(self) -> str:
        """What errors call it."""
        return type(self).__name__

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """As the environment's, of all episodes or those of `options["reset_mask"]`."""
        mask = (options or {}).get("reset_mask")  # looked at first: gymnasium takes it out of the options
        who = np.ones(self.num_envs, np.bool_) if mask is None else np.array(mask)
        observation, infos = self.env.reset(seed=seed, options=options)
        self._seed(seed)
        self.late = self.late & ~who
        self._started = True
        return self._reset(observation, who), infos

    def step(self, actions: Any) -> Step:
        """As the environment's."""
        raise NotImplementedError(f"{self.name} does not implement step")

    def _reset(self, observation: Array, who: Mask) -> Array:
        """The observations to give out after new episodes began in the masked rows."""
        del who
        return observation

    def _begun(self, terminated: Array, truncated: Array) -> Mask:
        """Rows whose next action is the first of an episode, after a step with these flags."""
        ended = terminated | truncated
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            return ended
        if self.autoreset_mode is AutoresetMode.DISABLED:
            return np.zeros(self.num_envs, np.bool_)  # `reset` begins them
        begun, self.late = self.late, ended
        return begun

    def observation(self) -> Array:
        """A new array with the current observations (num_envs, ...)."""
        return self._ability("observation")()

    def picture(self, one: int = 0) -> Array:
        """The picture for people of episode number `one`, where the environment has such."""
        return self._ability("picture")(one)

    @property
    def controls(self) -> Controls | None:
        """The keys with which people play; None: it cannot be played."""
        return self.controls_from(getattr(self.env, "controls", None))

    def controls_from(self, controls: Controls | None) -> Controls | None:
        """The environment's keys, for the actions of the wrapper."""
        return controls

    def state_dict(self) -> dict[str, Any]:
        """Everything that the future depends on, the environment's own state under "env"."""
        own = {name: np.array(getattr(self, name), order="C") for name in self._state_names()}
        state = {"wrapper": self.name, "started": self._started, "arrays": own}
        if self.draws:
            state["generator"] = self._generator.bit_generator.state
        return {"env": self._ability("state_dict")(), **state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue bit-identically from where `state_dict()` was called on a batch wrapped alike.

        Raises:
            ValueError: the state belongs to another wrapper or environment; nothing has changed then.
        """
        self._check_state(state)
        self._ability("load_state_dict")(state["env"])
        if self.draws:
            self._generator.bit_generator.state = state["generator"]
        for name in self._state_names():
            setattr(self, name, np.array(state["arrays"][name]))  # what was given out stays as it is
        self._started = bool(state["started"])

    def _check_state(self, state: dict[str, Any]) -> None:
        needed = {"env", "wrapper", "started", "arrays", *(["generator"] if self.draws else [])}
        if missing := needed - set(state):
            raise ValueError(f"{self.name}: the state lacks {', '.join(sorted(missing))}")
        if state["wrapper"] != self.name:
            raise ValueError(f"{self.name}: the state is that of another wrapper, {state['wrapper']}")
        kind = type(self._generator.bit_generator).__name__
        if self.draws and state["generator"].get("bit_generator") != kind:
            raise ValueError(f"{self.name}: the state's generator is no {kind}")
        check_alike(self.name, {n: getattr(self, n) for n in self._state_names()}, state["arrays"])

    def _state_names(self) -> tuple[str, ...]:
        return ("late", *self.state_names)

    def _ability(self, method: str) -> Any:
        """A method that environments of ours have; ValueError where this one has not."""
        found = getattr(self.env, method, None)
        if found is None:
            raise ValueError(f"{self.name}: {self.env} has no {method}()")
        return found

    def _seed(self, seed: Any) -> None:
        """A new generator where a seed, or one for each environment, is given."""
        seeds = [int(one) for one in np.ravel([] if seed is None else seed) if one is not None]
        if self.draws and seeds:
            # As `spawn` would make it: far from the environment's own generator, and from other depths.
            words = seeds[0] if len(seeds) == 1 else seeds
            self._generator = np.random.default_rng(np.random.SeedSequence(words, spawn_key=(self.depth,)))


def probability(name: str, value: Any) -> float:
    """`value` as a float between 0 and 1.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value <= 1:
        raise ValueError(f"{name}: probability must be between 0 and 1, got {value!r}")
    return float(value)

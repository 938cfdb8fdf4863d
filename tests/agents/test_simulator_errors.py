"""What `as_simulator` answers to input that it cannot use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from agents.simulators import as_simulator
from sandbox.core.errors import EnvironmentNotFound, MissingExtra, UnsupportedSpace, UsageError

CORRIDOR = "Tiny/Corridor-v0"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: as_simulator("CartPol-v1"), EnvironmentNotFound, "CartPole-v1"),
        (lambda: as_simulator("nowhere_to_be_found:Env-v0"), EnvironmentNotFound, "nowhere_to_be_found"),
        (lambda: as_simulator("Blackjack-v1"), UnsupportedSpace, "Tuple"),
        (lambda: as_simulator(CORRIDOR, env_kwargs={"kind": "tuple"}), UnsupportedSpace, "Tuple"),
        (lambda: as_simulator(CORRIDOR, env_kwargs={"lenght": 3}), UsageError, "lenght"),
        (lambda: as_simulator("Sandbox/CartPole-v0", env_kwargs={"lenght": 3}), UsageError, "lenght"),
        (lambda: as_simulator(gym.make(CORRIDOR), env_kwargs={"goal": 3}), UsageError, "env_kwargs"),
        (lambda: as_simulator(gym.make(CORRIDOR), 4), UsageError, "n_envs=4"),
        (lambda: as_simulator(CORRIDOR, 0), UsageError, "n_envs"),
        (lambda: as_simulator(CORRIDOR, vec="fast"), UsageError, "fast"),  # pyright: ignore
        (lambda: as_simulator(42), UsageError, "int"),
        (
            lambda: as_simulator(DummyVecEnv([partial(gym.make, CORRIDOR, kind="tuple")])),
            UnsupportedSpace,
            "Tuple",
        ),
    ],
)
def test_bad_input_is_named(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_missing_package_is_named_with_the_extra_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("gymnasium.envs.box2d")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "Box2D", None)
    with pytest.raises(MissingExtra, match="box2d"):
        as_simulator("LunarLander-v3")
    monkeypatch.setattr("agents.simulators.from_id.find_module", lambda name: None)
    with pytest.raises(MissingExtra, match="atari"):
        as_simulator("ALE/Pong-v5")

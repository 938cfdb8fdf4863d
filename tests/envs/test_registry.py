"""The list of environments, and what importing the package does and does not do."""

from __future__ import annotations

import subprocess
import sys

import gymnasium

import envs


def test_twins_of_gymnasiums_environments_are_known() -> None:
    assert envs.twin("CartPole-v1") == "Sandbox/CartPole-v0"
    assert envs.twin("Pendulum-v1") == "Sandbox/Pendulum-v0"
    assert envs.twin("CartPole-v0") is None
    assert envs.twin("Sandbox/CartPole-v0") is None


def test_every_environment_is_registered_with_its_threshold() -> None:
    assert len({entry.id for entry in envs.listing()}) == len(envs.listing())
    for entry in envs.listing():
        spec = gymnasium.spec(entry.id)
        assert spec.reward_threshold == entry.reward_threshold
        assert spec.max_episode_steps == entry.max_episode_steps
        assert spec.to_json()  # no callables: specs can be stored


def test_importing_the_package_loads_neither_torch_nor_pygame_nor_an_environment() -> None:
    code = (
        "import sys, envs; print({'torch', 'pygame', 'sandbox', 'envs.classic.cartpole'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_the_module_prefix_of_gymnasium_finds_us() -> None:
    assert gymnasium.make_vec("envs:Sandbox/CartPole-v0", num_envs=2).num_envs == 2

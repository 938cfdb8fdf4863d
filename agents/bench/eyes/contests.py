"""What is raced: ours and stock SB3, with the same environments, network, settings and updates per step."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import stable_baselines3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, NatureCNN
from torch import nn

from agents.dqn import DQN
from agents.eyes import BackboneExtractor
from agents.ppo import PPO
from agents.vec import SB3VecEnv
from sandbox.core.errors import SandboxError

N_ENVS = 8
ATARI = (4, 84, 84)
"""shape of what the standard preprocessing shows"""
EYES: dict[str, tuple[type[BaseFeaturesExtractor], dict[str, Any]]] = {
    "NatureCNN": (NatureCNN, {"features_dim": 512}),
    "backbone tiny": (BackboneExtractor, {"features_dim": 256, "backbone": "tiny"}),
}
ON_POLICY: dict[str, Any] = {
    "n_steps": 128,
    "batch_size": 256,
    "n_epochs": 4,
    "learning_rate": 2.5e-4,
    "clip_range": 0.1,
    "ent_coef": 0.01,
}
"""rl-baselines3-zoo's settings of PPO for Atari, without the schedules"""
OFF_POLICY: dict[str, Any] = {
    "learning_rate": 1e-4,
    "batch_size": 32,
    "buffer_size": 20_000,
    "learning_starts": 1_000,
    "target_update_interval": 1_000,
    "exploration_initial_eps": 0.01,  # where SB3 acts at random it asks no network, which is over soon
    "exploration_final_eps": 0.01,
}
"""the zoo's of DQN for Atari, with a smaller buffer; one gradient step for four environment steps"""
EVERY, UPDATES = 8, 2
"""steps of all environments, and gradient steps after them: a vector step of 8, as SB3 counts in those"""


@dataclass(frozen=True)
class Contest:
    """One line of `bench eyes`."""

    name: str
    """what `--only` calls it"""
    env: str
    """id"""
    algo: str
    """"ppo" or "dqn\""""
    eyes: str
    """key of EYES"""
    asked: float | None = None
    """times SB3's steps per second that we want to reach on a CPU"""

    @property
    def turn(self) -> int:
        """Environment steps of a turn."""
        return 2 * N_ENVS * ON_POLICY["n_steps"] if self.algo == "ppo" else 1_024

    def missing(self) -> str | None:
        """Why this cannot be measured here; None where it can."""
        if not self.env.startswith("ALE/"):
            return None
        if find_spec("ale_py") is None:
            return "ale-py is not installed (the extra [atari])"
        try:
            env = SB3VecEnv(self.env, 1)
        except (SandboxError, ImportError) as error:
            return str(error)
        shape = env.observation_space.shape
        env.close()
        return None if shape == ATARI else f"{self.env} shows {shape}, not the standard {ATARI}"

    def ours(self, device: str) -> PPO | DQN:
        """Our agent, untrained."""
        common: dict[str, Any] = {"n_envs": N_ENVS, "policy_kwargs": self._policy(), "device": device}
        if self.algo == "ppo":
            return PPO("CnnPolicy", self.env, **ON_POLICY, **common, seed=0)
        rounds = {"train_freq": EVERY, "gradient_steps": UPDATES}
        return DQN("CnnPolicy", self.env, **OFF_POLICY, **rounds, **common, seed=0)

    def stock(self, device: str) -> BaseAlgorithm:
        """SB3's, which gets the same batch of environments as a `VecEnv`."""
        venv = SB3VecEnv(self.env, N_ENVS)
        common: dict[str, Any] = {"policy_kwargs": self._policy(), "device": device, "seed": 0}
        if self.algo == "ppo":
            return stable_baselines3.PPO("CnnPolicy", venv, **ON_POLICY, **common)
        rounds = {"train_freq": EVERY // N_ENVS, "gradient_steps": UPDATES}
        return stable_baselines3.DQN("CnnPolicy", venv, **OFF_POLICY, **rounds, **common)

    def _policy(self) -> dict[str, Any]:
        extractor, arguments = EYES[self.eyes]
        # Without net_arch SB3 puts two more layers behind eyes that are not its own. A copy: both sides keep,
        # and change, what they are given.
        eyes = {"features_extractor_class": extractor, "features_extractor_kwargs": dict(arguments)}
        return {**eyes, "net_arch": []}

    def observation_space(self) -> Any:
        """Of one environment."""
        env = SB3VecEnv(self.env, 1)
        env.close()
        return env.observation_space

    def network(self, seen: Any) -> nn.Module:
        """The eyes and one layer behind them, new: what either library has to compute at least."""
        extractor, arguments = EYES[self.eyes]
        eyes = extractor(seen, **arguments)
        return nn.Sequential(eyes, nn.Linear(eyes.features_dim, 4))


CONTESTS = tuple(
    Contest(f"{short}-{algo}-{word}", env, algo, eyes, asked)
    for short, env in (("pong", "Sandbox/Pong-v0"), ("ale", "ALE/Pong-v5"))
    for algo, asked in (("ppo", 1.3), ("dqn", 1.6))
    for word, eyes in (("nature", "NatureCNN"), ("tiny", "backbone tiny"))
)

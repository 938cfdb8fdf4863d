"""Running mean and variance, as modules whose statistics are saved and loaded with the policy.

Statistics move only between rollouts, when the agent calls `update`; acting, evaluating and watching read
them. So the policy that acted and the policy that learns from it see the very same numbers.
"""

from __future__ import annotations

import torch
from gymnasium import spaces
from torch import Tensor, nn

from .observations import is_image

_EPSILON = 1e-8
_CLIP = 10.0  # as SB3's VecNormalize


class RunningMoments(nn.Module):
    """Mean and variance of everything seen so far (Chan et al. 1979, the parallel update)."""

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    @torch.no_grad()
    def update(self, batch: Tensor) -> None:
        """Add a batch (samples, *shape)."""
        added = batch.shape[0]
        if added == 0:
            return
        batch = batch.double()
        mean, variance = batch.mean(0), batch.var(0, unbiased=False)
        before, total = self.count, self.count + added
        gap = mean - self.mean.double()
        spread = self.variance.double() * before + variance * added + gap.square() * before * added / total
        self.mean.copy_(self.mean.double() + gap * added / total)
        self.variance.copy_(spread / total)
        self.count.copy_(total)


class ObservationNormalizer(nn.Module):
    """Observations to mean 0 and variance 1, clipped at ±10; pictures and discrete ones pass unchanged."""

    def __init__(self, space: spaces.Space) -> None:
        super().__init__()
        parts = space.spaces if isinstance(space, spaces.Dict) else {"": space}
        self.moments = nn.ModuleDict(
            {
                _key(name): RunningMoments(part.shape)
                for name, part in parts.items()
                if isinstance(part, spaces.Box) and not is_image(part)
            }
        )

    def forward(self, observation: Tensor | dict[str, Tensor]) -> Tensor | dict[str, Tensor]:
        """`(batch, *shape)` or a flat dict of such -> the same."""
        if isinstance(observation, dict):
            return {name: self._apply_one(name, part) for name, part in observation.items()}
        return self._apply_one("", observation)

    def _apply_one(self, name: str, part: Tensor) -> Tensor:
        if _key(name) not in self.moments:
            return part
        moments = self.moments[_key(name)]
        assert isinstance(moments, RunningMoments)
        scaled = (part.float() - moments.mean) * (moments.variance + _EPSILON).rsqrt()
        return scaled.clamp(-_CLIP, _CLIP)

    def update(self, observation: Tensor | dict[str, Tensor]) -> None:
        """Add observations (samples, *shape) to the statistics."""
        parts = observation if isinstance(observation, dict) else {"": observation}
        for name, part in parts.items():
            if _key(name) in self.moments:
                moments = self.moments[_key(name)]
                assert isinstance(moments, RunningMoments)
                moments.update(part)


class RewardNormalizer(nn.Module):
    """Rewards divided by the standard deviation of the discounted return, clipped at ±10 (as
    VecNormalize)."""

    running: Tensor

    def __init__(self, n_envs: int, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma
        self.moments = RunningMoments(())
        # Discounted return so far of the running episodes: state of the rollout, saved apart from the policy.
        self.register_buffer("running", torch.zeros(n_envs), persistent=False)

    def begin(self, n_envs: int) -> None:
        """Forget the running episodes: other environments come."""
        self.running = self.running.new_zeros(n_envs)

    @torch.no_grad()
    def forward(self, rewards: Tensor, ends: Tensor, valid: Tensor | None = None) -> Tensor:
        """Take a rollout into the statistics and scale it.

        Args:
            rewards: (steps, envs).
            ends: (steps, envs) bool, the step ended its episode.
            valid: (steps, envs) bool, the steps that count; None for all.
        """
        returns = torch.empty_like(rewards)
        for step in range(len(rewards)):
            self.running.mul_(self.gamma).add_(rewards[step])
            returns[step] = self.running
            self.running.masked_fill_(ends[step], 0.0)
        self.moments.update(returns.flatten() if valid is None else returns[valid])
        return (rewards * (self.moments.variance + _EPSILON).rsqrt()).clamp(-_CLIP, _CLIP)


def _key(name: str) -> str:
    return f"of_{name.replace('.', '_')}"  # a ModuleDict refuses empty names and dots

"""Where decisions of agents with eyes come from: `sandbox.nn.explain`, for observations of every form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common import distributions as sb3
from stable_baselines3.common.preprocessing import is_image_space_channels_first
from torch import Tensor

from sandbox.nn.explain import perturbation_saliency

from .observations import is_image

FADING = 0.95
"""how much the strongest saliency so far still counts a step later, so that the heat does not flicker"""


class Pictures:
    """Takes the picture out of an observation, channels first, and puts others in its place.

    Args:
        space: of one observation. Of a dict, the first picture counts.

    Attributes:
        space: of the picture; None: there is none.
    """

    def __init__(self, space: spaces.Space) -> None:
        parts = space.spaces if isinstance(space, spaces.Dict) else {"": space}
        found = ((name, part) for name, part in parts.items() if is_image(part))
        self._name, self.space = next(found, ("", None))

    def of(self, observation: Any) -> Tensor:
        """(channels, height, width) uint8, a copy."""
        picture = torch.from_numpy(np.array(observation[self._name] if self._name else observation))
        return picture.permute(2, 0, 1) if self._last(picture) else picture

    def put(self, observation: Any, pictures: Tensor) -> Any:
        """A batch of the observation with other pictures in it.

        Args:
            observation: one, without a batch dimension.
            pictures: (batch, channels, height, width), 0 to 255.

        Returns:
            (batch, *shape), or a dict of such.
        """
        own = torch.as_tensor(np.asarray(observation[self._name] if self._name else observation))
        pictures = pictures.permute(0, 2, 3, 1) if self._last(own) else pictures
        changed = pictures.round().to(torch.uint8).cpu().numpy()
        if not self._name:
            return changed
        others = {name: np.stack([np.asarray(part)] * len(changed)) for name, part in observation.items()}
        return {**others, self._name: changed}

    def _last(self, picture: Tensor) -> bool:
        """Whether a picture's channels come last."""
        assert isinstance(self.space, spaces.Box)
        # Stock SB3's agents know pictures with the channels first, whatever the environment shows.
        same = tuple(picture.shape) == self.space.shape
        return is_image_space_channels_first(self.space) != same


class Saliency:
    """Asks a policy about an observation with blurred spots (Greydanus et al. 2018).

    Args:
        space: of one observation, as the policy knows it.

    Attributes:
        blind: why that is impossible; empty where it is possible.
    """

    def __init__(self, space: spaces.Space) -> None:
        self._pictures = Pictures(space)
        self.blind = "it sees no pictures" if self._pictures.space is None else ""
        self._strongest = 0.0

    def __call__(self, answer: Callable[[Any], Tensor], observation: Any) -> np.ndarray:
        """How much each pixel matters, (rows, columns) float32 from 0 to 1, beside the steps before.

        Args:
            answer: what a policy makes of a batch of observations (batch, …): (batch, numbers).
            observation: one, without a batch dimension.
        """
        pictures = self._pictures
        heat = perturbation_saliency(
            lambda changed: answer(pictures.put(observation, changed)), pictures.of(observation)
        ).numpy()
        self._strongest = max(float(heat.max()), FADING * self._strongest)
        return heat / self._strongest if self._strongest > 0 else heat


def leanings(distribution: sb3.Distribution) -> Tensor:
    """What a policy tends to, (batch, numbers): centred logits of choices, means of continuous actions."""
    inner: Any = getattr(distribution, "distribution", None)
    if isinstance(distribution, sb3.CategoricalDistribution):
        return centred(inner.logits)
    if isinstance(distribution, sb3.MultiCategoricalDistribution):
        return torch.cat([centred(part.logits) for part in inner], 1)
    if isinstance(distribution, sb3.BernoulliDistribution):
        return inner.logits
    return distribution.mode().flatten(1)


def centred(numbers: Tensor) -> Tensor:
    """Numbers (batch, actions) without what is the same for all actions, which decides nothing."""
    return numbers - numbers.mean(1, keepdim=True)

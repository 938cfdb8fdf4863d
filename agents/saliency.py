"""Where decisions of agents with eyes come from: `sandbox.nn.explain`, for observations of every form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

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


class Saliency:
    """Asks a policy about an observation with blurred spots (Greydanus et al. 2018).

    Args:
        space: of one observation, as the environment shows it. Of a dict, the first picture is looked into.

    Attributes:
        blind: why that is impossible; empty where it is possible.
    """

    def __init__(self, space: spaces.Space) -> None:
        name, part = _picture(space)
        self.blind = "" if part is not None else "it sees no pictures"
        self._name, self._space = name, part
        self._strongest = 0.0

    def __call__(self, answer: Callable[[Any], Tensor], observation: Any) -> np.ndarray:
        """How much each pixel matters, (rows, columns) float32 from 0 to 1, beside the steps before.

        Args:
            answer: what a policy makes of a batch of observations (batch, …): (batch, numbers).
            observation: one, without a batch dimension.
        """
        assert self._space is not None
        picture = torch.as_tensor(np.array(observation[self._name] if self._name else observation))
        # Stock SB3's agents know pictures with the channels first, whatever the environment shows.
        same = tuple(picture.shape) == self._space.shape
        last = is_image_space_channels_first(self._space) != same

        def ask(pictures: Tensor) -> Tensor:
            shown = pictures.permute(0, 2, 3, 1) if last else pictures
            changed = shown.round().to(torch.uint8).cpu().numpy()
            if not self._name:
                return answer(changed)
            others = {name: np.stack([np.asarray(part)] * len(changed)) for name, part in observation.items()}
            return answer({**others, self._name: changed})

        heat = perturbation_saliency(ask, picture.permute(2, 0, 1) if last else picture).numpy()
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


def _picture(space: spaces.Space) -> tuple[str, spaces.Box | None]:
    """The name of the first picture in a space (empty if it is all of it), and its own space."""
    if isinstance(space, spaces.Dict):
        return next(((name, part) for name, part in space.spaces.items() if _is_picture(part)), ("", None))
    return "", space if _is_picture(space) else None


def _is_picture(space: spaces.Space) -> TypeGuard[spaces.Box]:
    """As `is_image`."""
    return is_image(space)

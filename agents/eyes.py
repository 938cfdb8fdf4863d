"""Eyes: pictures through the shared backbone, for our agents and for stock stable-baselines3's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import (
    get_flattened_obs_dim,
    is_image_space_channels_first,
    preprocess_obs,
)
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, FlattenExtractor
from torch import Tensor, nn
from torch.nn import functional

from sandbox.core.errors import UnsupportedSpace, UsageError
from sandbox.nn.backbone import Backbone, build_backbone
from sandbox.nn.blocks import group_norm
from sandbox.nn.transfer import Transfer, transfer

from .observations import Tensors, is_image


class BackboneExtractor(BaseFeaturesExtractor):
    """A backbone, a norm, and one linear layer over all that the last features say.

    A new backbone averages large parts of the picture; without the norm, what is the same everywhere would
    drown the few pixels that matter.

    Stock SB3 takes it as `policy_kwargs={"features_extractor_class": BackboneExtractor,
    "features_extractor_kwargs": {"backbone": eyes}}`. SB3's orthogonal initialisation leaves the backbone
    alone: it would wipe what was learned, and the zeros that residual blocks begin with.

    Args:
        observation_space: pictures (C, H, W), or (H, W, C), uint8; frames may be stacked along C.
        features_dim: numbers that come out.
        backbone: a preset ("tiny", "small", "large"), or a trained one, whose weights are copied and whose
            stem is converted to the pictures' channels (`sandbox.nn.transfer`).
        freeze: the backbone is not trained.
        autocast: compute in bfloat16 where torch thinks it safe; the features are float32 all the same.
        compile_mode: let torch.compile make it faster, in this mode of it ("default", "reduce-overhead",
            which is CUDA graphs, or "max-autotune"); None to compute as it stands. Each first call takes
            from seconds to a minute.

    Raises:
        UnsupportedSpace: these are no pictures, or they are smaller than 8 by 8.
        UnknownName: there is no such preset.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        features_dim: int = 256,
        backbone: str | Backbone = "tiny",
        freeze: bool = False,
        autocast: bool = False,
        compile_mode: str | None = None,
    ) -> None:
        super().__init__(observation_space, features_dim)
        if not is_image(observation_space):
            raise UnsupportedSpace(f"{observation_space} holds no pictures", hint="use MlpPolicy for vectors")
        self.channels_last = not is_image_space_channels_first(observation_space)
        shape = tuple(observation_space.shape)
        channels, height, width = (shape[2], *shape[:2]) if self.channels_last else shape
        if min(height, width) < 8:
            raise UnsupportedSpace(f"pictures of {height} by {width} are too small: 8 by 8 is the least")
        self.moved: Transfer | None = None
        """what came over from a trained backbone"""
        if isinstance(backbone, Backbone):
            self.backbone = Backbone(channels, **asdict(backbone.preset))
            self.moved = transfer(backbone, self.backbone)
        else:
            self.backbone = build_backbone(backbone, channels)
        self.backbone.requires_grad_(not freeze)
        rows, columns = self.backbone.sizes(height, width)[-1]
        self.norm = group_norm(self.backbone.channels[-1])
        self.linear = nn.Linear(self.backbone.channels[-1] * rows * columns, features_dim)
        self.autocast, self.compile_mode = autocast, compile_mode
        if compile_mode is not None:
            self.compile(mode=compile_mode)

    def __call__(self, observations: Tensor) -> Tensor:
        """Pictures (batch, *shape), uint8 or floats in [0, 1], -> (batch, features_dim) float32."""
        with torch.autocast(observations.device.type, torch.bfloat16, enabled=self.autocast):
            features = super().__call__(observations)
        # What a CUDA graph gives is overwritten by its next call.
        return features.float() if self.compile_mode is None else features.float().clone()

    def forward(self, observations: Tensor) -> Tensor:
        pictures = observations.permute(0, 3, 1, 2) if self.channels_last else observations
        # Channels last while they are bytes: a quarter of the memory traffic.
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        if pictures.dtype == torch.uint8:
            pictures = pictures.to(torch.float32).div_(127.5).sub_(1.0)
        else:
            pictures = pictures * 2.0 - 1.0
        features = functional.silu(self.norm(self.backbone(pictures)[-1]))
        return functional.relu(self.linear(features.flatten(1)))

    def apply(self, fn: Callable[[nn.Module], Any]) -> BackboneExtractor:
        """Initialise anew, as SB3 does after building: the linear layer, never the backbone."""
        self.linear.apply(fn)
        return self


class CombinedEyes(BaseFeaturesExtractor):
    """Every picture of a flat dict through a backbone of its own, everything else as it is, side by side.

    Args:
        observation_space: flat; parts that are no pictures are flattened, discrete ones one-hot.
        cnn_output_dim: numbers that come out of each picture.
        **arguments: others of `BackboneExtractor`.
    """

    def __init__(
        self,
        observation_space: spaces.Dict,
        cnn_output_dim: int = 256,
        **arguments: Any,
    ) -> None:
        parts = observation_space.spaces
        eyes = {name: part for name, part in parts.items() if isinstance(part, spaces.Box) and is_image(part)}
        others = {name: get_flattened_obs_dim(part) for name, part in parts.items() if name not in eyes}
        super().__init__(observation_space, len(eyes) * cnn_output_dim + sum(others.values()))
        self.extractors = nn.ModuleDict(
            {
                name: BackboneExtractor(eyes[name], cnn_output_dim, **arguments)
                if name in eyes
                else nn.Flatten()
                for name in parts
            }
        )

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Parts (batch, …), those that are no pictures preprocessed as SB3 does -> (batch, features_dim)."""
        return torch.cat([part(observations[name]) for name, part in self.extractors.items()], dim=1)

    def apply(self, fn: Callable[[nn.Module], Any]) -> CombinedEyes:
        """As `BackboneExtractor.apply`, for each picture."""
        for part in self.extractors.values():
            part.apply(fn)
        return self


OF_EYES = ("backbone", "freeze", "features_dim", "autocast", "compile_mode")
"""arguments of `CnnPolicy` and `MultiInputPolicy` that `BackboneExtractor` explains"""


def with_eyes(eyes: type[BaseFeaturesExtractor], arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a policy, where those in `OF_EYES` are meant for its `eyes`.

    Args:
        eyes: the features extractor, unless the arguments name another one.
        arguments: what the policy was given by name.
    """
    own = {name: arguments.pop(name) for name in OF_EYES if name in arguments}
    if "features_dim" in own and eyes is CombinedEyes:
        own["cnn_output_dim"] = own.pop("features_dim")
    chosen = arguments.setdefault("features_extractor_class", eyes)
    if own:
        if chosen is not eyes:
            raise UsageError(
                f"{chosen.__name__} has no {', '.join(own)}", hint="leave features_extractor_class out"
            )
        arguments["features_extractor_kwargs"] = {**(arguments.get("features_extractor_kwargs") or {}), **own}
    return arguments


class Sighted:
    """An agent, of ours or stock, that may see through a backbone."""

    @property
    def network(self) -> nn.Module:
        """All that it acts and learns with."""
        raise NotImplementedError(f"{type(self).__name__} does not implement network")

    @property
    def backbone(self) -> Backbone | None:
        """The network that sees, for `--init-from` and for other agents; None where there is none of ours."""
        eyes = self._eyes
        return None if eyes is None else eyes.backbone

    @property
    def moved(self) -> Transfer | None:
        """What the backbone took over from a trained one."""
        eyes = self._eyes
        return None if eyes is None else eyes.moved

    @property
    def _eyes(self) -> BackboneExtractor | None:
        # Each algorithm has them elsewhere; the first are those that act (of a dict, its first picture's).
        return next((part for part in self.network.modules() if isinstance(part, BackboneExtractor)), None)


def check_extractor(kind: type[BaseFeaturesExtractor], observations: spaces.Space) -> None:
    """Raise UsageError for pictures (H, W, C) and an extractor that would take their rows for channels."""
    parts = getattr(observations, "spaces", {"": observations}).values()
    last = any(is_image(part) and not is_image_space_channels_first(part) for part in parts)
    if last and not issubclass(kind, BackboneExtractor | CombinedEyes | FlattenExtractor):
        raise UsageError(
            f"{kind.__name__} sees pictures with the channels first",
            hint='wrap the environment: wrap=["channels_first"]',
        )


def extract_features(
    observation: Tensors, space: spaces.Space, extractor: BaseFeaturesExtractor, normalize_images: bool
) -> Tensor:
    """SB3's preprocessing and extraction; eyes of ours get their pictures as bytes.

    Args:
        observation: (batch, *shape), or a flat dict of such.
        space: of one observation.
        extractor: of features.
        normalize_images: pictures to [0, 1], for other extractors.
    """
    if isinstance(extractor, BackboneExtractor):
        assert isinstance(observation, Tensor)
        return extractor(observation)
    if isinstance(extractor, CombinedEyes):
        assert isinstance(observation, dict)
        assert isinstance(space, spaces.Dict)
        return extractor({name: _plain(part, space[name]) for name, part in observation.items()})
    if (
        normalize_images
        and isinstance(observation, Tensor)
        and observation.dtype == torch.uint8
        and is_image(space)
    ):
        pictures = observation.contiguous(memory_format=torch.channels_last)
        return extractor(pictures.to(torch.float32).div_(255.0))
    return extractor(preprocess_obs(observation, space, normalize_images=normalize_images))


def _plain(part: Tensor, space: spaces.Space) -> Any:
    return part if is_image(space) else preprocess_obs(part, space)

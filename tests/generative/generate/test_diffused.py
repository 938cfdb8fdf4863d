"""Pictures out of noise, by their numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from generative.ddpm import DDPM
from generative.generate.denoiser import Denoiser
from generative.generate.film import Film
from generative.generate.sampling import Sampling
from generative.generate.source import Diffused, as_drawn, pass_of
from sandbox.core.errors import Diverged, UsageError
from tests.generative.generate.denoisers import SHAPE, tiny_ddpm

FEW = Sampling(steps=6)


@pytest.fixture(scope="module")
def told() -> DDPM:
    return tiny_ddpm("a", "b", "c")


def differ(one: Tensor, other: Tensor) -> int:
    """The largest difference in grey levels."""
    return int((one.int() - other.int()).abs().max())


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpm++", "unipc"])
def test_a_picture_is_the_same_whatever_is_drawn_beside_it(sampler: str, told: DDPM) -> None:
    source = Diffused(told, 0, Sampling(sampler, 8, 2.0))
    many = source.draw(range(9), torch.arange(9) % 3)
    assert differ(many[7:8], source.draw([7], torch.tensor([1]))) <= 1
    assert differ(many[[3, 5]], source.draw([3, 5], torch.tensor([0, 2]))) <= 1
    assert differ(many[0], many[3]) > 10  # of the same class


def test_seeds_and_numbers_and_classes_make_pictures_differ(told: DDPM) -> None:
    one, zero = torch.tensor([1]), torch.tensor([0])
    before = Diffused(told, 0, FEW).draw([0], one)
    assert differ(before, Diffused(told, 0, FEW).draw([0], one)) == 0
    assert differ(before, Diffused(told, 1, FEW).draw([0], one)) > 10
    assert differ(before, Diffused(told, 0, FEW).draw([1], one)) > 10
    assert differ(before, Diffused(told, 0, FEW).draw([0], zero)) > 0


def test_guidance_1_is_none_and_0_is_any_class(told: DDPM) -> None:
    def drawn(guidance: float, label: int) -> Tensor:
        return Diffused(told, 0, Sampling(steps=6, guidance=guidance)).draw([0, 1], torch.tensor([label] * 2))

    assert differ(drawn(1.0, 2), Diffused(told, 0, FEW).draw([0, 1], torch.tensor([2, 2]))) == 0
    assert differ(drawn(3.0, 2), drawn(1.0, 2)) > 0
    assert differ(drawn(0.0, 2), drawn(1.0, 3)) <= 1  # 3 is the null class


def test_a_mixture_of_classes_is_between_them_and_guidance_beyond(told: DDPM) -> None:
    noisy = torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(0))
    one, other = (Denoiser(told, [label])(noisy, 500) for label in (0, 3))
    weights = torch.tensor([[1.0, 0.0], [0.25, 0.75], [3.0, -2.0]])
    mixed = Denoiser(told, [0, 3], weights)(noisy, 500)
    assert torch.allclose(mixed[0], one[0], atol=1e-5)
    assert torch.allclose(mixed[1], 0.25 * one[1] + 0.75 * other[1], atol=1e-5)
    assert torch.allclose(mixed[2], 3 * one[2] - 2 * other[2], atol=1e-4)


def test_each_step_can_be_watched_from_noise_to_picture(told: DDPM) -> None:
    seen: list[tuple[int, Tensor]] = []
    source = Diffused(told, 0, FEW, lambda step, noisy: seen.append((step, noisy.clone())))
    made = source.draw([0, 1], torch.tensor([0, 1]))
    assert [step for step, _ in seen] == [0, 1, 2, 3, 4, 5, 6]
    assert abs(float(seen[0][1].std()) - 1) < 0.2
    assert differ(as_drawn(seen[-1][1]), made) == 0


@pytest.mark.parametrize(("steps", "frames"), [(1, 2), (20, 21), (59, 60), (1000, 60)])
def test_a_film_has_all_steps_or_evenly_spread_ones(steps: int, frames: int) -> None:
    film = Film(steps)
    for start in (0, 4):  # two passes
        for step in range(steps + 1):
            film.watch(step, torch.full((4 - start // 2, *SHAPE), step / steps * 2 - 1) + start / 40)
    kept = film.frames()
    assert len(kept) == frames
    assert all(frame.shape == (6, *SHAPE) for frame in kept)
    levels = [int(frame[0, 0, 0, 0]) for frame in kept]
    assert (levels[0], levels[-1]) == (0, 255)
    assert np.diff(levels).max() <= max(255 / steps, 255 / 58) + 1.5


def test_a_pass_of_large_pictures_is_small() -> None:
    assert pass_of(tiny_ddpm()) == 250
    large = DDPM(tiny_ddpm().unet, tiny_ddpm().scheduler)
    large.unet.register_to_config(sample_size=512)
    assert pass_of(large) == 8
    assert pass_of(large, 2.0) == 4


def test_more_steps_than_timesteps_are_refused(told: DDPM) -> None:
    with pytest.raises(UsageError, match="--steps must be at most 1,000"):
        Diffused(told, 0, Sampling(steps=1001))


def test_what_is_no_number_is_not_drawn(told: DDPM) -> None:
    broken = tiny_ddpm()
    next(broken.parameters()).data.fill_(torch.nan)
    with pytest.raises(Diverged, match="no number"):
        Diffused(broken, 0, FEW).draw([0], None)

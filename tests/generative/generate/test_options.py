"""Options of `generate` that do not go together, and those that a kind of model has no use for."""

from __future__ import annotations

from itertools import product

import pytest

from generative.generate.options import APART, DRAW, WITH, check_kind, task_of
from sandbox.core.errors import UsageError


@pytest.mark.parametrize("task", [task for task in WITH if task != DRAW])
def test_what_a_task_is_not_made_for_is_refused_beside_it(task: str) -> None:
    needed = ["--mask"] if task == "--inpaint" else []
    others = {option for options in WITH.values() for option in options} | set(WITH) - {DRAW, task}
    for option in sorted(others - set(WITH[task])):
        with pytest.raises(UsageError, match=f"{task}|{option}"):
            task_of([task, *needed, option])
    for option in WITH[task]:
        assert task_of([task, *needed, option, "--output"]) == task


def test_drawing_goes_with_all_that_is_its_own_but_some_exclude_each_other() -> None:
    assert task_of([]) == DRAW
    apart = {frozenset(pair) for pair in APART}
    for one, other in product(WITH[DRAW], repeat=2):
        if frozenset((one, other)) in apart:
            with pytest.raises(UsageError, match="do not go together"):
                task_of([one, other])
        else:
            assert task_of([one, other]) == DRAW


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--frames"], "--frames is for --interpolate and --walk"),
        (["--mask"], "--mask is for --inpaint"),
        (["--inpaint"], "--inpaint needs --mask"),
        (["--walk", "--inpaint", "--mask"], "do not go together"),
        (["--each", "--animate"], "--each and --animate do not go together"),
        (["--each", "--output"], "--each and --output do not go together"),
        (["--class", "--classes"], "--class and --classes do not go together"),
        (["--interpolate", "--guidance"], "--interpolate and --guidance do not go together"),
        (["--inpaint", "--mask", "--sampler"], "--inpaint and --sampler do not go together"),
    ],
)
def test_what_does_not_go_together_is_named(given: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        task_of(given)
    assert message in caught.value.message


def test_a_way_is_always_ddims() -> None:
    for option in ("--sampler", "--guidance", "--class"):
        with pytest.raises(UsageError) as caught:
            task_of(["--interpolate", option])
        assert "always DDIM's, without guidance" in (caught.value.hint or "")


@pytest.mark.parametrize("option", ["--guidance", "--sampler", "--steps", "--animate"])
@pytest.mark.parametrize(("kind", "name"), [("vae", "a VAE"), ("autoencoder", "an autoencoder")])
def test_options_of_diffusion_are_for_diffusion_models(option: str, kind: str, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_kind([option], DRAW, kind, "mine", told=True)
    assert caught.value.message == f"{option} is for diffusion models, and mine is {name}"


@pytest.mark.parametrize("option", ["--walk", "--arithmetic"])
def test_latents_are_for_models_that_have_them(option: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_kind([option], option, "ddpm", "mine", told=True)
    assert caught.value.message == f"{option} is for models with latents, and mine is a diffusion model"


def test_guidance_needs_classes_that_the_model_was_told_and_one_to_guide_to() -> None:
    check_kind(["--guidance"], DRAW, "ddpm", "mine", told=True)
    check_kind(["--inpaint", "--mask", "--guidance", "--class"], "--inpaint", "ddpm", "mine", told=True)
    with pytest.raises(UsageError, match="--guidance is for models that were told classes"):
        check_kind(["--guidance"], DRAW, "ddpm", "mine", told=False)
    with pytest.raises(UsageError, match="--guidance strengthens a class, and none is given"):
        check_kind(["--inpaint", "--mask", "--guidance"], "--inpaint", "ddpm", "mine", told=True)

"""Drawing as diffusers does it: options, what is independent of what, and the folders it is kept in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMPipeline, DDPMPipeline, DDPMScheduler
from torch import Tensor

from generative.diffusion import noise_scheduler
from generative.model_folder import save_model
from generative.pipeline import ConditionalPipeline
from generative.samplers import SAMPLERS, build_sampler
from generative.unet_diffusers import build_unet
from sandbox.core.errors import Broken
from tests.generative.models import ddpm_of, drawn
from tests.generative.run_folders import assert_equal_models

CLASSES = ("a", "b", "c")


@pytest.fixture
def pipeline() -> ConditionalPipeline:
    return ddpm_of().eval().pipeline()


def drawn_by(pipeline: ConditionalPipeline, *words: Any, **options: Any) -> Tensor:
    """Pictures (n, channels, height, width) of three steps, unless more are asked for."""
    chosen = {"generator": drawn(), "num_inference_steps": 3, "output_type": "pt", "return_dict": False}
    (images,) = pipeline(*words, **{**chosen, **options})
    return images


# Classes and guidance


def test_guidance_of_one_is_none_to_the_bit(pipeline: ConditionalPipeline) -> None:
    seen = []
    pipeline.unet.register_forward_pre_hook(lambda _, words: seen.append(len(words[0])))
    plain = drawn_by(pipeline, [0, 1, 2])
    assert torch.equal(drawn_by(pipeline, [0, 1, 2], guidance_scale=1), plain)
    assert set(seen) == {3}
    assert not torch.equal(drawn_by(pipeline, [0, 1, 2], guidance_scale=3.0), plain)
    assert seen[-1] == 6


def test_guidance_of_nought_is_not_told_the_class(pipeline: ConditionalPipeline) -> None:
    torch.testing.assert_close(
        drawn_by(pipeline, [0, 1, 2], guidance_scale=0.0), drawn_by(pipeline, batch_size=3)
    )


def test_no_labels_are_the_null_class(pipeline: ConditionalPipeline) -> None:
    anything = drawn_by(pipeline, batch_size=2)
    assert torch.equal(drawn_by(pipeline, [3, 3]), anything)
    assert torch.equal(drawn_by(pipeline, torch.tensor([3, 3])), anything)
    assert not torch.equal(drawn_by(pipeline, [0, 0]), anything)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"class_labels": [4]}, "0 to 2, or 3 for any"),
        ({"class_labels": [0, -1]}, "0 to 2, or 3 for any"),
        ({"class_labels": torch.tensor([9])}, "0 to 2, or 3 for any"),
        ({"output_type": "latent"}, "output_type must be"),
        ({"callback_on_step_end_tensor_inputs": ["noise"]}, '"latents" and "predicted", not \'noise\''),
        ({"class_labels": [0, 1], "latents": torch.zeros(1, 1, 8, 8)}, "2 class_labels and 1 latents do not"),
        ({"class_labels": [0], "latents": torch.zeros(2, 1, 8, 8)}, "1 class_labels and 2 latents do not"),
        ({"batch_size": 2, "generator": [drawn()]}, "2 pictures and 1 generators do not"),
        ({"class_labels": [0, 1], "batch_size": 3}, "2 class_labels and 3 pictures do not"),
        ({"latents": torch.zeros(1, 1, 8, 8), "batch_size": 2}, "1 latents and 2 pictures do not"),
        ({"class_labels": 1}, "must be a list of numbers, one for each picture, not 1"),
        ({"class_labels": torch.tensor(1)}, "must be a list of numbers, one for each picture, not 1"),
        ({"class_labels": "12"}, "must be a list of numbers"),
        ({"class_labels": [1, None]}, "must be whole numbers, and None is none"),
        ({"class_labels": [1, 0.5]}, "must be whole numbers, and 0.5 is none"),
        ({"class_labels": torch.tensor([[1, 2]])}, r"must be whole numbers, and \[1, 2\] is none"),
    ],
)
def test_bad_options_are_refused(words: dict[str, Any], says: str, pipeline: ConditionalPipeline) -> None:
    with pytest.raises(ValueError, match=says):
        pipeline(**words)


@pytest.mark.parametrize("words", [{"class_labels": [0]}, {"guidance_scale": 2.0}])
def test_a_network_without_classes_is_neither_told_nor_guided(words: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no classes"):
        ddpm_of(classes=()).pipeline()(**words)


def test_labels_may_say_how_many_they_are(pipeline: ConditionalPipeline) -> None:
    assert torch.equal(drawn_by(pipeline, [0, 1], batch_size=2), drawn_by(pipeline, [0, 1]))
    assert torch.equal(drawn_by(pipeline, np.array([0, 1])), drawn_by(pipeline, list(np.array([0, 1]))))


# Independence


@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_with_a_generator_each_pictures_do_not_depend_on_the_batch(sampler: str) -> None:
    """To one of 256 grey levels: sums over other batches are rounded otherwise."""
    pipeline = ddpm_of().eval().pipeline(sampler)

    def levels(*rows: int) -> Tensor:
        generators, labels = [drawn(row) for row in rows], [row % 3 for row in rows]
        return drawn_by(pipeline, labels, generator=generators, guidance_scale=2.0) * 255

    together, alone = levels(5, 6, 7), torch.cat([levels(row) for row in (5, 6, 7)])
    assert (together - alone).abs().max() < 1
    assert (together - levels(7, 6, 5).flip(0)).abs().max() < 1
    assert (together[0] - together[1]).abs().max() > 1


def test_the_same_generator_draws_the_same_pictures(pipeline: ConditionalPipeline) -> None:
    assert torch.equal(drawn_by(pipeline, [0, 1]), drawn_by(pipeline, [0, 1]))
    assert not torch.equal(drawn_by(pipeline, [0, 1]), drawn_by(pipeline, [0, 1], generator=drawn(1)))


def test_given_noise_decides_what_is_drawn_and_stays_as_it_is(pipeline: ConditionalPipeline) -> None:
    noise = torch.randn(2, 1, 8, 8, generator=drawn())
    kept = noise.clone()
    one = drawn_by(pipeline, [0, 1], latents=noise, generator=None)
    assert torch.equal(drawn_by(pipeline, [0, 1], latents=noise, generator=drawn(9)), one)
    assert torch.equal(one, drawn_by(pipeline, [0, 1]))
    assert torch.equal(noise, kept)


# Steps


def test_it_is_called_after_each_step_and_may_replace_the_pictures(pipeline: ConditionalPipeline) -> None:
    seen: list[tuple[int, int, list[str]]] = []

    def watch(_: Any, number: int, timestep: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        seen.append((number, int(timestep), list(tensors)))
        assert all(part.shape == (2, 1, 8, 8) for part in tensors.values())
        return {}

    plain = drawn_by(pipeline, [0, 1])
    assert torch.equal(drawn_by(pipeline, [0, 1], callback_on_step_end=watch), plain)
    assert [number for number, *_ in seen] == [0, 1, 2]
    assert [timestep for _, timestep, _ in seen] == pipeline.scheduler.timesteps.tolist()
    assert seen[0][1] == 999
    assert {tuple(names) for *_, names in seen} == {("latents",)}
    names = ["latents", "predicted"]
    drawn_by(pipeline, [0, 1], callback_on_step_end=watch, callback_on_step_end_tensor_inputs=names)
    assert seen[-1][2] == names

    silent = drawn_by(pipeline, [0, 1], callback_on_step_end=lambda *_: None)
    assert torch.equal(silent, plain)
    replaced = drawn_by(
        pipeline, [0, 1], callback_on_step_end=lambda *_: {"latents": torch.full((2, 1, 8, 8), 0.5)}
    )
    assert torch.equal(replaced, torch.full((2, 1, 8, 8), 0.75))


def test_what_it_predicts_after_the_last_step_is_what_it_draws(pipeline: ConditionalPipeline) -> None:
    found: list[Tensor] = []

    def keep(_: Any, __: int, ___: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        found.append(tensors["predicted"])
        return {}

    images = drawn_by(
        pipeline,
        [0, 1],
        callback_on_step_end=keep,
        callback_on_step_end_tensor_inputs=["predicted"],
    )
    torch.testing.assert_close((found[-1] / 2 + 0.5).clamp(0, 1), images, rtol=0, atol=0.02)


# What comes back


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_come_back_as_tensors_arrays_or_pictures(channels: int) -> None:
    pipeline = ddpm_of(size=(8, 11), channels=channels).eval().pipeline()
    tensors = drawn_by(pipeline, [0, 1])
    assert tensors.shape == (2, channels, 8, 11)
    assert 0 <= tensors.min() <= tensors.max() <= 1
    arrays = drawn_by(pipeline, [0, 1], output_type="np")
    assert isinstance(arrays, np.ndarray)
    assert np.array_equal(arrays, tensors.permute(0, 2, 3, 1).numpy())
    images: Any = drawn_by(pipeline, [0, 1], output_type="pil")
    assert [(image.size, image.mode) for image in images] == [((11, 8), "L" if channels == 1 else "RGB")] * 2
    whole: Any = pipeline([0, 1], generator=drawn(), num_inference_steps=3)
    assert [image.tobytes() for image in whole.images] == [image.tobytes() for image in images]


# Folders


@pytest.mark.parametrize("classes", [CLASSES, ()])
def test_a_saved_pipeline_opens_to_the_bit(classes: tuple[str, ...], tmp_path: Path) -> None:
    pipeline = ddpm_of(classes=classes, size=(9, 13)).eval().pipeline("ddpm")
    pipeline.save_pretrained(tmp_path)
    again = ConditionalPipeline.from_pretrained(tmp_path)
    assert (again.classes, again.shape) == (classes, (1, 9, 13))
    assert_equal_models(again.unet, pipeline.unet)
    assert type(again.scheduler) is type(pipeline.scheduler)
    again.scheduler = build_sampler("ddpm", again.scheduler)  # with its steps, which no config names
    assert torch.equal(drawn_by(again, batch_size=2), drawn_by(pipeline, batch_size=2))
    files = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {".json", ".safetensors", ".md"}
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("---\nlibrary_name: diffusers\n")
    assert ("of 3 classes (a, b, c)" in text) == bool(classes)
    assert "1 × 9 × 13" in text


@pytest.mark.parametrize("kind", [DDPMPipeline, DDIMPipeline])
def test_diffusers_pipelines_open_what_a_run_keeps(kind: Any, tmp_path: Path) -> None:
    model = ddpm_of().eval()
    save_model(tmp_path, model, 7)
    pipeline = kind.from_pretrained(tmp_path / "model", low_cpu_mem_usage=False)
    pipeline.set_progress_bar_config(disable=True)
    assert_equal_models(pipeline.unet, model.unet)
    shape = pipeline(batch_size=2, num_inference_steps=2, output_type="np").images.shape
    assert shape == (2, 8, 8, 1)


def test_diffusers_own_network_keeps_its_classes_names(tmp_path: Path) -> None:
    scheduler = noise_scheduler("cosine", "v", False)
    pipeline = ConditionalPipeline(build_unet((1, 8, 8), 3).eval(), scheduler, list(CLASSES))
    pipeline.save_pretrained(tmp_path)
    again = ConditionalPipeline.from_pretrained(tmp_path)
    assert again.classes == CLASSES
    assert torch.equal(drawn_by(again, [0, 3]), drawn_by(pipeline, [0, 3]))
    again.scheduler = build_sampler("dpm++", again.scheduler)
    assert drawn_by(again, [0, 1], guidance_scale=2.0).isfinite().all()


def test_a_folder_with_pickled_weights_only_is_refused(tmp_path: Path) -> None:
    pipeline = ddpm_of().pipeline("ddpm")
    pipeline.save_pretrained(tmp_path, safe_serialization=False)
    assert list(tmp_path.rglob("*.bin"))
    for options in ({}, {"use_safetensors": False}):
        with pytest.raises((OSError, ValueError)):
            ConditionalPipeline.from_pretrained(tmp_path, **options)


@pytest.mark.parametrize(
    ("entry", "home"), [("_class_name", "."), ("unet", "unet"), ("unet", "."), ("extra", "extra")]
)
def test_code_that_comes_with_a_folder_is_not_run(
    entry: str, home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even by who asks for it, nor where it could be imported."""
    monkeypatch.syspath_prepend(tmp_path)
    ddpm_of().pipeline("ddpm").save_pretrained(tmp_path)
    index, ran = tmp_path / "model_index.json", tmp_path / "ran"
    index.write_text(json.dumps({**json.loads(index.read_text()), entry: ["evil", "Evil"]}))
    (tmp_path / home).mkdir(exist_ok=True)
    (tmp_path / home / "evil.py").write_text(
        f"open({str(ran)!r}, 'w')\nfrom diffusers import DDPMPipeline as Evil\n"
    )
    for options in ({}, {"trust_remote_code": True}):
        with pytest.raises(Broken, match=f"{entry} is .* foreign code is never run"):
            ConditionalPipeline.from_pretrained(tmp_path, **options)
    assert not ran.exists()


def test_a_scheduler_of_another_spacing_begins_where_there_is_only_noise() -> None:
    """Whatever the folder says: diffusers' default would begin at timestep 667 of 1000 in three steps."""
    model = ddpm_of()
    plain = DDPMScheduler.from_config(model.scheduler.config, timestep_spacing="leading")
    pipeline = ConditionalPipeline(model.unet, build_sampler("dpm++", plain))
    drawn_by(pipeline, [0])
    assert pipeline.scheduler.timesteps[0] == 999

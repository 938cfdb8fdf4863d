"""Folders of diffusers' that others made: what draws, and what stays shut."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, PNDMScheduler, UNet2DModel
from PIL import Image
from safetensors.torch import load_file, save_file

from generative.generate.foreign import open_folder
from sandbox.core.errors import SandboxError
from sandbox.ui.console import Console
from tests.agents.run_folders import error_of
from tests.generative.generate.denoisers import tiny_ddpm
from tests.supervised.run_folders import answer

Captured = pytest.CaptureFixture[str]
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`ddpm` and `ddim` of diffusers' own making, of 8×8 in colour, and `ours`, which is told classes."""
    folder = tmp_path_factory.mktemp("foreign")
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )
    DDPMPipeline(unet, DDPMScheduler(beta_schedule="linear")).save_pretrained(folder / "ddpm")
    DDIMPipeline(unet, DDIMScheduler(prediction_type="v_prediction")).save_pretrained(folder / "ddim")
    tiny_ddpm("a", "b").pipeline().save_pretrained(folder / "ours")
    return folder


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", ["ddpm", "ddim"])
def test_a_folder_of_diffusers_draws_into_a_folder_here(name: str, made: Path, capsys: Captured) -> None:
    words = ["generate", str(made / name), "-n", "4", "--steps", "3"]
    found = answer(capsys, *words)
    assert (found["run"], found["kind"], found["steps"]) == (str(made / name), "ddpm", None)
    assert found["sampling"] == {"sampler": "dpm++", "steps": 3, "guidance": 1.0}
    assert found["grid"] == f"samples/{name}/grid-n4-steps3-seed0.png"
    before = Path(found["grid"]).read_bytes()
    answer(capsys, *words, "-o", "again.png", "--animate", "way.gif")
    assert Path("again.png").read_bytes() == before
    with Image.open("way.gif") as film:
        assert film.n_frames == 4  # type: ignore[attr-defined]


def test_a_copy_of_ours_knows_its_classes(made: Path, capsys: Captured) -> None:
    found = answer(capsys, "generate", str(made / "ours"), "-n", "2", "--steps", "2", "--class", "b")
    assert found["classes"] == ["b"]
    assert "unknown class 'c'" in error_of(capsys, ["generate", str(made / "ours"), "--class", "c"], 2)


def test_pictures_are_given_to_it_as_files(made: Path, capsys: Captured) -> None:
    Image.new("RGB", (8, 8), (250, 10, 10)).save("red.png")
    folder = str(made / "ddpm")
    words = ["generate", folder, "--inpaint", "red.png", "--mask", "left", "-n", "2", "--steps", "2"]
    assert Path(answer(capsys, *words)["strip"]).is_file()
    assert "'test:3' is no file, and the model's data are not known" in error_of(
        capsys, ["generate", folder, "--interpolate", "test:3", "red.png"], 2
    )
    assert "--checkpoint is for runs" in error_of(capsys, ["generate", folder, "--checkpoint", "last"], 2)
    assert "--guidance is for models that were told classes" in error_of(
        capsys, ["generate", folder, "--guidance", "2"], 2
    )


def test_what_is_saved_without_folders_inside_opens_as_it_once_did(made: Path, tmp_path: Path) -> None:
    """As the first models on the hub were saved, with other names for attention, too."""
    old = tmp_path / "old"
    old.mkdir()
    for file in (made / "ddpm" / "unet").iterdir():
        shutil.copy(file, old)
    shutil.copy(made / "ddpm" / "scheduler" / "scheduler_config.json", old)
    shutil.copy(made / "ddpm" / "model_index.json", old)
    weights = load_file(old / WEIGHTS)
    for now, then in {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}.items():
        weights = {name.replace(now, then): part for name, part in weights.items()}
    assert any("proj_attn" in name for name in weights)
    save_file(weights, old / WEIGHTS)
    one, other = (open_folder(path, "cpu", 0, Console()).model for path in (old, made / "ddpm"))
    for name, part in other.state_dict().items():
        assert torch.equal(one.state_dict()[name], part), name


def changed(name: str, **entries: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / name
        file.write_text(json.dumps({**json.loads(file.read_text()), **entries}))

    return change


def replaced(name: str, content: bytes) -> Callable[[Path], None]:
    def replace(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return replace


def pickled(folder: Path) -> None:
    (folder / "unet" / WEIGHTS).rename(folder / "unet" / "diffusion_pytorch_model.bin")


def without_a_weight(folder: Path) -> None:
    weights = load_file(folder / "unet" / WEIGHTS)
    del weights["conv_in.bias"]
    save_file(weights, folder / "unet" / WEIGHTS)


UNET, SCHEDULE, INDEX = "unet/config.json", "scheduler/scheduler_config.json", "model_index.json"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (pickled, "has its weights in diffusion_pytorch_model.bin alone, a pickle, which can run code"),
        (lambda folder: (folder / "unet" / WEIGHTS).unlink(), f"unet/{WEIGHTS} is missing"),
        (lambda folder: (folder / INDEX).unlink(), "model_index.json is missing"),
        (lambda folder: (folder / UNET).unlink(), "unet/config.json is missing"),
        (lambda folder: (folder / SCHEDULE).unlink(), "scheduler_config.json is missing"),
        (replaced(INDEX, b"{"), "model_index.json is damaged: not valid JSON"),
        (replaced(UNET, b"[]"), "unet/config.json is damaged: not a JSON object"),
        (replaced(f"unet/{WEIGHTS}", b"garbage" * 9), f"{WEIGHTS} is damaged"),
        (without_a_weight, "does not fit config.json: conv_in.bias is not in both"),
        (changed(INDEX, _class_name="StableDiffusionPipeline"), "'StableDiffusionPipeline' is no pipeline"),
        (changed(INDEX, _class_name=["pipeline", "MyPipeline"]), "'MyPipeline' is no pipeline"),
        (changed(INDEX, unet=["unet", "MyUNet"]), "the network 'MyUNet' is none that is known here"),
        (changed(INDEX, unet=["my_code", "UNet2DModel"]), "the network 'UNet2DModel' is none that is known"),
        (
            changed(INDEX, scheduler=["diffusers", "ScoreSdeVeScheduler"]),
            "the schedule 'ScoreSdeVeScheduler'",
        ),
        (changed(SCHEDULE, prediction_type="flow"), "a model that predicts 'flow' is not known here"),
        (
            changed(SCHEDULE, num_train_timesteps=10**9),
            "config.json is damaged: 1000000000 timesteps",
        ),
        (changed(SCHEDULE, beta_schedule="odd"), "scheduler_config.json is damaged"),
        (changed(SCHEDULE, trained_betas=[0.1, 0.2]), "are no schedule of 1000 timesteps"),
        (changed(SCHEDULE, trained_betas=[float("nan")] * 1000), "are no schedule of 1000 timesteps"),
        (changed(SCHEDULE, beta_end=5.0), "are no schedule of 1000 timesteps"),
        (
            changed(SCHEDULE, beta_start=-0.1),
            "are no schedule of 1000 timesteps: they must lie between 0 and",
        ),
        (changed(SCHEDULE, beta_start=-5, beta_end=9), "they must lie between 0 and 1"),
        (changed(SCHEDULE, beta_end=1), "they must lie between 0 and 1"),
        (changed(SCHEDULE, beta_start=0, beta_end=0), "they must lie between 0 and 1"),
        (changed(SCHEDULE, beta_start=1e-9, beta_end=1e-9), "they begin too small to be told from 0"),
        (changed(SCHEDULE, beta_end=0.9), "nothing is left of a picture long before the last"),
        (changed(SCHEDULE, trained_betas=[0.1] * 1000), "nothing is left of a picture long before the last"),
        (changed(SCHEDULE, trained_betas=[]), "are no schedule of 1000 timesteps: they are 0"),
        (changed(SCHEDULE, beta_start="small"), "beta_start must be a number, not 'small'"),
        (changed(SCHEDULE, _class_name="OddScheduler"), "the schedule 'OddScheduler' is none that is known"),
        (changed(UNET, block_out_channels=[8, 10**9]), "config.json"),
        (changed(UNET, layers_per_block=10**9), "unet/config.json is damaged"),
        (changed(UNET, block_out_channels=[16, 16]), "does not fit config.json"),
        (changed(UNET, sample_size=7), "sample_size must be a multiple of 2, not 7"),
        (changed(UNET, sample_size=None), "it does not say the size of its pictures: sample_size"),
        (changed(UNET, sample_size="big"), "sample_size 'big' is no size of pictures"),
        (changed(UNET, up_block_types=["UpBlock2D"]), "up_block_types must be as many as block_out_channels"),
        (changed(UNET, norm_num_groups=3), "block_out_channels must be multiples of norm_num_groups, 3"),
        (changed(UNET, down_block_types=["Odd", "Odd"]), "no network can be made of it"),
        (changed(UNET, out_channels=6), "answers with 6 channels to pictures of 3"),
        (changed(UNET, num_class_embeds=4), "does not fit config.json: class_embedding.weight"),
    ],
)
def test_what_cannot_be_opened_is_one_line(
    damage: Callable[[Path], None], message: str, made: Path, tmp_path: Path, capsys: Captured
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(made / "ddpm", folder)
    damage(folder)
    assert message in error_of(capsys, ["generate", str(folder)], 4)
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


@pytest.mark.parametrize("classes", [[1, 2], [["a"], "b"]])
def test_classes_that_are_no_names_are_one_line(
    classes: list[Any], made: Path, tmp_path: Path, capsys: Captured
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(made / "ours", folder)
    changed(UNET, classes=classes)(folder)
    assert "classes must be names" in error_of(capsys, ["generate", str(folder)], 4)


@pytest.mark.parametrize("name", ["\x1b[31mred", "a" * 101])
def test_names_that_would_steer_or_flood_a_terminal_are_refused(
    name: str, made: Path, tmp_path: Path, capsys: Captured
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(made / "ours", folder)
    changed(UNET, classes=[name, "b"])(folder)
    told = error_of(capsys, ["generate", str(folder)], 4)
    assert "is no name of a class" in told
    assert "\x1b" not in told
    assert "a" * 61 not in told


def test_a_model_of_few_timesteps_takes_as_many_steps_as_there_are(
    made: Path, tmp_path: Path, capsys: Captured
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(made / "ddpm", folder)
    changed(SCHEDULE, num_train_timesteps=3)(folder)
    found = answer(capsys, "generate", str(folder), "-n", "1")
    assert found["sampling"]["steps"] == 3
    assert found["grid"] == "samples/copy/grid-n1-seed0.png"
    Image.new("RGB", (8, 8), (250, 10, 10)).save("red.png")
    way = answer(capsys, "generate", str(folder), "--interpolate", "red.png", "red.png", "--frames", "2")
    assert way["sampling"]["steps"] == 3
    assert (
        answer(capsys, "generate", str(folder), "--inpaint", "red.png", "--mask", "top", "-n", "1")[
            "sampling"
        ]["steps"]
        == 3
    )
    assert "--steps must be at most 3" in error_of(capsys, ["generate", str(folder), "--steps", "4"], 2)


def test_classes_without_names_are_refused(made: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    unet = UNet2DModel(8, block_out_channels=(8,), down_block_types=("DownBlock2D",),
                       up_block_types=("UpBlock2D",), norm_num_groups=4, num_class_embeds=3)  # fmt: skip
    scheduler: Any = PNDMScheduler()
    DDPMPipeline(unet, scheduler).save_pretrained(tmp_path / "told")
    with pytest.raises(SandboxError, match="told classes, and nothing says which"):
        open_folder(tmp_path / "told", "cpu", 0, Console())

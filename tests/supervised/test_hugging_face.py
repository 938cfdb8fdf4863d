"""Vision models of Hugging Face's under our head: tiny random ones from the disk, never fetched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("transformers")

from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.errors import Broken, NotFound, Refused, UsageError
from sandbox.core.run import Run
from sandbox.nn.batches import Batch
from sandbox.supervised.hf import HfClassifier, pretrained
from tests.agents.run_folders import at_metric_line, press_ctrl_c, resume
from tests.supervised.run_folders import answer, assert_same_run, without_curves

Captured = pytest.CaptureFixture[str]
PREPARATION = {"size": {"shortest_edge": 32}, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4]}


def _save(folder: Path, kind: str, **config: Any) -> Path:
    import transformers

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**config))
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPARATION))
    return folder


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "resnet"
    return _save(folder, "ResNet", embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    return _save(tmp_path_factory.mktemp("models") / "vit", "ViT", image_size=32, patch_size=8, **sizes)


@pytest.fixture(params=["resnet", "vit"])
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def train(root: Path, name: str, source: Path, *options: str) -> int:
    words = f"train-classifier digits --pictures 60 --steps 12 --threads 1 --name {name} --quiet".split()
    words += ["--set", "batch_size=16", "--set", "log_every=2", "--set", "eval_every=4"]
    return main([*words, "--out", str(root), "--init-from", f"hf:{source}", *options])


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_curves(monkeypatch)
    return tmp_path / "runs"


def test_it_sees_pictures_as_the_model_was_trained_to(folder: Path) -> None:
    """Scaled to its size, and normalised by its mean and deviation; grey pictures in all three channels."""
    model = pretrained(f"hf:{folder}", 5).eval()
    images = 2 * torch.rand(2, 1, 32, 32) - 1
    mean, deviation = (
        torch.tensor(PREPARATION[key]).reshape(1, 3, 1, 1) for key in ("image_mean", "image_std")
    )
    wanted = (((images + 1) / 2).expand(-1, 3, -1, -1) - mean) / deviation
    with torch.no_grad():
        hidden = model.vision(pixel_values=wanted).last_hidden_state
        pooled = hidden.flatten(2).mean(2) if hidden.ndim == 4 else hidden.mean(1)
        assert torch.allclose(model.features(images), pooled, atol=1e-5)
        assert model(torch.rand(3, 3, 20, 50)).shape == (3, 5)


def test_its_stages_are_all_of_it_each_once(folder: Path) -> None:
    model = pretrained(f"hf:{folder}", 5)
    stages = model.stages()
    parts = [id(part) for stage in stages for part in stage.parameters()]
    assert len(parts) == len(set(parts))
    assert set(parts) == {id(part) for part in model.vision.parameters()}
    assert len(stages) == 3  # what comes first, and two layers
    first = {id(part) for part in stages[0].parameters()}
    tail = [
        part for name, part in model.vision.named_parameters() if name.startswith(("layernorm", "pooler"))
    ]
    assert not first & {id(part) for part in tail}  # what follows the layers learns as fast as they do


@pytest.mark.parametrize("options", [(), ("--freeze",)])
def test_its_backbone_stays_as_it_is_unless_asked_otherwise(
    root: Path, folder: Path, options: tuple[str, ...]
) -> None:
    assert train(root, "run", folder, *options) == 0
    model, before = load_run(str(root / "run"), checkpoint="last"), pretrained(f"hf:{folder}", 10)
    assert isinstance(model, HfClassifier)
    for one, other in zip(model.vision.parameters(), before.vision.parameters(), strict=True):
        assert torch.equal(one, other)


def test_all_of_it_learns_from_colour_pictures(resnet: Path, tmp_path: Path) -> None:
    """Backward through 224×224 pixels whose channels come last in memory crashed the process."""
    folder = shutil.copytree(resnet, tmp_path / "large")
    (folder / "preprocessor_config.json").unlink()
    model = pretrained(f"hf:{folder}", 3).train()
    images = torch.rand(6, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    loss, _ = model.loss(Batch(2 * images - 1, torch.arange(6) % 3), torch.Generator())
    loss.backward()
    assert model.side == 224
    assert all(part.grad is not None and bool(part.grad.isfinite().all()) for part in model.parameters())


def test_a_run_of_such_a_model_can_be_started_from_by_its_name(root: Path, resnet: Path) -> None:
    assert train(root, "first", resnet) == 0
    words = f"train-classifier digits --steps 2 --name next --quiet --out {root} --init-from first".split()
    assert main(words) == 0
    assert Run(root / "next").info["parent"] == "first"
    assert Run(root / "next").info["model"] == "hf"


def test_fine_tuning_changes_it_and_the_next_run_starts_from_there(root: Path, folder: Path) -> None:
    assert train(root, "run", folder, "--fine-tune") == 0
    best, last = (load_run(str(root / "run"), checkpoint=name) for name in ("best", "last"))
    before, kept = pretrained(f"hf:{folder}", 10), pretrained(f"hf:{root / 'run' / 'hf'}", 10)
    was = before.vision.state_dict()
    for name, weight in last.vision.named_parameters():
        assert torch.equal(weight, was[name]) == ("pooler" in name)  # which is not asked
    for one, other in zip(best.vision.parameters(), kept.vision.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("line", [2, 5])
def test_a_stopped_run_ends_with_the_same_bits_without_the_folder_it_came_from(
    root: Path, resnet: Path, tmp_path: Path, line: int
) -> None:
    assert train(root, "whole", resnet, "--fine-tune") == 0
    copy = shutil.copytree(resnet, tmp_path / "copy")
    with at_metric_line(line, press_ctrl_c):
        assert train(root, "stopped", copy, "--fine-tune") == 130
    shutil.rmtree(copy)
    assert resume(root, "stopped") == 0
    for name in ("whole", "stopped"):  # where it came from is not what it became
        config = root / name / "config.toml"
        config.write_text(config.read_text().replace(str(copy), str(resnet)))
    assert_same_run(root / "whole", root / "stopped")


def test_the_run_can_be_evaluated(root: Path, resnet: Path, capsys: Captured) -> None:
    assert train(root, "run", resnet) == 0
    assert Run(root / "run").info["model"] == "hf"
    assert answer(capsys, "evaluate", str(root / "run"))["evaluation"]["n"] == 359


# What does not work, in one line


class Trap:
    """What is run by whoever unpickles it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return open, (str(self.trace), "w")


def test_weights_that_could_execute_code_are_refused(tmp_path: Path, resnet: Path) -> None:
    folder = shutil.copytree(resnet, tmp_path / "pickled")
    (folder / "model.safetensors").unlink()
    torch.save({"weights": Trap(tmp_path / "trace")}, folder / "pytorch_model.bin")
    with pytest.raises(Broken, match="no weights as safetensors"):
        pretrained(f"hf:{folder}", 3)
    assert not (tmp_path / "trace").exists()


def test_half_precision_is_read_as_float32(tmp_path: Path, resnet: Path) -> None:
    import transformers

    folder = shutil.copytree(resnet, tmp_path / "half")
    transformers.AutoModel.from_pretrained(resnet).half().save_pretrained(folder)
    model = pretrained(f"hf:{folder}", 3)
    assert {part.dtype for part in model.parameters()} == {torch.float32}


def test_minutes_become_steps(root: Path, resnet: Path) -> None:
    words = f"train-classifier digits --pictures 40 --threads 1 --out {root} --max-minutes 0.01 --dry-run"
    assert main([*words.split(), "--init-from", f"hf:{resnet}"]) == 0


def test_code_that_comes_with_a_model_is_not_run(tmp_path: Path, resnet: Path) -> None:
    folder = shutil.copytree(resnet, tmp_path / "coded")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "sly", "auto_map": {"AutoConfig": "sly.SlyConfig", "AutoModel": "sly.Sly"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "sly.py").write_text(f"open({str(tmp_path / 'trace')!r}, 'w').close()")
    with pytest.raises(Broken):
        pretrained(f"hf:{folder}", 3)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("damage", ["{", ""])
def test_a_damaged_description_is_one_line(tmp_path: Path, resnet: Path, damage: str) -> None:
    folder = shutil.copytree(resnet, tmp_path / "damaged")
    (folder / "config.json").write_text(damage)
    with pytest.raises((Broken, NotFound)) as caught:
        pretrained(f"hf:{folder}", 3)
    assert "\n" not in caught.value.message


def test_truncated_weights_are_one_line(tmp_path: Path, resnet: Path) -> None:
    folder = shutil.copytree(resnet, tmp_path / "truncated")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Broken):
        pretrained(f"hf:{folder}", 3)


def test_a_model_of_texts_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bert"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UsageError, match="no model for pictures"):
        pretrained(f"hf:{folder}", 3)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no folder"):
        pretrained(f"hf:{tmp_path / 'nowhere'}", 3)


def test_without_a_network_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    def refuse(*args: Any, **options: Any) -> None:
        raise OSError("We couldn't connect to 'https://huggingface.co' to load the files")

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", refuse)
    with pytest.raises(Refused, match="could not be fetched"):
        pretrained("hf:microsoft/resnet-18", 3)


def test_it_has_to_be_said_which(root: Path, capsys: Captured) -> None:
    assert main(["train-classifier", "digits", "--model", "hf", "--out", str(root)]) == 2
    assert "say which" in capsys.readouterr().err


@pytest.mark.parametrize("options", [("--model", "cnn"), ("--backbone", "tiny")])
def test_it_brings_its_own_network(
    root: Path, resnet: Path, options: tuple[str, ...], capsys: Captured
) -> None:
    assert train(root, "run", resnet, *options) == 2
    assert "brings its own network" in capsys.readouterr().err

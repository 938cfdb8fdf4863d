"""`explain RUN [FILE]` of classifiers of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread, imsave

from sandbox.core.kinds import Question
from sandbox.core.plugins import kind_of
from sandbox.core.run import Run
from sandbox.data.catalog import load
from sandbox.nn.explain import Subject, kernels
from sandbox.supervised.models import MODELS, BackboneClassifier, Linear, build_classifier
from sandbox.supervised.prediction.given import Given, read_given
from sandbox.supervised.prediction.ink import ink_form
from sandbox.ui.console import Console
from tests.agents.run_folders import error_of
from tests.supervised.run_folders import answer, train, without_curves

Captured = pytest.CaptureFixture[str]
OF_ALL = {"kernels", "saliency", "classes"}
OF_MAPS = {"features", "exciting"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of each kind of model, under the model's name."""
    folder = tmp_path_factory.mktemp("explained") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        without_curves(patch)
        for model in ("linear", "mlp", "cnn", "backbone"):
            assert train(folder, model, model) == 0
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A photo of a bright bar, larger than what classifiers see."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[5:35, 27:33] = 255
    path = tmp_path / "one.bar.png"
    imsave(path, pixels)
    return path


def asked(root: Path, model: str, question: Question) -> Subject:
    """What a run brings to be explained."""
    kind = kind_of("classifier")
    return kind.explain(Run(root / model), Console(quiet=True), question)  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("model", "expected"),
    [("linear", OF_ALL), ("mlp", OF_ALL), ("cnn", OF_ALL | OF_MAPS), ("backbone", OF_ALL | OF_MAPS)],
)
def test_the_command_draws_and_says_where(
    root: Path, capsys: Captured, tmp_path: Path, model: str, expected: set[str]
) -> None:
    words = ("explain", str(root / model), "--frames", "12", "-o", str(tmp_path / "new"))
    found = answer(capsys, *words)
    assert found["schema"] == "sandbox.explain/1"
    assert (found["run"], found["frames"]) == (str(root / model), 12)
    assert set(found["pictures"]) == expected
    for what, path in found["pictures"].items():
        assert Path(path) == tmp_path / "new" / f"{what}.png"
        assert Path(path).stat().st_size > 1000


def test_its_pictures_are_of_the_split_and_its_answers_the_classifiers(root: Path) -> None:
    subject = asked(root, "backbone", Question(frames=5, split="validation", device="cpu"))
    pictures = load("digits").validation
    places = [0, 67, 134, 201, 269]
    assert torch.equal(subject.pictures, pictures.images[places])
    with torch.no_grad():
        logits = kind_of("classifier").load(Run(root / "backbone"), device="cpu")(
            subject.scaled(subject.pictures)
        )
    torch.testing.assert_close(
        subject.answer(0, subject.pictures.float()), logits - logits.mean(1, keepdim=True)
    )
    assert subject.labels == [pictures.classes[number] for number in logits.argmax(1).tolist()]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_shows_what_its_answers_are_made_of(model: str) -> None:
    torch.manual_seed(0)
    judge, pictures = build_classifier(model, (3, 16, 20), 4, "tiny").eval(), torch.randn(2, 3, 16, 20)
    features, logits = judge.evidence(pictures)
    torch.testing.assert_close(logits, judge(pictures))
    scales = judge.scales(pictures)
    assert judge.first_kernels().shape[1] == 3
    assert (features is None) == (not scales)
    areas = [scale.shape[2] * scale.shape[3] for scale in scales.values()]
    assert areas == sorted(areas, reverse=True)
    assert len({name.split()[-1] for name in scales}) == len(scales)  # told apart by --channel
    if features is not None:
        assert features.shape[2:] == list(scales.values())[-1].shape[2:]
        assert torch.autograd.grad(logits.sum(), features)[0].any()


def test_behind_the_backbone_class_activation_adds_up_to_the_score() -> None:
    torch.manual_seed(0)
    judge = build_classifier("backbone", (1, 16, 16), 3, "tiny")
    assert isinstance(judge, BackboneClassifier)
    features, logits = judge.evidence(torch.randn(2, 1, 16, 16))
    assert features is not None
    (slope,) = torch.autograd.grad(logits[:, 1].sum(), features)
    torch.testing.assert_close((slope * features).sum((1, 2, 3)), logits[:, 1] - judge.head[-1].bias[1])


def test_the_templates_of_a_linear_model_are_its_weights(root: Path) -> None:
    subject = asked(root, "linear", Question(frames=1, device="cpu"))
    model = subject.judge
    assert isinstance(model, Linear)
    shown = kernels(subject.eyes)
    assert shown.shape == (10, 1, 8, 8)
    pictures = torch.rand(5, 1, 8, 8) * 2 - 1
    scores = torch.einsum("bchw,kchw->bk", pictures, shown) + model.body[1].bias
    torch.testing.assert_close(scores, model(pictures))


def test_a_picture_in_a_file_is_explained_as_the_network_sees_it(
    root: Path, capsys: Captured, tmp_path: Path, picture: Path
) -> None:
    found = answer(capsys, "explain", str(root / "cnn"), str(picture), "-o", str(tmp_path))
    assert found["frames"] == 1
    names = {what: Path(path).name for what, path in found["pictures"].items()}
    assert names == {"features": "features-one.bar.png", "saliency": "saliency-one.bar.png"}
    subject = asked(root, "cnn", Question(file=str(picture), device="cpu"))
    shape = (1, 8, 8)
    as_predicted = read_given("it", picture, shape, ink_form(load("digits").train.images.numpy()))
    assert isinstance(as_predicted, Given)
    assert np.array_equal(subject.pictures[0].numpy(), as_predicted.seen)
    assert subject.pictures[0, 0, :, 3:5].float().mean() > 50 > subject.pictures[0, 0, :, [0, 7]].max()


def test_classes_and_channels_are_made_on_demand_and_by_seed(
    root: Path, capsys: Captured, tmp_path: Path, picture: Path
) -> None:
    drawn = []
    for folder, seed in (("one", "1"), ("two", "1"), ("three", "2")):
        words = ("explain", str(root / "cnn"), str(picture), "--classes", "3, 7", "--channel", "3:75")
        found = answer(capsys, *words, "--seed", seed, "-o", str(tmp_path / folder))
        drawn.append([imread(found["pictures"][what]) for what in ("classes", "channel")])
    assert Path(found["pictures"]["channel"]).name == "channel-layer-3-75.png"
    for one, two, three in zip(*drawn, strict=True):
        assert np.array_equal(one, two)
        assert not np.array_equal(one, three)


@pytest.mark.parametrize(
    ("model", "words", "message"),
    [
        ("mlp", ("--episodes", "3"), "--episodes is for agents"),
        ("mlp", ("missing.jpg",), "there is no file missing.jpg"),
        ("mlp", (__file__,), "cannot be used: it is no picture"),
        ("mlp", (__file__, "--split", "test"), "--split and --frames choose pictures, and so does FILE"),
        ("mlp", ("--classes", "ten"), "unknown class 'ten'"),
        ("mlp", ("--channel", "1:2"), "this one has none"),
        ("cnn", ("--channel", "2"), "--channel is STAGE:NUMBER, such as 2:17, not '2'"),
        ("cnn", ("--channel", "7:1"), "unknown stage '7'"),
        ("cnn", ("--channel", "2:51"), "layer 2 has channels 1 to 50, and no 51"),
        ("backbone", ("--channel", "stem:0"), "stem has channels 1 to 16, and no 0"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    root: Path, capsys: Captured, model: str, words: tuple[str, ...], message: str
) -> None:
    code = 4 if words in (("missing.jpg",), (__file__,)) else 2
    assert message in error_of(capsys, ["explain", str(root / model), *words], code)

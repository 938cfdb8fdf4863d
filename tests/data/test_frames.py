"""frames:ENV[@PLAYER]: pictures of an environment at play, labelled with what was done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from sandbox.core.errors import (
    Broken,
    EnvironmentNotFound,
    MissingExtra,
    Refused,
    RunNotFound,
    SandboxError,
    UsageError,
)
from sandbox.core.files import write_atomically
from sandbox.core.runs import create_run
from sandbox.data.augment import Augment, preset
from sandbox.data.catalog import Form, canonical, load
from sandbox.data.frames import playing
from sandbox.data.frames.players import Player
from sandbox.data.pictures import SPLITS, Dataset

SMALL = {"train": 60, "validation": 20, "test": 20}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer pictures, so that every environment is quick."""
    monkeypatch.setattr(playing, "COUNTS", SMALL)
    monkeypatch.setattr("sandbox.data.frames.data_set.COUNTS", SMALL)


def contents(dataset: Dataset) -> list[bytes]:
    return [image.numpy().tobytes() for split in SPLITS for image in dataset.split(split).images]


def test_chance_plays_and_everything_is_a_frame() -> None:
    dataset = load("frames:Snake")
    assert [len(dataset.split(split)) for split in SPLITS] == [60, 20, 20]
    assert dataset.shape == (3, 40, 40)
    assert dataset.classes == ("frame",)
    assert dataset.notes == ()


@pytest.mark.parametrize("name", ["frames:Snake", "frames:Pong@expert", "frames:MountainCar@expert"])
def test_no_picture_comes_twice(name: str) -> None:
    found = contents(load(name))
    assert len(set(found)) == len(found)


def test_the_expert_is_imitated() -> None:
    dataset = load("frames:Catch@expert")
    assert set(dataset.classes) <= {"left", "stay", "right"}
    catch: Any = gymnasium.make_vec("Sandbox/Catch-v0", num_envs=1).unwrapped
    for split in SPLITS:
        pictures = dataset.split(split)
        done = catch.expert(pictures.images.numpy(), {})  # of Catch: it needs nothing but the picture
        assert [pictures.classes[label] for label in pictures.labels] == [
            catch.controls.actions[action] for action in done
        ]


def test_the_same_name_gives_the_same_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load("frames:Snake@expert")
    monkeypatch.setenv("SANDBOX_CACHE", str(tmp_path))
    assert contents(load("frames:Snake@expert")) == contents(first)
    monkeypatch.setattr("sandbox.data.frames.data_set.play", lambda *_: pytest.fail("played again"))
    assert load("frames:Snake@expert").sums == first.sums


def test_every_expert_can_be_imitated() -> None:
    """Features for who plays by them, pictures of the very same moments."""
    dataset = load("frames:CartPole@expert")
    assert dataset.shape == (3, 40, 40)
    assert dataset.classes == ("left", "right")


def test_actions_that_are_no_choices_are_no_classes() -> None:
    assert load("frames:Pendulum@expert").classes == ("frame",)


def test_the_form_is_kept() -> None:
    assert load("frames:Snake", form=Form(20, "grey")).shape == (1, 20, 20)


def test_other_environments_show_what_people_see() -> None:
    dataset = load("frames:Taxi-v4", form=Form(size=32))
    assert dataset.shape == (3, 32, 32)
    assert dataset.train.images.float().std() > 10


def test_an_environment_that_looks_alike_gives_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "WINDOW", 16)
    dataset = load("frames:FrozenLake-v1")
    assert len(dataset.train) < 60
    [note] = dataset.notes
    assert (
        note
        == f"FrozenLake-v1 was seen in {len(contents(dataset))} different ways only, and has no more pictures"
    )


class LookAlike(gymnasium.Env[Any, Any]):
    metadata = {"render_modes": ["rgb_array"], "render_fps": 1}  # noqa: RUF012
    observation_space = gymnasium.spaces.Discrete(1)
    action_space = gymnasium.spaces.Discrete(2, start=5)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return 0, {}

    def step(self, action: Any) -> Any:
        return 0, 0.0, False, False, {}

    def render(self) -> Any:
        return np.zeros((8, 8, 3), np.uint8)


class Unseen(LookAlike):
    metadata = {"render_modes": ["ansi"]}  # noqa: RUF012


@pytest.fixture
def registered() -> Iterator[None]:
    names = {"LookAlike-v0": LookAlike, "Unseen-v0": Unseen}
    for name, kind in names.items():
        gymnasium.register(name, kind)
    yield
    for name in names:
        del gymnasium.registry[name]


@pytest.mark.usefixtures("registered")
def test_an_environment_that_never_changes_is_refused() -> None:
    with pytest.raises(Broken, match="looks the same all the time: 1 different"):
        load("frames:LookAlike-v0")


@pytest.mark.usefixtures("registered")
def test_an_environment_that_cannot_be_seen_is_refused() -> None:
    with pytest.raises(UsageError, match="Unseen-v0 cannot be drawn"):
        load("frames:Unseen-v0")


class Steady:
    """A policy of Catch's that alternates, and knows when episodes begin."""

    observation_space = gymnasium.spaces.Box(0, 255, (3, 20, 20), np.uint8)
    action_space = gymnasium.spaces.Discrete(3)

    def __init__(self) -> None:
        self.begun: list[np.ndarray] = []

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ):
        assert deterministic
        assert observation.shape[1:] == (3, 20, 20)
        self.begun.append(episode_start)
        state = np.zeros(len(observation), np.int64) if state is None else state + 1
        return state % 2 * 2, state


def test_a_policy_plays_behind_its_own_wrappers() -> None:
    policy, asked = Steady(), []

    def maker(text: str) -> Player:
        asked.append(text)
        return Player(policy, env_args={"obs": "pixels"}, wrap=["resize:20"])

    arrays = playing.play("Catch", "somebody", (3, 40, 40), maker)
    assert asked == ["somebody"]
    assert arrays["train_images"].shape[1:] == (3, 40, 40)  # the pictures are those without wrappers
    assert arrays["classes"].tolist() == ["left", "right"]
    assert policy.begun[0].all()
    assert not policy.begun[1].any()


def test_a_policy_of_another_game_is_refused() -> None:
    with pytest.raises(UsageError, match=r"somebody cannot play here: it knows the actions Discrete\(3\)"):
        playing.play("Snake", "somebody", (3, 40, 40), lambda _: Player(Steady(), wrap=["resize:20"]))


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match=r"Catch cannot be set up: .*'gravity'"):
        playing.play("Catch", "somebody", (3, 40, 40), lambda _: Player(Steady(), env_args={"gravity": 2}))


def test_a_run_that_is_no_agents_cannot_play(runs_root: Path) -> None:
    run = create_run(None, "train-classifier", "mnist", 0, "classifier", "signs")
    write_atomically(run.config_path, 'data = "mnist"\n')
    with pytest.raises(UsageError, match="signs is no run of an agent"):
        load("frames:Catch@signs")


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("frames:", UsageError, "names no environment"),
        ("frames:Snake@", UsageError, "who plays?"),
        ("frames:Snak@expert", EnvironmentNotFound, "there is no environment called 'Snak'"),
        ("frames:CartPole-v1@expert", UsageError, "CartPole-v1 has no expert"),
        ("frames:Snake@nobody", RunNotFound, "nobody"),
        ("frames:os:Snake-v0", UsageError, "would import"),
    ],
)
@pytest.mark.usefixtures("runs_root")
def test_a_mistake_in_the_name_is_found_before_anybody_plays(
    name: str, kind: type[SandboxError], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.data.frames.data_set.play", lambda *_: pytest.fail("played"))
    for check in (canonical, load):
        with pytest.raises(kind, match=said):
            check(name)


def test_a_game_whose_suite_is_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.data.frames.stage.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"ALE/Pong-v5 needs the extra \[atari\]"):
        canonical("frames:ALE/Pong-v5")


def test_names_are_made_full(runs_root: Path) -> None:
    run = create_run(None, "train-agent", "Catch", 0, "ppo", "first")
    assert canonical("frames:snake@expert") == "frames:Snake@expert"
    assert canonical("frames:Sandbox/Snake-v0") == "frames:Snake"
    assert canonical("frames:Taxi") == "frames:Taxi-v4"
    assert canonical("frames:Catch@latest") == f"frames:Catch@{run.path.resolve()}"


def test_pictures_that_do_not_fit_into_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.data.form.available_memory", lambda: 2**20)
    with pytest.raises(Refused, match="100 pictures of 80×80") as caught:
        load("frames:Snake", form=Form(size=80))
    assert caught.value.hint == "choose a smaller --size, or --colours grey"


def test_frames_are_never_altered() -> None:
    assert preset("frames:Snake@expert") == Augment()
    assert torch.equal(load("frames:Snake").train.labels, torch.zeros(60, dtype=torch.int64))

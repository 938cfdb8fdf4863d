"""The scene in which documented commands are run: data sets, photographs, and small runs of every kind.

What takes long is made when it is first asked for, once for all processes that test at the same time.
"""

from __future__ import annotations

import dataclasses
import fcntl
import gzip
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sandbox.__main__ import main
from sandbox.data.catalog import Entry
from tests.agents.run_folders import at_metric_line, press_ctrl_c, quick_ends
from tests.data.made import put, sizes, small_mnist, sums
from tests.data.mirror import running_mirror
from tests.data.photos import album, fill
from tests.docs.furniture import (
    TEST,
    TRAINING,
    VALIDATION,
    foreign_ddpm,
    like_mnist,
    like_sign_mnist,
    stock_lander,
)
from tests.docs.shortened import RUNS
from tests.supervised.photos import photo

FRAMES = {"train": 60, "validation": 20, "test": 20}


class Scene:
    """What commands find: `folder` is shared by all processes, and never changed once it is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mnist_files, sign_files = like_mnist(), like_sign_mnist()
        self.data = folder / "data"
        with self.once("data") as new:
            if new:
                put(self.data / "mnist", self.mnist_files)
                put(self.data / "sign_mnist", sign_files)
        with self.once("photographs") as new:
            if new:
                self._photographs()
        from sandbox.data.sign_mnist import SIGN_MNIST

        counts = {"train": TRAINING, "validation": VALIDATION, "test": TEST}
        self.mnist = dataclasses.replace(small_mnist(self.mnist_files), counts=counts)
        self.sign_mnist: Entry = dataclasses.replace(
            SIGN_MNIST, files=sums(sign_files), sizes=sizes(sign_files)
        )

    @contextmanager
    def once(self, name: str) -> Iterator[bool]:
        """Whether this process has to make it; others wait until it is there."""
        self.folder.mkdir(exist_ok=True)
        done = self.folder / f"{name}.done"
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            new = not done.exists()
            yield new
            done.touch()

    def _photographs(self) -> None:
        root = self.folder / "inputs"
        album(root / "photos")
        album(root / "home" / "pets")
        album(root / "home" / "parts", ("bad", "good"))
        album(self.data / "asl_digits", tuple("0123456789"))
        fill(root / "my-photos", ["1.png", "2.png", "3.png"])
        fill(root / "new-photos", ["1.png", "2.png"], first=50)
        from sklearn.datasets import load_digits

        given = load_digits()
        for name, digit in (("seven.png", 7), ("seven.jpg", 7), ("eight.png", 8)):
            image = given.images[list(given.target).index(digit)]
            Image.fromarray(photo((15.9 * image).astype(np.uint8), 1)).save(root / name)
        for name in ("hand.jpg", "photo.jpg"):
            pixels = np.random.default_rng(3).integers(0, 256, (60, 80, 3), np.uint8)
            Image.fromarray(pixels).save(root / name)

    def run(self, recipe: str) -> Path:
        """The run of this recipe, trained if nobody has done so yet."""
        root = self.folder / "runs"
        with self.once(f"run-{recipe}") as new:
            if new:
                shutil.rmtree(root / recipe, ignore_errors=True)
                words = [*RUNS[recipe].split(), "--out", str(root), "--name", recipe, "--quiet"]
                if recipe == "stopped":
                    with at_metric_line(2, press_ctrl_c):
                        assert main(words) == 130
                else:
                    assert main(words) == 0, RUNS[recipe]
        return root / recipe

    def input(self, name: str, make: Callable[[Path], object]) -> Path:
        """A file or folder that takes longer to make, made once."""
        path = self.folder / "inputs" / name
        with self.once(f"input-{name.replace('/', '-')}") as new:
            if new:
                path.parent.mkdir(parents=True, exist_ok=True)
                make(path)
        return path

    def furnish(self, here: Path, words: list[str], runs: dict[str, str]) -> None:
        """Put into the folder `here` what the words of a command name."""
        for path in (self.folder / "inputs").iterdir():
            if path.suffix in (".png", ".jpg") or path.name.endswith("photos"):
                _link(here / path.name, path)
        for name, recipe in runs.items():
            copy = shutil.copytree(self.run(recipe), here / "runs" / name, symlinks=True)
            if "latest" in name:
                about = json.loads((copy / "run.json").read_text())
                about["created"] = datetime.now().astimezone().isoformat(timespec="milliseconds")
                (copy / "run.json").write_text(json.dumps(about))
        for name, make in self._costly().items():
            if name in words and words[0] != "compress":
                _link(here / name, self.input(name, make))

    def _costly(self) -> dict[str, Callable[[Path], object]]:
        return {
            "downloads/ddpm-cat-256": foreign_ddpm,
            "ppo_lander.zip": stock_lander,
            "photos.npz": lambda path: self._compressed(path, str(self.folder / "inputs" / "photos")),
            "mnist.npz": lambda path: self._compressed(path, "mnist"),
        }

    def _compressed(self, path: Path, what: str) -> None:
        run = self.run("codes")
        assert main(["compress", str(run), what, "-o", str(path), "--quiet"]) == 0

    @contextmanager
    def on_the_net(self, patch: pytest.MonkeyPatch, here: Path) -> Iterator[None]:
        """MNIST is nowhere but on a mirror."""
        from sandbox.data import mnist
        from sandbox.data.downloads import download, mirrors

        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "SANDBOX_DATA"):
            patch.delenv(name, raising=False)
        patch.setenv("SANDBOX_CACHE", str(here / "cache"))
        patch.setattr(download, "Patience", lambda: mirrors.Patience(backoff_s=0))
        with running_mirror() as mirror:
            for name, content in self.mnist_files.items():
                mirror.offer(f"/{name}.gz", gzip.compress(content))
            patch.setattr(
                mnist, "MNIST", dataclasses.replace(self.mnist, mirrors=(f"{mirror.url}/{{file}}.gz",))
            )
            yield


def _link(here: Path, path: Path) -> None:
    if not here.exists():
        here.parent.mkdir(exist_ok=True)
        here.symlink_to(path)


def as_through_a_pipe(path: Path) -> io.TextIOWrapper:
    """What stands in for stdin."""
    return io.TextIOWrapper(io.BytesIO(path.read_bytes()))


def quickly(patch: pytest.MonkeyPatch) -> None:
    """What no option makes short: last evaluations, judges, pictures that are climbed to, frames."""
    quick_ends(patch)
    for module in ("session", "training"):
        patch.setattr(f"agents.{module}.CONFIRM_EPISODES", 2)
    patch.setattr("agents.runs.EPISODES", 2)
    patch.setattr("agents.explained.EPISODES", 1)
    patch.setattr("sandbox.supervised.drawings.draw_curve", lambda run: None)
    patch.setattr("generative.drawings.draw_curve", lambda run: None)
    patch.setattr("generative.quality.recipe.EPOCHS", 1)
    patch.setattr("generative.quality.recipe.FEWEST", 1)
    patch.setattr("generative.samples.STEPS", 1)
    patch.setattr("generative.generate.diffusing.COMPLETIONS", 2)
    patch.setattr("generative.generate.drawings.ANIMATED", 4)
    patch.setattr("generative.generate.inversion.ROUNDS", 1)
    patch.setattr("generative.samples.ROWS", 1)
    patch.setattr("sandbox.nn.fit_run.steps_in", lambda minutes, training: 2)
    patch.setattr("sandbox.nn.maximisation.STEPS", 4)
    patch.setattr("sandbox.data.frames.playing.COUNTS", FRAMES)
    patch.setattr("sandbox.data.frames.data_set.COUNTS", FRAMES)


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """One folder for all processes of pytest-xdist."""
    base = factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "documented"

"""The scene of documented commands, and the folder in which each is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.core.plugins import DATA
from tests.docs.modules import data_sets_shown
from tests.docs.scene import Scene, quickly, shared_folder


@pytest.fixture(scope="session")
def shared_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    # Before HOME becomes another folder: the cache of fonts is found there.
    import matplotlib.font_manager  # noqa: F401

    return Scene(shared_folder(tmp_path_factory))


@pytest.fixture
def scene(shared_scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The working folder is empty, data sets are small, and nothing takes long."""
    quickly(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("SANDBOX_RUNS", raising=False)
    monkeypatch.setenv("SANDBOX_DATA", str(shared_scene.data))
    monkeypatch.setenv("HOME", str(shared_scene.folder / "inputs" / "home"))
    monkeypatch.setattr("sandbox.data.mnist.MNIST", shared_scene.mnist)
    monkeypatch.setattr("sandbox.data.sign_mnist.SIGN_MNIST", shared_scene.sign_mnist)
    for name, target in data_sets_shown().items():
        monkeypatch.setitem(DATA, name, target)
    return shared_scene

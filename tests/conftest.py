"""What every test shares: one torch thread, no display, a runs folder of its own, data when it is there."""

from __future__ import annotations

import os
import signal
from pathlib import Path

# Before torch, NumPy and pygame are imported anywhere: two OpenMP threads spin on small machines.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

# Who starts the tests in the background of a script has Ctrl-C ignored, in all that they start as well.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("sandbox", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sandbox")


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    """Keep torch at one thread, whatever an earlier test set: results depend on the count."""
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def sb3_logs_below(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock SB3 makes a folder for its log in every `learn`: let it be one that pytest clears away."""
    monkeypatch.setenv("SB3_LOGDIR", str(tmp_path_factory.getbasetemp() / "sb3"))


@pytest.fixture(autouse=True)
def cache_below(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of these tests: the user's own is neither read nor filled."""
    root = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("SANDBOX_CACHE", str(root))
    return root


@pytest.fixture
def runs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the commands of this test (also in subprocesses) take as their ``runs`` folder."""
    root = tmp_path / "runs"
    monkeypatch.setenv("SANDBOX_RUNS", str(root))
    return root


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with the data sets, named by SANDBOX_DATA; the test is skipped where there is none."""
    named = os.environ.get("SANDBOX_DATA")
    if not named:
        pytest.skip("SANDBOX_DATA is not set: name a folder with the data sets to run this test")
    if not Path(named).is_dir():
        pytest.skip(f"SANDBOX_DATA names {named}, which is not a folder")
    return Path(named)

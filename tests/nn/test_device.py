"""A device is the one asked for, or a clear refusal."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
import torch

from sandbox.core.errors import NoDevice, UsageError
from sandbox.nn.device import pick_device, threads


def test_auto_takes_cuda_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == torch.device("cuda")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:1"])
def test_cuda_without_cuda_is_refused_with_exit_code_7(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NoDevice, match="CUDA") as caught:
        pick_device(name)
    assert caught.value.exit_code == 7
    assert "--device cpu" in str(caught.value.hint)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert pick_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(NoDevice, match="there is no cuda:1"):
        pick_device("cuda:1")


def test_mps_without_an_apple_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(NoDevice, match="mps"):
        pick_device("mps")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "mps:1", "", "CUDA"])
def test_other_names_are_wrong_usage(name: str) -> None:
    with pytest.raises(UsageError, match="unknown device"):
        pick_device(name)


def test_threads_hold_inside_the_block_only() -> None:
    before = torch.get_num_threads()
    with threads(2):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before
    with pytest.raises(UsageError), threads(0):
        pass


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator is set, here is another one")
def test_memory_that_is_kept_is_not_asked_for_again() -> None:
    code = """
import resource, numpy as np
from sandbox.nn.device import keep_memory
def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(64 << 20, np.uint8).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
asked = [pages(), pages()]
keep_memory()
pages()
print(*asked, pages())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, again, kept = (int(word) for word in done.stdout.split())
    assert kept < min(first, again) / 10

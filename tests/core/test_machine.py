"""How many threads are taken unless told."""

from __future__ import annotations

import os

import pytest

from sandbox.core.machine import default_threads, usable_cpus


@pytest.mark.parametrize(("said", "taken"), [("1", 1), ("3", 3), (" 2 ", 2), ("4,2", 4)])
def test_what_openmp_is_told_counts(monkeypatch: pytest.MonkeyPatch, said: str, taken: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert default_threads() == taken


@pytest.mark.parametrize("said", ["", "0", "many", "-1"])
def test_else_there_is_one_for_each_core_to_use(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 5}, raising=False)
    assert default_threads() == usable_cpus() == 3

"""A checkpoint gives back exactly what was saved, or says which file is broken; nothing else happens."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sandbox.core.errors import CheckpointBroken
from sandbox.nn import state_files
from sandbox.nn.checkpoint import Checkpoints, load_state, misfit, save_state

FILES = ("tensors.safetensors", "state.json", "checksums.json")
TORCH_DTYPES = (
    torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.int8, torch.int16, torch.int32,
    torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
    torch.complex128,
)  # fmt: skip
NUMPY_DTYPES = (*"?BHILbhilefdFD", ">f4", "<U3")


def same(a: Any, b: Any) -> bool:
    """Whether two states are equal in values, types, data types, shapes and the order of keys."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, torch.Tensor):
        raw = [x.clone(memory_format=torch.contiguous_format).reshape(-1).view(torch.uint8) for x in (a, b)]
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(*raw)
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return repr(a) == repr(b)  # tells -0.0 from 0.0 and knows that nan is nan


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    dtype = draw(st.sampled_from(TORCH_DTYPES))
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    seed = draw(st.integers(0, 2**31))
    values = torch.randint(0, 256, (*shape, 16), generator=torch.Generator().manual_seed(seed))
    tensor = values.double().mean(-1).to(dtype)
    cut = draw(st.sampled_from(("whole", "transposed", "every second")))
    if cut == "transposed" and tensor.ndim >= 2:
        return tensor.transpose(0, -1)
    return tensor[::2] if cut == "every second" and tensor.ndim else tensor


arrays = st.sampled_from(NUMPY_DTYPES).flatmap(
    lambda dtype: hnp.arrays(
        np.dtype(dtype), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
    )
)
scalars = st.sampled_from((np.float32(0.1), np.int64(-3), np.bool_(True), np.float64("nan"), np.str_("ü")))
plain = st.none() | st.booleans() | st.integers() | st.integers(-(2**200), 2**200) | st.floats() | st.text()
leaves = plain | tensors() | arrays | scalars
keys = st.text(max_size=8) | st.sampled_from(("$tensor", "a/b", "~", "__metadata__", ""))
states = st.dictionaries(
    keys,
    st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_size=4,
)


@pytest.fixture
def state() -> dict[str, Any]:
    return {"weights": torch.arange(6.0).reshape(2, 3), "steps": 12, "mask": np.array([True, False])}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=states)
def test_what_was_saved_comes_back_with_its_types(tmp_path: Path, state: dict[str, Any]) -> None:
    save_state(tmp_path / "checkpoint", state)
    assert same(load_state(tmp_path / "checkpoint"), state)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=states)
def test_the_same_state_gives_the_same_bytes(tmp_path: Path, state: dict[str, Any]) -> None:
    save_state(tmp_path / "first", state)
    save_state(tmp_path / "second", load_state(tmp_path / "first"))
    for file in FILES:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import sys, torch; from pathlib import Path; from sandbox.nn.checkpoint import save_state;"
        "layers = {f'layer{i}': {'w': torch.ones(i), 'b': torch.zeros(1)} for i in range(20)};"
        "save_state(Path(sys.argv[1]), layers)"
    )
    for name, hash_seed in (("one", "1"), ("two", "2")):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], check=True, env=environment)
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_tuples_and_generators_states_come_back(tmp_path: Path) -> None:
    generator = np.random.default_rng(7)
    generator.random(3)
    state = {"numpy": generator.bit_generator.state, "torch": torch.Generator().get_state(), "ab": (1, 2.5)}
    save_state(tmp_path / "checkpoint", state)
    loaded = load_state(tmp_path / "checkpoint")
    other = np.random.default_rng(0)
    other.bit_generator.state = loaded["numpy"]
    assert same(loaded, state)
    assert other.random() == generator.random()


def test_tensors_that_share_memory_are_saved_and_come_back_apart(tmp_path: Path) -> None:
    whole = torch.arange(4.0)
    save_state(tmp_path / "checkpoint", {"a": whole, "b": whole, "tail": whole[2:], "n": whole.numpy()})
    loaded = load_state(tmp_path / "checkpoint")
    loaded["a"][:] = 0
    assert torch.equal(loaded["b"], whole)
    assert torch.equal(loaded["tail"], whole[2:])


def test_a_networks_and_an_optimisers_state_come_back(tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    moments = {str(index): moment for index, moment in optimiser.state_dict()["state"].items()}
    save_state(tmp_path / "checkpoint", {"network": network.state_dict(), "moments": moments})
    loaded = load_state(tmp_path / "checkpoint")
    assert same(loaded["network"], dict(network.state_dict()))
    assert same(loaded["moments"], moments)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({1: 2}, "/x: keys must be strings"),
        ([0, object()], "/x/1: a checkpoint cannot hold a object"),
        (np.array([None]), "/x: a checkpoint cannot hold an array of object"),
        (torch.eye(2).to_sparse(), "/x: a checkpoint cannot hold a sparse"),
    ],
)
def test_what_cannot_be_saved_is_named_and_leaves_nothing(tmp_path: Path, value: Any, place: str) -> None:
    with pytest.raises(TypeError, match=place):
        save_state(tmp_path / "checkpoint", {"x": value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(tmp_path: Path, state: dict[str, Any], file: str) -> None:
    save_state(tmp_path / "checkpoint", state)
    (tmp_path / "checkpoint" / file).unlink()
    with pytest.raises(CheckpointBroken, match=f"{file} is missing"):
        load_state(tmp_path / "checkpoint")


@pytest.mark.parametrize("file", FILES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_truncated_file_is_named(tmp_path: Path, file: str, data: st.DataObject) -> None:
    save_state(tmp_path / "checkpoint", {"weights": torch.arange(6.0), "steps": 12})
    content = (tmp_path / "checkpoint" / file).read_bytes()
    (tmp_path / "checkpoint" / file).write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(CheckpointBroken, match=f"{file} is damaged"):
        load_state(tmp_path / "checkpoint")


@pytest.mark.parametrize("file", FILES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_byte_is_found(tmp_path: Path, file: str, data: st.DataObject) -> None:
    save_state(tmp_path / "checkpoint", {"weights": torch.arange(6.0), "steps": 12})
    content = bytearray((tmp_path / "checkpoint" / file).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    (tmp_path / "checkpoint" / file).write_bytes(content)
    with pytest.raises(CheckpointBroken, match=str(tmp_path / "checkpoint")):
        load_state(tmp_path / "checkpoint")


class Bomb:
    """Unpickling it creates a file: the proof that something executed."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("file", [*FILES, "LAST", "BEST"])
@pytest.mark.parametrize("sums", ["old sums", "matching sums"])
def test_a_malicious_pickle_is_never_executed(
    tmp_path: Path, state: dict[str, Any], file: str, sums: str
) -> None:
    checkpoints, mark = Checkpoints(tmp_path / "checkpoints", keep=2), tmp_path / "executed"
    folder = checkpoints.save(1, state)
    checkpoints.mark_best(1)
    place = tmp_path / file if file in ("LAST", "BEST") else folder / file
    place.write_bytes(pickle.dumps(Bomb(mark)))
    if sums == "matching sums" and file != "checksums.json":
        (folder / "checksums.json").write_bytes(state_files._checksums(folder))
    told: list[str] = []
    if file == "LAST":  # the checkpoint itself is whole
        checkpoints.load("last", told.append)
        assert "LAST does not hold a checkpoint's name" in told[0]
    else:
        with pytest.raises(CheckpointBroken):
            checkpoints.load("best")
    assert not mark.exists()


@pytest.mark.parametrize(
    "text",
    ["[]", "1", '{"a": {"$tensor": "/none"}}', '{"a": {"$evil": 1}}', '{"a": {"$int": []}}', "[" * 10**5],
)
def test_a_foreign_tree_with_matching_sums_is_broken_not_a_crash(tmp_path: Path, text: str) -> None:
    save_state(tmp_path / "checkpoint", {"weights": torch.ones(2)})
    (tmp_path / "checkpoint" / "state.json").write_text(text)
    sums = state_files._checksums(tmp_path / "checkpoint")
    (tmp_path / "checkpoint" / "checksums.json").write_bytes(sums)
    with pytest.raises(CheckpointBroken):
        load_state(tmp_path / "checkpoint")


def test_the_newest_ones_and_the_best_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=2)
    for step in (10, 20, 30, 40):
        checkpoints.save(step, {"step": step})
        if step == 10:
            checkpoints.mark_best(10)
    assert checkpoints.names() == ["step-000000000010", "step-000000000030", "step-000000000040"]
    assert (tmp_path / "LAST").read_text() == "step-000000000040\n"
    assert (tmp_path / "BEST").read_text() == "step-000000000010\n"
    assert checkpoints.load("last")[0] == 40
    assert checkpoints.load("best") == (10, {"step": 10})
    assert checkpoints.load("first")[0] == 10
    for spelling in (30, "30", "step-000000000030"):
        assert checkpoints.load(spelling) == (30, {"step": 30})


def test_the_best_is_the_last_until_one_is_marked(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=2)
    checkpoints.save(1, {"step": 1})
    assert checkpoints.best() is None
    assert checkpoints.load("best")[0] == 1


def test_an_unknown_step_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=2)
    checkpoints.save(12, {})
    with pytest.raises(CheckpointBroken, match="no checkpoint '13'") as caught:
        checkpoints.load("13")
    assert caught.value.hint == "there are: 12"
    with pytest.raises(CheckpointBroken):
        checkpoints.load("../12")


@pytest.mark.parametrize("file", FILES)
def test_a_broken_last_one_is_told_and_the_one_before_it_used(
    tmp_path: Path, state: dict[str, Any], file: str
) -> None:
    checkpoints, told = Checkpoints(tmp_path / "checkpoints", keep=2), list[str]()
    checkpoints.save(1, state)
    (checkpoints.save(2, state) / file).write_bytes(b"")
    step, loaded = checkpoints.load("last", told.append)
    assert step == 1
    assert same(loaded, state)
    assert len(told) == 1
    assert file in told[0]


def test_when_none_is_whole_nothing_is_loaded(tmp_path: Path) -> None:
    checkpoints, told = Checkpoints(tmp_path / "checkpoints", keep=2), list[str]()
    (checkpoints.save(1, {}) / "state.json").write_text("")
    with pytest.raises(CheckpointBroken, match="no checkpoint that can be loaded"):
        checkpoints.load("last", told.append)
    assert len(told) == 1


def test_after_going_back_the_abandoned_later_ones_are_removed(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=3)
    for step in (10, 20, 30):
        checkpoints.save(step, {"step": step})
    checkpoints.mark_best(30)
    checkpoints.save(25, {"step": 25})
    assert checkpoints.load("last")[0] == 25
    assert checkpoints.names()[-1] == "step-000000000025"
    assert checkpoints.best() is None


def test_a_checkpoint_of_the_same_step_is_replaced(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=2)
    checkpoints.save(1, {"try": 1})
    checkpoints.save(1, {"try": 2})
    assert checkpoints.load() == (1, {"try": 2})


def test_what_a_killed_process_left_behind_is_ignored_and_removed(tmp_path: Path) -> None:
    code = """
        import os, signal, sys, torch
        from pathlib import Path
        from sandbox.nn import state_files
        from sandbox.nn.checkpoint import Checkpoints
        checkpoints = Checkpoints(Path(sys.argv[1]), keep=2)
        checkpoints.save(1, {"step": 1})
        state_files._checksums = lambda folder: os.kill(os.getpid(), signal.SIGKILL)
        checkpoints.save(2, {"step": 2, "weights": torch.ones(1000)})
    """
    folder = tmp_path / "checkpoints"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert any(entry.name.startswith(".writing-") for entry in folder.iterdir())
    checkpoints = Checkpoints(folder, keep=2)
    assert checkpoints.load() == (1, {"step": 1})
    checkpoints.save(2, {"step": 2})
    assert sorted(entry.name for entry in folder.iterdir()) == checkpoints.names()


@pytest.mark.parametrize("seam", ["fsync", "mkdir", "replace"])
def test_a_full_disk_damages_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any], seam: str
) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=1)
    checkpoints.save(1, state)
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))

    def full(*arguments: Any, **options: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, seam, full)
        with pytest.raises(OSError, match="No space left") as caught:
            checkpoints.save(2, state)
    assert caught.value.errno == errno.ENOSPC
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before
    step, loaded = checkpoints.load()
    assert step == 1
    assert same(loaded, state)


def test_the_systems_own_refusal_of_a_large_file_is_an_os_error(tmp_path: Path) -> None:
    code = """
        import resource, sys, torch
        from pathlib import Path
        from sandbox.nn.checkpoint import Checkpoints
        checkpoints = Checkpoints(Path(sys.argv[1]), keep=1)
        checkpoints.save(1, {"step": 1})
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            checkpoints.save(2, {"weights": torch.ones(100_000)})
        except OSError as error:
            print(error.errno, checkpoints.load())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "checkpoints")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == f"{errno.EFBIG} (1, {{'step': 1}})"


def test_files_are_readable_as_the_umask_says(tmp_path: Path, state: dict[str, Any]) -> None:
    save_state(tmp_path / "checkpoint", state)
    assert len({(tmp_path / "checkpoint" / file).stat().st_mode for file in FILES}) == 1


def test_why_weights_do_not_fit_is_a_line() -> None:
    wide, narrow = (torch.nn.Sequential(*(torch.nn.Linear(n, n) for _ in range(50))) for n in (3, 2))
    with pytest.raises(RuntimeError) as caught:
        narrow.load_state_dict(wide.state_dict())
    told = misfit(caught.value)
    assert told.startswith("size mismatch for 0.weight: ")
    assert told.endswith("… (and more)")
    assert len(told) < 140
    assert misfit(KeyError("average")) == "'average'"
    assert misfit(RuntimeError()) == "RuntimeError"

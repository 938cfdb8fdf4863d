"""Configs: the same dataclass in Python, in TOML and on the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.core.config import Count, from_mapping, load_toml, parse_assignments, parse_count, to_toml
from sandbox.core.errors import ConfigError, NotFound


@dataclass(frozen=True)
class Network:
    width: int = 64
    layers: tuple[int, ...] = (64, 64)


@dataclass(frozen=True)
class Training:
    steps: Count = 100_000
    learning_rate: float | str = 1e-3
    clip: float = 0.2
    target_kl: float | None = None
    early_stop: bool = True
    device: Literal["auto", "cpu"] = "auto"
    folder: Path = Path("runs")
    network: Network = Network()
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError("steps must be at least 1", key="steps")
        if self.clip <= 0:
            raise ValueError("clip must be positive")


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_written_reads_back_the_same(tmp_path: Path) -> None:
    config = Training(
        steps=50_000,
        learning_rate="lin_1e-3",
        clip=0.1 + 0.2,
        target_kl=0.03,
        early_stop=False,
        network=Network(width=7, layers=(1, 2, 3)),
        options={"length": 100, "deep": {"name": "x", "none": None}},
    )
    text = to_toml(config)
    read = load_toml(write(tmp_path, text), Training)
    assert to_toml(read) == text
    assert read.network == config.network
    assert read.clip == config.clip


def test_none_is_left_out_and_comes_back_as_the_default(tmp_path: Path) -> None:
    text = to_toml(Training())
    assert "target_kl" not in text
    assert load_toml(write(tmp_path, text), Training).target_kl is None


@given(st.floats(allow_nan=False), st.integers(0, 10**15), st.text(st.characters(codec="utf-8")))
def test_floats_counts_and_texts_survive_exactly(clip: float, steps: int, name: str) -> None:
    import tomllib

    text = to_toml({"clip": clip, "steps": steps, "name": name})
    assert tomllib.loads(text) == {"clip": clip, "steps": steps, "name": name}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("steps = 5\n\nlearning_rat = 1", 3, "unknown key 'learning_rat': did you mean 'learning_rate'?"),
        ("# a note\nzzz = 1", 2, "unknown key 'zzz'"),
        ("steps = '50q'", 1, "steps: '50q' is not a whole number"),
        ("steps = -5", 1, "steps: -5 is negative"),
        ("\nclip = true", 2, "clip: True is not a number"),
        ("early_stop = 1", 1, "early_stop: 1 is not true or false"),
        ("device = 'gpu'", 1, "device: 'gpu' is not one of 'auto', 'cpu'"),
        ("[network]\n\nwidth = 'x'", 3, "network.width: 'x' is not a whole number"),
        ("network.wide = 3", 1, "unknown key 'wide': did you mean 'width'?"),
        ("network = 3", 1, "network: 3 is not"),
        (
            "[network]\nlayers = [\n  1,\n  'clip = 3',\n]",
            2,
            "network.layers: 'clip = 3' is not a whole number",
        ),
        ("learning_rate = []", 1, "learning_rate: [] is not a number or a text"),
        ("clip = 1.0\nsteps = 0", 2, "steps must be at least 1"),
        ("steps = 1\nclip = -1.0", 2, "clip must be positive"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_toml(path, Training)
    assert f"{path}, line {line}: {words}" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_syntax_error_names_the_file_and_the_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml: not valid TOML: .*line 2"):
        load_toml(write(tmp_path, "steps = 1\nclip = = 2\n"), Training)


def test_absurd_nesting_is_an_error_and_no_crash(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load_toml(write(tmp_path, "options = " + "[" * 100_000), Training)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file"):
        load_toml(tmp_path / "nowhere.toml", Training)


def test_a_missing_required_key_is_named() -> None:
    @dataclass(frozen=True)
    class Needs:
        env: str

    with pytest.raises(ConfigError, match="the key 'env' is missing"):
        from_mapping(Needs, {})


def test_what_toml_cannot_hold_is_named() -> None:
    with pytest.raises(ConfigError, match=r"options\.activation: a type cannot be written to TOML"):
        to_toml(Training(options={"activation": dict}))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("50k", 50_000),
        ("1e6", 10**6),
        ("2_000_000", 2_000_000),
        ("1.5M", 1_500_000),
        ("0", 0),
        (7, 7),
        (1e3, 1000),
    ],
)
def test_counts_may_be_written_short(text: Any, number: int) -> None:
    assert parse_count(text) == number


@pytest.mark.parametrize(
    "text", ["-5", "abc", "1.5", "", "k", "nan", "inf", "1e400", "5 5", True, None, 0.5, -1]
)
def test_what_is_no_count_is_said_in_one_line(text: Any) -> None:
    with pytest.raises(ValueError, match=r"^\S.* (is|must) [^\n]*$"):
        parse_count(text)


@given(st.integers(0, 10**15))
def test_every_count_reads_back(number: int) -> None:
    assert parse_count(str(number)) == number
    assert parse_count(f"{number:_}") == number


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("steps=50k", 50_000),
        ("learning_rate=lin_1e-3", "lin_1e-3"),
        ("learning_rate=1e-3", 1e-3),
        ("learning-rate=3", 3.0),
        ("target_kl=none", None),
        ("target_kl=.02", 0.02),
        ("early_stop=false", False),
        ("folder=some/where", Path("some/where")),
        ("options={a = [1, 2]}", {"a": [1, 2]}),
    ],
)
def test_assignments_are_read_as_the_type_of_their_field(assignment: str, value: Any) -> None:
    (read,) = parse_assignments([assignment], Training).values()
    assert read == value
    assert type(read) is type(value)


def test_lists_may_be_written_with_commas() -> None:
    assert parse_assignments(["layers=64,32", "width=1e2"], Network) == {"layers": (64, 32), "width": 100}
    assert parse_assignments(["layers=[8]"], Network) == {"layers": (8,)}
    assert parse_assignments(["layers=8"], Network) == {"layers": (8,)}


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("steps", "is not of the form KEY=VALUE"),
        ("=3", "is not of the form KEY=VALUE"),
        ("stesp=3", "unknown key 'stesp': did you mean 'steps'?"),
        ("steps=-5", "steps: '-5' is negative"),
        ("steps=1.5", "steps: '1.5' is not whole"),
        ("clip=abc", "clip: 'abc' is not a number"),
    ],
)
def test_a_wrong_assignment_is_one_clear_line(assignment: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_assignments([assignment], Training)
    assert words in caught.value.message


def test_without_a_dataclass_values_are_literals_or_texts() -> None:
    texts = ["length=100", "rate=1e-3", "fast=true", "name=easy", "sizes=[1, 2]", "when=2026-01-31", "a=b=c"]
    assert parse_assignments(texts) == {
        "length": 100,
        "rate": 1e-3,
        "fast": True,
        "name": "easy",
        "sizes": [1, 2],
        "when": "2026-01-31",
        "a": "b=c",
    }

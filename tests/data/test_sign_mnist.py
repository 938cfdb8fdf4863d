"""Sign MNIST: parsed once, wrong lines by their number, near-duplicates on one side of the split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sandbox.core.errors import Broken
from sandbox.data import sign_mnist
from sandbox.data.catalog import load
from sandbox.data.sign_mnist import TEST_FILE, TRAINING_FILE, read_csv
from sandbox.data.splits import near_duplicates
from tests.data.made import CRLF, csv, put, sign_files, signs, small_signs

SOMEWHERE = Path("some.csv")
PIXELS = ",".join(["7"] * 784)
HEAD = csv(np.zeros((0, 784)), np.zeros(0)).decode()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for each test."""
    monkeypatch.setenv("SANDBOX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The CSV files that were parsed, in their order."""
    parsed: list[Path] = []

    def read(path: Path, content: bytes) -> tuple[np.ndarray, np.ndarray]:
        parsed.append(path)
        return read_csv(path, content)

    monkeypatch.setattr(sign_mnist, "read_csv", read)
    return parsed


@pytest.mark.parametrize("packed", [True, False])
def test_rows_become_pictures_and_letters(tmp_path: Path, packed: bool) -> None:
    data = small_signs().load(put(tmp_path, sign_files(), packed=packed))
    images, labels, _ = signs()
    assert data.test.images.shape == (4, 1, 28, 28)
    assert np.array_equal(data.test.images.numpy().reshape(4, 784), images[:4])
    # There is no J: what comes after it moves up by one.
    assert [data.classes[label] for label in data.test.labels] == ["A", "I", "K", "Y"]
    assert len(data.train) + len(data.validation) == len(labels)
    assert {data.classes[label] for label in data.train.labels} == {"D", "Y"}


def test_the_second_load_does_not_parse(tmp_path: Path, parses: list[Path]) -> None:
    folder = put(tmp_path, sign_files())
    first = small_signs().load(folder)
    assert [path.name for path in parses] == [f"{TRAINING_FILE}.gz", f"{TEST_FILE}.gz"]
    second = small_signs().load(folder)
    assert len(parses) == 2
    for split in ("train", "validation", "test"):
        assert np.array_equal(first.split(split).images, second.split(split).images)
        assert np.array_equal(first.split(split).labels, second.split(split).labels)


def test_a_file_that_changed_is_parsed_and_checked_anew(tmp_path: Path, parses: list[Path]) -> None:
    files = sign_files()
    folder = put(tmp_path, files)
    small_signs().load(folder)
    put(folder, {TEST_FILE: files[TEST_FILE].replace(b"24,", b"23,", 1)})
    with pytest.raises(Broken, match=rf"{TEST_FILE}\.gz is not the published file"):
        small_signs().load(folder)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 but no more", None])
def test_a_cache_that_cannot_be_used_is_passed_over(
    tmp_path: Path, cache: Path, parses: list[Path], damage: bytes | None
) -> None:
    folder = put(tmp_path, sign_files())
    small_signs().load(folder)
    kept = next((cache / "parsed").iterdir())
    if damage is None:
        kept.unlink()
        (cache / "parsed").rmdir()
        (cache / "parsed").touch()  # nothing can be written below a file
    else:
        kept.write_bytes(damage)
    assert len(small_signs().load(folder).test) == 4
    assert len(parses) == 4


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([f"1,{PIXELS}", f"9,{PIXELS}"], "line 3: the label 9 is not one of 0 to 24 without 9"),
        ([f"25,{PIXELS}"], "line 2: the label 25 is not one of 0 to 24 without 9"),
        ([f"1,{PIXELS}", f"1,{PIXELS[:-2]}"], "line 3: 784 values, not a label and 784 pixels"),
        ([f"1,{PIXELS},7"], "line 2: 786 values, not a label and 784 pixels"),
        ([f"1,{PIXELS}", "", f"1,x{PIXELS}"], "line 4: 'x7' is not a number from 0 to 255"),
        ([f"1,{PIXELS[:-1]}256"], "line 2: '256' is not a number from 0 to 255"),
        ([f"1,{PIXELS[:-1]}-1"], "line 2: '-1' is not a number from 0 to 255"),
        ([f"1,{PIXELS[:-1]}0.5"], "line 2: '0.5' is not a number from 0 to 255"),
    ],
)
def test_a_bad_row_is_named_by_its_line(lines: list[str], message: str) -> None:
    with pytest.raises(Broken) as caught:
        read_csv(SOMEWHERE, (HEAD + CRLF.join(lines) + CRLF).encode())
    assert caught.value.message == f"{SOMEWHERE}, {message}"


def test_a_file_without_rows_and_one_that_is_something_else() -> None:
    with pytest.raises(Broken, match=r"some\.csv has no rows"):
        read_csv(SOMEWHERE, HEAD.encode())
    with pytest.raises(Broken, match="is not a CSV file of Sign Language MNIST: it begins with b'<html>'"):
        read_csv(SOMEWHERE, b"<html>")


def test_lines_may_end_as_on_unix() -> None:
    images, labels = read_csv(SOMEWHERE, f"{HEAD}24,{PIXELS}".replace("\r", "").encode())
    assert (images.shape, labels.tolist()) == ((1, 1, 28, 28), [23])


def test_the_published_files(data_root: Path) -> None:
    data = load("sign_mnist", data_root)
    assert (len(data.train), len(data.validation), len(data.test)) == (23_545, 3_910, 7_172)
    both = data.train.counts() + data.validation.counts()
    assert both.sum() == 27_455
    assert both[:3].tolist() == [1126, 1010, 1144]
    assert data.test.counts()[0] == 331
    shares = data.validation.counts() / both
    assert shares.min() > 0.13
    assert shares.max() <= 0.15


def test_no_published_picture_has_a_near_duplicate_on_the_other_side(data_root: Path) -> None:
    data = load("sign_mnist", data_root)
    letter = 0
    images = np.concatenate(
        [split.images[split.labels == letter].numpy() for split in (data.train, data.validation)]
    )
    groups = near_duplicates(images, np.zeros(len(images), np.int64))
    training = int(data.train.counts()[letter])
    assert groups.max() + 1 == 43
    assert not set(groups[:training]) & set(groups[training:])

"""folder:PATH: which files count, which of them learn, choose and report, and what is said of the others."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import sandbox.data.folder as folder_module
from sandbox.core.errors import Broken, Refused
from sandbox.data.catalog import Form, load
from sandbox.data.folder import read_picture
from sandbox.data.folder_listing import File, _shared, list_folder, natural
from sandbox.data.pictures import SPLITS, Dataset
from tests.data.photos import GREY, RED, album, encoded, fill, noise, plain, write


def opened(root: Path, **form: object) -> Dataset:
    return load(f"folder:{root}", form=Form(**form))  # type: ignore[arg-type]


def names(root: Path) -> dict[str, list[str]]:
    """The files of each split."""
    listing = list_folder(root)
    return {split: [one.file.name for one in getattr(listing, split)] for split in SPLITS}


def test_without_splits_neighbours_stay_together(tmp_path: Path) -> None:
    found = names(album(tmp_path, ["cat"], count=25))
    numbers = {split: [int(Path(name).stem) for name in some] for split, some in found.items()}
    assert numbers == {
        "train": list(range(1, 17)),
        "validation": list(range(17, 21)),
        "test": list(range(21, 26)),
    }


def test_every_class_is_divided_by_itself(tmp_path: Path) -> None:
    fill(tmp_path / "rare", ["1.png", "2.png", "3.png", "4.png", "5.png"])
    dataset = opened(album(tmp_path, ["cat", "dog"], count=50))
    assert dataset.classes == ("cat", "dog", "rare")
    assert [split.counts().tolist() for split in (dataset.train, dataset.validation, dataset.test)] == [
        [32, 32, 3],
        [8, 8, 1],
        [10, 10, 1],
    ]


def test_with_all_splits_each_is_what_it_is_called(tmp_path: Path) -> None:
    for split in ("Train", "val", "TEST"):
        album(tmp_path / split, count=3)
    assert {name.split("/")[0] for name in names(tmp_path)["validation"]} == {"val"}
    assert [len(some) for some in names(tmp_path).values()] == [6, 6, 6]


@pytest.mark.parametrize("called", ["valid", "validation", "val"])
def test_without_test_half_of_valid_reports(tmp_path: Path, called: str) -> None:
    album(tmp_path / "train", count=4)
    album(tmp_path / called, count=5)
    found = names(tmp_path)
    assert len(found["train"]) == 8
    assert [Path(name).name for name in found["validation"]] == ["1.png", "2.png", "3.png"] * 2
    assert [Path(name).name for name in found["test"]] == ["4.png", "5.png"] * 2


def test_without_valid_the_end_of_train_chooses(tmp_path: Path) -> None:
    album(tmp_path / "train", ["cat"], count=10)
    album(tmp_path / "test", ["cat"], count=2)
    found = names(tmp_path)
    assert found["validation"] == ["train/cat/9.png", "train/cat/10.png"]
    assert len(found["train"]) == 8
    assert found["test"] == ["test/cat/1.png", "test/cat/2.png"]


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    assert list_folder(album(tmp_path, ["bus", "train"])).classes == ("bus", "train")


@given(st.integers(1, 200))
def test_each_file_is_in_one_split_and_in_order(count: int) -> None:
    files = [File(f"{number}.png", Path(), 1, 1) for number in range(count)]
    parts = _shared(files, {})
    assert parts["train"] + parts["validation"] + parts["test"] == files
    assert parts["train"]


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_numbers_in_names_sort_by_their_value(numbers: list[int]) -> None:
    found = sorted((f"IMG_{number}.jpg" for number in numbers), key=natural)
    assert found == [f"IMG_{number}.jpg" for number in sorted(numbers)]


@given(st.lists(st.text(max_size=8)))
def test_any_names_can_be_sorted(texts: list[str]) -> None:
    assert sorted(sorted(texts, key=natural, reverse=True), key=natural) == sorted(texts, key=natural)


def test_files_count_by_what_they_are(tmp_path: Path) -> None:
    album(tmp_path, ["cat"], count=10)
    content = encoded(noise(77))
    for name in ("deeper/still/a.png", "PHOTO.PNG", "scan.jfif", "no-extension", "wrong.jpg"):
        write(tmp_path / "cat" / name, content)
    for name in (".DS_Store", "Thumbs.db", "notes.txt", ".hidden.png", "__MACOSX/cat/a.png", "x/.git/a.png"):
        write(tmp_path / "cat" / name, b"anything")
    write(tmp_path / "__MACOSX" / "cat" / "a.png", content)
    dataset = opened(tmp_path)
    assert sum(len(dataset.split(split)) for split in SPLITS) == 15
    assert dataset.classes == ("cat",)
    assert not any("skipped" in note for note in dataset.notes)


def test_what_is_called_a_picture_and_is_none_is_named_and_skipped(tmp_path: Path) -> None:
    album(tmp_path, count=10)
    write(tmp_path / "cat" / "3.png", b"")
    write(tmp_path / "dog" / "4.png", encoded(noise(5))[:200])
    (tmp_path / "dog" / "lost.jpg").symlink_to(tmp_path / "nowhere.jpg")
    dataset = opened(tmp_path)
    assert sum(len(dataset.split(split)) for split in SPLITS) == 18
    [note] = dataset.notes
    assert note.startswith("3 files are skipped: cat/3.png (it is empty), dog/4.png (")
    assert "lost.jpg" in note
    assert opened(tmp_path).notes == dataset.notes  # also from the cache


def test_where_nothing_is_left_it_says_why(tmp_path: Path) -> None:
    album(tmp_path, count=5)
    fill(tmp_path / "empty", ["a.png"])
    write(tmp_path / "empty" / "a.png", b"")
    with pytest.raises(Broken, match="no picture of the class 'empty' can be used: it is empty"):
        opened(tmp_path)


def test_too_few_pictures_for_three_splits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="2 pictures are too few: none is left for validation"):
        opened(album(tmp_path, count=1))


def test_a_picture_in_two_splits_is_told(tmp_path: Path) -> None:
    album(tmp_path / "train", count=6)
    album(tmp_path / "valid", count=6)
    [note] = opened(tmp_path).notes
    assert note.startswith(
        "12 files are for validation or test equal to one in an earlier split, as valid/cat/1"
    )


def test_pictures_are_read_as_one_is(tmp_path: Path) -> None:
    album(tmp_path, count=10)
    dataset = opened(tmp_path, size=16)
    first = read_picture(tmp_path / "cat" / "1.png", dataset.shape)
    assert np.array_equal(dataset.train.images[0].numpy(), first)


@pytest.mark.parametrize(
    ("sides", "expected"), [((20, 20), 20), ((20, 24), 64), ((80, 80), 64), ((64, 64), 64)]
)
def test_the_size_is_64_unless_all_share_a_smaller_one(
    tmp_path: Path, sides: tuple[int, int], expected: int
) -> None:
    fill(tmp_path / "cat", [f"{number}.png" for number in range(5)], side=sides[0])
    fill(tmp_path / "dog", [f"{number}.png" for number in range(5)], side=sides[1])
    assert opened(tmp_path).shape == (3, expected, expected)
    assert opened(tmp_path, size=12).shape == (3, 12, 12)


def test_pictures_are_moved_together_without_a_copy(tmp_path: Path) -> None:
    for number in range(10):
        write(tmp_path / "cat" / f"{number}.png", encoded(noise(number).convert("L")))
    for number in (0, 4, 8):
        write(tmp_path / "cat" / f"{number}.png", b"")
    tracemalloc.start()
    dataset = opened(tmp_path, size=512)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert dataset.shape == (1, 512, 512)
    assert peak < 1.5 * 10 * 3 * 512 * 512
    good = [number for number in range(10) if number not in (0, 4, 8)]
    for number, image in zip(good, torch.cat([dataset.split(split).images for split in SPLITS]), strict=True):
        assert np.array_equal(image, read_picture(tmp_path / "cat" / f"{number}.png", (1, 512, 512)))


def test_it_is_in_colour_if_any_picture_has_colour(tmp_path: Path) -> None:
    for number in range(6):
        write(tmp_path / "cat" / f"{number}.png", encoded(plain(GREY)))
    assert opened(tmp_path).shape == (1, 20, 20)
    assert opened(tmp_path, colours="colour").shape == (3, 20, 20)
    write(tmp_path / "cat" / "9.png", encoded(plain(RED)))
    assert opened(tmp_path).shape == (3, 20, 20)
    assert opened(tmp_path, colours="grey").shape == (1, 20, 20)


def test_the_cache_knows_files_by_size_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    album(tmp_path, count=5)
    first = opened(tmp_path)
    monkeypatch.setattr(folder_module, "_decode", lambda *_: pytest.fail("read again"))
    monkeypatch.setattr(folder_module, "opened", lambda *_: pytest.fail("its head was read again"))
    again = opened(tmp_path)
    assert again.sums == first.sums
    assert np.array_equal(again.train.images, first.train.images)
    monkeypatch.undo()
    changed = write(tmp_path / "cat" / "1.png", encoded(noise(99)))
    os.utime(changed, (1, 1))
    assert opened(tmp_path).sums != first.sums


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_CACHE", str(write(tmp_path / "file", b"")))
    assert len(opened(album(tmp_path / "album", count=5)).train) == 6


def test_the_sum_is_of_names_and_contents(tmp_path: Path) -> None:
    here, there = album(tmp_path / "here", count=5), album(tmp_path / "there", count=5)
    assert opened(here).sums == opened(there).sums
    (there / "cat" / "5.png").rename(there / "cat" / "6.png")
    assert opened(here).sums != opened(there).sums


def test_links_are_followed_once(tmp_path: Path) -> None:
    album(tmp_path / "real", ["cat"], count=5)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "cat").symlink_to(tmp_path / "real" / "cat")
    (tmp_path / "real" / "cat" / "back").symlink_to(tmp_path / "real" / "cat")
    (tmp_path / "set" / "loop").symlink_to(tmp_path / "set" / "loop")
    assert sum(map(len, names(tmp_path / "set").values())) == 5


def test_a_folder_that_was_moved_is_found_in_the_data_dir(tmp_path: Path) -> None:
    before = opened(album(tmp_path / "old" / "pets", count=5))
    (tmp_path / "old").rename(tmp_path / "new")
    after = load(f"folder:{tmp_path}/old/pets", tmp_path / "new")
    assert after.sums == before.sums


def test_pictures_that_do_not_fit_into_the_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.data.form.available_memory", lambda: 2**20)
    album(tmp_path, count=20)
    with pytest.raises(Refused, match=r"40 pictures of 128×128 colour needs 0\.0 GiB") as caught:
        opened(tmp_path, size=128)
    assert "--colours grey" in str(caught.value.hint)
    assert opened(tmp_path, size=128, colours="grey").shape == (1, 128, 128)


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    album(tmp_path)
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "dog":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(Refused, match="dog cannot be read: Permission denied"):
        list_folder(tmp_path)


def test_what_lies_beside_the_splits_is_told(tmp_path: Path) -> None:
    album(tmp_path / "train", count=10)
    album(tmp_path / "test", count=3)
    album(tmp_path / "unlabelled", count=1)
    assert "beside train/ these were not used: unlabelled" in opened(tmp_path).notes


def test_the_photographs_of_digits_are_cut_by_their_numbers(data_root: Path, tmp_path: Path) -> None:
    photographs = data_root / "asl_digits"
    if not photographs.is_dir():
        pytest.skip("no asl_digits")
    for digit in "07":
        for path in sorted((photographs / digit).iterdir())[:20]:
            write(tmp_path / digit / path.name, path.read_bytes())
    dataset = opened(tmp_path)
    assert dataset.shape == (3, 64, 64)
    assert [len(dataset.split(split)) for split in SPLITS] == [26, 6, 8]

"""Downloads end with the published files, whatever is there already and wherever they break off."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.core.errors import Broken
from sandbox.data.downloads.download import Got, get
from tests.data.downloading import (
    FILES,
    HASTE,
    IMAGES,
    PACKED,
    PATH,
    Ear,
    fetched,
    lying,
    one_file,
    zipped,
)
from tests.data.made import put, sign_files, small_mnist, small_signs
from tests.data.mirror import Mirror, Page, running_mirror


def test_all_files_arrive_unpacked_and_nothing_else_stays(mirror: Mirror, tmp_path: Path) -> None:
    for name, content in FILES.items():
        mirror.offer(f"/{name}.gz", gzip.compress(content))
    entry = dataclasses.replace(small_mnist(), mirrors=(f"{mirror.url}/{{file}}.gz",))
    ear = Ear()
    got = fetched(entry, tmp_path, ear=ear)
    assert got == Got(tmp_path / "mnist", dict.fromkeys(FILES, mirror.host))
    assert lying(tmp_path) == set(FILES)
    assert len(entry.load(tmp_path).train) == 15
    assert [description for description, _, _ in ear.meters] == list(FILES)
    assert all(updates[-1] == total for _, total, updates in ear.meters)
    assert ear.notes == []


def test_without_a_folder_it_goes_into_the_cache_where_it_is_found(mirror: Mirror, tmp_path: Path) -> None:
    mirror.offer(PATH, PACKED)
    entry = one_file(mirror)
    got = get(entry, listener=Ear(), patience=HASTE)
    assert got.folder == tmp_path / "cache" / "data" / "mnist" == entry.locate()


@pytest.mark.parametrize(
    "page",
    [
        Page(PACKED),
        Page(FILES[IMAGES]),  # unpacked on the way, by the mirror
        Page(PACKED, headers={"Content-Encoding": "gzip"}),  # libraries would unpack it on the way
        Page(FILES[IMAGES], headers={"Content-Encoding": "gzip"}),
        Page(zipped({IMAGES: FILES[IMAGES]})),
        Page(PACKED, length=-1),
    ],
)
def test_any_packing_will_do(mirror: Mirror, tmp_path: Path, page: Page) -> None:
    mirror.offer(PATH, page)
    fetched(one_file(mirror), tmp_path)
    assert (tmp_path / "mnist" / IMAGES).read_bytes() == FILES[IMAGES]


def test_an_archive_brings_all_files_at_once(mirror: Mirror, tmp_path: Path) -> None:
    files = sign_files()
    train, test = files
    # Kaggle's has the training file twice, and pictures.
    inside = {"hands.png": b"?", f"{train}/{train}": files[train], train: files[train], test: files[test]}
    mirror.offer("/download", zipped(inside))
    entry = dataclasses.replace(small_signs(), mirrors=(f"{mirror.url}/download",))
    assert fetched(entry, tmp_path).fetched == dict.fromkeys(files, mirror.host)
    assert len(mirror.asked) == 1
    assert len(entry.load(tmp_path).test) == 4


# What is there already.


def test_what_is_there_and_right_is_not_asked_for(mirror: Mirror, tmp_path: Path) -> None:
    put(tmp_path, {IMAGES: FILES[IMAGES]})
    assert fetched(one_file(mirror), tmp_path) == Got(tmp_path)
    assert mirror.asked == []


def test_only_what_is_missing_is_downloaded(mirror: Mirror, tmp_path: Path) -> None:
    entry = dataclasses.replace(small_mnist(), mirrors=(f"{mirror.url}/{{file}}.gz",))
    put(tmp_path / "mnist", {name: content for name, content in FILES.items() if name != IMAGES})
    mirror.offer(PATH, PACKED)
    assert list(fetched(entry, tmp_path).fetched) == [IMAGES]
    assert len(mirror.asked) == 1


@pytest.mark.parametrize("packed", [True, False])
def test_what_is_there_and_damaged_is_named_and_replaced(
    mirror: Mirror, tmp_path: Path, packed: bool
) -> None:
    put(tmp_path / "mnist", {IMAGES: FILES[IMAGES][:-1]}, packed=packed)
    mirror.offer(PATH, PACKED)
    ear = Ear()
    fetched(one_file(mirror), tmp_path, ear=ear)
    assert lying(tmp_path) == {IMAGES}
    assert IMAGES in ear.notes[0]
    assert ear.notes[0].endswith(": getting it anew")


def test_a_damaged_file_is_kept_until_there_is_a_better_one(mirror: Mirror, tmp_path: Path) -> None:
    put(tmp_path / "mnist", {IMAGES: b"my own"})
    with pytest.raises(Broken):
        fetched(one_file(mirror), tmp_path)
    assert lying(tmp_path) == {f"{IMAGES}.gz"}


def test_a_damaged_copy_that_would_hide_the_new_one_is_an_error(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    put(shared, {IMAGES: b"damaged"})
    monkeypatch.setenv("SANDBOX_DATA", str(shared))
    mirror.offer(PATH, PACKED)
    entry = one_file(mirror)
    with pytest.raises(Broken, match="SANDBOX_DATA comes before the cache") as caught:
        get(entry, listener=Ear(), patience=HASTE)
    assert caught.value.hint == f"python -m sandbox data get mnist --data-dir {shared}"
    # And so it is mended.
    get(entry, shared, listener=Ear(), patience=HASTE)
    assert entry.locate() == shared / "mnist"


# Going on where it stopped.


def test_a_server_that_dies_halfway_is_asked_for_the_rest(mirror: Mirror, tmp_path: Path) -> None:
    half = len(PACKED) // 2
    mirror.offer(PATH, Page(PACKED, stop_after=half), PACKED)
    fetched(one_file(mirror), tmp_path)
    assert mirror.ranges() == [None, f"bytes={half}-"]
    assert mirror.asked[1][1]["If-Range"] == '"1"'
    assert lying(tmp_path) == {IMAGES}


@given(cuts=st.lists(st.integers(0, len(PACKED)), max_size=4))
@settings(max_examples=20)
def test_wherever_it_breaks_off_the_file_is_whole(
    cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    with running_mirror() as mirror:
        mirror.offer(PATH, *(Page(PACKED, stop_after=cut) for cut in cuts), PACKED)
        fetched(one_file(mirror), folder)
    assert (folder / "mnist" / IMAGES).read_bytes() == FILES[IMAGES]


def test_ctrl_c_keeps_what_has_come_for_the_next_time(mirror: Mirror, tmp_path: Path) -> None:
    mirror.offer(PATH, Page(PACKED, stop_after=5000), PACKED)
    with pytest.raises(KeyboardInterrupt):
        fetched(one_file(mirror), tmp_path, ear=Ear(stop_at=5))
    assert lying(tmp_path) == {f"{IMAGES}.part", f"{IMAGES}.part.json"}
    fetched(one_file(mirror), tmp_path)
    assert mirror.ranges() == [None, "bytes=5000-"]
    assert lying(tmp_path) == {IMAGES}


def test_half_a_file_decides_which_mirror_comes_first(mirror: Mirror, second: Mirror, tmp_path: Path) -> None:
    second.offer(PATH, Page(PACKED, stop_after=5000), PACKED)
    with pytest.raises(KeyboardInterrupt):
        fetched(one_file(second), tmp_path, ear=Ear(stop_at=5))
    mirror.offer(PATH, PACKED)
    assert fetched(one_file(mirror, second), tmp_path).fetched == {IMAGES: second.host}
    assert mirror.asked == []


def test_what_came_of_a_mirror_that_was_given_up_goes_in_the_end(
    mirror: Mirror, second: Mirror, tmp_path: Path
) -> None:
    files = sign_files()
    mirror.offer("/download", Page(zipped(files), stop_after=9000))
    for name, content in files.items():
        second.offer(f"/{name}", content)
    entry = dataclasses.replace(small_signs(), mirrors=(f"{mirror.url}/download", f"{second.url}/{{file}}"))
    assert fetched(entry, tmp_path).fetched == dict.fromkeys(files, second.host)
    assert {path.name for path in (tmp_path / "sign_mnist").iterdir()} == {".lock", *files}


def test_a_part_that_is_all_of_it_is_used(mirror: Mirror, tmp_path: Path) -> None:
    mirror.offer(PATH, PACKED)
    with pytest.raises(KeyboardInterrupt):
        fetched(one_file(mirror), tmp_path, ear=Ear(stop_at=-(-len(PACKED) // 1000)))
    fetched(one_file(mirror), tmp_path)
    assert mirror.ranges() == [None, f"bytes={len(PACKED)}-"]
    assert lying(tmp_path) == {IMAGES}


OLD = PACKED[:200] + bytes(len(PACKED))


@pytest.mark.parametrize(
    ("then", "requests"),
    [
        ([Page(PACKED, ranges=False)], 2),  # does not know ranges
        ([Page(PACKED, tag='"2"')], 2),  # another version: sends all of it
        ([Page(PACKED, tag='"2"', careless=True)], 3),  # another version, and sends its rest
        ([Page(PACKED, careless=True)], 3),  # another version, and does not tell
        ([Page(status=416, headers={"Content-Range": "bytes */7"}), Page(PACKED)], 3),
    ],
)
def test_two_versions_are_never_put_together(
    mirror: Mirror, tmp_path: Path, then: list[Page], requests: int
) -> None:
    mirror.offer(PATH, Page(OLD, stop_after=300), *then)
    fetched(one_file(mirror), tmp_path)
    assert len(mirror.asked) == requests
    assert (tmp_path / "mnist" / IMAGES).read_bytes() == FILES[IMAGES]


def test_without_a_version_it_starts_anew(mirror: Mirror, tmp_path: Path) -> None:
    mirror.offer(PATH, Page(PACKED, tag="", stop_after=300), PACKED)
    fetched(one_file(mirror), tmp_path)
    assert mirror.ranges() == [None, None]


@pytest.mark.parametrize("note", [b"", b"[]", b"{", b"\xff"])
def test_a_part_that_nobody_knows_about_starts_anew(mirror: Mirror, tmp_path: Path, note: bytes) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / f"{IMAGES}.part").write_bytes(b"from somewhere")
    (tmp_path / "mnist" / f"{IMAGES}.part.json").write_bytes(note)
    mirror.offer(PATH, PACKED)
    fetched(one_file(mirror), tmp_path)
    assert lying(tmp_path) == {IMAGES}

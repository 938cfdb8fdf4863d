"""Data sets are found where people put them, and what is wrong with their files is said in one line."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import pytest

from sandbox.core.errors import Broken, NotFound
from sandbox.data.source import cache_root, places
from tests.data.made import mnist_files, put, small_mnist

IMAGES = "train-images-idx3-ubyte"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that SANDBOX_DATA names; the cache is another empty one."""
    monkeypatch.setenv("SANDBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SANDBOX_DATA", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("inner", ["mnist", "."])
def test_files_may_be_packed_and_lie_in_a_folder_of_their_own(
    tmp_path: Path, packed: bool, inner: str
) -> None:
    put(tmp_path / inner, mnist_files(), packed=packed)
    assert len(small_mnist().load(tmp_path).train) == 15


def test_a_name_says_nothing_about_packing(tmp_path: Path) -> None:
    # Browsers unpack what they download, and keep the name.
    files = mnist_files()
    put(tmp_path, {f"{name}.gz": content for name, content in files.items()}, packed=False)
    assert len(small_mnist().load(tmp_path).test) == 10


def test_the_named_folder_comes_first_then_the_variable_then_the_cache(
    elsewhere: Path, tmp_path: Path
) -> None:
    entry = small_mnist()
    assert entry.locate() is None
    cached = put(cache_root() / "data" / "mnist", mnist_files())
    assert entry.locate() == cached
    variable = put(elsewhere / "mnist", mnist_files())
    assert entry.locate() == variable
    assert entry.locate(tmp_path) == variable
    named = put(tmp_path / "named", mnist_files())
    assert entry.locate(named) == named


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SANDBOX_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.delenv("SANDBOX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "rl-sandbox"
    for useless in ("", "relative/folder"):
        monkeypatch.setenv("XDG_CACHE_HOME", useless)
        assert cache_root() == Path.home() / ".cache" / "rl-sandbox"


def test_not_found_says_which_command_downloads_it(elsewhere: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        small_mnist().load(tmp_path)
    assert caught.value.hint == "python -m sandbox data get mnist"
    put(elsewhere / "mnist", {IMAGES: b""})
    with pytest.raises(NotFound, match="incomplete") as caught:
        small_mnist().load(tmp_path)
    assert caught.value.hint == "python -m sandbox data get mnist"


def test_without_mirrors_it_says_where_it_looked_for_what_and_where_to_get_it(
    elsewhere: Path, tmp_path: Path
) -> None:
    with pytest.raises(NotFound) as caught:
        dataclasses.replace(small_mnist(), mirrors=()).load(tmp_path)
    for place in places(tmp_path).values():
        assert str(place) in caught.value.message
    assert IMAGES in str(caught.value.hint)
    assert "https://github.com/cvdfoundation/mnist" in str(caught.value.hint)


def test_a_missing_file_is_named(elsewhere: Path) -> None:
    files = mnist_files()
    del files[IMAGES]
    put(elsewhere / "mnist", files)
    with pytest.raises(NotFound, match=rf"incomplete: .*elsewhere/mnist lacks {IMAGES} "):
        small_mnist().load()


def test_a_mistyped_folder_is_an_error_even_if_the_data_are_elsewhere(
    elsewhere: Path, tmp_path: Path
) -> None:
    put(elsewhere, mnist_files())
    with pytest.raises(NotFound, match=r"--data-dir .*nowhere is not a folder"):
        small_mnist().load(tmp_path / "nowhere")


def test_a_download_that_was_cut_off(tmp_path: Path) -> None:
    path = put(tmp_path, mnist_files()) / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Broken, match=rf"{IMAGES}\.gz is cut off"):
        small_mnist().load(tmp_path)


def test_a_bit_that_flipped_in_the_packed_file(tmp_path: Path) -> None:
    path = put(tmp_path, mnist_files()) / f"{IMAGES}.gz"
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # in gzip's own checksum
    path.write_bytes(content)
    with pytest.raises(Broken, match=rf"{IMAGES}\.gz is damaged: CRC check failed"):
        small_mnist().load(tmp_path)


@pytest.mark.parametrize("packed", [True, False])
def test_no_more_is_read_than_any_file_has(
    tmp_path: Path, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.data.archive.MOST_BYTES", 2**20)
    put(tmp_path, mnist_files() | {IMAGES: bytes(2**21)}, packed=packed)
    with pytest.raises(Broken, match=rf"{IMAGES}.* holds more than 1 MiB"):
        small_mnist().load(tmp_path)


def test_content_that_was_never_published(tmp_path: Path) -> None:
    path = put(tmp_path, mnist_files()) / f"{IMAGES}.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(Broken, match=rf"{IMAGES}\.gz is not the published file: the sha256"):
        small_mnist().load(tmp_path)


def test_a_damaged_file_comes_with_the_command_that_replaces_it(elsewhere: Path, tmp_path: Path) -> None:
    for place, option in ((elsewhere, ""), (tmp_path / "my data", f" --data-dir '{tmp_path}/my data'")):
        put(place, mnist_files() | {IMAGES: b"<html>"})
        with pytest.raises(Broken) as caught:
            small_mnist().load(place if option else None)
        assert caught.value.hint == f"python -m sandbox data get mnist{option}"

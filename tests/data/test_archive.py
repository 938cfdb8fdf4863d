"""Sign MNIST as Kaggle sends it: a zip file with each table twice, read without unpacking it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import torch

import sandbox.data.archive
from sandbox.core.errors import Broken, NotFound
from tests.data.made import put, sign_files, small_signs


def zipped(files: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", packing) as archive:
        archive.writestr("american_sign_language.PNG", b"a picture")
        for name, body in files.items():
            archive.writestr(f"{Path(name).stem}/{name}", body)
            archive.writestr(name, body)
    return content.getvalue()


def kaggle(folder: Path, content: bytes | None = None, name: str = "archive.zip") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(zipped(sign_files()) if content is None else content)
    return folder / name


@pytest.mark.parametrize("name", ["archive.zip", "sign-language-mnist.zip"])
def test_the_zip_is_found_in_the_data_folder_and_by_its_name(tmp_path: Path, name: str) -> None:
    plain = small_signs().load(put(tmp_path / "plain", sign_files(), packed=False))
    archive = kaggle(tmp_path / "data", name=name)
    for place in (archive, archive.parent):
        packed = small_signs().load(place)
        assert torch.equal(packed.train.images, plain.train.images)
        assert packed.sums == plain.sums
    assert list(archive.parent.iterdir()) == [archive]  # nothing was unpacked


def test_the_zip_in_the_folder_of_the_data_set_is_found(tmp_path: Path) -> None:
    kaggle(tmp_path / "sign_mnist")
    assert len(small_signs().load(tmp_path).test) == 4


def test_a_file_beside_the_zip_comes_first(tmp_path: Path) -> None:
    kaggle(tmp_path, b"not a zip at all")
    assert len(small_signs().load(put(tmp_path, sign_files())).test) == 4


def test_a_zip_that_changed_is_checked_anew(tmp_path: Path) -> None:
    archive = kaggle(tmp_path)
    small_signs().load(archive)
    altered = {name: body.replace(b"3,", b"2,", 1) for name, body in sign_files().items()}
    kaggle(tmp_path, zipped(altered))
    with pytest.raises(Broken, match=r"archive\.zip/sign_mnist_train\.csv is not the published file"):
        small_signs().load(archive)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no zip file, or a damaged one"),
        (b"<html>sign in</html>", "is no zip file, or a damaged one"),
        (zipped(sign_files())[:-100], "is no zip file, or a damaged one"),
        (zipped(sign_files(), zipfile.ZIP_LZMA), "is packed in an unusual way"),
    ],
)
def test_what_is_no_zip_of_it_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(Broken, match=said) as caught:
        small_signs().load(kaggle(tmp_path, content))
    assert "archive.zip" in caught.value.message
    assert "\n" not in caught.value.message


def test_damage_within_is_noticed(tmp_path: Path) -> None:
    content = bytearray(zipped(sign_files(), zipfile.ZIP_STORED))
    for at in range(400, len(content) // 2, 5_000):
        content[at] ^= 1
    with pytest.raises(Broken, match=r"archive\.zip is no zip file, or a damaged one"):
        small_signs().load(kaggle(tmp_path, bytes(content)))


def test_no_more_is_unpacked_than_any_file_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.data.archive, "MOST_BYTES", 2**20)
    bomb = {name: bytes(2**21) for name in sign_files()}
    with pytest.raises(Broken, match="holds more than 1 MiB"):
        small_signs().load(kaggle(tmp_path, zipped(bomb)))


def test_a_zip_of_something_else_is_not_taken_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SANDBOX_DATA", raising=False)
    with pytest.raises(NotFound, match="the data set sign_mnist was not found"):
        small_signs().load(kaggle(tmp_path, zipped({"cats.csv": b"meow"})))

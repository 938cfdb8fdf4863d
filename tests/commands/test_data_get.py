"""``data get``: what people and scripts are told about downloads."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.data import mnist
from sandbox.data.downloads import download, fetch, mirrors
from tests.data.made import mnist_files, put, small_mnist
from tests.data.mirror import Mirror, Page, running_mirror

Captured = pytest.CaptureFixture[str]
IMAGES = "train-images-idx3-ubyte"
FILES = mnist_files()


@pytest.fixture(autouse=True)
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mirror]:
    """A mirror of a small MNIST, on this machine; no data, and no proxy on the way."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "SANDBOX_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SANDBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "Patience", lambda: mirrors.Patience(backoff_s=0))
    with running_mirror() as made:
        for name, content in FILES.items():
            made.offer(f"/{name}.gz", gzip.compress(content))
        entry = dataclasses.replace(small_mnist(), mirrors=(f"{made.url}/{{file}}.gz",))
        monkeypatch.setattr(mnist, "MNIST", entry)
        yield made


def answer(capsys: Captured, *words: str, code: int = 0) -> dict[str, Any]:
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_one_line_says_where_it_is_and_whence_it_came(
    capsys: Captured, mirror: Mirror, tmp_path: Path
) -> None:
    folder = tmp_path / "cache" / "data" / "mnist"
    assert main(["data", "get", "mnist"]) == 0
    out, err = capsys.readouterr()
    assert out == f"mnist is in {folder}: 4 files from {mirror.host}, checked\n"
    assert [line.partition(":")[0] for line in err.splitlines()] == list(FILES)
    assert "kB (100%)" in err
    assert main(["data", "get", "mnist", "--quiet"]) == 0
    assert capsys.readouterr() == (f"mnist is in {folder} already, and right\n", "")


def test_scripts_are_told_what_came_from_where(capsys: Captured, mirror: Mirror, tmp_path: Path) -> None:
    told = answer(capsys, "data", "get", "mnist", "--data-dir", str(tmp_path))
    assert told == {
        "schema": "sandbox.data-get/1",
        "data": "mnist",
        "folder": str(tmp_path / "mnist"),
        "fetched": dict.fromkeys(FILES, mirror.host),
    }
    assert answer(capsys, "data", "get", "mnist", "--data-dir", str(tmp_path))["fetched"] == {}
    assert len(mirror.asked) == 4


def test_what_is_damaged_is_named_and_fetched_anew(capsys: Captured, mirror: Mirror, tmp_path: Path) -> None:
    put(tmp_path / "cache" / "data" / "mnist", FILES | {IMAGES: b"damaged"})
    assert list(answer(capsys, "data", "get", "mnist")["fetched"]) == [IMAGES]
    assert len(mirror.asked) == 1
    assert list(answer(capsys, "data", "show", "mnist", "--out", str(tmp_path / "it.png"))["classes"])


def test_alone_it_lists_what_can_be_downloaded(capsys: Captured, tmp_path: Path) -> None:
    listing = answer(capsys, "data", "get")
    rows = {row[0]: dict(zip(listing["columns"], row, strict=True)) for row in listing["rows"]}
    assert rows["sign_mnist"] == {"name": "sign_mnist", "MB": 105, "found in": "not found", "licence": "CC0"}
    assert "digits" not in rows
    assert main(["data", "get"]) == 0
    assert "python -m sandbox data get NAME" in capsys.readouterr().out


def test_bundled_data_need_no_download(capsys: Captured) -> None:
    assert main(["data", "get", "digits"]) == 0
    assert capsys.readouterr().out == "digits needs no download: it comes with scikit-learn\n"


def test_a_missing_data_set_comes_with_the_command_that_gets_it(capsys: Captured) -> None:
    hint = "python -m sandbox data get mnist"
    assert answer(capsys, "data", "show", "mnist", code=4)["hint"] == hint
    assert answer(capsys, "train-classifier", "mnist", code=4)["hint"] == hint


def test_ctrl_c_says_how_to_go_on(
    capsys: Captured, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fetch, "_next_chunk", interrupted)
        told = answer(capsys, "data", "get", "mnist", "--data-dir", f"{tmp_path}/some where", code=130)
    assert told["hint"] == f"python -m sandbox data get mnist --data-dir '{tmp_path}/some where'"
    assert answer(capsys, "data", "get", "mnist", "--data-dir", f"{tmp_path}/some where")["fetched"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("data get mnits", 2, "unknown data set 'mnits': did you mean 'mnist'?"),
        ("data get folder:~/cats", 2, "there is nothing to download for folder:~/cats"),
        ("data get frames:CartPole", 2, "there is nothing to download for frames:CartPole"),
        ("data gte mnist", 2, "unknown data command 'gte': did you mean 'get'?"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    capsys: Captured, mirror: Mirror, words: str, code: int, message: str
) -> None:
    assert answer(capsys, *words.split(), code=code)["error"].startswith(message)
    assert mirror.asked == []


def test_the_names_that_are_known_are_those_of_the_table(capsys: Captured) -> None:
    assert "folder:" not in answer(capsys, "data", "get", "mnits", code=2)["hint"]


def test_without_a_mirror_that_answers_the_machine_refuses(capsys: Captured, mirror: Mirror) -> None:
    mirror.offer(f"/{IMAGES}.gz", Page(b"busy", 503))
    told = answer(capsys, "data", "get", "mnist", code=7)
    assert (
        told["error"] == f"{IMAGES} cannot be downloaded now: {mirror.host} answers 503 Service Unavailable"
    )


def test_mirrors_that_lie_are_named(capsys: Captured, mirror: Mirror) -> None:
    mirror.offer(f"/{IMAGES}.gz", b"<html>")
    told = answer(capsys, "data", "get", "mnist", code=4)
    assert f"{mirror.host} sends a web page instead of {IMAGES}" in told["error"]

"""What mirrors and disks do wrong ends in one line that says why, and in nothing half-written."""

from __future__ import annotations

import dataclasses
import errno
import gzip
import os
import socket
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from sandbox.core.errors import Broken, Refused
from sandbox.core.locks import FolderLock
from sandbox.data.downloads import unpacking
from sandbox.data.downloads.mirrors import Failed, Patience
from sandbox.data.downloads.unpacking import put_in_place
from tests.data.downloading import (
    FILES,
    HASTE,
    IMAGES,
    LABELS,
    PACKED,
    PATH,
    Ear,
    fetched,
    lying,
    one_file,
    zipped,
)
from tests.data.made import sign_files, small_mnist, small_signs
from tests.data.mirror import Mirror, Page

# Servers that lie.

SHUFFLED = FILES[IMAGES][:-2] + bytes((FILES[IMAGES][-1] ^ 1, 7))
SIZE = len(FILES[IMAGES])


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (Page(b"nothing", 404), "answers 404 Not Found"),
        (Page(b"no", 403), "answers 403 Forbidden"),
        (Page(b"\n<!DOCTYPE html><p>Please sign in</p>"), f"sends a web page instead of {IMAGES}"),
        (Page(gzip.compress(b"<html>")), f"sends a web page instead of {IMAGES}"),
        (Page(gzip.compress(SHUFFLED)), f"sends other content than the published {IMAGES} (sha256 "),
        (Page(FILES[IMAGES][:-1]), f"sends {SIZE - 1:,} bytes instead of the {SIZE:,} of {IMAGES}"),
        (Page(b""), f"sends 0 bytes instead of the {SIZE:,} of {IMAGES}"),
        (Page(PACKED[:-20]), "sends a gzip file that is cut off"),
        (Page(PACKED[:500] + b"?" + PACKED[501:]), "sends a gzip file that is damaged"),
        (Page(gzip.compress(bytes(5_000_000))), f"sends more than the {SIZE:,} bytes of {IMAGES}"),
        (Page(zipped({IMAGES: bytes(5_000_000)})), f"sends more than the {SIZE:,} bytes of {IMAGES}"),
        (Page(zipped({"other": b""})), f"sends a zip file without {IMAGES}"),
        (Page(b"PK\x03\x04 and no more"), "sends a zip file that is damaged"),
        (
            Page(zipped({IMAGES: FILES[IMAGES]}, zipfile.ZIP_BZIP2)),
            "sends a zip file that is packed in an unusual",
        ),
        (Page(b"x", length=10**12), "would send 1,000,000,000,000 bytes, where "),
        (Page(bytes(2_000_000), length=-1), f"sends more than {SIZE + 2**20:,} bytes"),
        (Page(status=302, headers={"Location": PATH}), "redirects in a circle"),
        (Page(status=302, headers={"Location": "http://[::1"}), "answers something odd"),
        (
            Page(status=302, headers={"Location": "ftp://127.0.0.1/x"}),
            "redirects to something that is not http",
        ),
        (
            Page(status=302, headers={"Location": "file:///etc/passwd"}),
            "redirects to something that is not http",
        ),
    ],
)
def test_a_lie_is_one_line_and_leaves_nothing(mirror: Mirror, tmp_path: Path, page: Page, why: str) -> None:
    mirror.offer(PATH, page)
    with pytest.raises(Broken) as caught:
        fetched(one_file(mirror), tmp_path)
    assert caught.value.message.startswith(f"no mirror has the published {IMAGES}: {mirror.host} {why}")
    assert "\n" not in str(caught.value)
    assert "https://github.com/cvdfoundation/mnist" in str(caught.value.hint)
    assert lying(tmp_path) == set()


@pytest.mark.parametrize(
    "bomb", [gzip.compress(bytes(20_000_000)), zipped({IMAGES: bytes(20_000_000)})], ids=["gzip", "zip"]
)
def test_bombs_are_not_unpacked_further_than_needed(mirror: Mirror, tmp_path: Path, bomb: bytes) -> None:
    (tmp_path / "sent").write_bytes(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(Failed, match="sends more than"):
            put_in_place(tmp_path / "sent", [IMAGES], one_file(mirror), tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_images_named_as_labels_are_recognised(mirror: Mirror, tmp_path: Path) -> None:
    entry = dataclasses.replace(small_mnist(), mirrors=(f"{mirror.url}/{{file}}.gz",))
    mirror.offer(PATH, gzip.compress(FILES[LABELS]))
    with pytest.raises(Broken, match=f"sends {LABELS} under the name of {IMAGES}"):
        fetched(entry, tmp_path)
    assert lying(tmp_path) == set()


def test_a_zip_of_which_half_is_right(mirror: Mirror, tmp_path: Path) -> None:
    files = sign_files()
    train, test = files
    mirror.offer("/download", zipped({train: files[train], test: b"<html>"}))
    entry = dataclasses.replace(small_signs(), mirrors=(f"{mirror.url}/download",))
    with pytest.raises(Broken, match=f"sends a web page instead of {test}"):
        fetched(entry, tmp_path)
    # What is there is whole.
    assert {path.name for path in (tmp_path / "sign_mnist").iterdir()} == {".lock", train}
    assert (tmp_path / "sign_mnist" / train).read_bytes() == files[train]


# Servers that are slow, busy, or away.


@pytest.mark.parametrize(
    ("page", "patience", "why"),
    [
        # A byte now and then is never silence, and still no download.
        (
            Page(PACKED, pause_s=0.01),
            dataclasses.replace(HASTE, window_s=0.2),
            r"sends only \d+ bytes a second",
        ),
        (Page(PACKED, pause_s=9), dataclasses.replace(HASTE, silence_s=0.2), "falls silent for 0.2 s"),
        (Page(PACKED, stop_after=700), HASTE, "breaks the connection off"),
        (Page(b"no", 500), HASTE, "answers 500 Internal Server Error"),
        (Page(b"no", 503, headers={"Retry-After": "86400"}), HASTE, "answers 503 Service Unavailable"),
    ],
)
def test_what_may_be_better_later_is_refused_and_keeps_what_came(
    mirror: Mirror, tmp_path: Path, page: Page, patience: Patience, why: str
) -> None:
    mirror.offer(PATH, page)
    with pytest.raises(Refused, match=f"{IMAGES} cannot be downloaded now: {mirror.host} ({why})") as caught:
        fetched(one_file(mirror), tmp_path, patience)
    assert str(caught.value.hint).startswith("try again later (what has come is kept)")
    came = {f"{IMAGES}.part", f"{IMAGES}.part.json"} if page.status == 200 else set()
    assert lying(tmp_path) == came


def test_a_busy_server_is_asked_again(mirror: Mirror, tmp_path: Path) -> None:
    mirror.offer(PATH, Page(b"busy", 503), Page(b"busy", 500), PACKED)
    fetched(one_file(mirror), tmp_path)
    assert len(mirror.asked) == 3


def test_nobody_there(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        host = "{}:{}".format(*taken.getsockname())
        entry = dataclasses.replace(
            one_file(), mirrors=(f"http://{host}/{{file}}", f"http://{host}/b/{{file}}")
        )
        with pytest.raises(Refused) as caught:
            fetched(entry, tmp_path)
    assert caught.value.exit_code == 7
    assert caught.value.message.endswith(f"now: {host} cannot be reached; {host} cannot be reached")


@pytest.mark.parametrize("status", [302, 503])
def test_what_a_redirect_or_a_busy_server_says_is_not_read(
    mirror: Mirror, tmp_path: Path, status: int
) -> None:
    # Nothing of this body ever comes: whoever waits for it fails.
    endless = Page(b"x", status, length=10**12, pause_s=9, headers={"Location": "/elsewhere"})
    mirror.offer(PATH, endless, PACKED)
    mirror.offer("/elsewhere", PACKED)
    fetched(one_file(mirror), tmp_path, dataclasses.replace(HASTE, silence_s=0.5))
    assert lying(tmp_path) == {IMAGES}


def test_a_length_that_is_no_number_says_nothing(mirror: Mirror, tmp_path: Path) -> None:
    mirror.offer(PATH, Page(PACKED, length=-1, headers={"Content-Length": "\u00b2"}))
    fetched(one_file(mirror), tmp_path)
    assert lying(tmp_path) == {IMAGES}


def test_redirects_to_other_hosts_are_followed(mirror: Mirror, second: Mirror, tmp_path: Path) -> None:
    half = len(PACKED) // 2
    mirror.offer(PATH, Page(status=302, headers={"Location": f"{second.url}/signed?for=once"}))
    second.offer("/signed?for=once", Page(PACKED, stop_after=half), PACKED)
    fetched(one_file(mirror), tmp_path)
    assert second.ranges() == [None, f"bytes={half}-"]


def test_proxies_of_the_environment_are_used(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", mirror.url)
    monkeypatch.setenv("no_proxy", "")
    url = f"http://mirror.invalid/{IMAGES}.gz"
    mirror.offer(url, PACKED)
    fetched(dataclasses.replace(one_file(), mirrors=("http://mirror.invalid/{file}.gz",)), tmp_path)
    assert [path for path, _ in mirror.asked] == [url]


def test_a_second_mirror_steps_in_and_is_asked_first_from_then_on(
    mirror: Mirror, second: Mirror, tmp_path: Path
) -> None:
    for name, content in FILES.items():
        mirror.offer(f"/{name}.gz", Page(gzip.compress(content), stop_after=40))
        second.offer(f"/{name}.gz", gzip.compress(content))
    urls = (f"{mirror.url}/{{file}}.gz", f"{second.url}/{{file}}.gz")
    ear = Ear()
    got = fetched(dataclasses.replace(small_mnist(), mirrors=urls), tmp_path, ear=ear)
    assert got.fetched == dict.fromkeys(FILES, second.host)
    assert {path for path, _ in mirror.asked} == {PATH}
    assert len(ear.notes) == 1
    assert ear.notes[0].endswith(f"; trying {second.host}")
    assert lying(tmp_path) == set(FILES)


def test_all_mirrors_are_named_with_what_is_wrong(mirror: Mirror, second: Mirror, tmp_path: Path) -> None:
    mirror.offer(PATH, Page(b"busy", 500))
    second.offer(PATH, b"<html>")
    with pytest.raises(Broken) as caught:
        fetched(one_file(mirror, second), tmp_path)
    tried = f"{mirror.host} answers 500 Internal Server Error; {second.host} sends a web page"
    assert tried in caught.value.message


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a thing of Linux")
@pytest.mark.parametrize("body", [PACKED, PACKED[:10]], ids=["whole", "a beginning"])
def test_a_disk_that_is_full_while_downloading(mirror: Mirror, tmp_path: Path, body: bytes) -> None:
    mirror.offer(PATH, body)
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / f"{IMAGES}.part").symlink_to("/dev/full")
    with pytest.raises(Refused, match=r"cannot write .*\.part: No space left on device"):
        fetched(one_file(mirror), tmp_path)


def test_a_disk_that_is_full_while_unpacking(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    mirror.offer(PATH, PACKED)
    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "write_atomically", full)
        with pytest.raises(Refused, match=rf"cannot write .*{IMAGES}: No space left on device") as caught:
            fetched(one_file(mirror), tmp_path)
    assert caught.value.hint == "free some space, or choose another folder by --data-dir"
    assert lying(tmp_path) == {f"{IMAGES}.part", f"{IMAGES}.part.json"}
    fetched(one_file(mirror), tmp_path)
    assert lying(tmp_path) == {IMAGES}


def test_a_folder_that_cannot_be_made(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match=r"cannot write .*file/mnist: ") as caught:
        fetched(one_file(mirror), tmp_path / "file")
    assert caught.value.hint == "choose another folder by --data-dir"
    assert mirror.asked == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir(mode=0o555)
    with pytest.raises(Refused, match=r"cannot write .*mnist: Permission denied"):
        fetched(one_file(mirror), tmp_path)


def test_two_at_once_do_not_collide(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    lock = FolderLock(tmp_path / "mnist" / ".lock")
    with pytest.raises(Refused, match=f"process {os.getpid()} is getting mnist into .* already"):
        fetched(one_file(mirror), tmp_path)
    lock.release()
    mirror.offer(PATH, PACKED)
    fetched(one_file(mirror), tmp_path)
    assert lying(tmp_path) == {IMAGES}

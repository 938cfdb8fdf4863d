"""The file of compressed pictures: what `numpy.load` finds in it, and files that only look like one."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generative.compression.quantisation import quantised
from generative.compression.stored import SCHEMA, About, Stored, content_of, read_stored
from sandbox.core.errors import Broken, NotFound, UsageError

COUNT, LATENT = 50, 3


def stored(bits: int = 8, labels: bool = False) -> Stored:
    latents = np.random.default_rng(bits).normal(size=(COUNT, LATENT)).astype(np.float32)
    return Stored(
        About("digits", "0" * 64, 60, (1, 8, 8), bits),
        quantised(latents, bits),
        tuple(f"pets/{number}.jpg" for number in range(COUNT)),
        np.full((COUNT, 2), (480, 640), np.int32),
        np.arange(COUNT, dtype=np.uint16) if labels else None,
    )


def arrays_of(content: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return dict(file)


def packed(arrays: dict[str, Any]) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def altered(**changes: Any) -> bytes:
    """The file with other arrays; None leaves one out."""
    arrays = arrays_of(content_of(stored())) | changes
    return packed({name: array for name, array in arrays.items() if array is not None})


def about(**changes: Any) -> bytes:
    plain = json.loads(str(arrays_of(content_of(stored()))["about"]))
    return altered(about=np.array(json.dumps(plain | changes)))


def member(name: str, content: bytes, **how: Any) -> bytes:
    """The file with other bytes for one of its members."""
    made = io.BytesIO()
    original = zipfile.ZipFile(io.BytesIO(content_of(stored())))
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in original.namelist():
            archive.writestr(one, content if one == name else original.read(one), **how)
    return made.getvalue()


@pytest.mark.parametrize("bits", [1, 4, 8, 9, 16])
@pytest.mark.parametrize("labels", [False, True])
def test_what_was_written_is_read(tmp_path: Path, bits: int, labels: bool) -> None:
    before = stored(bits, labels)
    (tmp_path / "a.npz").write_bytes(content_of(before))
    after = read_stored(tmp_path / "a.npz")
    assert (after.about, after.names) == (before.about, before.names)
    assert np.array_equal(after.quantised.codes, before.quantised.codes)
    assert np.array_equal(after.quantised.latents(), before.quantised.latents())
    assert np.array_equal(after.sizes, before.sizes)
    assert (after.labels is None) == (not labels)
    if labels:
        assert np.array_equal(after.labels, before.labels)  # type: ignore[arg-type]


def test_numpy_reads_it_and_the_formula_of_the_module_gives_the_latents() -> None:
    before = stored(bits=6)
    with np.load(io.BytesIO(content_of(before)), allow_pickle=False) as file:
        latents = file["low"] + file["codes"] * (file["high"] - file["low"]) / (2**6 - 1)
        assert json.loads(str(file["about"]))["run"] == "digits"
        assert file["names"][7] == "pets/7.jpg"
    assert np.allclose(latents, before.quantised.latents(), atol=1e-6)


def test_the_same_pictures_give_the_same_bytes() -> None:
    assert content_of(stored()) == content_of(stored())


def test_fewer_bits_are_fewer_bytes_though_each_code_is_a_byte() -> None:
    latents = np.random.default_rng(0).uniform(size=(4_000, 8)).astype(np.float32)
    sizes = {}
    for bits in (2, 4, 8, 16):
        few = Stored(
            stored(bits).about, quantised(latents, bits), ("a",) * 4_000, np.ones((4_000, 2), np.int32)
        )
        with zipfile.ZipFile(io.BytesIO(content_of(few))) as archive:
            sizes[bits] = 8 * archive.getinfo("codes.npy").compress_size / latents.size
    assert all(bits <= each < 1.25 * bits for bits, each in sizes.items()), sizes


class Trap:
    """Writes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.write_text, (Path("sprung"), "")


def objects() -> bytes:
    return altered(names=np.array([Trap()] * COUNT, dtype=object))


def many_entries() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number in range(3_000):
            archive.writestr(f"{number}.npy", b"")
    return made.getvalue()


def hidden_entries(mark: bytes) -> bytes:
    """Many entries behind an end that claims few, which zipfile passes over for the sake of ``mark``."""
    content = many_entries()
    end = struct.Struct("<4s4H2IH").unpack(content[-22:])
    comment = int(mark == b"comment")
    small = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, 100, end[6], comment)
    return content + (small + b"\0" if comment else b"PK\6\7" + bytes(16) + small)


def header(text: str, body: bytes = b"") -> bytes:
    padded = text.encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(padded)) + padded + body


def huge_claim() -> bytes:
    return member("codes.npy", header("{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999, 99)}"))


def flipped() -> bytes:
    content = bytearray(content_of(stored()))
    content[content.index(b"codes.npy") + 60] ^= 4
    return bytes(content)


FOREIGN: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is no npz file, or a damaged one"),
    "text": (lambda: b"<html>sign in</html>" * 9, "is no npz file, or a damaged one"),
    "half of it": (lambda: content_of(stored())[:-300], "is no npz file, or a damaged one"),
    "a flipped bit": (flipped, "is damaged, or was not written by compress"),
    "another npz": (lambda: packed({"x": np.zeros(3)}), "does not hold compressed pictures"),
    "something added": (lambda: altered(extra=np.zeros(3)), "does not hold compressed pictures"),
    "something missing": (lambda: altered(low=None), "does not hold compressed pictures"),
    "pickled objects": (objects, "names.npy is not what its name says"),
    "packed otherwise": (
        lambda: member("codes.npy", b"", compress_type=zipfile.ZIP_LZMA),
        "is packed in an unusual way",
    ),
    "many entries": (many_entries, "does not hold compressed pictures"),
    "many entries before a comment": (lambda: hidden_entries(b"comment"), "is no npz file"),
    "many entries beyond 4 GiB": (lambda: hidden_entries(b"PK\6\7"), "does not hold compressed pictures"),
    "a huge array that is not there": (huge_claim, "codes.npy is not what its name says"),
    "no array": (lambda: member("codes.npy", b"\0" * 99), "codes.npy is no array"),
    "a header of brackets": (
        lambda: member("codes.npy", header("(" * 4_000)),
        "codes.npy is no array",
    ),
    "a long header": (
        lambda: member("codes.npy", header(" " * 30_000)),
        "codes.npy is no array",
    ),
    "a text for codes": (lambda: altered(codes=np.full((COUNT, LATENT), "x")), "do not fit together"),
    "too large a code": (
        lambda: altered(codes=np.full((COUNT, LATENT), 300, np.uint16)),
        "do not fit together",
    ),
    "codes of more bits": (lambda: about(bits=7), "do not fit together"),
    "no pictures": (
        lambda: altered(
            codes=np.zeros((0, LATENT), np.uint8), names=np.zeros(0, "U1"), sizes=np.zeros((0, 2), np.int32)
        ),
        "claims to hold 0 pictures of 3 numbers each",
    ),
    "fewer names": (lambda: altered(names=np.array(["a"])), "do not fit together"),
    "NaN": (lambda: altered(low=np.full(LATENT, np.nan, np.float32)), "do not fit together"),
    "a name without an end": (
        lambda: altered(names=np.array(["x" * 9_999] * COUNT)),
        "do not fit together",
    ),
    "a way out": (lambda: altered(names=np.array(["../x"] * COUNT)), "in a way that leads elsewhere"),
    "a newer version": (
        lambda: about(schema="sandbox.compressed/2"),
        "says that it is 'sandbox.compressed/2'; this version reads",
    ),
    "a run elsewhere": (lambda: about(run="../../other"), "does not say which run it needs"),
    "17 bits": (lambda: about(bits=17), "does not say which run it needs"),
    "a list": (lambda: altered(about=np.array("[]")), "says that it is None"),
    "no JSON": (lambda: altered(about=np.array("{")), "is damaged, or was not written by compress"),
    "deep JSON": (
        lambda: altered(about=np.array("[" * 60_000)),
        "is damaged, or was not written by compress",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_compress_did_not_write_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make, says = FOREIGN[name]
    (tmp_path / "a.npz").write_bytes(make())
    with pytest.raises(Broken) as caught:
        read_stored(Path("a.npz"))
    assert caught.value.message.startswith("a.npz ")
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]  # the trap was not sprung


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = tmp_path / "a.npz"
    # 1 GiB of zeros, written in pieces: a megabyte on the disk.
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        original = zipfile.ZipFile(io.BytesIO(content_of(stored())))
        for name in original.namelist():
            with archive.open(name, "w") as file:
                for _ in range(64 if name == "codes.npy" else 0):
                    file.write(bytes(2**23 + 1))
    assert bomb.stat().st_size < 2**20
    tracemalloc.start()
    try:
        with pytest.raises(Broken, match="would unpack to more than 256 MiB"):
            read_stored(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.data())
def test_no_change_of_a_few_bytes_ends_in_anything_but_a_clear_line(
    tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(content_of(stored()))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.npz").write_bytes(content)
    try:
        found = read_stored(tmp_path / "a.npz")
    except Broken:
        return
    assert len(found) == COUNT  # what no checksum covers, such as a date


def test_what_could_not_be_read_again_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generative.compression.stored.MOST_BYTES", 30_000)
    with pytest.raises(UsageError, match="50 pictures of 3 numbers are too many for one file"):
        content_of(stored())


def test_a_device_without_an_end_is_no_file_of_ours() -> None:
    with pytest.raises(Broken, match="is no npz file"):
        read_stored(Path("/dev/zero"))


def test_a_file_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        read_stored(tmp_path / "a.npz")
    with pytest.raises(Broken, match="cannot be read"):
        read_stored(tmp_path)


def test_the_schema_is_that_of_this_version() -> None:
    assert (
        json.loads(str(arrays_of(content_of(stored()))["about"]))["schema"]
        == SCHEMA
        == "sandbox.compressed/1"
    )

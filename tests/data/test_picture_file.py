"""read_picture: whatever Pillow reads, upright, without transparency, in the shape that is asked for."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from sandbox.core.errors import Broken, NotFound
from sandbox.data.picture_file import read_picture, reduced_size, upright_size
from tests.data.photos import BLUE, RED, encoded, noise, plain, write

KINDS = ["BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP", "TGA", "ICO", "PCX"]


def read(content: bytes, shape: tuple[int, int, int] = (3, 8, 8)) -> np.ndarray:
    return read_picture(io.BytesIO(content), shape)


def middle(content: bytes, channels: int = 3) -> list[int]:
    """The colour of a plain picture."""
    pixels = read(content, (channels, 8, 8))
    assert (abs(pixels - pixels[:, :1, :1].astype(int)) <= 8).all()
    return pixels[:, 4, 4].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_shows_the_same(kind: str) -> None:
    assert middle(encoded(plain(RED), kind)) == pytest.approx(RED, abs=6)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"])
def test_every_mode_becomes_bytes(mode: str) -> None:
    kind = "TIFF" if mode in ("CMYK", "YCbCr", "F", "I", "LA") else "PNG"
    image = (
        noise(0).convert("L").convert("I").point(lambda value: value * 257) if mode == "I;16" else noise(0)
    )
    pixels = read(encoded(image.convert(mode), kind), (3, 20, 20))
    assert pixels.dtype == np.uint8
    assert pixels.shape == (3, 20, 20)
    assert pixels.std() > 30


def test_sixteen_bits_become_eight() -> None:
    wide = Image.fromarray(np.full((8, 8), 128 * 257, np.uint16))
    assert middle(encoded(wide, "PNG"), channels=1) == [128]


def test_transparency_is_laid_over_white() -> None:
    assert middle(encoded(plain((200, 0, 0, 0), mode="RGBA"))) == [255, 255, 255]
    half = middle(encoded(plain((200, 0, 0, 128), mode="RGBA")))
    assert half == pytest.approx([227, 127, 127], abs=2)
    palette = plain(0, mode="P")
    palette.putpalette([10, 20, 30])
    assert middle(encoded(palette, "GIF", transparency=0)) == [255, 255, 255]


def test_a_picture_is_turned_as_its_exif_data_say() -> None:
    lying = Image.new("RGB", (40, 20), RED)
    lying.paste(BLUE, (20, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees: what is on the left comes to the top
    pixels = read(encoded(lying, "JPEG", quality=95, exif=exif), (3, 40, 20))
    assert pixels[:, 5, 10].tolist() == pytest.approx(RED, abs=25)
    assert pixels[:, 35, 10].tolist() == pytest.approx(BLUE, abs=25)


@pytest.mark.parametrize("orientation", range(10))  # 0 and 9 mean nothing
def test_sizes_are_those_of_the_picture_as_it_is_turned(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.new("RGB", (40, 20), RED), "JPEG", exif=exif)
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert upright_size(io.BytesIO(content)) == (turned.height, turned.width)
    assert reduced_size(io.BytesIO(content), 10) == (turned.height // 4, turned.width // 4)
    assert reduced_size(io.BytesIO(content), 50) == (turned.height, turned.width)


def test_of_an_animation_the_first_picture_counts() -> None:
    content = encoded(plain(RED), "GIF", save_all=True, append_images=[plain(BLUE)])
    assert middle(content) == pytest.approx(RED, abs=6)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(1, 40))
def test_every_size_becomes_every_other(width: int, height: int, columns: int, rows: int) -> None:
    pixels = read(encoded(plain(RED, (width, height))), (3, rows, columns))
    assert pixels.shape == (3, rows, columns)
    assert (pixels == np.array(RED)[:, None, None]).all()


def test_the_middle_is_cut_out() -> None:
    wide = Image.new("L", (30, 10), 0)
    wide.paste(255, (10, 0, 20, 10))
    assert (read(encoded(wide), (1, 10, 10)) == 255).all()


def test_a_large_photograph_read_quickly_looks_like_one_read_fully() -> None:
    smooth = noise(3, 6).resize((960, 960), Image.Resampling.BICUBIC)
    quick = read(encoded(smooth, "JPEG", quality=95), (3, 24, 24)).astype(int)
    full = np.asarray(smooth.resize((24, 24), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    assert abs(quick - full).max() < 12


def test_grey_is_the_luminance_of_colour() -> None:
    assert middle(encoded(plain(RED)), channels=1) == np.asarray(plain(RED).convert("L"))[0, :1].tolist()


def bomb() -> bytes:
    """A PNG file of few bytes that says it has 30 000 × 30 000 pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(9)))
        + chunk(b"IEND", b"")
    )


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is no picture"),
        (b"<html>", "it is no picture"),
        (encoded(noise(0), "JPEG")[:400], "truncated"),
        (encoded(noise(0), "PNG")[:300], "truncated|broken|cut"),
        (bomb(), "pixels"),
        (POSTSCRIPT, "it is no picture"),  # drawing it would execute it
    ],
)
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = write(tmp_path / "cat.png", content)
    with pytest.raises(Broken, match=said) as caught:
        read_picture(path, (3, 8, 8))
    assert caught.value.message.startswith(f"{path} cannot be used: ")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no file .*cat\.png"):
        read_picture(tmp_path / "cat.png", (3, 8, 8))
    with pytest.raises(Broken, match="cannot be read"):
        read_picture(tmp_path, (3, 8, 8))


@given(st.binary(max_size=300))
def test_no_content_makes_it_fail_otherwise(content: bytes) -> None:
    with contextlib.suppress(Broken):
        assert read(content).shape == (3, 8, 8)


@given(st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF"]), st.data())
def test_nor_does_a_damaged_one(kind: str, data: st.DataObject) -> None:
    content = bytearray(encoded(noise(1), kind))
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(Broken):
        assert read(bytes(content)).shape == (3, 8, 8)

"""One picture file, of any format that Pillow reads, as an array of a given shape."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sandbox.core.errors import Broken, NotFound

if TYPE_CHECKING:
    from PIL.Image import Image

Bytes = NDArray[np.uint8]

NOT_READ = {"EPS", "MPEG", "PDF", "WMF", "BUFR", "GRIB", "HDF5"}
"""what Pillow recognises and cannot draw, or (EPS) only by executing it with another program"""
UNMISTAKABLE = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000")
"""told by their content alone, whatever a file is called"""
MOST_PIXELS = 90_000_000
"""of a picture in memory; what claims more is taken for a decompression bomb"""
WHITE = 255
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)  # of EXIF
_WRONG_EXIF = (SyntaxError, ValueError, KeyError, TypeError, AttributeError)
"""what Pillow raises of damaged EXIF data: they do not make it a damaged picture"""


def read_picture(file: Path | str | IO[bytes], shape: tuple[int, int, int]) -> Bytes:
    """Read a picture as ``shape``, (channels, height, width), uint8, exactly as a data set of a folder does.

    It is turned upright as its EXIF data say; of an animation the first frame counts; transparency is laid
    over white; 16 bits become 8. Then it is scaled until it just fills height and width, with a filter as
    wide as the scale demands, and what sticks out is cut off on both sides alike. One channel is luminance;
    three of a grey picture are equal.

    Raises:
        NotFound: There is no such file.
        Broken: It is no picture, or damaged; the message names it and says how.
    """
    name = str(file) if isinstance(file, (Path, str)) else getattr(file, "name", "the picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow remarks on sizes, which are checked, and on tags
            return read_pixels(file, shape)
    except NoPicture as error:
        raise Broken(f"{name} cannot be used: {error}", hint="use a picture such as JPEG or PNG") from None
    except FileNotFoundError:
        raise NotFound(f"there is no file {name}") from None
    except OSError as error:
        raise Broken(f"{name} cannot be read: {error.strerror or error}") from None


class NoPicture(Exception):  # noqa: N818 - the name says what is wrong
    """A file that is no picture, or a damaged one; the message says which, without naming the file."""


def read_pixels(file: Path | str | IO[bytes], shape: tuple[int, int, int]) -> Bytes:
    """As `read_picture`; raises NoPicture, and OSError where the file cannot be opened."""
    channels, height, width = shape
    image = opened(file)
    try:
        # JPEG can be decoded at a half, a quarter or an eighth. Twice what is needed keeps it sharp.
        image.draft("L" if channels == 1 else "RGB", (2 * width, 2 * height))
        check_size(image)
        return fit_picture(_upright(image), shape)
    except NoPicture:
        raise
    except Exception as error:  # noqa: BLE001 - Pillow's decoders fail in many ways
        raise NoPicture(_reason(error)) from None


def fit_picture(image: Image, shape: tuple[int, int, int]) -> Bytes:
    """A picture of Pillow's as ``shape``, (channels, height, width), uint8; see `read_picture`."""
    channels, height, width = shape
    plain = _plain(image, "L" if channels == 1 else "RGB")
    pixels = np.asarray(_fitted(plain, width, height), np.uint8)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def opened(file: Path | str | IO[bytes], formats: tuple[str, ...] | None = None) -> Image:
    """The picture in a file, of which only the head has been read.

    Raises:
        NoPicture: Nothing that Pillow reads.
        OSError: The file cannot be opened.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        known = readable()
        return Image.open(
            file, formats=known if formats is None else [one for one in formats if one in known]
        )
    except UnidentifiedImageError:
        raise NoPicture("it is no picture") from None
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # noqa: BLE001 - so does reading the head
        raise NoPicture(_reason(error)) from None


def upright_size(file: Path | str | IO[bytes]) -> tuple[int, int]:
    """(height, width) of a picture that is turned as its EXIF data say; raises as `opened` does."""
    with opened(file) as image:
        try:
            turned = image.getexif().get(_ORIENTATION) in _SIDEWAYS
        except _WRONG_EXIF:
            turned = False
        return (image.width, image.height) if turned else (image.height, image.width)


def reduced_size(file: Path | str | IO[bytes], longest: int) -> tuple[int, int]:
    """(height, width) of a picture whose longer side is reduced to ``longest`` pixels, or is shorter."""
    height, width = upright_size(file)
    scale = min(1.0, longest / max(height, width))
    return max(1, round(scale * height)), max(1, round(scale * width))


@functools.cache
def readable() -> tuple[str, ...]:
    """The formats that are read, in the order in which they are tried: the usual ones first."""
    from PIL import Image

    Image.init()
    others = (name for name in Image.ID if name not in NOT_READ and name not in UNMISTAKABLE)
    return (*(name for name in UNMISTAKABLE if name in Image.ID), *others)


@functools.cache
def extensions() -> frozenset[str]:
    """How the names of picture files end, in lower case: ``.jpg``, ``.png``, …"""
    from PIL import Image

    formats = readable()
    return frozenset(end for end, name in Image.registered_extensions().items() if name in formats)


def check_size(image: Image) -> None:
    """Refuse a picture with more pixels than any camera makes, before they are unpacked."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise NoPicture(f"{width:,}×{height:,} pixels are too many")


def _upright(image: Image) -> Image:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except _WRONG_EXIF:
        return image


def _plain(image: Image, mode: str) -> Image:
    """The picture in ``mode``, L or RGB, without transparency."""
    from PIL import Image

    if image.mode == "F" or image.mode.startswith("I"):
        image = Image.fromarray(_eight_bits(image))
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        layer = image.convert("RGBA")
        image = Image.new("RGBA", layer.size, (WHITE, WHITE, WHITE, WHITE))
        image.alpha_composite(layer)
        image = image.convert("RGB")
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")  # CMYK, YCbCr, LAB, palettes and bits
    return image if image.mode == mode else image.convert(mode)


def _eight_bits(image: Image) -> Bytes:
    """A picture of wider numbers: 16 bits become 8; floats are stretched between their extremes."""
    values = np.asarray(image).astype(np.float64)
    if image.mode == "F":
        values = np.nan_to_num(values)
        low, high = values.min(), values.max()
        values = (values - low) * (255 / (high - low) if high > low else 0)
    elif image.mode != "I" or values.max() > 255:  # 32 bits are wide enough for either
        values = values / 257
    values = values.clip(0, 255)
    return np.rint(values).astype(np.uint8)


def _fitted(image: Image, width: int, height: int) -> Image:
    """The middle of the picture, scaled so that it just fills ``width`` and ``height``."""
    from PIL import Image

    if image.size == (width, height):
        return image
    scale = max(width / image.width, height / image.height)
    across, down = min(width / scale, image.width), min(height / scale, image.height)
    left, top = (image.width - across) / 2, (image.height - down) / 2
    box = (left, top, left + across, top + down)
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)


def _reason(error: Exception) -> str:
    """What Pillow says, as a part of a sentence."""
    from PIL import Image

    if isinstance(error, Image.DecompressionBombError):
        return "it unpacks to more pixels than any camera makes"
    text = str(error).split("\n")[0].strip().rstrip(".") or type(error).__name__
    return text[:1].lower() + text[1:]

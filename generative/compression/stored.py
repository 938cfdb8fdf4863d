"""The file that holds compressed pictures: an npz archive, which ``numpy.load`` reads as well.

    about   str (): JSON with the schema, the run, its weights' checksum, and the form of its pictures
    codes   uint8 or uint16 (pictures, latents): the latents, from 0 to 2^bits - 1
    low     float32 (latents,): what the code 0 stands for
    high    float32 (latents,): what the code 2^bits - 1 stands for
    names   str (pictures,): where the pictures came from
    sizes   int32 (pictures, 2): height and width that the pictures had
    labels  uint16 (pictures,): their classes, where the model has to be told them; else it is missing

A latent stands for ``low + code * (high - low) / (2^bits - 1)``. What makes the codes fewer than 8 or 16 bits
each on the disk is the archive's own compression (deflate).
"""

from __future__ import annotations

import io
import json
import struct
import tokenize
import zipfile
from dataclasses import asdict, dataclass, field
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from generative.compression import FEWEST_BITS, MOST_BITS
from generative.compression.names import LONGEST_NAME, kept_name
from generative.compression.quantisation import Quantised, code_type
from sandbox.core.errors import Broken, NotFound, UsageError
from sandbox.data.archive import DAMAGES, has_bound

SCHEMA = "sandbox.compressed/1"
MOST_PICTURES = 1_000_000
MOST_BYTES = 256 * 2**20
"""of all arrays together, unpacked"""
LONGEST_ABOUT = 64 * 1024
"""letters"""
_REQUIRED = ("about", "codes", "low", "high", "names", "sizes")
_KNOWN = (*_REQUIRED, "labels")
_DIMENSIONS = {"about": 0, "codes": 2, "low": 1, "high": 1, "names": 1, "sizes": 2, "labels": 1}
_LONGEST_HEADER = 4096
_ROOM = len(_KNOWN) * _LONGEST_HEADER
"""bytes for what stands before each array"""
_END = struct.Struct("<4s4x2H2IH")
"""of a zip archive: PK56, entries, size and place of its table of contents, length of a comment"""


@dataclass(frozen=True)
class About:
    """What has to be known to turn codes into pictures again."""

    run: str
    """name of the run whose model made the latents"""
    weights: str
    """sha256 of that model's weights"""
    step: int
    """of the checkpoint that was used"""
    shape: tuple[int, int, int]
    """(channels, height, width) of its pictures"""
    bits: int


@dataclass(frozen=True, eq=False)
class Stored:
    """What is in the file."""

    about: About
    quantised: Quantised
    names: tuple[str, ...]
    sizes: NDArray[np.int32]
    """(pictures, 2): height and width that they had"""
    labels: NDArray[np.uint16] | None = field(default=None)
    """(pictures,), or None for a model that is told no classes"""

    def __len__(self) -> int:
        return len(self.names)


def content_of(stored: Stored) -> bytes:
    """The npz file. The same pictures, model and bits give the same bytes.

    Raises:
        UsageError: there is more than one file may hold.
    """
    quantised = stored.quantised
    arrays: dict[str, Any] = {
        "about": np.array(json.dumps({"schema": SCHEMA, **asdict(stored.about)})),
        # All pictures' values of one latent, then of the next: deflate finds codes for each by itself.
        "codes": np.asfortranarray(quantised.codes),
        "low": quantised.low,
        "high": quantised.high,
        "names": np.array(stored.names),
        "sizes": stored.sizes,
    }
    if stored.labels is not None:
        arrays["labels"] = stored.labels
    too_large = sum(array.nbytes for array in arrays.values()) > MOST_BYTES - _ROOM
    if too_large or len(stored) > MOST_PICTURES:
        raise UsageError(
            f"{len(stored):,} pictures of {quantised.codes.shape[1]:,} numbers are too many for one file",
            hint="compress a part of them at a time",
        )
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def read_stored(path: Path) -> Stored:
    """Read what `content_of` made; nothing in it is executed, or unpacked beyond `MOST_BYTES`.

    Raises:
        NotFound: there is no such file.
        Broken: it is damaged, something else, or of a newer version; the message says which.
    """
    try:
        with path.open("rb") as file:
            return _checked(_arrays(file))
    except _Foreign as problem:
        raise Broken(
            f"{path} {problem}", hint="only a file that compress wrote can be decompressed"
        ) from None
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except (IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise Broken(f"{path} cannot be read: {error.strerror}") from None
    except DAMAGES as error:
        raise Broken(f"{path} is damaged, or was not written by compress: {error}") from None


class _Foreign(Exception):  # noqa: N818 - it says what the file is
    """What is wrong with a file, as the rest of a sentence that begins with its name."""


def _arrays(file: IO[bytes]) -> dict[str, NDArray[Any]]:
    """All arrays, after everything was checked that they claim about their sizes."""
    _check_contents(file)
    with zipfile.ZipFile(file) as archive:
        members = {one.filename.removesuffix(".npy"): one for one in archive.infolist()}
        if len(members) != len(archive.infolist()) or not set(_REQUIRED) <= members.keys() <= set(_KNOWN):
            raise _Foreign("does not hold compressed pictures")
        if sum(one.file_size for one in members.values()) > MOST_BYTES:
            raise _Foreign(f"would unpack to more than {MOST_BYTES // 2**20} MiB")
        if not all(has_bound(one) for one in members.values()):
            raise _Foreign("is packed in an unusual way")
        return {name: _array(archive, one, _DIMENSIONS[name]) for name, one in members.items()}


def _check_contents(file: IO[bytes]) -> None:
    """Refuse a table of contents that is longer than ours: zipfile would read all of it into the memory."""
    length = file.seek(0, io.SEEK_END)
    file.seek(max(0, length - _END.size - 20))
    tail = file.read(_END.size + 20)  # a device may have no end
    if len(tail) < _END.size or tail[-_END.size :][:4] != b"PK\5\6":
        raise _Foreign("is no npz file, or a damaged one")
    _, _, entries, size, _, comment = _END.unpack(tail[-_END.size :])
    # Archives beyond 4 GiB, marked PK67, and those with a comment have another end than this one.
    elsewhere = tail[:4] == b"PK\6\7" or comment
    if elsewhere or entries > len(_KNOWN) or size > 1024 * len(_KNOWN):
        raise _Foreign("does not hold compressed pictures")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, dimensions: int) -> NDArray[Any]:
    """One array, whose header has to fit the size that the archive tells."""
    with archive.open(member) as packed:
        try:
            shape, by_columns, kind = _header(packed)
        except (ValueError, SyntaxError, tokenize.TokenError, MemoryError, RecursionError):
            raise ValueError(f"{member.filename} is no array") from None
        left = member.file_size - packed.tell()
        if kind.hasobject or len(shape) != dimensions or prod(shape) * kind.itemsize != left:
            raise ValueError(f"{member.filename} is not what its name says")
        content = packed.read()
    if len(content) != left:
        raise ValueError(f"{member.filename} is cut short")
    flat = np.frombuffer(content, kind, count=prod(shape))
    return flat.reshape(shape, order="F" if by_columns else "C")


def _header(packed: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether it goes by columns, and type of the array that comes next; of a bounded length."""
    if npy.read_magic(packed) != (1, 0):
        raise ValueError("it is of another version")
    return npy.read_array_header_1_0(packed, max_header_size=_LONGEST_HEADER)


def _checked(arrays: dict[str, NDArray[Any]]) -> Stored:
    """The arrays as what they mean; raises _Foreign or ValueError where they don't fit together."""
    about = _about(arrays["about"])
    codes, low, high = arrays["codes"], arrays["low"], arrays["high"]
    names, sizes, labels = arrays["names"], arrays["sizes"], arrays.get("labels")
    count, latent = codes.shape
    if not 1 <= count <= MOST_PICTURES or latent < 1:
        raise _Foreign(f"claims to hold {count:,} pictures of {latent:,} numbers each")
    fits = (
        codes.dtype == code_type(about.bits) and int(codes.max()) < 2**about.bits,
        all(part.dtype == np.float32 and part.shape == (latent,) for part in (low, high)),
        bool(np.isfinite(low).all() and np.isfinite(high).all() and (low <= high).all()),
        names.dtype.kind == "U" and names.dtype.itemsize <= 4 * LONGEST_NAME and names.shape == (count,),
        sizes.dtype == np.int32 and sizes.shape == (count, 2) and bool((sizes > 0).all()),
        labels is None or (labels.dtype == np.uint16 and labels.shape == (count,)),
    )
    if not all(fits):
        raise ValueError("its arrays do not fit together")
    kept = tuple(str(name) for name in names)
    if any(kept_name(name) != name for name in kept):
        raise _Foreign("names a picture in a way that leads elsewhere")
    return Stored(about, Quantised(codes, low, high, about.bits), kept, sizes, labels)


def _about(array: NDArray[Any]) -> About:
    if array.dtype.kind != "U" or array.dtype.itemsize > 4 * LONGEST_ABOUT:
        raise ValueError("about.npy is no text")
    try:
        plain = json.loads(str(array))
    except RecursionError:
        raise ValueError("about.npy is no JSON") from None
    schema = plain.get("schema") if isinstance(plain, dict) else None
    if schema != SCHEMA:
        raise _Foreign(f"says that it is {schema!r}; this version reads {SCHEMA!r}")
    match plain:
        case {
            "run": str(run),
            "weights": str(weights),
            "step": int(step),
            "shape": [int(channels), int(height), int(width)],
            "bits": int(bits),
        } if FEWEST_BITS <= bits <= MOST_BITS and run and not {"/", "\\"} & set(run):
            return About(run, weights, step, (channels, height, width), bits)
    raise ValueError("about.npy does not say which run it needs")

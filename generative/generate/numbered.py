"""A folder of numbered pictures, that says what they are; nothing of anybody else's is overwritten.

``generated.json`` names the run, its step, the seed and the classes. As picture 7 of these never changes,
more of them may be added to the folder later, and whoever writes them again writes the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.core.errors import UsageError
from sandbox.core.files import check_writable, to_json, write_atomically

FILE = "generated.json"
SCHEMA = "sandbox.generated/1"
DIGITS = 5


def prepare_folder(folder: Path, about: Mapping[str, Any]) -> None:
    """Make a folder for pictures that `about` describes.

    Raises:
        UsageError: there is something else in it.
        Refused, OSError: it cannot be made or written.
    """
    in_the_way = next((path for path in (folder, *folder.parents) if path.is_file()), None)
    if in_the_way is not None:
        raise UsageError(f"--each is for a folder, and {in_the_way} is a file")
    check_writable(folder / FILE)
    whole = {"schema": SCHEMA, **about}
    if folder.exists() and any(folder.iterdir()):
        before = _about(folder / FILE)
        if before is None:
            raise UsageError(f"--each: there are other files in {folder}", hint="name a new folder")
        if before != json.loads(to_json(whole)):
            changed = ", ".join(key for key in whole if before.get(key) != json.loads(to_json(whole[key])))
            raise UsageError(
                f"--each: the pictures in {folder} are others (not the same {changed or 'description'})",
                hint="name a new folder",
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / FILE, to_json(whole, indent=1) + "\n")


def _about(path: Path) -> dict[str, Any] | None:
    """What stands in the file; None where it is none of ours."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else None


def file_name(number: int, name: str | None) -> str:
    """``00007.png``, or ``00007-left.png`` of a class."""
    safe = "" if name is None else re.sub(r"[^\w.]+", "-", name).strip("-.")
    return f"{number:0{DIGITS}d}{'-' if safe else ''}{safe}.png"


def write_pictures(folder: Path, names: Sequence[str], pictures: NDArray[np.uint8]) -> None:
    """Write pictures (n, channels, height, width) as they are, grey or in colour. Raises OSError."""
    for name, picture in zip(names, pictures, strict=True):
        (folder / name).write_bytes(png_bytes(picture))


def png_bytes(picture: NDArray[np.uint8]) -> bytes:
    """A picture (1 or 3, height, width) as PNG."""
    from PIL import Image

    content = BytesIO()
    pixels = picture[0] if len(picture) == 1 else np.ascontiguousarray(picture.transpose(1, 2, 0))
    Image.fromarray(pixels).save(content, format="PNG")
    return content.getvalue()

"""Where the files of data sets are found, and whether they are what was published.

Nothing is trusted by its name: a file is unpacked where it begins as gzip does, and it is the unpacked
content whose sha256 is compared, because mirrors pack differently.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from shlex import quote

from sandbox.core.errors import Broken, NotFound
from sandbox.data.archive import archive_of, bounded, read_member, within

ARCHIVES = ("archive.zip", "sign-language-mnist.zip")
"""what Kaggle calls a data set that is downloaded there"""
_GZIP = b"\x1f\x8b"


def cache_root() -> Path:
    """The folder for what can be made or fetched anew: SANDBOX_CACHE, or the user's cache folder."""
    named = os.environ.get("SANDBOX_CACHE")
    if named:
        return Path(named)
    # The specification of XDG says that a relative path is to be ignored.
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "rl-sandbox"


def places(data_dir: Path | None = None) -> dict[str, Path]:
    """The folders that are searched, in their order, by the name that people give them."""
    found = {} if data_dir is None else {"--data-dir": data_dir}
    named = os.environ.get("SANDBOX_DATA")
    if named:
        found["SANDBOX_DATA"] = Path(named)
    return found | {"the cache": cache_root() / "data"}


def locate(name: str, files: Iterable[str], data_dir: Path | None = None) -> Path | None:
    """The first folder with all ``files`` of the data set ``name``, packed or not; None without one.

    In each place the folder ``name`` is tried before the place itself.
    """
    for place in places(data_dir).values():
        for folder in (place / name, place):
            if not missing(folder, files):
                return folder
    return None


def missing(folder: Path, files: Iterable[str]) -> list[str]:
    """Which of ``files`` are not in ``folder``, neither as they are nor packed."""
    return [name for name in files if packed_or_not(folder, name) is None]


def packed_or_not(folder: Path, name: str) -> Path | None:
    """The file ``name`` or ``name.gz`` in ``folder``, or ``name`` in an archive there; None without any.

    The ``folder`` may be an archive, too.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    archives = (folder, *(folder / archive for archive in ARCHIVES))
    return next((path for archive in archives if (path := within(archive, name))), None)


def not_found(
    name: str, files: Iterable[str], page: str, data_dir: Path | None = None, *, mirrored: bool = False
) -> NotFound:
    """The error that says where was looked, for which files, and how to get them.

    Args:
        page: Where they come from.
        mirrored: They can be downloaded by a command.
    """
    files = list(files)
    command = download_command(name) if mirrored else ""
    if data_dir is not None and not data_dir.exists():
        return NotFound(
            f"--data-dir {data_dir} is not a folder",
            hint=f"name the folder that holds {name}/",
        )
    for place in places(data_dir).values():
        lacking = missing(place / name, files)
        if len(lacking) < len(files):
            return NotFound(
                f"the data set {name} is incomplete: {place / name} lacks {', '.join(lacking)}",
                hint=command or f"get what is missing from {page}",
            )
    looked = ", ".join(f"{path} ({what})" for what, path in places(data_dir).items())
    return NotFound(
        f"the data set {name} was not found in {looked}",
        hint=command
        or f"get {', '.join(files)} (.gz or not) from {page}, put them into {cache_root() / 'data' / name} "
        "or name their folder by --data-dir or SANDBOX_DATA",
    )


def download_command(name: str, data_dir: Path | None = None) -> str:
    """The command that downloads the data set ``name``, or what is missing or damaged of it."""
    return f"python -m sandbox data get {name}" + (f" --data-dir {quote(str(data_dir))}" if data_dir else "")


def unpack(path: Path) -> bytes:
    """The content of a file, unpacked if it is packed by gzip or in an archive.

    Raises:
        Broken: It is cut off, or otherwise damaged, or larger than any that is expected.
    """
    if archive_of(path) is None:
        with path.open("rb") as file:
            content = bounded(path, file)
    else:
        content = read_member(path)
    if not content.startswith(_GZIP):
        return content
    try:
        with gzip.open(BytesIO(content)) as packed:
            return bounded(path, packed)
    except EOFError:
        raise Broken(f"{path} is cut off", hint="the download was interrupted: get it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Broken(f"{path} is damaged: {error}", hint="get it again") from None


def check_sum(path: Path, content: bytes, published: str) -> None:
    """Compare the sha256 of a file's unpacked ``content`` with the ``published`` one; raises Broken."""
    found = hashlib.sha256(content).hexdigest()
    if found != published:
        raise Broken(
            f"{path} is not the published file: the sha256 of its content is {found[:12]}…, "
            f"not {published[:12]}…",
            hint="it was altered or damaged: get it again",
        )

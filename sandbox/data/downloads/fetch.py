"""One download over HTTP that can go on where it stopped: a URL into a ``.part`` file.

Servers are slow, lie, and go away. Everything that can be wrong with one ends in `Failed`, which says why in
a few words; what came so far is kept wherever it can still be of use.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from sandbox.core.errors import Refused
from sandbox.core.files import write_atomically
from sandbox.data.downloads.mirrors import BrokeOff, Failed, Patience, Session, answer

_CHUNK = 1 << 16
_BUSY = (429, 500, 502, 503, 504)
"""answers that may be others a moment later"""

Report = Callable[[int, int], None]
"""told how many bytes are here, and how many it will be (0: nobody knows)"""


class Part:
    """What has come of a URL so far, with a note beside it of which URL and which version that was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._note = path.with_name(f"{path.name}.json")

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def url(self) -> str:
        """Where they came from; empty where nothing is known."""
        return self._known()["url"] if self.size else ""

    def version(self, url: str) -> str:
        """What the server of ``url`` called the version that is here; empty if it cannot be gone on with."""
        known = self._known()
        return known["version"] if known["url"] == url and self.size else ""

    def begin(self, url: str, version: str) -> None:
        """Forget what is here, and note what comes instead."""
        with writing(self.path):
            self.path.write_bytes(b"")
            write_atomically(self._note, json.dumps({"url": url, "version": version}))

    def discard(self) -> None:
        """Forget what is here."""
        with writing(self.path):
            self.path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    def _known(self) -> dict[str, str]:
        known: Any = None
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(self._note.read_bytes())
        known = known if isinstance(known, dict) else {}
        return {key: str(known.get(key, "")) for key in ("url", "version")}


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn whatever the disk refuses into one line that names ``path``; raises Refused."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise Refused(
            f"cannot write {path}: {error.strerror or error}",
            hint=("free some space, or " if full else "") + "choose another folder by --data-dir",
        ) from None


def fetch(url: str, part: Part, at_most: int, *, asked: Session, patience: Patience, report: Report) -> bool:
    """Get ``url`` into ``part``, going on with what is there of it; returns whether it came in pieces.

    Args:
        at_most: Bytes; more is refused, before it is downloaded if the server tells.

    Raises:
        Failed: The server is away, or does not have what it should; what came may be in ``part``.
        Refused: The disk is full or not writable.
    """
    attempts, reached = 0, 0
    while True:
        try:
            return _attempt(url, part, at_most, asked, patience, report)
        except BrokeOff:
            # A long download over a bad line may break off often, as long as it gets on.
            attempts = 1 if part.size >= reached + (1 << 20) else attempts + 1
            reached = max(reached, part.size)
            if attempts >= patience.attempts:
                raise
            time.sleep(patience.backoff_s * 2 ** (attempts - 1))


def _attempt(url: str, part: Part, at_most: int, asked: Session, patience: Patience, report: Report) -> bool:
    version = part.version(url)
    begin = part.size if version else 0
    headers = {"Range": f"bytes={begin}-", "If-Range": version} if begin else {}
    with answer(url, headers, asked, patience) as response:
        if begin and response.status_code == 416 and _range_total(response) == begin:
            return True  # All of it was here.
        begin = _checked_start(response, part, begin, version)
        length = _count(response.headers.get("Content-Length", ""))
        total = 0 if length is None else begin + length
        if total > at_most:
            raise Failed(f"would send {total:,} bytes, where {at_most:,} are plenty")
        if not begin:
            part.begin(url, _version(response))
        _receive(response, part, begin, total, at_most, patience, report)
    return begin > 0


def _checked_start(response: requests.Response, part: Part, begin: int, version: str) -> int:
    """Where the body of the answer belongs: at ``begin``, or at 0 where a server starts anew."""
    status = response.status_code
    if status == 200:
        return 0
    if begin and status in (206, 416):
        starts = re.match(rf"bytes {begin}-", response.headers.get("Content-Range", ""))
        if status == 206 and starts and _version(response) in ("", version):
            return begin
        part.discard()
        raise BrokeOff("sends another version than before")
    # Not the server's own words for it, which may be anything.
    known = status in HTTPStatus.__members__.values()
    why = f"answers {status}" + (f" {HTTPStatus(status).phrase}" if known else "")
    raise BrokeOff(why) if status in _BUSY else Failed(why)


def _receive(
    response: requests.Response,
    part: Part,
    done: int,
    total: int,
    at_most: int,
    patience: Patience,
    report: Report,
) -> None:
    """Append the body to ``part``, as it comes; ``done`` bytes are there."""
    window, came = time.monotonic(), 0
    # Around all of it, since closing a file writes, too; what the network raises is no OSError here.
    with writing(part.path), part.path.open("ab") as file:
        report(done, total)
        while chunk := _next_chunk(response, patience):
            done, came = done + len(chunk), came + len(chunk)
            if done > at_most:
                raise Failed(f"sends more than {at_most:,} bytes")
            file.write(chunk)
            # A full disk must not wait for the end, nor a kill take what has come.
            file.flush()
            report(done, total)
            now = time.monotonic()
            if now - window >= patience.window_s:
                if came < patience.slowest_bytes_per_s * (now - window):
                    raise Failed(f"sends only {came / (now - window):,.0f} bytes a second", away=True)
                window, came = now, 0


def _next_chunk(response: requests.Response, patience: Patience) -> bytes:
    """What has come, as it was sent; empty at the end."""
    try:
        # Not `read`, which waits until it has everything it was asked for, however slowly that trickles in.
        return response.raw.read1(_CHUNK, decode_content=False) or b""
    except ReadTimeoutError:
        raise Failed(f"falls silent for {patience.silence_s:g} s", away=True) from None
    except HTTPError:  # also where less came than Content-Length said
        raise BrokeOff("breaks the connection off") from None


def _version(response: requests.Response) -> str:
    """What If-Range may name: a strong ETag, else the date."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _range_total(response: requests.Response) -> int | None:
    return _count(response.headers.get("Content-Range", "").rpartition("/")[2])


def _count(text: str) -> int | None:
    """The number of bytes that a header names; None for anything odd."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None

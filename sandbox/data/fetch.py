"""One download over HTTP that can go on where it stopped: a URL into a ``.part`` file.

Servers are slow, lie, and go away. Everything that can be wrong with one ends in `Failed`, which says why in
a few words; what came so far is kept wherever it can still be of use.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import requests
from requests import exceptions
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Retry

from sandbox import __version__
from sandbox.core.errors import Refused
from sandbox.core.files import write_atomically

_CHUNK = 1 << 16
_BUSY = (429, 500, 502, 503, 504)
"""answers that may be others a moment later"""

Report = Callable[[int, int], None]
"""told how many bytes are here, and how many it will be (0: nobody knows)"""


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for, and how often it is asked again."""

    connect_s: float = 10.0
    silence_s: float = 30.0
    """without a single byte"""
    window_s: float = 30.0
    slowest_bytes_per_s: float = 1000.0
    """over a window; a server that trickles would never be silent"""
    attempts: int = 5
    """in a row that hardly get further"""
    backoff_s: float = 0.5
    """before the second attempt; doubled before each further one"""


class Failed(Exception):  # noqa: N818 - see errors.py
    """A mirror did not give what it should; ``away``: it could not be reached or heard, rather than lied."""

    def __init__(self, why: str, *, away: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.away = away


class BrokeOff(Failed):
    """The connection ended before the file did: worth another attempt."""

    def __init__(self, why: str) -> None:
        super().__init__(why, away=True)


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
        raise Refused(
            f"cannot write {path}: {error.strerror or error}",
            hint="free some space, or choose another folder by --data-dir",
        ) from None


def session(patience: Patience) -> requests.Session:
    """A session that asks again, after a pause, where a server is busy or hard to reach."""
    retry = Retry(
        total=3,
        connect=1,
        read=1,
        status_forcelist=_BUSY,
        backoff_factor=patience.backoff_s,
        # What a server asks for may be a day.
        respect_retry_after_header=False,
        raise_on_status=False,
    )
    made = requests.Session()
    made.max_redirects = 10
    # Only these: a redirect to file:// or ftp:// finds no adapter.
    for scheme in ("http://", "https://"):
        made.mount(scheme, HTTPAdapter(max_retries=retry))
    # Unpacking is ours: a .gz that is said to be encoded as gzip must arrive as it is.
    made.headers.update({"Accept-Encoding": "identity", "User-Agent": f"rl-sandbox/{__version__}"})
    return made


def fetch(
    url: str, part: Part, at_most: int, *, asked: requests.Session, patience: Patience, report: Report
) -> bool:
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


def _attempt(
    url: str, part: Part, at_most: int, asked: requests.Session, patience: Patience, report: Report
) -> bool:
    version = part.version(url)
    begin = part.size if version else 0
    headers = {"Range": f"bytes={begin}-", "If-Range": version} if begin else {}
    timeout = (patience.connect_s, patience.silence_s)
    try:
        response = asked.get(url, headers=headers, stream=True, timeout=timeout)
    except exceptions.RequestException as error:
        raise _unanswered(error, patience) from None
    with response:
        if begin and response.status_code == 416 and _range_total(response) == begin:
            return True  # All of it was here.
        begin = _checked_start(response, part, begin, version)
        length = response.headers.get("Content-Length", "")
        total = begin + int(length) if length.isdigit() else 0
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
    raise Failed(f"answers {status} {response.reason or ''}".rstrip(), away=status in _BUSY)


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
    with writing(part.path):
        file = part.path.open("ab")
    with file:
        report(done, total)
        while chunk := _next_chunk(response, patience):
            done, came = done + len(chunk), came + len(chunk)
            if done > at_most:
                raise Failed(f"sends more than {at_most:,} bytes")
            _append(part.path, file, chunk)
            report(done, total)
            now = time.monotonic()
            if now - window >= patience.window_s:
                if came < patience.slowest_bytes_per_s * (now - window):
                    raise Failed(f"sends only {came / (now - window):,.0f} bytes a second", away=True)
                window, came = now, 0
    if total and done < total:
        raise BrokeOff(f"breaks off after {done:,} of {total:,} bytes")


def _append(path: Path, file: IO[bytes], chunk: bytes) -> None:
    with writing(path):
        file.write(chunk)
        # A full disk must not wait for the end, nor a kill take what has come.
        file.flush()


def _next_chunk(response: requests.Response, patience: Patience) -> bytes:
    """What has come, as it was sent; empty at the end."""
    try:
        # Not `read`, which waits until it has everything it was asked for, however slowly that trickles in.
        return response.raw.read1(_CHUNK, decode_content=False) or b""
    except ReadTimeoutError:
        raise Failed(f"falls silent for {patience.silence_s:g} s", away=True) from None
    except HTTPError:
        raise BrokeOff("breaks the connection off") from None


def _version(response: requests.Response) -> str:
    """What If-Range may name: a strong ETag, else the date."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _range_total(response: requests.Response) -> int | None:
    total = response.headers.get("Content-Range", "").rpartition("/")[2]
    return int(total) if total.isdigit() else None


def _unanswered(error: exceptions.RequestException, patience: Patience) -> Failed:
    """Why there was no answer, in a few words; the order matters, as these errors inherit from each other."""
    reasons: list[tuple[type[Exception], str, bool]] = [
        (exceptions.TooManyRedirects, "redirects in a circle", False),
        (exceptions.InvalidSchema, "redirects to something that is not http", False),
        (exceptions.SSLError, "has no certificate that can be trusted", True),
        (exceptions.ProxyError, "is behind a proxy that refuses", True),
        (exceptions.ConnectTimeout, f"does not answer within {patience.connect_s:g} s", True),
        (exceptions.ReadTimeout, f"does not answer within {patience.silence_s:g} s", True),
        (exceptions.ConnectionError, "cannot be reached", True),
    ]
    known = next(((why, away) for kind, why, away in reasons if isinstance(error, kind)), None)
    why, away = known or (f"cannot be asked ({type(error).__name__})", False)
    return Failed(why, away=away)

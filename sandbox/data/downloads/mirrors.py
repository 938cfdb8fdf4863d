"""Asking a mirror over HTTP: sessions, redirects, and why there was no answer."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests
from requests import exceptions
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ProtocolError
from urllib3.util import Retry

from sandbox import __version__

_REDIRECTS = 10


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


class Session(requests.Session):
    """Leaves redirects to `answer`: requests would read their bodies, however long, before it follows."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say that there is nowhere to go on to."""

    def target(self, response: requests.Response) -> str | None:
        """Where ``response`` redirects to; None if it does not."""
        return super().get_redirect_target(response)


def session(patience: Patience) -> Session:
    """A session that asks a second time, after a pause, where a server is hard to reach."""
    # Busy servers are asked again by `fetch`: urllib3 would read all that they have to say, however long, and
    # wait for as long as they ask for, a day if need be.
    retry = Retry(
        total=2, connect=1, read=1, backoff_factor=patience.backoff_s, respect_retry_after_header=False
    )
    made = Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, HTTPAdapter(max_retries=retry))
    # Unpacking is ours: a .gz that is said to be encoded as gzip must arrive as it is.
    made.headers.update({"Accept-Encoding": "identity", "User-Agent": f"rl-sandbox/{__version__}"})
    return made


def answer(url: str, headers: dict[str, str], asked: Session, patience: Patience) -> requests.Response:
    """The answer to a request, at the end of all redirects; its body is still to be read.

    Raises:
        Failed: There is none.
    """
    timeout = (patience.connect_s, patience.silence_s)
    try:
        for _ in range(_REDIRECTS):
            response = asked.get(url, headers=headers, stream=True, timeout=timeout)
            target = asked.target(response)
            if target is None:
                return response
            response.close()
            url = urljoin(url, target)
            if urlsplit(url).scheme not in ("http", "https"):
                raise Failed("redirects to something that is not http")
    except (exceptions.RequestException, HTTPError, ValueError) as error:
        raise _unanswered(error, patience) from None
    raise Failed("redirects in a circle")


def _unanswered(error: Exception, patience: Patience) -> Failed:
    """Why there was no answer, in a few words; the order matters, as these errors inherit from each other."""
    reasons: list[tuple[type[Exception], str, bool]] = [
        (exceptions.SSLError, "has no certificate that can be trusted", True),
        (exceptions.ProxyError, "is behind a proxy that refuses", True),
        (exceptions.ConnectTimeout, f"does not answer within {patience.connect_s:g} s", True),
        (exceptions.ReadTimeout, f"does not answer within {patience.silence_s:g} s", True),
        (exceptions.ConnectionError, "cannot be reached", True),
    ]
    cause = error.args[0] if error.args else None
    if isinstance(getattr(cause, "reason", cause), ProtocolError):
        return Failed("breaks the connection off", away=True)
    known = next(((why, away) for kind, why, away in reasons if isinstance(error, kind)), None)
    why, away = known or (f"answers something odd ({type(error).__name__})", False)
    return Failed(why, away=away)

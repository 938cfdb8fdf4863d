"""A mirror of data sets on this machine, as good or as bad as a test wants it."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """One answer to one request."""

    body: bytes = b""
    status: int = 200
    tag: str = '"1"'
    ranges: bool = True
    """honours Range, if If-Range names the tag"""
    careless: bool = False
    """honours Range, whatever If-Range names"""
    length: int | None = None
    """what Content-Length says; -1 for none"""
    stop_after: int | None = None
    """bytes that are sent before the connection is closed"""
    pause_s: float = 0.0
    """before each further byte"""
    headers: dict[str, str] = field(default_factory=dict)


class Mirror:
    """Answers with the pages in ``pages`` by path, one after the other; the last one again and again."""

    def __init__(self) -> None:
        self.pages: dict[str, list[Page]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        """path and headers of each request"""
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def offer(self, path: str, *pages: Page | bytes) -> None:
        """Answer to ``path`` with the ``pages``."""
        self.pages[path] = [page if isinstance(page, Page) else Page(page) for page in pages]

    def ranges(self) -> list[str | None]:
        """What each request said of the range it wants."""
        return [headers.get("Range") for _, headers in self.asked]

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                mirror.asked.append((self.path, dict(self.headers)))
                pages = mirror.pages.get(self.path, [Page(b"nothing here", 404)])
                page = pages.pop(0) if len(pages) > 1 else pages[0]
                # A client that goes away is none of a server's business.
                with contextlib.suppress(ConnectionError):
                    _answer(self, page, mirror.closing)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler


def _answer(handler: BaseHTTPRequestHandler, page: Page, closing: threading.Event) -> None:
    wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    same = page.careless or handler.headers.get("If-Range") == page.tag
    begin = int(wanted[1]) if wanted and page.ranges and same and page.status == 200 else 0
    body = page.body[begin:]
    status = page.status
    if begin >= len(page.body) and begin:
        status, body = 416, b""
    elif begin:
        status = 206
    handler.send_response(status)
    if status in (206, 416):
        span = f"{begin}-{len(page.body) - 1}" if body else "*"
        handler.send_header("Content-Range", f"bytes {span}/{len(page.body)}")
    if page.length != -1:
        handler.send_header("Content-Length", str(len(body) if page.length is None else page.length))
    handler.send_header("ETag", page.tag)
    for name, value in page.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.close_connection = page.length is not None or page.stop_after is not None or page.pause_s > 0
    body = body if page.stop_after is None else body[: max(page.stop_after - begin, 0)]
    if not page.pause_s:
        handler.wfile.write(body)
    for byte in body if page.pause_s else b"":
        handler.wfile.write(bytes([byte]))
        time.sleep(page.pause_s)
        if closing.is_set():
            return


@contextlib.contextmanager
def running_mirror() -> Iterator[Mirror]:
    """A mirror that is closed at the end."""
    mirror = Mirror()
    try:
        yield mirror
    finally:
        mirror.close()

"""A publisher of weights on this machine: files at addresses, and of the hub's interface what downloads use."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Publisher:
    """What is published, how the server behaves, and what it was asked.

    Attributes
    ----------
    files : path -> bytes, with ranges; ``/owner/repository/resolve/main/file`` is a file of the hub.
    refuse : path -> (status, the hub's own word for it).
    break_after : bytes after which each of the next connections breaks off, in order.
    leads_to : path -> address elsewhere, as the hub leads to where its files lie.
    asked : (method, path, Range) of every request.
    logins : path -> the login that came with the last request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    refuse: dict[str, tuple[int, str]] = field(default_factory=dict)
    break_after: list[int] = field(default_factory=list)
    leads_to: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    logins: dict[str, str] = field(default_factory=dict)
    knows_ranges: bool = True
    address: str = ""

    def put(self, repository: str, name: str, data: bytes) -> None:
        """Publish a file on the hub."""
        self.files[f"/{repository}/resolve/main/{name}"] = data

    def ranges(self, path: str) -> list[str]:
        """The ranges asked for by the downloads of one path."""
        return [wanted for method, asked, wanted in self.asked if method == "GET" and asked == path]


@contextmanager
def publishing() -> Iterator[Publisher]:
    """A server on a free port of 127.0.0.1."""
    publisher = Publisher()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def log_message(self, *_: object) -> None:
            """Not a word."""

        def _answer(self, *, with_body: bool) -> None:
            publisher.asked.append((self.command, self.path, self.headers.get("Range", "")))
            publisher.logins[self.path] = self.headers.get("Authorization", "")
            status, word = publisher.refuse.get(self.path, (0, ""))
            if not status and self.path not in publisher.files:
                status, word = 404, "EntryNotFound"
            if status:
                self._head(status, 0, {"X-Error-Code": word, "X-Repo-Commit": COMMIT} if word else {})
                return
            data = publisher.files[self.path]
            digest = hashlib.sha256(data).hexdigest()
            headers = {"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT}
            if self.path in publisher.leads_to:
                linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(data))}
                self._head(302, 0, {**linked, "X-Repo-Commit": COMMIT, "Location": publisher.leads_to[self.path]})
                return
            start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if start and publisher.knows_ranges:
                first = int(start[1])
                headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
                self._head(206, len(data) - first, headers)
                data = data[first:]
            else:
                self._head(200, len(data), headers)
            if with_body:
                self._body(data)

        def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(length), **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def _body(self, data: bytes) -> None:
            limit = publisher.break_after.pop(0) if publisher.break_after else len(data)
            self.wfile.write(data[:limit])
            self.close_connection = limit < len(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    publisher.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield publisher
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

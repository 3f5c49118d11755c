"""A small HTTP server in place of a deployed endpoint; it remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    """What was asked."""

    method: str
    path: str
    headers: Message
    body: bytes


@dataclass
class Answer:
    """What is answered; a body of None is no answer at all, and the connection ends."""

    status: int = 200
    body: bytes | None = b"OK"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Endpoint:
    """Its address, and what it was asked so far."""

    url: str
    requests: list[Request] = field(default_factory=list)


@contextmanager
def endpoint(answer: Callable[[Request], Answer]) -> Iterator[Endpoint]:
    """Runs as long as the block lasts; *answer* decides."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Request(self.command, self.path, self.headers, body)
            served.requests.append(asked)
            given = answer(asked)
            if given.body is None:
                self.close_connection = True
                return
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(given.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """The tests look at what it remembers."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Endpoint(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""What API Gateway adds, takes away and refuses, on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from dataplane.process import LOOPBACK

PAYLOAD_LIMIT = 10 * 1024 * 1024
"""Bytes of a request's or an answer's body (API Gateway quotas, HTTP API)."""

TIMEOUT_SECONDS = 30
"""Integration timeout (API Gateway quotas, HTTP API)."""

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass
class Gateway:
    """The address to call, and what passed: sizes in bytes of the bodies, refused ones included."""

    url: str
    host: str
    requested: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)


@contextmanager
def gateway(target: str, *, host: str) -> Iterator[Gateway]:
    """An HTTP API called *host* in front of *target*, as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            passed.requested.append(length)
            if length > PAYLOAD_LIMIT:
                self.close_connection = True  # the body is not read
                self._answer(413, {}, b'{"message":"Request Too Long"}')
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            headers |= {
                "Host": host,
                "X-Public-Host": host,
                "X-Forwarded-For": "203.0.113.7",
                "X-Forwarded-Proto": "https",
            }
            answer = requests.request(
                self.command,
                f"{target}{self.path}",
                headers=headers,
                data=self.rfile.read(length),
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            )
            body = answer.raw.read()  # as it came, compressed or not
            passed.answered.append(len(body))
            if len(body) > PAYLOAD_LIMIT:
                self._answer(500, {}, b'{"message":"Internal Server Error"}')
                return
            self._answer(answer.status_code, dict(answer.headers), body)

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _pass_on  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """The tests look at what passed, not at a log."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    passed = Gateway(url=f"http://{LOOPBACK}:{server.server_port}", host=host)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield passed
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

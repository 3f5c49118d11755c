"""``make ui``: an endpoint on this machine's loopback address, for browsers and tools that cannot prove who they are.

Whoever can run programs here as any user can use it, with the caller's credentials, as long as it runs.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from client.identity import Identity
from client.target import Target
from deployment.progress import Display
from errors import UserError

LOOPBACK = "127.0.0.1"
_TIMEOUT_SECONDS = (10, 300)  # to connect, and between two parts of an answer
_CHUNK = 64 * 1024
_IN_MEMORY = 1024 * 1024  # bytes of a request; the rest waits on the disk
_CONNECTIONS = 32
_HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"),
    *("transfer-encoding", "upgrade"),
}  # RFC 9110, 7.6.1
# Browsers send cookies to every port of a host: those of other programs here are none of the endpoint's business.
_NOT_SENT = _HOP_BY_HOP | {"host", "origin", "authorization", "cookie", "content-length", "expect"}
# The credentials are ours to bring, so the browser must not ask for any.
_NOT_RETURNED = _HOP_BY_HOP | {"www-authenticate", "set-cookie", "strict-transport-security"}


class Proxy(ThreadingHTTPServer):
    """Passes requests of this machine on to *target* as *identity*; *port* 0 takes a free one."""

    def __init__(self, target: Target, identity: Identity, port: int = 0) -> None:
        self.session = requests.Session()  # first: a port that cannot be had closes it again
        super().__init__((LOOPBACK, port), _Handler)
        self.target = target
        self.identity = identity
        self.hosts = {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}
        self.origin = "{0.scheme}://{0.netloc}".format(urlsplit(target.url))
        self.session.headers.clear()  # the caller's own are passed on
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))

    @property
    def url(self) -> str:
        """What to open."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def server_close(self) -> None:
        """Stop listening, and close the connections to the endpoint."""
        super().server_close()
        self.session.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that end early: browsers do that all the time."""
        if not isinstance(sys.exception(), OSError | HTTPError):
            super().handle_error(request, client_address)  # type: ignore[arg-type] # as the base class has them

    def send(self, method: str, path: str, headers: Mapping[str, str], body: IO[bytes]) -> requests.Response:
        """Pass a request on; once again if it was refused and there are newer credentials by now."""
        answer = self._send(method, path, headers, body)
        if answer.status_code in (401, 403) and self.identity.renew():
            answer.close()
            answer = self._send(method, path, headers, body)
        return answer

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: IO[bytes]) -> requests.Response:
        size = body.seek(0, os.SEEK_END)
        body.seek(0)
        return self.session.request(
            method,
            f"{self.target.url}{path}",
            headers=dict(headers),
            data=body if size else None,
            auth=self.identity.auth,
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
            stream=True,
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy
    timeout = 120  # seconds that an idle connection is kept

    def _pass_on(self) -> None:
        if refusal := self._refusal():
            self.close_connection = True  # its body is not read
            self._answer(*refusal)
            return
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as body:
            self._read_into(body)
            try:
                answer = self.server.send(self.command, self.path, self._headers(), body)
            except (requests.RequestException, UserError) as error:
                self._answer(502, f"{self.server.target.url} cannot be asked: {error}")
                return
            with answer:
                self._return(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _pass_on  # noqa: N815

    def _refusal(self) -> tuple[int, str] | None:
        """Status and reason, if the request does not come from this machine's own page or tool."""
        hosts, origins = (self.headers.get_all(name, []) for name in ("Host", "Origin"))
        ours = {f"http://{host}" for host in self.server.hosts}
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            return 403, f"Only requests to {self.server.url} are passed on."  # a name that leads here: DNS rebinding
        if not {origin.lower() for origin in origins} <= ours:
            return 403, "Requests of other pages are not passed on."
        if not self.path.startswith("/"):
            return 400, "The request must name a path."
        if "Transfer-Encoding" in self.headers or not (self.headers.get("Content-Length") or "0").isdecimal():
            return 411, "The request must say its length in Content-Length."
        return None

    def _read_into(self, body: IO[bytes]) -> None:
        left = int(self.headers.get("Content-Length") or 0)
        while left and (part := self.rfile.read(min(left, _CHUNK))):
            body.write(part)
            left -= len(part)
        if left:
            raise ConnectionError("the caller went away")

    def _headers(self) -> dict[str, str]:
        names = {name.lower() for name in self.headers} - _NOT_SENT
        headers = {name: ", ".join(self.headers.get_all(name, [])) for name in names}
        # The page's origin as the endpoint knows it, without which MLflow refuses what the page posts.
        return headers | ({"Origin": self.server.origin} if "Origin" in self.headers else {})

    def _return(self, answer: requests.Response) -> None:
        has_length = "Content-Length" in answer.headers
        has_body = self.command != "HEAD" and answer.status_code not in (204, 304)
        self.send_response(answer.status_code)
        for name, value in answer.raw.headers.items():
            if name.lower() not in _NOT_RETURNED:
                self.send_header(
                    name, value.removeprefix(self.server.target.url) if name.lower() == "location" else value
                )
        if has_body and not has_length:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if has_body:
            self._stream(answer, chunked=not has_length)

    def _stream(self, answer: requests.Response, *, chunked: bool) -> None:
        """Pass on the body as it came, compressed or not; an end before its time is passed on as well."""
        self.close_connection = True
        for part in answer.raw.stream(_CHUNK, decode_content=False):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = False

    def _answer(self, status: int, text: str) -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: query strings may hold what is nobody's business."""


def serve(target: Target, identity: Identity, port: int, display: Display) -> None:
    """Run it until Ctrl-C; raises ``UserError`` for a port that cannot be used."""
    try:
        proxy = Proxy(target, identity, port)
    except (OSError, OverflowError) as error:
        raise UserError(
            f"port {port} of {LOOPBACK} cannot be used ({getattr(error, 'strerror', None) or error}). Choose another "
            "one: make ui ARGS='--port 5002'."
        ) from error
    with proxy:
        display.say(f"\n{target.name}: open {proxy.url}/ (as {identity}); Ctrl-C stops it.")
        proxy.serve_forever()

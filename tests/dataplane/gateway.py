"""API Gateway on loopback: what an HTTP API checks, adds, takes away and refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import requests
from botocore.credentials import Credentials

from dataplane.process import LOOPBACK
from tests.dataplane.authorizers import FAILED, FORBIDDEN, Answer, Request, Verifier
from tests.dataplane.authorizers.function import FunctionVerifier
from tests.dataplane.authorizers.jwt import JwtVerifier
from tests.dataplane.authorizers.sigv4 import SigV4Verifier
from tests.dataplane.http_api import Authorizer, FunctionIntegration, HttpApi, JwtAuthorizer, Route, VpcLinkIntegration
from tests.dataplane.lambda_function import Function, FunctionError, proxied

PAYLOAD_LIMIT = 10 * 1024 * 1024
"""Bytes of a request's or an answer's body (API Gateway quotas, HTTP API)."""

CALLER = "203.0.113.7"
"""The address that callers come from, unless a gateway is told another."""

NOT_FOUND = Answer.of_the_gateway(404, "Not Found")
TOO_LONG = Answer.of_the_gateway(413, "Request Too Long")
UNAVAILABLE = Answer.of_the_gateway(503, "Service Unavailable")
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass(frozen=True)
class Surroundings:
    """What the API's Terraform refers to and does not hold.

    *issuers* are the loopback addresses of issuers, by their own (https://...). *functions* are by Terraform address.
    """

    region: str = "us-west-2"
    issuers: Mapping[str, str] = field(default_factory=dict)
    callers: Sequence[Credentials] = ()
    functions: Mapping[str, Function] = field(default_factory=dict)
    clock: Callable[[], float] = time.time


@dataclass
class Gateway:
    """The address to call, and what passed: sizes in bytes of the bodies, refused ones included."""

    url: str
    requested: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)


class _Api:
    """Answers requests as *api* says, those for *host* or the loopback address."""

    def __init__(self, api: HttpApi, target: str, *, host: str, surroundings: Surroundings) -> None:
        self._api = api
        self._target = target
        self._host = host
        self._around = surroundings
        self._iam = SigV4Verifier(region=surroundings.region, callers=surroundings.callers, clock=surroundings.clock)
        self._verifiers: dict[Authorizer, Verifier] = {
            route.authorizer: self._verifier(route.authorizer) for route in api.routes if route.authorizer
        }

    def answer(self, request: Request) -> Answer:
        if urlsplit(f"//{request.headers.get('host', '')}").hostname not in (self._host, LOOPBACK):
            return FORBIDDEN
        route = self._api.route(request.method, request.path)
        if route is None:
            return NOT_FOUND
        return self._refusal(request, route) or self._integrated(request, route)

    def _refusal(self, request: Request, route: Route) -> Answer | None:
        if route.authorization == "NONE":
            return None
        verifier = self._verifiers[route.authorizer] if route.authorizer else self._iam
        assert (verifier is self._iam) == (route.authorization == "AWS_IAM"), route.key
        return verifier.refusal(request, route)

    def _verifier(self, authorizer: Authorizer) -> Verifier:
        if isinstance(authorizer, JwtAuthorizer):
            return JwtVerifier(authorizer, issuers=self._around.issuers, clock=self._around.clock)
        function = self._around.functions[authorizer.function]
        return FunctionVerifier(authorizer, function=function, clock=self._around.clock)

    def _integrated(self, request: Request, route: Route) -> Answer:
        if isinstance(route.integration, FunctionIntegration):
            try:
                return proxied(self._around.functions[route.integration.function], request, route)
            except FunctionError:
                return FAILED
        try:
            answer = self._passed_on(request, route.integration)
        except requests.RequestException:  # too slow, or not there
            return UNAVAILABLE
        return answer if len(answer.body) <= PAYLOAD_LIMIT else FAILED

    def _passed_on(self, request: Request, integration: VpcLinkIntegration) -> Answer:
        overwritten = {name.lower(): self._value(value, request) for name, value in integration.headers.items()}
        kept = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
        hops = [request.headers["x-forwarded-for"]] if "x-forwarded-for" in request.headers else []
        added = {
            "host": self._host,
            "via": "HTTP/1.1 AmazonAPIGateway",
            "x-forwarded-for": ", ".join([*hops, request.source_ip]),
            "x-forwarded-proto": "https",
        }
        prepared = requests.Request(request.method, self._target, {**kept, **added, **overwritten}, data=request.body)
        asked = prepared.prepare()
        asked.url = f"{self._target}{request.target}"  # as it came; requests would tidy it up
        with requests.Session() as session:
            session.trust_env = False  # no proxy of the machine, and no .netrc
            answer = session.send(asked, timeout=integration.timeout_seconds, allow_redirects=False, stream=True)
            body = answer.raw.read()  # as it came, compressed or not
        return Answer(answer.status_code, dict(answer.headers), body)

    @staticmethod
    def _value(value: str, request: Request) -> str:
        """A mapped parameter: a variable, of those that we use, or a static value."""
        known = {
            "$context.domainName": request.headers["host"],  # of the API's names the one that was called
            "$context.identity.sourceIp": request.source_ip,
        }
        assert value in known or "$" not in value, value
        return known.get(value, value)


@contextmanager
def gateway(
    api: HttpApi,
    target: str,
    *,
    host: str,
    surroundings: Surroundings = Surroundings(),
    source_ip: str = CALLER,
) -> Iterator[Gateway]:
    """The HTTP API *api*, called *host*, in front of *target*, as long as the block lasts."""
    answering = _Api(api, target, host=host, surroundings=surroundings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > PAYLOAD_LIMIT:
                passed.requested.append(length)
                self.close_connection = True  # the body is not read
                self._send(TOO_LONG)
                return
            body = self._chunks() if self.headers.get("Transfer-Encoding") else self.rfile.read(length)
            passed.requested.append(len(body))
            headers = {name.lower(): ",".join(self.headers.get_all(name, [])) for name in self.headers}
            answer = answering.answer(Request(self.command, self.path, headers, body, source_ip))
            passed.answered.append(len(answer.body))
            self._send(answer)

        def _chunks(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()  # no trailers
            return body

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """The tests look at what passed, not at a log."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    passed = Gateway(url=f"http://{LOOPBACK}:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield passed
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

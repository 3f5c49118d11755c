"""``make ui``: who may use the proxy, what it passes on, what it says when it cannot."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import requests
from rich.console import Console

from client.auth import Bearer
from client.identity import Nobody
from client.proxy import Proxy, serve
from client.target import Target
from deployment.progress import Display
from errors import UserError
from tests.unit.fake_endpoint import Answer, Endpoint, Request, endpoint


@dataclass
class Visitor(Nobody):
    """A caller whose password is changed while it is out."""

    passwords: list[str] = field(default_factory=lambda: ["old"])

    @property
    def auth(self) -> Bearer:  # type: ignore[override]
        return Bearer(self.passwords[0])

    def renew(self) -> bool:
        if len(self.passwords) > 1:
            self.passwords.pop(0)
            return True
        return False


@dataclass
class Stage:
    api: Endpoint
    proxy: Proxy

    def ask(self, method: str = "GET", path: str = "/", **more: object) -> requests.Response:
        return requests.request(method, f"{self.proxy.url}{path}", timeout=30, **more)  # type: ignore[arg-type]


@contextmanager
def proxied(answer: Callable[[Request], Answer], visitor: Visitor | None = None) -> Iterator[Stage]:
    with endpoint(answer) as api:
        proxy = Proxy(Target("dev", api.url, "basic"), visitor or Visitor())
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield Stage(api, proxy)
        finally:
            proxy.shutdown()
            proxy.server_close()
            thread.join()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with proxied(lambda _: Answer(200, b"hello", {"Set-Cookie": "a=b", "X-Own": "kept"})) as stage:
        yield stage


def test_it_brings_the_credentials_whatever_the_caller_sends(stage: Stage) -> None:
    assert stage.ask(auth=("somebody", "else")).text == "hello"
    assert stage.api.requests[0].headers.get_all("Authorization") == ["Bearer old"]


def test_method_path_query_headers_and_body_arrive_as_they_were_sent(stage: Stage) -> None:
    body = bytes(range(256)) * 10_000  # larger than what is kept in memory
    stage.ask("PUT", "/a%20b/c?d=e%2Ff&d=g", data=body, headers={"X-Own": "1", "Content-Type": "text/x"})
    [asked] = stage.api.requests
    assert (asked.method, asked.path, asked.body) == ("PUT", "/a%20b/c?d=e%2Ff&d=g", body)
    assert (asked.headers["X-Own"], asked.headers["Content-Type"]) == ("1", "text/x")
    assert asked.headers["Host"] == stage.api.url.removeprefix("http://")


def test_cookies_go_neither_way(stage: Stage) -> None:
    answer = stage.ask(headers={"Cookie": "session=of-another-port"})
    assert stage.api.requests[0].headers["Cookie"] is None
    assert (answer.headers.get("Set-Cookie"), answer.headers["X-Own"]) == (None, "kept")
    stage.ask()
    assert stage.api.requests[1].headers["Cookie"] is None


@pytest.mark.parametrize(
    "host", ["evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "localhost:{port}.evil.example"]
)
def test_refuses_a_name_that_only_leads_here(stage: Stage, host: str) -> None:
    answer = stage.ask(headers={"Host": host.format(port=stage.proxy.server_port)})
    assert answer.status_code == 403
    assert stage.api.requests == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refuses_other_pages(stage: Stage, origin: str, method: str) -> None:
    assert stage.ask(method, headers={"Origin": origin}, data=b"x").status_code == 403
    assert stage.api.requests == []


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_its_own_page_becomes_the_endpoints(stage: Stage, name: str) -> None:
    own = f"{name}:{stage.proxy.server_port}"
    assert stage.ask("POST", headers={"Host": own, "Origin": f"http://{own}"}, data=b"x").status_code == 200
    assert stage.api.requests[0].headers["Origin"] == stage.api.url


def test_listens_on_the_loopback_address_alone(stage: Stage) -> None:
    assert stage.proxy.server_address[0] == "127.0.0.1"


def test_refuses_a_request_of_unknown_length(stage: Stage) -> None:
    assert stage.ask("POST", data=iter([b"x"])).status_code == 411


def test_a_refusal_leads_to_one_more_try_with_newer_credentials() -> None:
    def answer(asked: Request) -> Answer:
        return Answer(200 if asked.headers["Authorization"] == "Bearer new" else 401)

    with proxied(answer, Visitor(["old", "new"])) as stage:
        assert stage.ask("POST", data=b"again").status_code == 200
        assert [asked.body for asked in stage.api.requests] == [b"again", b"again"]
    with proxied(answer, Visitor(["old"])) as stage:
        assert stage.ask().status_code == 401
        assert len(stage.api.requests) == 1


def test_the_browser_is_never_asked_for_a_password() -> None:
    with proxied(lambda _: Answer(401, b"no", {"WWW-Authenticate": "Basic"})) as stage:
        assert "WWW-Authenticate" not in stage.ask().headers


def test_a_redirect_to_the_endpoint_stays_here() -> None:
    with proxied(lambda asked: Answer(302, b"", {"Location": f"http://{asked.headers['Host']}/ui"})) as stage:
        assert stage.ask(allow_redirects=False).headers["Location"] == "/ui"


def test_an_endpoint_that_is_gone_is_a_plain_502() -> None:
    with proxied(lambda _: Answer(body=None)) as stage:
        answer = stage.ask()
        assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/plain; charset=utf-8")
        assert answer.text.startswith(f"{stage.api.url} cannot be asked: ")


def test_refuses_a_taken_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"port {port} of 127\.0\.0\.1 cannot be used \(Address already in use\)"):
            serve(Target("dev", "http://127.0.0.1:1", "none"), Nobody(), port, Display(Console()))

"""Whom nginx lets in by what API Gateway says: how it has checked the caller, and where the caller came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from dataplane.process import free_port
from tests.dataplane.nginx import Proxy, Upstream, run_nginx, run_upstream

ACCESS = "X-Gateway-Access"
SOURCE = "X-Source-Ip"
ACCESSES = ("jwt", "iam", "lambda", "none")
ASSISTANT = "/ajax-api/3.0/mlflow/assistant/config"
CLOSED_TO_STRANGERS = (
    "/",
    "/ui",
    "/secret",
    "/health",
    ASSISTANT,
    "/ELB-STATUS",
    "/elb-status/",
    "/elb-status%0A",
    "/elb-status;",
)


class Gated(NamedTuple):
    """nginx behind a gateway that checks callers as *access* says."""

    access: str
    proxy: Proxy


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with run_upstream(free_port()) as server:
        yield server


@pytest.fixture(scope="module", params=ACCESSES)
def gated(request: pytest.FixtureRequest, upstream: Upstream) -> Iterator[Gated]:
    with run_nginx(upstream.port, AUTH_MODE="gateway", GATEWAY_ACCESS=request.param) as proxy:
        yield Gated(request.param, proxy)


@pytest.fixture(scope="module")
def trusting(upstream: Upstream) -> Iterator[Proxy]:
    with run_nginx(upstream.port, AUTH_MODE="gateway", GATEWAY_ACCESS="iam", DIRECT_CLIENTS="trusted") as proxy:
        yield proxy


LISTS = {
    "one IPv4": "203.0.113.0/24",
    "many": "203.0.113.0/24 198.51.100.7/32 2001:db8:1::/48 10.0.0.0/8",
    "all": "0.0.0.0/0 ::/0",
    "the last address": "240.0.0.0/4 255.255.255.254/32",
}


@pytest.fixture(scope="module", params=["basic", "gateway"])
def listed(request: pytest.FixtureRequest, upstream: Upstream) -> Iterator[dict[str, Proxy]]:
    """nginx in both modes with each of the lists, asked as the gateway asks."""
    mode = {"AUTH_MODE": request.param, "GATEWAY_ACCESS": "jwt", "DIRECT_CLIENTS": "trusted"}
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(run_nginx(upstream.port, **mode, ALLOWED_CIDRS=cidrs))
            for name, cidrs in {**LISTS, "none": "", "blank": "  "}.items()
        }


@pytest.mark.parametrize("header", [ACCESS, ACCESS.lower(), ACCESS.upper()])
def test_answers_the_gateway_that_checks_as_expected(gated: Gated, header: str) -> None:
    assert gated.proxy.ask("/open", {header: gated.access}, login=None)[:2] == (200, b"/open")


def others(access: str) -> list[str | list[str]]:
    """Every value that is not *access*; as two lines, nginx before 1.23 sees the first alone, later ones join them."""
    similar = [access.upper(), access.title(), f"{access}x", f"x{access}", f"{access}, {access}", f"{access} {access}"]
    injected = ["basic", "trusted", "refused", "1", "*", ".*", f"refused {access}", f"{access} refused {access}"]
    doubled = [["basic", access], [f"{access},", access]]
    return [*(set(ACCESSES) - {access}), *similar, *injected, *doubled]


def test_any_other_gateway_is_told_to_try_again(gated: Gated, upstream: Upstream) -> None:
    for value in others(gated.access):
        answer = gated.proxy.ask("/other", {ACCESS: value})
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30"), value
        assert answer.headers["Content-Type"] == "text/plain"
    assert "/other" not in upstream.requests


@pytest.mark.parametrize(
    "headers", [{}, {ACCESS: ""}, {"X_Gateway_Access": "{access}"}, {"X-Gateway-Acces": "{access}"}]
)
def test_refuses_who_did_not_come_through_the_gateway(
    gated: Gated, upstream: Upstream, headers: dict[str, str]
) -> None:
    sent = {name: value.format(access=gated.access) for name, value in headers.items()}
    answer = gated.proxy.ask("/direct", sent)
    assert (answer.status, answer.headers["Retry-After"]) == (403, None)
    assert "/direct" not in upstream.requests


@pytest.mark.parametrize("path", CLOSED_TO_STRANGERS)
def test_nothing_but_the_health_check_is_open_to_strangers(gated: Gated, upstream: Upstream, path: str) -> None:
    seen = len(upstream.requests)
    assert gated.proxy.ask(path).status == 403
    assert gated.proxy.ask(path, {ACCESS: "basic"}).status == 503
    assert gated.proxy.ask(path, {ACCESS: "basic"}, method="POST").status == 503
    assert len(upstream.requests) == seen


def test_the_assistant_stays_closed_for_the_gateway(gated: Gated) -> None:
    assert gated.proxy.ask(ASSISTANT, {ACCESS: gated.access})[:2] == (403, b"MLflow's assistant is closed.\n")


@pytest.mark.parametrize("headers", [{}, {ACCESS: "basic"}, {SOURCE: "192.0.2.1"}, {ACCESS: "x", SOURCE: "text"}])
def test_the_health_check_is_for_everybody(gated: Gated, headers: dict[str, str]) -> None:
    answer = gated.proxy.ask("/elb-status", headers, login=None)
    assert (answer.status, answer.headers["Retry-After"]) == (200, None)


def test_trusted_clients_need_no_gateway(trusting: Proxy) -> None:
    assert trusting.ask("/trusted", login=None)[:2] == (200, b"/trusted")
    assert trusting.ask("/", {ACCESS: "iam"}).status == 200


def test_a_gateway_that_is_being_changed_is_no_trusted_client(trusting: Proxy) -> None:
    assert {trusting.ask("/", {ACCESS: value}).status for value in others("iam")} == {503}


def test_with_a_password_the_gateway_need_not_have_checked(upstream: Upstream) -> None:
    with run_nginx(upstream.port) as proxy:
        for headers in ({}, {ACCESS: "basic"}, {ACCESS: "jwt"}):
            assert (proxy.ask("/", headers).status, proxy.ask("/", headers, login=None).status) == (200, 401)


IN, OUT = ("203.0.113.0", "203.0.113.255"), ("203.0.112.255", "203.0.114.0", "2001:db8::1", "::1", "127.0.0.1")
IN_MANY = (*IN, "198.51.100.7", "2001:db8:1:ffff::1", "2001:DB8:1::", "10.255.0.1", "::ffff:10.0.0.1")
OUT_MANY = ("198.51.100.8", "2001:db8:2::", "11.0.0.0", "::ffff:11.0.0.1", "::10.0.0.1")


@pytest.mark.parametrize(
    ("name", "sources", "status"),
    [("one IPv4", IN, 200), ("one IPv4", OUT, 403), ("many", IN_MANY, 200), ("many", OUT_MANY, 403)]
    + [(name, (*IN_MANY, *OUT_MANY), 200) for name in ("all", "none", "blank")],
)
def test_only_callers_from_the_listed_networks_are_let_in(
    listed: dict[str, Proxy], upstream: Upstream, name: str, sources: tuple[str, ...], status: int
) -> None:
    for source in sources:
        path = f"/from/{name.replace(' ', '-')}/{source}"
        assert listed[name].ask(path, {ACCESS: "jwt", SOURCE: source}).status == status, source
        assert (path in upstream.requests) == (status == 200)


MALFORMED: list[str | list[str]] = [
    *("text", "1", "*", "all", "203.0.113.9, 203.0.113.9", "203.0.113.9 203.0.113.9", "203.0.113.9:443", "203.0.113"),
    *("[2001:db8:1::1]", "2001:db8:1::1%eth0", "2001:db8:1:::1", "203.0.113.0/24", "203.0.113.256", "0x0a.0.0.1"),
    *("255.255.255.255", "unix:/x", "1 203.0.113.9", "1 ", "default", "-1", "203.0.113.9\t203.0.113.9"),
    # As two lines, nginx before 1.23 sees the first alone, later ones join them.
    *(["192.0.2.1", "203.0.113.9"], ["text", "203.0.113.9"]),
]


@pytest.mark.parametrize("name", ["one IPv4", "many", "the last address"])
def test_a_source_that_is_no_address_is_in_no_network(listed: dict[str, Proxy], upstream: Upstream, name: str) -> None:
    for source in MALFORMED:
        assert listed[name].ask("/malformed", {ACCESS: "jwt", SOURCE: source}).status == 403, source
    assert "/malformed" not in upstream.requests


def test_a_source_that_is_no_address_is_not_let_in_by_the_networks_of_all(listed: dict[str, Proxy]) -> None:
    assert {listed["all"].ask("/", {ACCESS: "jwt", SOURCE: source}).status for source in MALFORMED[:-2]} == {403}


@pytest.mark.parametrize("path", ["/", "/ui", ASSISTANT, "/ELB-STATUS", "/elb-status%0A"])
def test_an_address_outside_is_refused_before_anything_is_asked(listed: dict[str, Proxy], path: str) -> None:
    answer = listed["many"].ask(path, {ACCESS: "jwt", SOURCE: "192.0.2.1"}, login=None)
    assert answer[:2] == (403, b"Your address is not allowed here.\n")


def test_a_request_that_names_no_source_is_not_judged_by_it(listed: dict[str, Proxy]) -> None:
    for proxy in listed.values():
        assert (proxy.ask("/").status, proxy.ask("/elb-status", {SOURCE: "192.0.2.1"}).status) == (200, 200)


def test_a_source_outside_is_in_the_log(listed: dict[str, Proxy]) -> None:
    listed["many"].ask("/who-was-that", {ACCESS: "jwt", SOURCE: "192.0.2.1"})
    line = listed["many"].logged("/who-was-that")
    assert (line["status"], line["source_ip"]) == (403, "192.0.2.1")


@pytest.mark.parametrize("path", ["/plain", "/ui", "/elb-status"])
def test_what_the_gateway_says_ends_at_nginx(listed: dict[str, Proxy], upstream: Upstream, path: str) -> None:
    said = {"X-Public-Host": "mlflow.example.com", ACCESS: ["jwt", "jwt"], SOURCE: "203.0.113.9"}
    upstream.requests.clear()
    listed["none"].ask(path, {**said, ACCESS: "jwt", "X_Source_Ip": "a", "x-source-ip2": "kept"})
    [received] = upstream.requests.values()
    assert not {name.lower().replace("_", "-") for name in received} & {name.lower() for name in said}
    assert received["X-Source-Ip2"] == "kept"

"""The nginx image alone: its entrypoint on the real nginx, in front of a small upstream that remembers what it got."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dataplane.process import SEARCH_PATH, free_port, is_listening
from tests.dataplane.nginx import (
    IMAGE,
    LOGIN,
    PASSWORD,
    PATIENCE,
    USER,
    Proxy,
    Upstream,
    authorization,
    run_nginx,
    run_upstream,
)
from tests.waiting import eventually

PRINTABLE = "".join(map(chr, range(32, 127)))
PUBLIC = "abc123.execute-api.us-west-2.amazonaws.com"
BIG = 20 * 1024 * 1024
ROOT = os.geteuid() == 0
UNSHARE = ["unshare"] if ROOT else ["unshare", "--user", "--map-root-user"]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with run_upstream(free_port()) as server:
        yield server


@pytest.fixture(scope="module")
def basic(upstream: Upstream) -> Iterator[Proxy]:
    with run_nginx(upstream.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Proxy]:
    with run_nginx(
        upstream.port,
        AUTH_MODE="gateway",
        GATEWAY_ACCESS="jwt",
        DIRECT_CLIENTS="trusted",
        AUTH_USERNAME="",
        AUTH_PASSWORD="",
    ) as proxy:
        yield proxy


@pytest.fixture(params=["basic", "gateway"])
def proxy(request: pytest.FixtureRequest) -> Proxy:
    proxy: Proxy = request.getfixturevalue(request.param)
    return proxy


def test_lets_the_right_credentials_in(basic: Proxy) -> None:
    assert basic.ask("/in")[:2] == (200, b"/in")


@pytest.mark.parametrize(
    "login", [None, ("", ""), (USER, ""), ("", PASSWORD), (USER, "wrong"), ("other", PASSWORD), (USER, PASSWORD + "x")]
)
def test_refuses_any_other_credentials(basic: Proxy, upstream: Upstream, login: tuple[str, str] | None) -> None:
    answer = basic.ask("/secret", login=login)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="MLflow"')
    assert "/secret" not in upstream.requests


@pytest.mark.parametrize("password", [PRINTABLE, PRINTABLE[::-1], "päss✓", "%s\\n$HOME", "-n", "x" * 256])
def test_any_printable_password_works(upstream: Upstream, password: str) -> None:
    user = " a $b\\"
    with run_nginx(upstream.port, AUTH_USERNAME=user, AUTH_PASSWORD=password) as proxy:
        assert proxy.ask("/", login=(user, password)).status == 200
        assert proxy.ask("/", login=(user, password[:-1])).status == 401


def derived(name: str, secret: str = PASSWORD) -> str:
    """The password of another user, as the shell makes it: printf '%s:%s' NAME "$SECRET" | sha256sum."""
    return hashlib.sha256(f"{name}:{secret}".encode()).hexdigest()


USERS = ("alice", "Alice", "a.b_c@d-e", "0" * 64)


@pytest.fixture(scope="module")
def with_users(upstream: Upstream) -> Iterator[Proxy]:
    with run_nginx(upstream.port, AUTH_USERS=f"  {'  '.join(USERS)} ") as proxy:
        yield proxy


@pytest.mark.parametrize("name", USERS)
def test_every_user_has_a_password_that_follows_from_the_secret(with_users: Proxy, name: str) -> None:
    assert with_users.ask("/", login=(name, derived(name))).status == 200
    assert with_users.ask(f"/as-{name}", login=(name, derived(name))).status == 200
    assert with_users.logged(f"/as-{name}")["user"] == name
    assert with_users.ask("/", login=LOGIN).status == 200


@pytest.mark.parametrize(
    "login",
    [
        ("alice", PASSWORD),
        ("alice", derived("Alice")),
        ("alice", derived("alice").upper()),
        ("alice", derived("alice") + "\n"),
        ("alice", derived("alice", PASSWORD + "\n")),
        ("bob", derived("bob")),
        (USER, derived(USER)),
        ("alice Alice", derived("alice Alice")),
    ],
)
def test_no_user_has_anothers_password(with_users: Proxy, login: tuple[str, str]) -> None:
    assert with_users.ask("/", login=login).status == 401


def test_passwords_follow_from_any_secret(upstream: Upstream) -> None:
    with run_nginx(upstream.port, AUTH_PASSWORD=PRINTABLE, AUTH_USERS="alice") as proxy:
        assert proxy.ask("/", login=("alice", derived("alice", PRINTABLE))).status == 200


def test_no_password_is_on_a_command_line(upstream: Upstream, tmp_path: Path) -> None:
    for program in ("openssl", "sha256sum"):
        (spy := tmp_path / program).write_text(
            f"""#!/bin/sh\necho "${{0##*/}} $*" >>{tmp_path}/seen\nPATH='{SEARCH_PATH}' exec {program} "$@"\n"""
        )
        spy.chmod(0o755)
    with run_nginx(upstream.port, PATH=f"{tmp_path}:{SEARCH_PATH}", AUTH_USERS="alice") as proxy:
        assert proxy.ask("/", login=("alice", derived("alice"))).status == 200
    commands = (tmp_path / "seen").read_text().splitlines()
    assert sorted(commands) == ["openssl passwd -apr1 -stdin", "openssl passwd -apr1 -stdin", "sha256sum "]


def test_gateway_mode_asks_for_no_credentials(gateway: Proxy) -> None:
    assert gateway.ask("/open", login=None)[:2] == (200, b"/open")
    assert not (gateway.run / "htpasswd").exists()


def test_credentials_go_neither_to_mlflow_nor_into_the_log(proxy: Proxy, upstream: Upstream) -> None:
    path = "/credentials?token=hunter2"
    assert proxy.ask(path, {"Cookie": "session=hunter2", "X-Amzn-Trace-Id": "Root=1"}).status == 200
    assert "Authorization" not in upstream.requests[path]
    line = proxy.logged("/credentials")
    assert (line["method"], line["status"], line["user"], line["trace_id"]) == ("GET", 200, USER, "Root=1")
    for credential in ("hunter2", PASSWORD, authorization(LOGIN)["Authorization"].removeprefix("Basic ")):
        assert credential not in proxy.log.read_text("utf-8")


@pytest.mark.parametrize(
    ("host", "public_host", "origin"),
    [
        (PUBLIC, "", f"https://{PUBLIC}"),  # a browser, by way of an API Gateway that keeps Host
        ("internal-lb.elb.amazonaws.com", PUBLIC, f"https://{PUBLIC}"),  # that replaces Host
        ("127.0.0.1:8080", "", "http://127.0.0.1:8080"),  # a browser on the user's own machine
        ("Lb.Example", "", "http://lb.example"),
    ],
)
def test_mlflow_sees_no_origin_of_a_page_of_ours(
    basic: Proxy, upstream: Upstream, host: str, public_host: str, origin: str
) -> None:
    headers = {"Host": host, "X-Public-Host": public_host, "Origin": origin}
    assert basic.ask("/own", headers, method="POST").status == 200
    received = upstream.requests["/own"]
    assert received["Host"] == "localhost"
    assert received["X-Forwarded-Host"] == (public_host or host)
    assert not {"Origin", "X-Public-Host"} & set(received)


FOREIGN = (
    *("https://evil.example", f"https://{PUBLIC}.evil.example", f"https://evil{PUBLIC}", f"https://evil.{PUBLIC}"),
    *(f"https://{PUBLIC}:8443", f"https://{PUBLIC}/", f"ftp://{PUBLIC}", PUBLIC, "https://", "null"),
    f"https://{PUBLIC.replace('.', 'x')}",  # a dot is no wildcard
    # A space is what nginx's rule puts between the headers.
    *(f"https://{PUBLIC} {PUBLIC}", f"https://evil.example {PUBLIC}", "https://evil.example evil.example"),
)


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("hosts", [{"Host": PUBLIC}, {"Host": "lb.internal", "X-Public-Host": PUBLIC}])
def test_mlflow_sees_a_foreign_origin(basic: Proxy, upstream: Upstream, hosts: dict[str, str], origin: str) -> None:
    basic.ask("/foreign", {**hosts, "Origin": origin}, method="POST")
    assert upstream.requests["/foreign"]["Origin"] == origin


def test_mlflow_learns_the_callers_address(proxy: Proxy, upstream: Upstream) -> None:
    proxy.ask("/from")
    assert upstream.requests["/from"]["X-Forwarded-For"] == "127.0.0.1"
    proxy.ask("/from", {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})
    assert upstream.requests["/from"]["X-Forwarded-For"] == "203.0.113.9, 127.0.0.1"
    assert upstream.requests["/from"]["X-Forwarded-Proto"] == "https"


ASSISTANT = """
    /ajax-api/3.0/mlflow/assistant                   /ajax-api/3.0/mlflow/assistant/
    /ajax-api/3.0/mlflow/assistant?x=1               /ajax-api/3.0/mlflow/assistant/sessions/1/stream
    //ajax-api//3.0/mlflow///assistant/config        /ajax-api/3.0/./mlflow/assistant/config
    /ajax-api/3.0/mlflow/%61ssistant/config          /ajax-api%2F3.0%2fmlflow%2Fassistant%2Fconfig
    /ajax-api/3.0/mlflow/Assistant/config            /prefix/of/ajax-api/3.0/mlflow/assistant/config
    /api/2.0/mlflow/assistant/config                 /api/2.0/preview/mlflow/assistant/config
    http://localhost/ajax-api/3.0/mlflow/assistant/config
"""


@pytest.mark.parametrize("path", ASSISTANT.split())
def test_the_assistant_is_closed_in_any_disguise(proxy: Proxy, upstream: Upstream, path: str) -> None:
    seen = len(upstream.requests)
    disguised = "%" in path or path.startswith("//")
    assert proxy.ask(path).status == (400 if disguised else 403)
    assert len(upstream.requests) == seen


def test_the_assistant_is_closed_for_a_prefix_with_a_space(proxy: Proxy) -> None:
    assert proxy.ask("/a%20b/ajax-api/3.0/mlflow/assistant")[:2] == (403, b"MLflow's assistant is closed.\n")


@pytest.mark.parametrize("dots", ["..", "%2e%2E", ".%2e"])
@pytest.mark.parametrize("slash", ["/", "%2F", "%2f"])
def test_refuses_a_path_that_mlflow_could_read_differently(basic: Proxy, dots: str, slash: str) -> None:
    assert basic.ask(f"/ajax-api/3.0/mlflow/assistant/sessions{slash}{dots}{slash}x").status == 400
    assert basic.ask(f"/x{slash}{dots}").status == 400
    assert basic.ask(f"/ajax-api/3.0/mlflow/assistant{slash}{dots}#").status == 400


UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
LOG_BATCH = "/api/2.0/mlflow/runs/log-batch"


@pytest.mark.parametrize("byte", range(1, 128))
def test_refuses_what_no_client_encodes(basic: Proxy, byte: int) -> None:
    """RFC 3986, 2.3: the unreserved characters are not encoded. A slash is, but by no client that MLflow has here."""
    refused = chr(byte) in UNRESERVED + "/"
    for encoded in {f"%{byte:02x}", f"%{byte:02X}"}:
        assert basic.ask(f"/a{encoded}b").status == (400 if refused else 200)
        assert basic.ask(f"/a?b={encoded}").status == 200


@pytest.mark.parametrize(
    "path",
    [
        LOG_BATCH.replace("-", "%2d"),
        LOG_BATCH.replace("runs/", "runs%2F"),
        LOG_BATCH.replace("/api/", "/api%2f"),
        "/%61" + LOG_BATCH[2:],
        "/" + LOG_BATCH,
        "//" + LOG_BATCH + "?x",
        "http://localhost/" + LOG_BATCH,
        f"/api/3.0/mlflow/mcp-servers/..{LOG_BATCH}",
        f"/x/api/3.0/mlflow/mcp-servers/a%2f..{LOG_BATCH}",
        "/api%2F3.0/mlflow/mcp-servers/a",
        LOG_BATCH.replace("runs/", "runs%2F") + "?/api/3.0/mlflow/mcp-servers/",
    ],
)
def test_no_spelling_passes_by_a_route_of_the_gateway(proxy: Proxy, upstream: Upstream, path: str) -> None:
    seen = len(upstream.requests)
    assert proxy.ask(path, method="POST").status == 400
    assert len(upstream.requests) == seen


OTHER_PATHS = [
    *("/a..b/..c/d..", "/list?path=../x", "/mlflow/assistant", "/api/2/mlflow/assistants", "/%C3%A9%20%3F%25"),
    *("/api/3.0/mlflow/mcp-servers/io.example%2Fserver", "/ajax-api/3.0/mlflow/mcp-servers/a%2fb/tags/c%2Fd", "/%2561"),
    *("/list?path=%2Fa%2e%61//", "/a//b"),
]


@pytest.mark.parametrize("path", OTHER_PATHS)
def test_other_paths_pass_as_they_are(basic: Proxy, path: str) -> None:
    assert basic.ask(path)[:2] == (200, path.encode())


@pytest.mark.parametrize("query", ["", "?a=/b&c=%61"])
def test_ui_answers_as_the_root_does(proxy: Proxy, query: str) -> None:
    assert proxy.ask(f"/ui{query}")[:2] == proxy.ask(f"/{query}")[:2] == (200, f"/{query}".encode())


def test_ui_asks_for_the_password_and_has_nothing_below_it(basic: Proxy) -> None:
    assert basic.ask("/ui", login=None).status == 401
    assert basic.ask("/ui/x").body == b"/ui/x"


@pytest.mark.parametrize("mode", ["basic", "gateway"])
def test_elb_status_follows_mlflow_and_asks_for_no_password(mode: str) -> None:
    port = free_port()
    with run_nginx(port, AUTH_MODE=mode, GATEWAY_ACCESS="jwt") as proxy:

        def status(method: str = "GET") -> int:
            return proxy.ask("/elb-status", {"Host": "10.0.3.7:8080"}, method=method, login=None).status

        assert status() == 503
        with run_upstream(port) as mlflow:
            assert (status(), status("HEAD"), status("POST")) == (200, 200, 403)
            for mlflow.health in (500, 404, 307, 401):
                assert status() == 503
        assert status() == 503
        proxy.ask("/other")
        proxy.logged("/other")
        assert "/elb-status" not in proxy.log.read_text("utf-8")


def test_elb_status_does_not_wait_for_a_hanging_mlflow() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, run_nginx(silent.getsockname()[1]) as proxy:
        assert proxy.ask("/elb-status").status == 503


def test_text_is_compressed_for_api_gateway_too(basic: Proxy) -> None:
    packed = basic.ask("/big.js", {"Accept-Encoding": "gzip", "Via": "HTTP/1.1 AmazonAPIGateway"})
    assert (packed.headers["Content-Encoding"], packed.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert len(packed.body) < len(basic.ask("/big.js").body) / 10


def test_a_redirect_names_no_host_that_only_nginx_knows(basic: Proxy) -> None:
    assert basic.ask("/moved").headers["Location"] == "/elsewhere"


def test_answers_carry_nosniff_once(basic: Proxy) -> None:
    assert basic.ask("/").headers.get_all("X-Content-Type-Options") == ["nosniff"]


def test_an_upload_reaches_mlflow_while_the_client_still_sends(basic: Proxy, upstream: Upstream) -> None:
    upstream.arrived.clear()
    with closing(basic.connect()) as client:
        client.putrequest("POST", "/upload")
        for header in {**authorization(LOGIN), "Content-Length": str(BIG)}.items():
            client.putheader(*header)
        client.endheaders(bytes(BIG // 2))
        assert upstream.arrived.wait(PATIENCE), "MLflow saw nothing of half an upload"
        client.send(bytes(BIG // 2))
        assert client.getresponse().read() == str(BIG).encode()


def test_nobody_else_can_read_what_it_writes(basic: Proxy) -> None:
    assert [stat.S_IMODE(path.stat().st_mode) for path in (basic.run, basic.run / "htpasswd")] == [0o700, 0o600]
    assert (basic.run / "htpasswd").read_text("utf-8").startswith(f"{USER}:$apr1$")
    assert b"AUTH_" not in Path(f"/proc/{basic.process.pid}/environ").read_bytes()


def test_writes_to_tmpdir_only(upstream: Upstream) -> None:
    """As in the task, whose root file system is read-only."""
    read_only = """
        cd "${0%/*}" && mount --bind "$TMPDIR" "$TMPDIR" && mount -o remount,bind,ro / &&
        ! touch "${TMPDIR%/*}/x" 2>/dev/null && exec "$0"
    """
    with run_nginx(upstream.port, prefix=[*UNSHARE, "--mount", "sh", "-c", read_only]) as proxy:
        assert proxy.ask("/read-only").status == 200
        assert [path.name for path in proxy.run.parent.iterdir()] == ["nginx"]


def test_runs_as_the_images_user_whoever_owns_stdout(upstream: Upstream) -> None:
    become = ["setpriv", "--reuid=101", "--regid=101", "--clear-groups"] if ROOT else []
    uid = 101 if ROOT else os.geteuid()
    with run_nginx(upstream.port, prefix=become, uid=uid) as proxy:
        assert proxy.ask("/as-user").status == 200
        assert proxy.logged("/as-user")["status"] == 200
        assert (proxy.run / "htpasswd").stat().st_uid == uid
        assert proxy.errors.read_text("utf-8") == ""


def test_sigquit_lets_a_request_in_flight_finish() -> None:
    """As process 1 of a container, to which the kernel delivers only the signals that it handles."""
    pid_1 = [*UNSHARE, "--pid", "--fork", "--kill-child"]
    with run_upstream(free_port()) as mlflow, run_nginx(mlflow.port, prefix=pid_1) as proxy:
        assert (proxy.run / "nginx.pid").read_text("utf-8") == "1\n"
        with closing(proxy.connect()) as client:
            client.request("GET", "/wait", headers=authorization(LOGIN))
            assert mlflow.arrived.wait(PATIENCE)
            unshare = proxy.process.pid
            os.kill(int(Path(f"/proc/{unshare}/task/{unshare}/children").read_text("utf-8")), signal.SIGQUIT)
            eventually(lambda: not is_listening(proxy.port), "nginx takes no new connections")
            mlflow.go_on.set()
            assert client.getresponse().read() == b"/wait"
        assert proxy.process.wait(PATIENCE) == 0


def test_the_entrypoint_is_clean_for_shellcheck() -> None:
    result = subprocess.run(["shellcheck", IMAGE / "entrypoint.sh"], capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0, result.stdout

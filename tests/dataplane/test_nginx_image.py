"""The nginx image alone: its entrypoint on the real nginx, in front of a small upstream that remembers what it got."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from dataplane.process import SEARCH_PATH, free_port, is_listening
from tests.dataplane.servers import eventually

IMAGE = Path(__file__).resolve().parents[2] / "images" / "nginx"
LOGIN = USER, PASSWORD = "mlflow", "correct horse"
PRINTABLE = "".join(map(chr, range(32, 127)))
PUBLIC = "abc123.execute-api.us-west-2.amazonaws.com"
PATIENCE = 20  # seconds until a test gives up; nothing takes as long when all is well
BIG = 20 * 1024 * 1024
ROOT = os.geteuid() == 0
UNSHARE = ["unshare"] if ROOT else ["unshare", "--user", "--map-root-user"]


@dataclass
class Upstream:
    """Stands for MLflow: remembers the headers by path, and waits where a test says so."""

    port: int
    health: int = 200
    requests: dict[str, Message] = field(default_factory=dict)
    arrived: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: Message


@dataclass
class Proxy:
    port: int
    process: subprocess.Popen[bytes]
    run: Path
    log: Path
    errors: Path

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        login: tuple[str, str] | None = LOGIN,
    ) -> Answer:
        """Send *path* as it is; other clients would tidy it up."""
        with closing(self.connect()) as client:
            client.request(method, path, headers={**authorization(login), **(headers or {})})
            response = client.getresponse()
            return Answer(response.status, response.read(), response.headers)

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def answers(self) -> bool:
        try:  # that it listens says nothing: the entrypoint's test of the configuration does so for an instant
            return bool(self.ask("/", login=None).status)
        except OSError:
            return False

    def logged(self, path: str) -> dict[str, object]:
        """The one line of the access log about *path*."""
        eventually(lambda: f'"{path}"' in self.log.read_text("utf-8"), f"{path} is in the access log")
        [line] = [line for line in map(json.loads, self.log.read_text("utf-8").splitlines()) if line["path"] == path]
        assert isinstance(line, dict)
        return line


def authorization(login: tuple[str, str] | None) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(":".join(login).encode()).decode()} if login else {}


@contextmanager
def run_upstream(port: int) -> Iterator[Upstream]:
    record = Upstream(port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            record.requests[self.path] = self.headers
            body = self.path.encode()
            if self.path == "/big.js":
                body = b"let mlflow;" * 1000
            elif self.path == "/wait":
                record.arrived.set()
                record.go_on.wait(PATIENCE)
            elif self.path == "/upload":
                length = int(self.headers["Content-Length"])
                body = str(self._read(1024) + self._read(length - 1024)).encode()
            self.send_response(record.health if self.path == "/health" else 307 if self.path == "/moved" else 200)
            self.send_header("Content-Type", "text/javascript")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Location", f"http://{self.headers['Host']}/elsewhere")
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        do_POST = do_HEAD = do_GET  # noqa: N815 - http.server's names

        def _read(self, length: int) -> int:
            received = len(self.rfile.read(length))
            record.arrived.set()
            return received

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads, block_on_close = True, False  # nginx keeps connections open

    with Server(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield record
        finally:
            record.go_on.set()
            server.shutdown()
            thread.join()


def environment(tmpdir: Path, **variables: str) -> dict[str, str]:
    login = {"AUTH_MODE": "basic", "AUTH_USERNAME": USER, "AUTH_PASSWORD": PASSWORD}
    return {"PATH": SEARCH_PATH, "TMPDIR": str(tmpdir), **login, **variables}


@contextmanager
def run_nginx(mlflow_port: int, *, prefix: list[str] | None = None, uid: int = -1, **env: str) -> Iterator[Proxy]:
    """The image's entrypoint, started by *prefix*. TMPDIR belongs to *uid*, but stdout does not."""
    with tempfile.TemporaryDirectory(prefix="nginx-image-") as folder:
        home, port = Path(folder), free_port()
        (tmpdir := home / "tmp").mkdir()
        for name in ("entrypoint.sh", "nginx.conf.template"):  # the tree may be in a folder closed to *uid*
            shutil.copy(IMAGE / name, home)
        home.chmod(0o755)
        os.chown(tmpdir, uid, -1)
        listen = {"MLFLOW_PORT": str(mlflow_port), "NGINX_LISTEN": f"127.0.0.1:{port}"}
        with (home / "log").open("ab") as log, (home / "errors").open("ab") as errors:
            command = [*(prefix or []), str(home / "entrypoint.sh")]
            process = subprocess.Popen(command, env=environment(tmpdir, **listen, **env), stdout=log, stderr=errors)
        proxy = Proxy(port, process, tmpdir / "nginx", home / "log", home / "errors")
        try:
            eventually(lambda: process.poll() is not None or proxy.answers(), "nginx answers")
            assert process.poll() is None, proxy.errors.read_text("utf-8")
            yield proxy
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


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
    with run_nginx(upstream.port, AUTH_MODE="gateway", AUTH_USERNAME="", AUTH_PASSWORD="") as proxy:
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
    assert proxy.ask(path)[:2] == (403, b"MLflow's assistant is closed.\n")
    assert len(upstream.requests) == seen


@pytest.mark.parametrize("dots", ["..", "%2e%2E", ".%2e"])
@pytest.mark.parametrize("slash", ["/", "%2F", "%2f"])
def test_refuses_a_path_that_mlflow_could_read_differently(basic: Proxy, dots: str, slash: str) -> None:
    assert basic.ask(f"/ajax-api/3.0/mlflow/assistant/sessions{slash}{dots}{slash}x").status == 400
    assert basic.ask(f"/x{slash}{dots}").status == 400


@pytest.mark.parametrize("path", ["/a..b/..c/d..", "/list?path=../x", "/mlflow/assistant", "/api/2/mlflow/assistants"])
def test_other_paths_pass_as_they_are(basic: Proxy, path: str) -> None:
    assert basic.ask(path)[:2] == (200, path.encode())


@pytest.mark.parametrize("mode", ["basic", "gateway"])
def test_elb_status_follows_mlflow_and_asks_for_no_password(mode: str) -> None:
    port = free_port()
    with run_nginx(port, AUTH_MODE=mode) as proxy:

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


REFUSED = {
    "AUTH_MODE": ["", "none", "Basic", "basic\nx", "a\\nb"],
    "AUTH_USERNAME": ["", "a:b", "#a", "a\nb"],
    "AUTH_PASSWORD": ["", f"{PASSWORD}\n", f"{PASSWORD}\t", PASSWORD * 20],
    "MLFLOW_PORT": ["", "0", "65536", "9" * 20, "5000;", "5000\n1", "-1", "http"],
    "NGINX_LISTEN": ["", "0", "8080;", ":8080", "::", "127.0.0.1:", "a b:80", "$host:80", "1\n2"],
    "TMPDIR": ["", "relative", "/does/not/exist", "/etc/passwd"],
}


@pytest.mark.parametrize(("variable", "value"), [(name, value) for name in REFUSED for value in REFUSED[name]])
def test_refuses_bad_input_with_one_line_before_it_writes(tmp_path: Path, variable: str, value: str) -> None:
    assert [line.split()[:2] for line in refusals(environment(tmp_path, **{variable: value}))] == [["error:", variable]]
    assert not list(tmp_path.iterdir())


def test_refuses_everything_that_is_missing_at_once(tmp_path: Path) -> None:
    missing = refusals({"PATH": SEARCH_PATH, "TMPDIR": str(tmp_path), "AUTH_MODE": "basic"})
    assert [line.split()[1] for line in missing] == ["AUTH_USERNAME", "AUTH_PASSWORD"]


def refusals(env: Mapping[str, str]) -> list[str]:
    result = subprocess.run([IMAGE / "entrypoint.sh"], env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert (result.returncode, result.stdout) == (1, "")
    assert PASSWORD not in result.stderr
    return result.stderr.splitlines()


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

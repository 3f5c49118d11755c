"""The nginx image without a container, and a small upstream that stands for MLflow and remembers what it got."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from dataplane.process import SEARCH_PATH, free_port
from tests.waiting import eventually

IMAGE = Path(__file__).resolve().parents[2] / "images" / "nginx"
LOGIN = USER, PASSWORD = "mlflow", "correct horse"
PATIENCE = 20  # seconds until a test gives up; nothing takes as long when all is well


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
        headers: Mapping[str, str | Sequence[str]] | None = None,
        *,
        method: str = "GET",
        login: tuple[str, str] | None = LOGIN,
    ) -> Answer:
        """Send *path* as it is; other clients would tidy it up. A header with several values is sent several times."""
        sent = {**authorization(login), **(headers or {})}
        with closing(self.connect()) as client:
            client.putrequest(method, path, skip_host="Host" in sent, skip_accept_encoding="Accept-Encoding" in sent)
            for name, values in sent.items():
                for value in [values] if isinstance(values, str) else values:
                    client.putheader(name, value)
            client.endheaders()
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

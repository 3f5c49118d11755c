"""MLflow's container on a database of its own, for the tests of how it starts, runs and stops."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import requests

from dataplane.containers import IMAGES, MLFLOW_PYTHON, answers, start_mlflow
from dataplane.mariadb import MariaDb
from dataplane.process import LOOPBACK, Process, free_port
from tests.waiting import PATIENCE_SECONDS, eventually

OLDER_REVISION = "0584bdc529eb"  # of MLflow's schema before version 3
_OLDER_SCHEMA = """
import sys
from alembic import command
from mlflow.store.db import utils
url, revision = sys.argv[1:]
utils.InitialBase.metadata.create_all(utils.create_sqlalchemy_engine(url))
command.upgrade(utils._get_alembic_config(url), revision)
"""
_USER_NAMESPACE = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
_LISTENING = "0A"  # in /proc/net/tcp


@dataclass(frozen=True)
class Database:
    """A database on *mariadb*, and a user of the same name; with *ca_file* by TLS, else without."""

    mariadb: MariaDb
    name: str
    password: str
    ca_file: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What MLflow's container gets to use it."""
        return {
            "DATABASE_HOST": LOOPBACK,
            "DATABASE_PORT": str(self.mariadb.port),
            "DATABASE_NAME": self.name,
            "DATABASE_USERNAME": self.name,
            "DATABASE_PASSWORD": self.password,
            "DATABASE_TLS": "verify" if self.ca_file else "off",
            "DATABASE_CA_FILE": str(self.ca_file or ""),
            "ARTIFACTS_URI": "s3://artifacts",
        }

    @property
    def tables(self) -> list[str]:
        return [name for (name,) in self.mariadb.execute(f"SHOW TABLES FROM {self.name}")]

    @property
    def revision(self) -> str:
        [(revision,)] = self.mariadb.execute(f"SELECT version_num FROM {self.name}.alembic_version")  # noqa: S608
        return str(revision)

    @property
    def experiments(self) -> list[str]:
        names = self.mariadb.execute(f"SELECT name FROM {self.name}.experiments ORDER BY experiment_id")  # noqa: S608
        return [name for (name,) in names]

    def connect(self) -> pymysql.Connection[Any]:
        """As its user, without TLS."""
        return pymysql.connect(
            host=LOOPBACK, port=self.mariadb.port, user=self.name, password=self.password, database=self.name
        )

    def is_waited_for(self) -> bool:
        """Whether a statement waits for somebody's lock on a table."""
        waiting = "SELECT db FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'"
        return (self.name,) in self.mariadb.execute(waiting)

    def make_older_schema(self, *, experiment: str) -> None:
        """Give it the schema of ``OLDER_REVISION``, with an experiment."""
        url = f"mysql+pymysql://{self.name}:{self.password}@{LOOPBACK}:{self.mariadb.port}/{self.name}"
        arguments = [str(MLFLOW_PYTHON), "-c", _OLDER_SCHEMA, url, OLDER_REVISION]
        subprocess.run(arguments, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
        columns = f"{self.name}.experiments (experiment_id, name, artifact_location, lifecycle_stage)"
        row = f"(1, '{experiment}', 's3://artifacts/1', 'active')"
        self.mariadb.execute(f"INSERT INTO {columns} VALUES {row}", "COMMIT")  # noqa: S608


def new_database(
    mariadb: MariaDb, *, password: str | None = None, rights: str = "ALL PRIVILEGES", ca_file: Path | None = None
) -> Database:
    """An empty one; with *ca_file* its user may not come without TLS."""
    name = f"test_{secrets.token_hex(4)}"
    database = Database(mariadb, name, password or secrets.token_urlsafe(), ca_file)
    mariadb.create_database(name, user=name, password=database.password, rights=rights)
    if ca_file:
        mariadb.execute(f"ALTER USER '{name}'@'%' REQUIRE SSL")
    return database


def make_certificates(folder: Path) -> Path:
    """Return the file of a new CA in *folder*; ``server.pem`` beside it is for the loopback address and for no name."""
    new = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    ca = ["-subj", "/CN=ca", "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", "ca.key", "-out", "ca.pem"]
    server = ["-subj", "/CN=server", "-addext", f"subjectAltName=IP:{LOOPBACK}", "-addext", "basicConstraints=CA:FALSE"]
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"]
    folder.mkdir()
    for arguments in (ca, [*server, *signed]):
        subprocess.run(["openssl", "req", *new, *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
    return folder / "ca.pem"


@dataclass(frozen=True)
class Server:
    """MLflow's container."""

    process: Process
    port: int

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def output(self) -> str:
        return self.process.output()

    def post(self, path: str, **body: str) -> requests.Response:
        return requests.post(f"{self.url}/api/2.0/mlflow/{path}", json=body, timeout=PATIENCE_SECONDS)

    def get(self, path: str, **parameters: str) -> requests.Response:
        return requests.get(f"{self.url}/api/2.0/mlflow/{path}", params=parameters, timeout=PATIENCE_SECONDS)

    def wait_until_healthy(self) -> None:
        self.process.wait_until(lambda: answers(self.port, "/health"), seconds=PATIENCE_SECONDS)

    def wait_until_it_says(self, words: str) -> None:
        self.process.wait_until(lambda: words in self.output, seconds=PATIENCE_SECONDS)


@contextmanager
def starting(environment: Mapping[str, str], folder: Path, *, as_process_1: bool = False) -> Iterator[Server]:
    """MLflow's container from its first moment on."""
    port = free_port()
    variables = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "MLFLOW_PORT": str(port), **environment}
    start = _start_as_process_1 if as_process_1 else start_mlflow
    with start(variables, folder) as process:
        yield Server(process, port)


@contextmanager
def running(environment: Mapping[str, str], folder: Path, *, as_process_1: bool = False) -> Iterator[Server]:
    """MLflow's container, healthy."""
    with starting(environment, folder, as_process_1=as_process_1) as server:
        server.wait_until_healthy()
        yield server


def refusals(environment: Mapping[str, str], folder: Path) -> list[str]:
    """All that a start says which must fail, one entry for each line."""
    with starting(environment, folder) as server:
        assert server.process.wait(seconds=PATIENCE_SECONDS) == 1
    lines = server.output.splitlines()
    assert [line for line in lines if not line.startswith("entrypoint: error: ")] == []
    return [line.removeprefix("entrypoint: error: ") for line in lines]


def process_1(server: Server) -> int:
    """What the machine outside calls process 1 of the container."""
    unshare = server.process.pid
    children = Path(f"/proc/{unshare}/task/{unshare}/children")
    eventually(lambda: children.read_text("utf-8"), "unshare has started the container")
    return int(children.read_text("utf-8"))


def terminate(server: Server) -> int:
    """Send SIGTERM to the container's process 1, and return its exit code."""
    os.kill(process_1(server), signal.SIGTERM)
    return server.process.wait(seconds=PATIENCE_SECONDS)


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for the signal."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    [caught] = [line.split()[1] for line in lines if line.startswith("SigCgt:")]
    return bool(int(caught, 16) >> (number - 1) & 1)


def command_line(pid: int) -> str:
    """Its arguments, as everybody may read them."""
    return Path(f"/proc/{pid}/cmdline").read_text("utf-8").replace("\0", " ")


def variables_of(pid: int) -> set[str]:
    """The names in its environment."""
    return {entry.partition("=")[0] for entry in Path(f"/proc/{pid}/environ").read_text("utf-8").split("\0")}


def listening(pids: list[int]) -> set[str]:
    """Where the processes accept TCP connections, as ``address:port`` in the kernel's hexadecimal digits."""
    opened = {link for pid in pids for link in _open_files(pid)}
    tables = [Path(f"/proc/net/{table}").read_text("utf-8").splitlines()[1:] for table in ("tcp", "tcp6")]
    rows = [line.split() for lines in tables for line in lines]
    return {row[1] for row in rows if row[3] == _LISTENING and f"socket:[{row[9]}]" in opened}


def _open_files(pid: int) -> Iterator[str]:
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            yield str(file.readlink())


def _start_as_process_1(environment: Mapping[str, str], folder: Path) -> Process:
    """As in a container: the kernel delivers to process 1 only the signals that it handles."""
    entrypoint = [MLFLOW_PYTHON, IMAGES / "mlflow" / "entrypoint.py"]
    return Process(
        "mlflow",
        ["unshare", *_USER_NAMESPACE, "--pid", "--fork", "--kill-child", *entrypoint],
        environment={"HOME": str(folder), "TMPDIR": str(folder), **environment},
        log=folder / "mlflow.log",
        stop_signal=signal.SIGKILL,  # unshare itself ignores SIGTERM
    )

"""MariaDB as the MySQL-compatible database."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pymysql

from dataplane.process import LOOPBACK, Process, find_program, free_port
from errors import UserError

_START_SECONDS = 60.0


class MariaDb:
    """A MariaDB server on loopback; its data is kept in *folder* and made there on first use.

    Its administrator is the user who runs this, by the socket alone: no password opens that account. *options* go to
    the server. It runs as long as the ``with`` block; ``start`` and ``stop`` inside it are for outages.
    """

    def __init__(self, folder: Path, *, port: int | None = None, options: Sequence[str] = ()) -> None:
        self.port = port or free_port()
        self._folder = folder
        self._options = options
        self._process: Process | None = None

    def __enter__(self) -> MariaDb:
        # The path of a socket has 107 bytes at most, and nobody else has any business with it.
        self._runtime = Path(tempfile.mkdtemp(prefix="mariadb-"))
        try:
            self.start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._clean_up()

    @property
    def process(self) -> Process:
        """The running server."""
        if self._process is None:
            raise RuntimeError("the database does not run: use it in a `with` statement")
        return self._process

    def start(self) -> None:
        """Start the server and wait until it answers; raises ``UserError`` if it does not."""
        data = self._folder / "data"
        if not data.is_dir():
            self._install(data)
        self._process = Process(
            "MariaDB",
            [
                find_program("mariadbd"),
                "--no-defaults",
                f"--datadir={data}",
                f"--socket={self._socket}",
                f"--port={self.port}",
                f"--bind-address={LOOPBACK}",
                *_as_root(),
                *(self._options or ["--skip-log-bin"]),
            ],
            environment={"HOME": str(self._runtime)},
            log=self._folder / "mariadb.log",
        )
        self._process.wait_until(self._answers, seconds=_START_SECONDS)

    def stop(self) -> None:
        """Shut the server down; its port stays its own."""
        self.process.stop()

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run *statements* as the administrator and return the rows of the last one."""
        with self._connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()
            return list(cursor.fetchall())

    def create_database(self, name: str, *, user: str, password: str, rights: str = "ALL PRIVILEGES") -> None:
        """Make a database and a user who has *rights* on it; both may exist, and then the password is set anew."""
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4")
            cursor.execute("CREATE OR REPLACE USER %s@'%%' IDENTIFIED BY %s", (user, password))
            cursor.execute(f"GRANT {rights} ON `{name}`.* TO %s@'%%'", (user,))

    @property
    def _socket(self) -> Path:
        return self._runtime / "mariadb.sock"

    def _connect(self) -> pymysql.Connection[Any]:
        return pymysql.connect(user="root", unix_socket=str(self._socket), charset="utf8mb4")

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except pymysql.OperationalError:
            return False
        return True

    def _install(self, data: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(
            [
                find_program("mariadb-install-db"),
                "--no-defaults",
                "--auth-root-authentication-method=socket",
                f"--auth-root-socket-user={getpass.getuser()}",
                "--skip-test-db",
                f"--datadir={data}",
                *_as_root(),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            shutil.rmtree(data, ignore_errors=True)  # half-made, it would pass for a database the next time
            raise UserError(f"mariadb-install-db failed:\n{made.stdout}{made.stderr}")

    def _clean_up(self) -> None:
        if self._process is not None:
            self._process.stop()
        shutil.rmtree(self._runtime, ignore_errors=True)


def _as_root() -> list[str]:
    """MariaDB runs as root only when told to."""
    return ["--user=root"] if os.geteuid() == 0 else []

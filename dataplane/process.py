"""A program under our care: started, watched and, whatever happens, stopped."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from errors import UserError

LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.05
_STOP_SECONDS = 30.0  # ECS's stopTimeout in the task definition
_LAST_LINES = 20

SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
"""PATH, and where Debian keeps servers without being on a user's PATH."""


class Process:
    """*arguments* running with nothing but *environment*; what it prints goes to the file *log*.

    It has a process group of its own, so that a terminal's Ctrl-C reaches us alone and the order of stopping is ours.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        log: Path,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                arguments,
                env={"PATH": SEARCH_PATH, "LANG": "C.UTF-8", **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None as long as it runs."""
        return self._process.poll()

    def output(self) -> str:
        """What it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until *ready*; raises ``UserError`` with its last lines if it ends before, or takes longer."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.exit_code is not None:
                raise UserError(f"{self.name} ended with exit code {self.exit_code}:\n{self._last_lines()}")
            if time.monotonic() > deadline:
                raise UserError(f"{self.name} was not ready within {seconds:.0f} seconds:\n{self._last_lines()}")
            time.sleep(_POLL_SECONDS)

    def wait(self, *, seconds: float) -> int:
        """Wait for its end and return its exit code; raises ``subprocess.TimeoutExpired``."""
        return self._process.wait(seconds)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def stop(self) -> int:
        """Ask it to end, wait as long as ECS would, then kill what is left of its group; returns its exit code."""
        if self.exit_code is None:
            self._process.send_signal(signal.SIGCONT)  # a stopped process would not hear the next one
            self._process.send_signal(self._stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
        self.kill()
        return self._process.wait()

    def kill(self) -> None:
        """End it at once, and whatever it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def _last_lines(self) -> str:
        return "\n".join(self.output().splitlines()[-_LAST_LINES:])


def find_program(name: str) -> Path:
    """The program *name* on PATH or where Debian keeps servers; raises ``UserError`` when there is none."""
    path = shutil.which(name, path=SEARCH_PATH)
    if path is None:
        raise UserError(
            f"{name} is not installed. Debian and Ubuntu: apt-get install {PACKAGES[name]}; macOS: brew install "
            f"{HOMEBREW.get(name, name)}."
        )
    return Path(path)


PACKAGES = {
    "envsubst": "gettext-base",
    "mariadb-install-db": "mariadb-server-core",
    "mariadbd": "mariadb-server-core",
    "nginx": "nginx",
}
"""The Debian package of each program. mariadb-server-core brings no service that starts by itself."""

HOMEBREW = {"envsubst": "gettext", "mariadb-install-db": "mariadb", "mariadbd": "mariadb"}


def free_port() -> int:
    """A port of the loopback address that nobody listens on now.

    It is below those that the kernel gives to outgoing connections, one of which could take it before it is used.
    """
    return next(port for port in random.sample(range(20000, 32000), 100) if not is_listening(port))


def is_listening(port: int) -> bool:
    """Whether somebody accepts connections on *port* of the loopback address."""
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) == 0

"""Stops this notebook instance when it was not used for IDLE_MINUTES; cron runs it every five minutes, as ec2-user.

Use is: a cell runs or has ended, a terminal got or gave a character, Jupyter started, or it is the time of the file
``keep-running``, which may lie ahead. An open browser alone is none: a forgotten tab would cost money all night. In
doubt nothing is stopped and the log says why.
"""

from __future__ import annotations

import fcntl
import json
import os
import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

_JUPYTER = "https://localhost:8443"  # where SageMaker has Jupyter, with a certificate of its own making and no password
_LOCK = Path("/opt/mlflow-notebook/lock")  # held as long as the setup runs
_FOLDER = Path("/home/ec2-user/SageMaker")
_LOG = _FOLDER / "mlflow-autostop.log"
_KEEP_RUNNING = _FOLDER / ".mlflow" / "keep-running"
_LOG_LINES = 200
_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Use:
    """One use of the instance: of what, and when it was last, in seconds since 1970."""

    what: str
    when: float


@dataclass(frozen=True)
class Jupyter:
    """The answers of Jupyter's REST API, of which one part is used.

    https://github.com/jupyter-server/jupyter_server/blob/main/jupyter_server/services/api/api.yaml
    """

    status: Any
    """GET /api/status. Its ``last_activity`` is of no use: an open browser asks all the time, and that counts there."""
    kernels: Any
    """GET /api/kernels: also those without a notebook, which /api/sessions leaves out."""
    terminals: Any
    """GET /api/terminals."""

    def last_use(self) -> Use | None:
        """The latest use, or None as long as a kernel is busy; raises ``KeyError`` or alike for an unknown answer."""
        uses = [Use("the start", _seconds(self.status["started"]))]
        for kernel in self.kernels:
            if kernel["execution_state"] == "busy":
                return None
            uses.append(Use(f"a kernel ({kernel['name']})", _seconds(kernel["last_activity"])))
        uses += [Use(f"terminal {one['name']}", _seconds(one["last_activity"])) for one in self.terminals]
        return max(uses, key=lambda use: use.when)


def reason_to_stop(jupyter: Jupyter, *, now: float, idle_minutes: int, keep_running: float = 0) -> str | None:
    """Why to stop, or None to go on; *now* and *keep_running* in seconds since 1970."""
    last = jupyter.last_use()
    if last is None or now - max(last.when, keep_running) < idle_minutes * 60:
        return None
    return f"not used for {int(now - last.when) // 60} minutes: last was {last.what}, {_utc(last.when)}"


def ask_jupyter(url: str) -> Jupyter:
    """What Jupyter at *url* says; raises ``OSError`` or ``ValueError`` if it does not answer."""
    return Jupyter(_get(url, "status"), _get(url, "kernels"), _get(url, "terminals", missing=[]))


def main() -> None:
    """Stop the instance, or not; any failure ends up in the log."""
    minutes = int(os.environ["IDLE_MINUTES"])
    if minutes <= 0 or _setup_runs():
        return
    try:
        jupyter = ask_jupyter(os.environ.get("NOTEBOOK_JUPYTER_URL", _JUPYTER))
        keep = _KEEP_RUNNING.stat().st_mtime if _KEEP_RUNNING.exists() else 0
        reason = reason_to_stop(jupyter, now=time.time(), idle_minutes=minutes, keep_running=keep)
    except Exception as error:  # a program that guesses here would stop somebody's work
        _log(f"not stopped, since Jupyter did not say whether it is used: {type(error).__name__}: {error}")
        return
    if reason is None:
        return
    _log(f"stopping: {reason}")
    try:
        _stop()
    except Exception as error:  # botocore's errors and those of the network
        _log(f"not stopped: {error}")


def _stop() -> None:
    import boto3

    boto3.client("sagemaker").stop_notebook_instance(NotebookInstanceName=os.environ["NOTEBOOK_NAME"])


def _setup_runs() -> bool:
    with _LOCK.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _get(url: str, what: str, **when: Any) -> Any:
    """The answer to one question; ``missing``: what it is where this Jupyter lacks it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is this machine, and nobody signed for it
    try:
        with urlopen(f"{url}/api/{what}?no_track_activity=1", timeout=_TIMEOUT_SECONDS, context=context) as answer:  # noqa: S310 - https
            return json.load(answer)
    except HTTPError as error:
        if error.code == 404 and "missing" in when:
            return when["missing"]
        raise


def _seconds(text: str) -> float:
    """Of Jupyter's 2024-01-31T12:00:00.123456Z; before Python 3.11 ``fromisoformat`` knows no Z."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _log(line: str) -> None:
    """The last lines only; and a full disk keeps nothing from being stopped."""
    try:
        before = _LOG.read_text("utf-8").splitlines() if _LOG.exists() else []
        lines = [*before[1 - _LOG_LINES :], f"{_utc(time.time())} {line}"]
        _LOG.write_text("\n".join(lines) + "\n", "utf-8")
    except OSError as error:
        print(f"{_LOG}: {error}")


if __name__ == "__main__":
    main()

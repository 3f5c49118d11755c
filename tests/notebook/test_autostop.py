"""Whether to stop: decided on recorded answers of Jupyter, then done by cron's own line against AWS."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from notebook import autostop
from rehearsal.emulator import Emulator
from tests.notebook.conftest import NAME, Machines, script, start
from tests.notebook.instance import FOLDER, Instance
from tests.notebook.servers import self_signed, serve
from tests.waiting import eventually

RECORDED = Path(__file__).parent / "recorded"
UNUSED = {
    "kernel_idle_browser_open": "not used for 79 minutes: last was a kernel (mlflow), 2026-03-02 16:40:10 UTC",
    "kernel_never_used": "not used for 539 minutes: last was a kernel (mlflow), 2026-03-02 09:00:00 UTC",
    "nothing_open": "not used for 598 minutes: last was the start, 2026-03-02 08:01:12 UTC",
    "terminal_forgotten": "not used for 158 minutes: last was terminal 1, 2026-03-02 15:21:07 UTC",
}
USED = {"just_started", "kernel_busy", "kernel_idle_since_short", "terminal_in_use"}


def _recorded(name: str) -> dict[str, Any]:
    answers: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))
    return answers


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _reason(answers: Mapping[str, Any], *, minutes: int = 60, **options: float) -> str | None:
    jupyter = autostop.Jupyter(answers["status"], answers["kernels"], answers["terminals"])
    return autostop.reason_to_stop(jupyter, now=_seconds(answers["asked"]), idle_minutes=minutes, **options)


# --- The decision ---


def test_every_recorded_answer_is_decided_on() -> None:
    assert {path.stem for path in RECORDED.glob("*.json")} == UNUSED.keys() | USED


@pytest.mark.parametrize("name", sorted(USED))
def test_an_instance_in_use_goes_on(name: str) -> None:
    assert _reason(_recorded(name)) is None


@pytest.mark.parametrize("name", sorted(UNUSED))
def test_an_unused_instance_is_stopped_and_the_reason_names_the_last_use(name: str) -> None:
    assert _reason(_recorded(name)) == UNUSED[name]


@pytest.mark.parametrize(("asked", "stops"), [("2026-03-02T17:59:59Z", False), ("2026-03-02T18:00:00Z", True)])
def test_the_last_minute_counts_to_its_end(asked: str, stops: bool) -> None:
    answers = {**_recorded("nothing_open"), "status": {"started": "2026-03-02T17:00:00.000000Z"}, "asked": asked}
    assert (_reason(answers) is not None) == stops


def test_a_busy_kernel_keeps_the_instance_however_long_it_takes() -> None:
    assert _reason(_recorded("kernel_busy"), minutes=15) is None


def test_the_limit_is_the_one_that_is_set() -> None:
    assert _reason(_recorded("kernel_idle_since_short"), minutes=15)
    assert _reason(_recorded("kernel_idle_browser_open"), minutes=120) is None


@pytest.mark.parametrize(("until", "stops"), [("2026-03-02T23:00:00Z", False), ("2026-03-02T16:59:00Z", True)])
def test_the_user_can_put_it_off(until: str, stops: bool) -> None:
    assert (_reason(_recorded("nothing_open"), keep_running=_seconds(until)) is not None) == stops


@pytest.mark.parametrize("part", ["status", "kernels", "terminals"])
def test_refuses_to_decide_on_an_answer_that_it_does_not_know(part: str) -> None:
    answers = {**_recorded("terminal_forgotten"), part: [{"message": "Forbidden"}]}
    with pytest.raises((KeyError, TypeError)):
        _reason(answers)


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(autostop, "_LOG", tmp_path / "missing" / "log")
    autostop._log("a line")


def test_the_log_keeps_its_last_lines_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(autostop, "_LOG", tmp_path / "log")
    for number in range(250):
        autostop._log(f"line {number}")
    lines = (tmp_path / "log").read_text().splitlines()
    assert [line.rpartition("UTC ")[2] for line in lines] == [f"line {number}" for number in range(50, 250)]


# --- The whole way: cron's line, Jupyter, AWS ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def running(emulator: Emulator) -> Iterator[None]:
    """This instance is one that AWS knows and that runs."""
    sagemaker = emulator.client("sagemaker")
    sagemaker.create_notebook_instance(
        NotebookInstanceName=NAME, InstanceType="ml.t3.medium", RoleArn="arn:aws:iam::123456789012:role/notebook"
    )
    assert _status(emulator) == "InService"
    yield
    if _status(emulator) == "InService":
        sagemaker.stop_notebook_instance(NotebookInstanceName=NAME)
    sagemaker.delete_notebook_instance(NotebookInstanceName=NAME)


def _status(emulator: Emulator) -> str:
    described = emulator.client("sagemaker").describe_notebook_instance(NotebookInstanceName=NAME)
    return str(described["NotebookInstanceStatus"])


def _as_of_now(answers: dict[str, Any]) -> dict[str, Any]:
    """The answers as if they had just been asked for."""
    shift = datetime.now().astimezone() - datetime.fromisoformat(answers["asked"])

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: _moved(item, shift) if name in _TIMES else moved(item) for name, item in value.items()}
        return [moved(item) for item in value] if isinstance(value, list) else value

    result: dict[str, Any] = moved(answers)
    return result


_TIMES = ("asked", "last_activity", "started")


def _moved(time: str, by: timedelta) -> str:
    return (datetime.fromisoformat(time) + by).isoformat()


@contextmanager
def _jupyter(certificate: Path, answers: Mapping[str, Any]) -> Iterator[str]:
    """A server that gives *answers*; a part that is None is one that it does not have."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            found = answers.get(path.removeprefix("/api/"))
            assert query == "no_track_activity=1", "or asking would count as use"
            body = json.dumps(found).encode() if found is not None else b'{"message": "Not Found"}'
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    with serve(Answer, certificate) as url:
        yield url


@contextmanager
def _started(used: Machines, url: str, **settings: str) -> Iterator[Instance]:
    with used.start() as machine:
        start(machine, script("start", NOTEBOOK_JUPYTER_URL=url, **settings))
        yield machine


@pytest.mark.usefixtures("running")
def test_cron_stops_an_unused_instance_and_the_log_says_why(
    used: Machines, emulator: Emulator, certificate: Path
) -> None:
    answers = _as_of_now(_recorded("kernel_idle_browser_open"))
    with _jupyter(certificate, answers) as url, _started(used, url) as machine:
        done = machine.run_cron()

        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "cron would send it by mail"
        assert _status(emulator) in ("Stopping", "Stopped")
        [line] = machine.read("mlflow-autostop.log").splitlines()
        assert "stopping: not used for 79 minutes: last was a kernel (mlflow)" in line


@pytest.mark.usefixtures("running")
def test_a_jupyter_without_terminals_can_be_stopped(used: Machines, emulator: Emulator, certificate: Path) -> None:
    answers = _as_of_now({**_recorded("nothing_open"), "terminals": None})
    with _jupyter(certificate, answers) as url, _started(used, url) as machine:
        machine.run_cron()
        assert _status(emulator) in ("Stopping", "Stopped")


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("name", sorted(USED))
def test_cron_lets_an_instance_in_use_go_on_and_says_nothing(
    used: Machines, emulator: Emulator, certificate: Path, name: str
) -> None:
    with _jupyter(certificate, _as_of_now(_recorded(name))) as url, _started(used, url) as machine:
        assert machine.run_cron().returncode == 0
        assert _status(emulator) == "InService"
        assert not (used.disk / "mlflow-autostop.log").exists()


@pytest.mark.usefixtures("running")
def test_nothing_is_stopped_while_jupyter_does_not_answer(used: Machines, emulator: Emulator) -> None:
    with _started(used, "https://127.0.0.1:9") as machine:
        assert machine.run_cron().returncode == 0
        assert _status(emulator) == "InService"
        assert "not stopped, since Jupyter did not say whether it is used" in machine.read("mlflow-autostop.log")


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("part", ["status", "kernels"])
def test_nothing_is_stopped_if_a_part_of_the_answer_is_missing(
    used: Machines, emulator: Emulator, certificate: Path, part: str
) -> None:
    answers = _as_of_now({**_recorded("nothing_open"), part: None})
    with _jupyter(certificate, answers) as url, _started(used, url) as machine:
        machine.run_cron()
        assert _status(emulator) == "InService"
        assert "HTTP Error 404" in machine.read("mlflow-autostop.log")


@pytest.mark.usefixtures("running")
def test_nothing_is_stopped_while_the_setup_runs(used: Machines, emulator: Emulator, certificate: Path) -> None:
    hold = "exec 9>>/opt/mlflow-notebook/lock; flock 9; touch ~/SageMaker/held; sleep infinity"
    answers = _as_of_now(_recorded("nothing_open"))
    with _jupyter(certificate, answers) as url, _started(used, url) as machine:
        setup = machine.run_in_background(["bash", "-c", hold])
        eventually(lambda: (used.disk / "held").exists(), "the setup runs")
        machine.run_cron()
        assert _status(emulator) == "InService"
    setup.wait()


@pytest.mark.usefixtures("running")
def test_the_user_puts_it_off_by_touching_a_file(used: Machines, emulator: Emulator, certificate: Path) -> None:
    answers = _as_of_now(_recorded("nothing_open"))
    with _jupyter(certificate, answers) as url, _started(used, url) as machine:
        assert machine.terminal("touch -d '8 hours' ~/SageMaker/.mlflow/keep-running").returncode == 0
        machine.run_cron()
        assert _status(emulator) == "InService"
        machine.run(["touch", "-d", "8 hours ago", FOLDER / ".mlflow" / "keep-running"])
        machine.run_cron()
        assert _status(emulator) in ("Stopping", "Stopped")


def test_a_stop_that_aws_refuses_is_in_the_log(used: Machines, certificate: Path) -> None:
    answers = _as_of_now(_recorded("nothing_open"))
    with _jupyter(certificate, answers) as url, _started(used, url, NOTEBOOK_NAME="another") as machine:
        assert machine.run_cron().returncode == 0
        assert "not stopped: An error occurred" in machine.read("mlflow-autostop.log").splitlines()[-1]


def test_with_zero_minutes_cron_has_nothing_to_do(used: Machines) -> None:
    with _started(used, "https://127.0.0.1:9", IDLE_MINUTES="0") as machine:
        assert not machine.path("/etc/cron.d/mlflow-autostop").exists()


def test_cron_asks_every_five_minutes(used: Machines) -> None:
    with _started(used, "https://127.0.0.1:9") as machine:
        line = machine.path("/etc/cron.d/mlflow-autostop")
        assert line.read_text().startswith("*/5 * * * * ec2-user ")
        assert line.stat().st_mode & 0o777 == 0o644, "cron takes no file that others may write to"


def test_the_server_of_the_tests_is_one_that_nobody_trusts(certificate: Path) -> None:
    with _jupyter(certificate, _recorded("nothing_open")) as url, pytest.raises(OSError, match="self-signed"):
        urlopen(f"{url}/api/status", context=ssl.create_default_context())  # noqa: S310 - https

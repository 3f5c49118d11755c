"""``make smoke``: what it takes for a refusal, what it does after a failure, what people see."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from rich.console import Console

from client import __main__ as command
from client import checks as checks_module
from client import sdk, smoke
from client.checks import Checks
from client.identity import PasswordIdentity
from client.results import Result, StepError, all_went_well, latency, show
from client.target import Login, Target
from dataplane.address import Address
from deployment.progress import Display
from errors import UserError
from tests.unit.fake_endpoint import Answer, Request, endpoint

PASSWORD = "s3cret-word"  # noqa: S105


class Source:
    def read(self) -> Login:
        return Login("mlflow", PASSWORD)


def checks(url: str) -> Checks:
    return Checks(Target("dev", url, "basic", logins=Source()), PasswordIdentity(Source()))


def screen() -> tuple[Display, io.StringIO]:
    shown = io.StringIO()
    return Display(Console(file=shown, width=200)), shown


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_a_status_that_says_so(status: int) -> None:
    with endpoint(lambda _: Answer(status)) as api:
        assert str(status) in checks(api.url).refuses_nobody()
        assert str(status) in checks(api.url).refuses_impostors()


@pytest.mark.parametrize("status", [200, 302, 404, 500, 503])
def test_any_other_status_is_none(status: int) -> None:
    with endpoint(lambda _: Answer(status, b"<html>")) as api:
        for check in (checks(api.url).refuses_nobody, checks(api.url).refuses_impostors):
            with pytest.raises(StepError, match=rf"expected status 401 or 403 for GET .* came status {status}, "):
                check()


def test_an_endpoint_that_does_not_answer_refuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_module, "_READ_SECONDS", 0.1)
    with endpoint(lambda _: Answer(body=None)) as api, pytest.raises(StepError, match="expected status 401 or 403"):
        checks(api.url).refuses_nobody()


def test_one_open_path_is_enough_to_fail() -> None:
    def answer(asked: Request) -> Answer:
        return Answer(200 if "artifacts" in asked.path else 401)

    with endpoint(answer) as api, pytest.raises(StepError, match=r"GET /api/2\.0/mlflow-artifacts/artifacts with no"):
        checks(api.url).refuses_nobody()


def test_the_wrong_password_is_tried_and_not_the_right_one() -> None:
    with endpoint(lambda _: Answer(401)) as api:
        checks(api.url).refuses_impostors()
        tried = {str(asked.headers["Authorization"]) for asked in api.requests}
    [(user, _, word)] = [base64.b64decode(one.removeprefix("Basic ")).decode().partition(":") for one in tried]
    assert user == "mlflow"
    assert word not in ("", PASSWORD)


@pytest.mark.parametrize("answer", [Answer(200, b"<html>a portal</html>"), Answer(401), Answer(503)])
def test_only_mlflows_own_words_are_health(answer: Answer) -> None:
    with endpoint(lambda _: answer) as api, pytest.raises(StepError, match='expected status 200 and "OK"'):
        checks(api.url).health()


def test_a_page_without_a_script_or_whose_script_is_missing_is_no_ui() -> None:
    page = Answer(200, b'<html><script defer src="static-files/main.js"></script></html>')
    with (
        endpoint(lambda _: Answer(200, b"<html></html>")) as api,
        pytest.raises(StepError, match="an HTML page with a script"),
    ):
        checks(api.url).ui()
    with (
        endpoint(lambda asked: page if asked.path == "/" else Answer(404)) as api,
        pytest.raises(StepError, match=r"JavaScript at /static-files/main\.js"),
    ):
        checks(api.url).ui()


def test_nothing_is_tried_at_an_endpoint_that_is_not_healthy() -> None:
    display, _ = screen()
    with endpoint(lambda _: Answer(401)) as api:
        results = smoke.run(Target("dev", api.url, "basic"), PasswordIdentity(Source()), display)
        assert len(api.requests) == 1
    assert [result.outcome for result in results] == ["failed", *["not run"] * 7]
    assert not all_went_well(results)


def test_refuses_to_start_without_the_mlflow_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sdk, "CLIENT_PYTHON", tmp_path / "python")
    with pytest.raises(UserError, match=r"python is missing: `make smoke` installs it"):
        list(sdk.run_sdk(Target("dev", "http://127.0.0.1:1", "basic"), PasswordIdentity(Source()), screen()[0]))


@pytest.mark.parametrize(
    ("outcomes", "well"),
    [(["ok", "ok"], True), (["ok", "not run"], True), (["ok", "failed"], False), (["not run"], False), ([], False)],
)
def test_all_is_well_if_something_worked_and_nothing_failed(outcomes: list[str], well: bool) -> None:
    assert all_went_well([Result("step", outcome) for outcome in outcomes]) == well  # type: ignore[arg-type]


def test_the_table_has_a_line_for_each_step_and_the_failures_below_it() -> None:
    display, shown = screen()
    failure = StepError("status 401", "status 200, [red]", "the settings")
    show(
        [Result("health", "ok", 0.0871, "fine"), Result("UI", "failed", 2.5, failure=failure), Result("x", "not run")],
        display,
    )
    lines = [line.split() for line in shown.getvalue().splitlines()]
    assert ["health", "ok", "87", "ms", "fine"] in lines
    assert ["UI", "failed", "2.5", "s"] in lines
    assert ["x", "not", "run"] in lines
    assert (
        "UI failed\n  expected  status 401\n  came      status 200, [red]\n  look at   the settings\n"
        in shown.getvalue()
    )


def test_latencies_can_be_compared() -> None:
    assert (latency(0.0042), latency(0.9), latency(12.34)) == ("4 ms", "900 ms", "12.3 s")


def test_a_failed_step_ends_with_exit_code_1_and_shows_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        endpoint(lambda _: Answer(401)) as api,
        Address(api.url, "mlflow", PASSWORD).written_to(tmp_path),
        pytest.raises(SystemExit) as ended,
    ):
        command.main(["smoke", "--local", str(tmp_path)])
    assert ended.value.code == 1
    printed = "".join(capsys.readouterr())
    assert "health failed" in printed
    assert "local: failed. 0:0" in printed
    assert PASSWORD not in printed


def test_a_local_data_plane_that_does_not_run_is_said_so(tmp_path: Path) -> None:
    for name in ("smoke", "ui"):
        with pytest.raises(UserError, match="no data plane runs in"):
            command.main([name, "--local", str(tmp_path)])

"""What holds whatever checks the callers; the module of each access scheme inherits these tests.

Each has fixtures ``credentials`` (variables of the MLflow client) and ``auth`` (the same for ``requests``).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
import requests
from requests.auth import AuthBase
from rich.console import Console

from client import smoke
from client.identity import identify
from client.target import Login, Target
from dataplane.plane import DataPlane
from deployment.progress import Display
from tests.dataplane.conftest import Client
from tests.dataplane.gateway import CALLER, Gateway
from tests.dataplane.stacks import Stacks

SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
_UI_SEARCH = "/ajax-api/2.0/mlflow/experiments/search"
_EVIL = "evil.example"


def status(api: Gateway, auth: AuthBase | None = None, *, path: str = SEARCH, **headers: str) -> int:
    """What a GET of *path* is answered; header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(f"{api.url}{path}", auth=auth, headers=named, timeout=60).status_code


@dataclass(frozen=True)
class Given:
    """A login that is known."""

    login: Login

    def read(self) -> Login:
        return self.login


class EveryAccess:
    """Whatever checks the callers."""

    def test_the_smoke_test_finds_all_in_order(
        self, api: Gateway, credentials: Mapping[str, str], stacks: Stacks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in credentials.items():
            monkeypatch.setenv(name, value)
        access, region = stacks.settings.access.type, stacks.settings.region
        names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
        logins = Given(Login(*(credentials[name] for name in names))) if names[0] in credentials else None
        target = Target("test", api.url, access, region, logins)
        results = smoke.run(target, identify(target), Display(Console(file=io.StringIO())))
        outcomes = {result.step: (result.outcome, str(result.failure)) for result in results}
        assert {step for step, (outcome, _) in outcomes.items() if outcome != "ok"} == (
            {smoke.REFUSALS} if access == "none" else set()
        ), outcomes
        assert (smoke.LOGIN_PAGE in outcomes) is (access == "lambda")

    def test_a_users_client_logs_reads_registers_and_deletes(
        self, user: Client, credentials: Mapping[str, str]
    ) -> None:
        run = user("log_a_run", "through-the-gateway", **credentials)
        assert (run["status"], run["history"], run["text"]) == ("FINISHED", 1_000, "hello")
        assert run["artifacts"] == ["config.json", "notes"]
        registered = user("register_a_model", run["run_id"], **credentials)
        assert registered == {"version": "1", "run_id": run["run_id"], "models": ["iris"]}
        deleted = user("delete_everything", run["run_id"], run["experiment_id"], **credentials)
        assert deleted == {"models": 0, "run": "deleted", "experiment": "deleted"}

    def test_a_caller_from_outside_the_allowed_networks_is_refused(
        self, api: Gateway, api_from_outside: Gateway, auth: AuthBase | None
    ) -> None:
        assert status(api, auth) == 200
        assert status(api_from_outside, auth) == 403

    @pytest.mark.parametrize("header", ["X_Source_Ip", "x_source_ip", "X_Forwarded_For", "Forwarded"])
    def test_no_header_moves_a_caller_inside(
        self, api_from_outside: Gateway, auth: AuthBase | None, header: str
    ) -> None:
        assert status(api_from_outside, auth, **{header: CALLER}) == 403

    def test_a_caller_cannot_say_where_it_comes_from(self, api: Gateway, auth: AuthBase | None) -> None:
        assert status(api, auth, X_Source_Ip="198.51.100.9") == 200  # ours arrives, not this one

    def test_a_caller_cannot_choose_the_public_host(self, api: Gateway, auth: AuthBase | None) -> None:
        def search(**headers: str) -> int:
            answer = requests.post(
                f"{api.url}{_UI_SEARCH}", json={"max_results": 1}, headers=headers, auth=auth, timeout=60
            )
            return answer.status_code

        assert search(Origin=api.url) == 200
        assert search(Origin=f"https://{_EVIL}") == 403
        assert search(**{"Origin": f"https://{_EVIL}", "X-Public-Host": _EVIL}) == 403

    def test_a_caller_cannot_say_what_the_gateway_has_checked(
        self, api: Gateway, auth: AuthBase | None, stacks: Stacks
    ) -> None:
        other = "none" if stacks.settings.access.type != "none" else "jwt"
        assert status(api, auth, X_Gateway_Access=other) == 200


class AccessCheckedByTheGateway(EveryAccess):
    """Where nginx relies on it."""

    def test_nobody_gets_past_the_gateway(self, plane: DataPlane, auth: AuthBase | None) -> None:
        answer = requests.get(f"{plane.url}{SEARCH}", auth=auth, timeout=60)
        assert answer.status_code == 403

    @pytest.mark.parametrize("checked", ["basic", "jwt", "iam", "lambda", "none"])
    def test_a_gateway_that_checks_something_else_is_not_trusted(
        self, plane: DataPlane, stacks: Stacks, checked: str
    ) -> None:
        answer = requests.get(
            f"{plane.url}{SEARCH}", headers={"X-Gateway-Access": checked, "X-Source-Ip": CALLER}, timeout=60
        )
        assert answer.status_code == (200 if checked == stacks.settings.access.type else 503)

    def test_the_health_check_needs_no_gateway(self, plane: DataPlane) -> None:
        assert requests.get(f"{plane.url}/elb-status", timeout=60).status_code == 200

"""``make ci-roles``: what it refuses, before and while Terraform runs."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from deployment import __main__ as command
from deployment import ci_roles as subject
from deployment import preflight
from deployment.progress import Display
from errors import UserError
from settings import CiSettings, Settings

DEV = Settings(project="mlflow", environment="dev", region="us-west-2", ci=CiSettings(repository="o/n"))


@pytest.fixture(autouse=True)
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No stack, and an account that is in order."""
    main = ModuleType("main")
    main.__dict__["synthesise_ci_roles"] = lambda _settings, _outdir: None
    monkeypatch.setitem(sys.modules, "main", main)
    monkeypatch.setattr(preflight, "check", lambda _: "123456789012")


def run(*neighbours: Settings, settings: Settings = DEV) -> None:
    subject.ci_roles(settings, Path("out"), Display(Console(file=io.StringIO())), lambda _: True, neighbours=neighbours)


def neighbour(**changes: Any) -> Settings:
    return DEV.model_copy(update={"environment": "dev-2", **changes})


def test_refuses_roles_that_would_reach_into_another_environment() -> None:
    message = r"roles of dev would reach into dev-2: .* begin with mlflow-dev- as well\. Rename .* account_id in both"
    with pytest.raises(UserError, match=message):
        run(neighbour(environment="prod"), neighbour())


@pytest.mark.parametrize(
    "other",
    [
        neighbour(environment="development"),
        neighbour(environment="prod"),
        neighbour(account_id="210987654321"),
        neighbour(project="other"),
    ],
)
def test_goes_on_beside_environments_that_are_apart(other: Settings) -> None:
    settings = DEV.model_copy(update={"account_id": "123456789012"})
    with pytest.raises(UserError, match=r"manifest\.json is missing"):  # the next thing that it looks for
        run(other, settings=settings)


def failing(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    def deploy(_self: object, _approve: object) -> None:
        raise UserError(text)

    monkeypatch.setattr(subject, "load_stacks", lambda _outdir, _environments: ())
    monkeypatch.setattr("deployment.ci_roles.Lifecycle.deploy", deploy)


def test_says_how_to_use_the_provider_that_the_account_has(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "aws_iam_openid_connect_provider.oidc_provider: EntityAlreadyExists: Provider already exists.")
    arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    with pytest.raises(UserError, match=rf'set ci\.oidc_provider_arn = "{arn}" in environments/dev\.tfvars'):
        run()


def test_passes_any_other_failure_on(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "aws_iam_role.plan: EntityAlreadyExists: Role already exists.")
    with pytest.raises(UserError, match=r"^aws_iam_role\.plan: EntityAlreadyExists"):
        run()


def test_asks_before_it_acts_and_refuses_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPROVE", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(UserError, match="ci-roles asks before it acts, and there is no terminal"):
        command.main(["ci-roles"])


def test_the_command_makes_the_roles_of_each_environment_and_knows_its_neighbours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    prod = neighbour(environment="prod")
    settings = ModuleType("settings")
    settings.__dict__.update(
        load_selected=lambda _: (DEV,), environment_names=lambda: ["dev", "prod"], load={"prod": prod}.__getitem__
    )
    monkeypatch.setitem(sys.modules, "settings", settings)
    monkeypatch.setattr(command, "OUTDIR", tmp_path)
    done: list[tuple[object, ...]] = []
    monkeypatch.setattr(
        command,
        "ci_roles",
        lambda chosen, outdir, _display, _approve, neighbours: done.append((chosen, outdir, tuple(neighbours))),
    )
    command.main(["ci-roles", "--yes"])
    assert done == [(DEV, tmp_path / "ci-roles" / "dev", (prod,))]

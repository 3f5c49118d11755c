"""What is to be called, by a deployment's outputs and by what runs on this machine."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws
from rich.console import Console

from client import target as module
from client.target import LocalFile, Login, Secret, from_outputs, login_of, of_deployment, of_local
from dataplane.address import Address
from deployment import preflight
from deployment.lifecycle import Lifecycle, load_stacks
from deployment.progress import Display
from errors import UserError
from settings import Settings

DEV = SimpleNamespace(environment="dev", region="us-west-2")
ENDPOINT = {"endpoint": "https://abc.execute-api.us-west-2.amazonaws.com/"}
ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:mlflow"
ADDRESS = Address("http://127.0.0.1:8080", "mlflow", "s3cret-word")


@pytest.fixture
def display() -> Display:
    return Display(Console(file=io.StringIO()))


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Two small stacks in place of the real ones, one of them with nothing to tell; AWS is in order."""

    def synthesise(environments: Sequence[Any], outdir: Path) -> None:
        assert environments == [DEV]
        manifest = {}
        for name, outputs in {"api": {**ENDPOINT, "access": "iam"}, "other": {"vpc_id": "vpc-1"}}.items():
            folder = outdir / "stacks" / f"dev-{name}"
            folder.mkdir(parents=True, exist_ok=True)
            stack = {
                "terraform": {"backend": {"local": {"path": "terraform.tfstate"}}},
                "output": {key: {"value": value} for key, value in outputs.items()},
            }
            (folder / "cdk.tf.json").write_text(json.dumps(stack))
            manifest[folder.name] = {"dependencies": [], "workingDirectory": f"stacks/{folder.name}"}
        (outdir / "manifest.json").write_text(json.dumps({"stacks": manifest}))

    app = ModuleType("main")
    app.__dict__["synthesise"] = synthesise
    monkeypatch.setitem(sys.modules, "main", app)
    monkeypatch.setattr(preflight, "check", lambda _: "123456789012")
    monkeypatch.setattr(module, "OUTDIR", tmp_path)
    return tmp_path


def test_a_deployment_is_found_once_it_is_applied(stacks: Path, display: Display) -> None:
    settings = cast(Settings, DEV)
    with pytest.raises(UserError, match="dev is not deployed"):
        of_deployment(settings, display)
    Lifecycle(load_stacks(stacks, ["dev"]), display).deploy(lambda _: True)
    target = of_deployment(settings, display)
    assert (target.url, target.access) == (ENDPOINT["endpoint"].rstrip("/"), "iam")


@mock_aws
def test_the_password_is_read_from_the_secret_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    manager = boto3.client("secretsmanager", region_name="us-west-2")
    arn = manager.create_secret(Name="mlflow", SecretString='{"username": "mlflow", "password": "one"}')["ARN"]
    secret = Secret(arn, "us-west-2")
    assert secret.read() == Login("mlflow", "one")
    manager.put_secret_value(SecretId=arn, SecretString='{"username": "mlflow", "password": "two"}')
    assert secret.read() == Login("mlflow", "two")


@mock_aws
def test_a_secret_that_cannot_be_read_is_named_with_the_rights_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    with pytest.raises(UserError, match=f"{ARN}: .*secretsmanager:GetSecretValue"):
        Secret(ARN, "us-west-2").read()


def test_a_deployment_is_what_its_outputs_say() -> None:
    target = from_outputs("dev", "us-west-2", {**ENDPOINT, "access": "basic", "mlflow_credentials_secret_arn": ARN})
    assert (target.name, target.url) == ("dev", "https://abc.execute-api.us-west-2.amazonaws.com")
    assert (target.access, target.region, target.logins) == ("basic", "us-west-2", Secret(ARN, "us-west-2"))


def test_what_was_deployed_before_there_was_a_choice_has_passwords() -> None:
    assert from_outputs("dev", "us-west-2", ENDPOINT).access == "basic"


def test_refuses_an_environment_that_is_not_deployed() -> None:
    with pytest.raises(UserError, match=r"^dev is not deployed: .*`make deploy`"):
        from_outputs("dev", "us-west-2", {"access": "iam"})


def test_refuses_an_access_type_that_it_does_not_know() -> None:
    with pytest.raises(UserError, match=r"dev: the output access is 'magic'"):
        from_outputs("dev", "us-west-2", {**ENDPOINT, "access": "magic"})


@pytest.mark.parametrize("access", ["jwt", "iam", "none"])
def test_only_passwords_come_from_the_secret(access: str) -> None:
    outputs = {**ENDPOINT, "access": access, "mlflow_credentials_secret_arn": ARN}
    assert from_outputs("dev", "us-west-2", outputs).logins is None


@pytest.mark.parametrize(("outputs", "page"), [({"mlflow_credentials_secret_arn": ARN}, "/ui"), ({}, "/")])
def test_our_own_authorizer_has_a_login_page_and_the_ui_is_beside_it(outputs: dict[str, str], page: str) -> None:
    target = from_outputs("dev", "us-west-2", {**ENDPOINT, "access": "lambda", **outputs})
    assert (target.has_login_page, target.ui_path) == (page == "/ui", page)


def test_a_local_data_plane_is_found_while_it_runs_and_not_afterwards(tmp_path: Path) -> None:
    with ADDRESS.written_to(tmp_path):
        target = of_local(tmp_path)
        assert (target.url, target.access) == (ADDRESS.url, "basic")
        assert target.logins is not None
        assert target.logins.read() == Login("mlflow", "s3cret-word")
    with pytest.raises(UserError, match=r"^no data plane runs in .*Start it with `make local`"):
        of_local(tmp_path)


def test_the_file_is_for_this_user_alone_and_replaces_one_that_was_left_behind(tmp_path: Path) -> None:
    file = tmp_path / "client.json"
    file.write_text("{}")
    file.chmod(0o644)
    with ADDRESS.written_to(tmp_path):
        assert file.stat().st_mode & 0o777 == 0o600
        assert json.loads(file.read_text())["url"] == ADDRESS.url


def test_no_password_is_in_what_python_shows(tmp_path: Path) -> None:
    with ADDRESS.written_to(tmp_path):
        shown = repr((ADDRESS, of_local(tmp_path), LocalFile(tmp_path).read()))
    assert "s3cret-word" not in shown


@pytest.mark.parametrize("secret", ["s3cret-word", '{"password": "s3cret-word"}', '["s3cret-word"]'])
def test_a_foreign_secret_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(UserError, match="no username and password") as refused:
        login_of(secret)
    assert "s3cret-word" not in str(refused.value)
    assert refused.value.__cause__ is None

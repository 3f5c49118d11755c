from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from constructs_lib import authorizer_function
from constructs_lib.authorizer_function import AuthorizerFunction
from tests.unit.synthesis import Terraform, Workbench

SOURCE = Path(authorizer_function.__file__).with_name("authorizer_handler.py")


def _synthesise(stack: Workbench) -> Terraform:
    AuthorizerFunction(
        stack,
        "authorizer",
        name_prefix="test",
        credentials=stack.credentials,
        users=("alice", "bob"),
        encryption_key=stack.key,
        log_retention_days=30,
    )
    return stack.synthesise()


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    return _synthesise(stack)


@pytest.fixture
def archive(terraform: Terraform, tmp_path: Path) -> Path:
    """The zip file, which Terraform finds from the stack's folder."""
    file: str = terraform.one("aws_lambda_function")["filename"]
    [found] = tmp_path.rglob(file)
    return found


def test_it_gets_the_secret_by_reference_and_the_names_of_more_users(terraform: Terraform) -> None:
    function = terraform.one("aws_lambda_function")

    secret = terraform.one("aws_secretsmanager_secret").ref("arn")
    assert function["environment"] == {"variables": {"SECRET_ARN": secret, "USERS": "alice bob"}}
    assert function["kms_key_arn"] == terraform.one("aws_kms_key").ref("arn")


def test_it_may_read_the_one_secret_and_write_its_log(terraform: Terraform) -> None:
    function, role = terraform.one("aws_lambda_function"), terraform.one("aws_iam_role")

    assert function["role"] == role.ref("arn")
    assert set(terraform.permissions(role)) == {"read-secret-credentials", "decrypt", "write-authorizer-logs"}
    [trust] = role.json("assume_role_policy")["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_its_log_is_there_before_lambda_would_make_one_that_never_forgets(terraform: Terraform) -> None:
    function, log = terraform.one("aws_lambda_function"), terraform.one("aws_cloudwatch_log_group")

    assert (log["name"], log["retention_in_days"]) == (f"/aws/lambda/{function['function_name']}", 30)
    assert log.address in function["depends_on"]


def test_it_answers_before_api_gateway_gives_up(terraform: Terraform) -> None:
    assert terraform.one("aws_lambda_function")["timeout"] <= 10


def test_its_archive_holds_the_source_and_nothing_else(terraform: Terraform, archive: Path) -> None:
    function = terraform.one("aws_lambda_function")

    with zipfile.ZipFile(archive) as content:
        assert {name: content.read(name) for name in content.namelist()} == {SOURCE.name: SOURCE.read_bytes()}
    module, _, handler = function["handler"].partition(".")
    assert (f"{module}.py", handler) == (SOURCE.name, "handler")
    assert f"\ndef {handler}(" in SOURCE.read_text(encoding="utf-8")


def test_its_archive_is_the_same_every_time_so_that_plans_stay_empty(terraform: Terraform, archive: Path) -> None:
    first = archive.read_bytes()
    authorizer_function._archive.cache_clear()

    assert authorizer_function._archive().read_bytes() == first
    expected = base64.b64encode(hashlib.sha256(first).digest()).decode()
    assert terraform.one("aws_lambda_function")["source_code_hash"] == expected

from __future__ import annotations

import json

import pytest

from tests.unit.synthesis import Terraform, Workbench, allow


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    stack.make_secret("credentials", username="jane")
    return stack.synthesise()


def test_the_password_is_made_while_terraform_runs_and_needs_no_quoting(terraform: Terraform) -> None:
    password = terraform.ephemeral("aws_secretsmanager_random_password")

    assert password == {"password_length": 40, "exclude_punctuation": True}


def test_the_value_is_write_only(terraform: Terraform) -> None:
    password = terraform.ephemeral("aws_secretsmanager_random_password").address

    assert terraform.one("aws_secretsmanager_secret_version") == {
        "secret_id": terraform.one("aws_secretsmanager_secret").ref("arn"),
        "secret_string_wo": f'${{jsonencode({{username = "jane", password = {password}.random_password}})}}',
        "secret_string_wo_version": 1,
    }


def test_the_secret_is_encrypted_with_the_key_and_can_be_recovered(terraform: Terraform) -> None:
    assert terraform.one("aws_secretsmanager_secret") == {
        "name_prefix": "test/credentials-",
        "description": "credentials",
        "kms_key_id": terraform.one("aws_kms_key").ref("arn"),
        "recovery_window_in_days": 7,
    }


def test_a_rotation_writes_a_new_value(stack: Workbench) -> None:
    secret = stack.make_secret("credentials", rotation=2)

    assert secret.rotation == 2
    assert stack.synthesise().one("aws_secretsmanager_secret_version")["secret_string_wo_version"] == 2


def test_a_container_gets_one_key_of_the_version_just_stored_so_that_a_rotation_redeploys(stack: Workbench) -> None:
    stack.add_override("output.container.value", stack.credentials.container_secret("password"))
    terraform = stack.synthesise()

    arn = terraform.one("aws_secretsmanager_secret").ref("arn")
    version = terraform.one("aws_secretsmanager_secret_version").ref("version_id")
    assert terraform.document["output"]["container"]["value"] == f"{arn}:password::{version}"


def test_a_grant_is_to_read_this_secret_and_decrypt_it(stack: Workbench) -> None:
    stack.credentials.grant_read(stack.role)
    terraform = stack.synthesise()

    assert terraform.permissions(terraform.one("aws_iam_role")) == {
        "read-secret-credentials": allow(
            "secretsmanager:GetSecretValue", on=[terraform.one("aws_secretsmanager_secret").ref("arn")]
        ),
        "decrypt": allow("kms:Decrypt", on=[terraform.one("aws_kms_key").ref("arn")]),
    }


def test_two_secrets_under_one_key_need_one_permission_to_decrypt(stack: Workbench) -> None:
    for secret in (stack.credentials, stack.database_credentials):
        secret.grant_read(stack.role)
    terraform = stack.synthesise()

    names = terraform.permissions(terraform.one("aws_iam_role")).keys()
    assert names == {"read-secret-credentials", "read-secret-database-credentials", "decrypt"}


def test_no_argument_that_terraform_would_store_holds_a_value(terraform: Terraform) -> None:
    stored = json.dumps(terraform.document["resource"])

    assert '"secret_string"' not in stored
    assert stored.count("ephemeral.") == 1  # in secret_string_wo

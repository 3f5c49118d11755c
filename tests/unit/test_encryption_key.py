from __future__ import annotations

import pytest

from constructs_lib.encryption_key import EncryptionKey
from tests.unit.synthesis import Terraform, Workbench, allow


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    EncryptionKey(stack, "key", name_prefix="test", description="Data of test")
    return stack.synthesise()


def test_the_key_rotates_and_can_be_recovered_for_30_days(terraform: Terraform) -> None:
    key = terraform.one("aws_kms_key")

    assert (key["enable_key_rotation"], key["deletion_window_in_days"]) == (True, 30)


def test_it_has_a_readable_alias(terraform: Terraform) -> None:
    assert terraform.one("aws_kms_alias") == {
        "name": "alias/test",
        "target_key_id": terraform.one("aws_kms_key").ref("key_id"),
    }


def test_the_policy_leaves_access_to_iam_and_lets_only_log_groups_of_this_account_use_the_key(
    terraform: Terraform,
) -> None:
    partition, region = terraform.data("aws_partition").ref("partition"), terraform.data("aws_region").ref("name")
    account = terraform.data("aws_caller_identity").ref("account_id")

    assert terraform.one("aws_kms_key").json("policy")["Statement"] == [
        {
            "Sid": "IamPoliciesOfTheAccountDecide",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "LogGroupsOfTheAccount",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{region}.amazonaws.com"},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            "Resource": "*",
            "Condition": {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": f"arn:{partition}:logs:{region}:{account}:log-group:*"
                }
            },
        },
    ]


@pytest.mark.parametrize(("arguments", "prevented"), [({}, True), ({"protect": False}, False)])
def test_terraform_destroys_it_only_if_that_is_asked_for(
    stack: Workbench, arguments: dict[str, bool], prevented: bool
) -> None:
    EncryptionKey(stack, "key", name_prefix="test", description="Data of test", **arguments)

    assert stack.synthesise().one("aws_kms_key")["lifecycle"] == {"prevent_destroy": prevented}


@pytest.mark.parametrize(
    ("grant", "name", "actions"),
    [
        ("grant_encrypt_decrypt", "use-key", ["kms:Decrypt", "kms:GenerateDataKey"]),
        ("grant_decrypt", "decrypt", ["kms:Decrypt"]),
    ],
)
def test_a_grant_is_for_this_key_alone(stack: Workbench, grant: str, name: str, actions: list[str]) -> None:
    getattr(stack.key, grant)(stack.role)
    terraform = stack.synthesise()

    key = terraform.one("aws_kms_key").ref("arn")
    assert terraform.permissions(terraform.one("aws_iam_role")) == {name: allow(*actions, on=[key])}

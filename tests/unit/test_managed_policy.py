from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.managed_policy import ManagedPolicy
from tests.unit.synthesis import Terraform, Workbench

READ: dict[str, Any] = {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::bucket/*"]}


@pytest.fixture
def policy(stack: Workbench) -> ManagedPolicy:
    return ManagedPolicy(stack, "clients", name_prefix="test-clients", description="Clients")


def _statements(terraform: Terraform) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = terraform.one("aws_iam_policy").json("policy")["Statement"]
    return statements


def test_every_permission_is_a_statement_that_names_it(stack: Workbench, policy: ManagedPolicy) -> None:
    policy.allow("read-all", **READ)
    policy.allow("use-key", actions=["kms:Decrypt"], resources=["key"], conditions={"Bool": {"a:b": "true"}})

    assert _statements(stack.synthesise()) == [
        {"Sid": "ReadAll", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::bucket/*"]},
        {
            "Sid": "UseKey",
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": ["key"],
            "Condition": {"Bool": {"a:b": "true"}},
        },
    ]


def test_it_can_be_granted_what_roles_can(stack: Workbench, policy: ManagedPolicy) -> None:
    stack.artifacts.grant_read_write(policy)
    terraform = stack.synthesise()

    bucket, key = terraform.one("aws_s3_bucket").ref("arn"), terraform.one("aws_kms_key").ref("arn")
    assert {statement["Sid"]: (statement["Action"], statement["Resource"]) for statement in _statements(terraform)} == {
        "ListArtifacts": (["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], [bucket]),
        "ReadWriteArtifacts": (
            [
                "s3:GetObject",
                "s3:PutObject",
                "s3:DeleteObject",
                "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
            ],
            [f"{bucket}/*"],
        ),
        "UseKey": (["kms:Decrypt", "kms:GenerateDataKey"], [key]),
    }


def test_the_same_permission_twice_is_there_once(stack: Workbench, policy: ManagedPolicy) -> None:
    policy.allow("read", **READ)
    policy.allow("read", **READ)

    assert len(_statements(stack.synthesise())) == 1


def test_refuses_another_permission_under_the_same_id(policy: ManagedPolicy) -> None:
    policy.allow("read", **READ)
    with pytest.raises(ValueError, match="'read' is already granted with other actions or resources"):
        policy.allow("read", actions=["s3:GetObject"], resources=["*"])

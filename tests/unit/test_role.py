from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.role import Role
from tests.unit.synthesis import Terraform, Workbench, allow

READ: dict[str, Any] = {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::bucket/*"]}


def _permissions(terraform: Terraform) -> dict[str, dict[str, object]]:
    return terraform.permissions(terraform.one("aws_iam_role"))


@pytest.mark.parametrize("same_account_only", [True, False])
def test_one_service_takes_the_role_on_behalf_of_this_account_only(stack: Workbench, same_account_only: bool) -> None:
    Role(
        stack,
        "tasks",
        name_prefix="test-tasks",
        service="ecs-tasks.amazonaws.com",
        description="Tasks",
        same_account_only=same_account_only,
    )
    terraform = stack.synthesise()

    trust: dict[str, object] = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
    }
    if same_account_only:
        account = terraform.data("aws_caller_identity").ref("account_id")
        trust["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    role = terraform.one("aws_iam_role")
    assert role.json("assume_role_policy") == {"Version": "2012-10-17", "Statement": [trust]}
    assert (role["name_prefix"], role["description"]) == ("test-tasks-", "Tasks")


def test_a_role_may_do_nothing_at_first(stack: Workbench) -> None:
    assert stack.role
    terraform = stack.synthesise()

    assert terraform.types == {"aws_iam_role"}
    assert not {"managed_policy_arns", "inline_policy"} & terraform.one("aws_iam_role").keys()


def test_each_permission_is_an_inline_policy_of_its_own(stack: Workbench) -> None:
    stack.role.allow("read", **READ)
    stack.role.allow("list", actions=["s3:ListBucket"], resources=["arn:aws:s3:::bucket"])

    assert _permissions(stack.synthesise()) == {
        "read": allow("s3:GetObject", on=["arn:aws:s3:::bucket/*"]),
        "list": allow("s3:ListBucket", on=["arn:aws:s3:::bucket"]),
    }


def test_a_permission_may_have_conditions(stack: Workbench) -> None:
    condition = {"StringEquals": {"aws:ResourceTag/project": "test"}}
    stack.role.allow("read", **READ, conditions=condition)

    assert _permissions(stack.synthesise())["read"]["Condition"] == condition


def test_the_same_permission_twice_is_one(stack: Workbench) -> None:
    for _ in range(2):
        stack.role.allow("read", **READ)

    assert _permissions(stack.synthesise()).keys() == {"read"}


@pytest.mark.parametrize(
    "other",
    [
        {**READ, "actions": ["s3:PutObject"]},
        {**READ, "resources": ["*"]},
        {**READ, "conditions": {"Bool": {"aws:SecureTransport": "true"}}},
    ],
)
def test_refuses_another_permission_under_a_taken_id(stack: Workbench, other: dict[str, Any]) -> None:
    stack.role.allow("read", **READ)

    with pytest.raises(ValueError, match=r"'read' is already granted with other .* choose another id"):
        stack.role.allow("read", **other)

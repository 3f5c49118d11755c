from __future__ import annotations

from constructs_lib.permissions_boundary import PermissionsBoundary
from tests.unit.synthesis import Workbench, allow


def test_has_the_name_by_which_other_stacks_find_it_and_what_was_granted_to_it(stack: Workbench) -> None:
    boundary = PermissionsBoundary(stack, "boundary", name="test-boundary", description="The most")
    boundary.allow("read", actions=["s3:GetObject"], resources=["arn:aws:s3:::bucket/*"])

    policy = stack.synthesise().one("aws_iam_policy")
    assert "name_prefix" not in policy
    assert (policy["name"], policy["description"]) == ("test-boundary", "The most")
    assert policy.json("policy")["Statement"] == [
        {"Sid": "Read", **allow("s3:GetObject", on=["arn:aws:s3:::bucket/*"])}
    ]

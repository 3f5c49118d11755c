from __future__ import annotations

import re
from typing import Any

import pytest

from constructs_lib.managed_policy import ManagedPolicy
from constructs_lib.oidc_provider import ExistingOidcProvider
from constructs_lib.web_identity_role import WebIdentityRole
from tests.unit.synthesis import Workbench

ISSUER = ExistingOidcProvider("arn:aws:iam::123456789012:oidc-provider/tokens.example.com")


def make_role(stack: Workbench, *subjects: str, **changes: Any) -> WebIdentityRole:
    arguments: dict[str, Any] = {
        "name": "test-ci",
        "description": "CI",
        "issuer": ISSUER,
        "audience": "sts",
        "subjects": subjects,
    }
    return WebIdentityRole(stack, "role", **arguments | changes)


def test_trusts_the_listed_subjects_of_one_issuer_and_audience_alone(stack: Workbench) -> None:
    make_role(stack, "repo:o/n:pull_request", "repo:o/n:ref:refs/heads/main")

    role = stack.synthesise().one("aws_iam_role")
    assert (role["name"], role["max_session_duration"]) == ("test-ci", 3600)
    assert role.json("assume_role_policy")["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": ISSUER.arn},
            "Condition": {
                "StringEquals": {
                    "tokens.example.com:aud": "sts",
                    "tokens.example.com:sub": ["repo:o/n:pull_request", "repo:o/n:ref:refs/heads/main"],
                }
            },
        }
    ]


@pytest.mark.parametrize("subject", ["project_path:g/n:ref_type:branch:ref:*", "project_path:g/n:ref:v?"])
def test_only_a_subject_with_a_wildcard_is_compared_as_a_pattern(stack: Workbench, subject: str) -> None:
    make_role(stack, subject)

    [statement] = stack.synthesise().one("aws_iam_role").json("assume_role_policy")["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"tokens.example.com:aud": "sts"},
        "StringLike": {"tokens.example.com:sub": [subject]},
    }


def test_refuses_to_trust_every_token_of_the_issuer(stack: Workbench) -> None:
    with pytest.raises(Exception, match=re.escape("test-ci: without a subject everybody with a token of tokens.")):
        make_role(stack)


def test_gets_permissions_by_managed_policies_and_loses_some_by_a_denial(stack: Workbench) -> None:
    policy = ManagedPolicy(stack, "policy", name_prefix="test", description="Something")
    policy.allow("read", actions=["s3:GetObject"], resources=["*"])
    role = make_role(stack, "me", session_hours=2)
    role.attach("reading", policy)
    role.deny("keep-off", actions=["iam:*"], resources=["arn:aws:iam::123456789012:role/test-ci"])

    terraform = stack.synthesise()
    made = terraform.one("aws_iam_role")
    attached = terraform.one("aws_iam_role_policy_attachment")
    assert made["max_session_duration"] == 7200
    assert attached == {"role": made.ref("name"), "policy_arn": terraform.one("aws_iam_policy").ref("arn")}
    denial = terraform.one("aws_iam_role_policy")
    assert (denial["name"], denial["role"]) == ("keep-off", made.ref("name"))
    assert denial.json("policy")["Statement"] == [
        {"Effect": "Deny", "Action": ["iam:*"], "Resource": ["arn:aws:iam::123456789012:role/test-ci"]}
    ]

"""Whom a plan lets in: by networks, policies, and what is attached to roles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from review.checks.opening import is_world
from review.checks.policies import WITHOUT_RESOURCES, aspects, is_opaque
from review.model import Verdict
from tests.review.plans import (
    Json,
    at,
    configuration,
    created,
    destroyed,
    kept,
    only,
    replaced,
    review,
    rules,
    updated,
)

KEY = "arn:aws:kms:us-west-2:123456789012:key/1"


@pytest.mark.parametrize(
    ("cidr", "world"),
    [
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("0.0.0.0/1", True),
        ("128.0.0.0/7", True),
        ("10.0.0.0/8", False),
        ("192.0.2.0/24", False),
        ("2000::/3", True),
        ("2001:db8::/32", False),
        ("${aws_vpc.network.cidr_block}", False),
        (None, False),
    ],
)
def test_the_world_is_a_network_with_a_short_prefix(cidr: Any, world: bool) -> None:
    assert is_world(cidr) is world


WORLD: list[tuple[str, Json]] = [
    ("aws_vpc_security_group_ingress_rule", {"cidr_ipv4": "0.0.0.0/0", "ip_protocol": "-1"}),
    ("aws_vpc_security_group_ingress_rule", {"cidr_ipv6": "::/0", "ip_protocol": "tcp", "from_port": 1, "to_port": 2}),
    (
        "aws_security_group_rule",
        {
            "type": "ingress",
            "cidr_blocks": ["10.0.0.0/8", "0.0.0.0/0"],
            "protocol": "tcp",
            "from_port": 1,
            "to_port": 1,
        },
    ),
    (
        "aws_security_group",
        {
            "ingress": [
                {"cidr_blocks": [], "ipv6_cidr_blocks": ["::/0"], "protocol": "-1", "from_port": 0, "to_port": 0}
            ]
        },
    ),
    ("aws_default_security_group", {"ingress": [{"cidr_blocks": ["0.0.0.0/0"], "protocol": "-1"}]}),
]


@pytest.mark.parametrize(("type", "values"), WORLD)
def test_letting_the_world_in_is_dangerous_once(type: str, values: Json) -> None:
    found = review(created(f"{type}.a", **values))
    assert rules(found) == ["open-to-the-world"]
    assert rules(review(updated(f"{type}.a", {"cidr_ipv4": "10.0.0.0/8"}, values)), Verdict.DANGEROUS) == [
        "open-to-the-world"
    ]
    # What was open stays open, and closing is no danger.
    assert rules(review(updated(f"{type}.a", values, {**values, "description": "x"})), Verdict.DANGEROUS) == []
    assert rules(review(destroyed(f"{type}.a", **values)), Verdict.DANGEROUS) == []


def test_going_out_to_the_world_is_a_look_only() -> None:
    found = review(created("aws_vpc_security_group_egress_rule.a", cidr_ipv4="0.0.0.0/0", ip_protocol="-1"))
    assert rules(found) == ["network-changed"]
    rule = {"type": "egress", "cidr_blocks": ["0.0.0.0/0"], "protocol": "-1"}
    assert rules(review(created("aws_security_group_rule.a", **rule))) == ["network-changed"]


def policy(*statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = KEY, **more: Any) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    "statement",
    [
        allow("*"),
        allow("s3:*"),
        allow(["kms:Decrypt", "kms:**"]),
        allow("*:*"),
        {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": KEY},
        {"Effect": "Allow", "Action": "kms:Decrypt", "NotResource": KEY},
        allow("kms:Decrypt", "*"),
        allow("iam:PassRole", ["*"]),
        allow("s3:GetObject", "arn:aws:s3:::*"),
        allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-west-2:123456789012:secret:*"),
        allow("sts:AssumeRole", "arn:aws:iam::*:role/*"),
        allow(["ecr:GetAuthorizationToken", "ecr:BatchGetImage"], "*"),
        allow("kms:Decrypt", "*", Condition={"StringEqualsIfExists": {"aws:ResourceTag/a": "b"}}),
        allow("kms:Decrypt", "*", Condition={"StringLike": {"aws:ResourceTag/a": "*"}}),
    ],
)
def test_a_policy_with_wildcards_is_dangerous(statement: Json) -> None:
    assert {each.rule for each in aspects({"Statement": [statement]})} == {"iam-wildcard"}
    found = review(created("aws_iam_role_policy.a", policy=policy(statement)))
    assert rules(found) == ["iam-wildcard"]


@pytest.mark.parametrize(
    "statement",
    [
        allow("kms:Decrypt"),
        allow("s3:GetObject", "arn:aws:s3:::bucket/*"),
        allow("s3:Get*", "arn:aws:s3:::bucket/*"),
        allow("logs:PutLogEvents", "arn:aws:logs:us-west-2:123456789012:log-group:/mlflow:*"),
        allow("logs:PutLogEvents", "${aws_cloudwatch_log_group.a.arn}:*"),
        allow("execute-api:Invoke", "arn:aws:execute-api:us-west-2:123456789012:abcdef/*"),
        allow("sagemaker:CreateModel", "arn:aws:sagemaker:us-west-2:123456789012:model/mlflow-dev-*"),
        allow("ec2:RunInstances", "*", Condition={"StringEquals": {"aws:ResourceTag/project": "mlflow"}}),
        allow(["ssmmessages:CreateDataChannel", "ssmmessages:OpenDataChannel"], "*"),
        allow("sagemaker:ListDomains", "*"),
        {"Effect": "Deny", "Action": "*", "Resource": "*"},
    ],
)
def test_a_policy_that_names_what_it_gives_is_not(statement: Json) -> None:
    assert aspects({"Statement": statement}) == frozenset()


@pytest.mark.parametrize("action", WITHOUT_RESOURCES)
def test_actions_that_know_no_resources_have_a_source_and_may_be_given_on_all(action: str) -> None:
    assert WITHOUT_RESOURCES[action].startswith("https://docs.aws.amazon.com/")
    assert aspects({"Statement": [allow(action.replace("*", "Tags"), "*")]}) == frozenset()


ROOT = {"AWS": "arn:aws:iam::123456789012:root"}
EVERYBODY: list[Json] = [
    {"Principal": "*"},
    {"Principal": {"AWS": "*"}},
    {"Principal": {"AWS": ["arn:aws:iam::123456789012:root", "*"]}},
    {"NotPrincipal": ROOT},
    {"Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    {"Principal": "*", "Condition": {"StringNotEquals": {"aws:SourceAccount": "123456789012"}}},
    {"Principal": "*", "Condition": {"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}},
    {"Principal": "*", "Condition": {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
    {"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}},
    {"Principal": "*", "Condition": {"StringLike": {"aws:PrincipalArn": "*"}}},
    {"Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}},
    {
        "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"},
        "Condition": {"StringLike": {"gitlab.example.com:sub": "*"}},
    },
]
SOMEBODY: list[Json] = [
    {"Principal": ROOT},
    {"Principal": {"Service": "ecs-tasks.amazonaws.com"}},
    {"Principal": "*", "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}},
    {"Principal": "*", "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"}}},
    {"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}}},
    {
        "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},
        "Condition": {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:a/b:pull_request"}},
    },
]


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize(
    ("type", "attribute"),
    [("aws_iam_role", "assume_role_policy"), ("aws_s3_bucket_policy", "policy"), ("aws_kms_key", "policy")],
)
def test_letting_everybody_in_by_a_policy_is_dangerous(type: str, attribute: str, who: Json) -> None:
    text = policy({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **who})
    found = review(created(f"{type}.a", enable_key_rotation=True, **{attribute: text}))
    assert rules(found, Verdict.DANGEROUS) == ["public-principal"]
    denied = policy({"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*", **who})
    assert rules(review(created(f"{type}.a", enable_key_rotation=True, **{attribute: denied})), Verdict.DANGEROUS) == []


@pytest.mark.parametrize("who", SOMEBODY)
def test_a_named_principal_or_a_condition_is_enough(who: Json) -> None:
    assert aspects({"Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*", **who}]}) == frozenset()


def test_only_what_is_new_in_a_policy_counts() -> None:
    wide, more = allow("s3:*"), allow("kms:Decrypt")
    assert rules(review(updated("aws_iam_policy.a", {"policy": policy(wide)}, {"policy": policy(wide, more)}))) == [
        "permissions-changed"
    ]
    assert rules(review(updated("aws_iam_policy.a", {"policy": policy(more)}, {"policy": policy(wide)}))) == [
        "iam-wildcard"
    ]


def test_an_unknown_policy_is_read_from_the_configuration() -> None:
    before = {"policy": policy(allow("kms:Decrypt"))}
    for text, expected in (
        (policy(allow("kms:*", "${aws_kms_key.k.arn}")), "iam-wildcard"),
        (policy(allow("kms:Decrypt", "${aws_kms_key.k.arn}")), "permissions-changed"),
        ("${data.aws_iam_policy_document.d.json}", "policy-unknown"),
        (policy({"Effect": "Allow", "Action": "${local.actions}", "Resource": "*"}), "policy-unknown"),
        (json.dumps({"Statement": "${local.statements}"}), "policy-unknown"),
    ):
        found = review(
            updated("aws_iam_role_policy.a", before, {}, after_unknown={"policy": True}),
            configured=configuration(aws_iam_role_policy__a=at("a", policy=text)),
        )
        assert expected in rules(found)


def test_a_policy_that_is_marked_as_sensitive_is_read_from_the_configuration_or_told() -> None:
    entry = created("aws_iam_role_policy.a", policy=policy(allow("*")))
    entry["change"]["after_sensitive"] = {"policy": True}
    written = configuration(aws_iam_role_policy__a=at("a", policy=policy(allow("*"))))
    assert "iam-wildcard" in rules(review(entry, configured=written))
    hidden = configuration(aws_iam_role_policy__a=at("a", policy="${sensitive(local.policy)}"))
    assert "policy-unknown" in rules(review(entry, configured=hidden))
    assert "policy-unknown" in rules(review(entry))


def test_a_policy_that_aws_fills_in_is_not_unknown() -> None:
    found = review(
        created("aws_s3_bucket.a", {"policy": True}), configured=configuration(aws_s3_bucket__a=at("a", bucket="a"))
    )
    assert found.findings == ()


def test_expressions_in_the_parts_that_matter_make_a_policy_opaque() -> None:
    assert is_opaque({"Statement": [allow("${local.action}")]})
    assert not is_opaque({"Statement": [allow("kms:Decrypt", "${aws_kms_key.k.arn}")]})


def test_inline_policies_of_a_role_count_too() -> None:
    inline = [{"name": "a", "policy": policy(allow("s3:*"))}]
    assert rules(review(updated("aws_iam_role.a", {}, {"inline_policy": inline}))) == ["iam-wildcard"]


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "arn:aws:iam::aws:policy/AmazonS3FullAccess",
        "arn:aws:iam::aws:policy/PowerUserAccess",
    ],
)
def test_attaching_a_policy_of_awss_that_gives_everything_is_dangerous(arn: str) -> None:
    assert rules(review(created("aws_iam_role_policy_attachment.a", policy_arn=arn))) == ["iam-admin"]
    assert rules(review(updated("aws_iam_role.a", {"managed_policy_arns": []}, {"managed_policy_arns": [arn]}))) == [
        "iam-admin"
    ]
    assert "iam-admin" not in rules(review(destroyed("aws_iam_role_policy_attachment.a", policy_arn=arn)))


def test_attaching_a_small_policy_is_a_look() -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    assert rules(review(created("aws_iam_role_policy_attachment.a", policy_arn=arn))) == ["permissions-changed"]


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"principal": "*"}, "public-principal"),
        ({"principal": "*", "function_url_auth_type": "NONE", "source_account": "1"}, "public-principal"),
        ({"principal": "apigateway.amazonaws.com"}, "loosened"),
        ({"principal": "apigateway.amazonaws.com", "source_arn": "arn"}, None),
        ({"principal": "*", "principal_org_id": "o-1"}, None),
    ],
)
def test_whoever_may_invoke_a_function_must_be_named(values: Json, rule: str | None) -> None:
    found = [
        each for each in rules(review(created("aws_lambda_permission.a", **values))) if each != "permissions-changed"
    ]
    assert found == ([rule] if rule else [])


TLS = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


def test_a_bucket_that_no_longer_asks_for_tls_is_dangerous() -> None:
    tls = {"bucket": "b", "policy": policy(TLS)}
    for taken in (
        updated("aws_s3_bucket_policy.a", tls, {"policy": policy()}),
        destroyed("aws_s3_bucket_policy.a", **tls),
    ):
        assert rules(review(taken), Verdict.DANGEROUS) == ["encryption-off"]
    with_bucket = review(destroyed("aws_s3_bucket_policy.a", **tls), destroyed("aws_s3_bucket.b", id="b"))
    assert rules(with_bucket, Verdict.DANGEROUS) == ["data-lost"]


def test_a_policy_that_refuses_less_is_a_look() -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject"}
    found = review(updated("aws_s3_bucket_policy.a", {"policy": policy(TLS, deny)}, {"policy": policy(TLS)}))
    assert set(rules(found)) == {"loosened", "permissions-changed"}


def test_permissions_and_networks_are_told_once_for_each_construct() -> None:
    configured = configuration(
        aws_iam_role__task_role=at("task/role/Resource"),
        aws_iam_role_policy__task_role_read=at("task/role/read"),
        aws_security_group__task_group=at("task/group/Resource"),
    )
    found = review(
        created("aws_iam_role.task_role"),
        destroyed("aws_iam_role_policy.task_role_read"),
        created("aws_security_group.task_group"),
        configured=configured,
    )
    assert sorted(rules(found)) == ["network-changed", "permissions-changed"]
    assert only(found, "permissions-changed").what == (
        "Who may do what changes: new is `aws_iam_role.task_role`; gone is `aws_iam_role_policy.task_role_read`."
    )


def test_tags_and_moves_of_roles_are_no_change_of_permissions() -> None:
    assert review(updated("aws_iam_role.a", {"tags": {"a": "1"}}, {"tags": {}})).findings == ()
    moved = kept("aws_iam_role.b") | {"previous_address": "aws_iam_role.a"}
    assert review(moved).findings == ()


def test_a_replaced_group_is_told_as_replaced_and_as_a_change_of_the_network() -> None:
    found = review(replaced("aws_security_group.a", {"description": "x"}, {"description": "y"}, "description"))
    assert sorted(rules(found)) == ["network-changed", "replaced"]

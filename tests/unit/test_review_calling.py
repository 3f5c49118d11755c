"""What changes for those who call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from review.model import Verdict
from review.plan import review_plans
from tests.review.plans import (
    STACK,
    TODAY,
    Json,
    at,
    configuration,
    created,
    destroyed,
    kept,
    only,
    plan,
    replaced,
    review,
    rules,
    updated,
)

API = "dev-http-api-gateway"


def task(**variables: str) -> Json:
    environment = [{"name": name, "value": value} for name, value in variables.items()]
    return {"container_definitions": json.dumps([{"name": "mlflow"}, {"name": "nginx", "environment": environment}])}


def move(before: Json, after: Json) -> Json:
    return replaced("aws_ecs_task_definition.task", before, after, "container_definitions")


def integration(access: str) -> Json:
    return {"request_parameters": {"overwrite:header.X-Gateway-Access": access}}


def output(before: Any, after: Any, action: str = "update", **more: Any) -> Json:
    return {"actions": [action], "before": before, "after": after, "after_unknown": False, **more}


BASIC, IAM = task(AUTH_MODE="basic"), task(AUTH_MODE="gateway", GATEWAY_ACCESS="iam")
NOBODY = task(AUTH_MODE="gateway", GATEWAY_ACCESS="none")


@pytest.mark.parametrize("before", [BASIC, IAM])
def test_nobody_who_checks_is_dangerous(before: Json) -> None:
    assert rules(review(move(before, NOBODY))) == ["access-none"]


def test_nobody_who_checks_is_dangerous_from_the_start_too() -> None:
    assert rules(review(created("aws_ecs_task_definition.task", **NOBODY))) == ["access-none"]
    assert rules(review(created("aws_apigatewayv2_integration.a", **integration("none")))) == ["access-none"]
    assert rules(review(outputs={"access": output(None, "none", "create")})) == ["access-none"]


def test_what_was_open_to_all_before_is_no_news() -> None:
    assert review(move(NOBODY, task(AUTH_MODE="gateway", GATEWAY_ACCESS="none", OTHER="1"))).findings == ()


def test_another_way_in_is_a_look() -> None:
    found = review(move(BASIC, IAM))
    assert rules(found) == ["access-changed"]
    assert found.findings[0].what == "Callers prove in another way who they are: by `iam` instead of `basic`."
    assert rules(review(updated("aws_apigatewayv2_integration.a", integration("jwt"), integration("basic")))) == [
        "access-changed"
    ]


def test_unknown_containers_are_read_from_the_configuration() -> None:
    text = json.dumps(
        [
            {
                "name": "nginx",
                "image": "${aws_ecr_repository.r.url}",
                "environment": [
                    {"name": "AUTH_MODE", "value": "gateway"},
                    {"name": "GATEWAY_ACCESS", "value": "none"},
                ],
            }
        ]
    )
    found = review(
        replaced(
            "aws_ecs_task_definition.task",
            BASIC,
            {},
            "container_definitions",
            after_unknown={"container_definitions": True},
        ),
        configured=configuration(aws_ecs_task_definition__task=at("task/Resource", container_definitions=text)),
    )
    assert rules(found) == ["access-none"]


def test_one_cause_is_one_finding_though_it_shows_in_several_stacks() -> None:
    plans = {
        STACK: plan(kept("aws_vpc.a"), move(BASIC, NOBODY)),
        API: plan(
            kept("aws_apigatewayv2_api.a"),
            updated("aws_apigatewayv2_integration.a", integration("basic"), integration("none")),
            outputs={"access": output("basic", "none")},
        ),
    }
    found = review_plans(plans, {}, today=TODAY)
    assert rules(found) == ["access-none"]
    assert found.findings[0].address.resource == "aws_ecs_task_definition.task"


def route(authorization: str | None) -> Json:
    return {"route_key": "ANY /", "authorization_type": authorization}


@pytest.mark.parametrize("authorization", ["NONE", None])
def test_a_route_that_loses_its_authorizer_is_dangerous_unless_nginx_checks(authorization: str | None) -> None:
    loses = updated("aws_apigatewayv2_route.a", route("JWT"), route(authorization))
    assert rules(review(loses)) == ["route-unchecked"]
    assert rules(review(loses, kept("aws_apigatewayv2_integration.a", **integration("jwt")))) == ["route-unchecked"]
    assert rules(review(loses, kept("aws_apigatewayv2_integration.a", **integration("basic")))) == []


def test_a_new_route_without_an_authorizer_is_dangerous_beside_others_that_have_one() -> None:
    new = created("aws_apigatewayv2_route.a", **route("NONE"))
    assert rules(review(new, kept("aws_apigatewayv2_integration.a", **integration("iam")))) == ["route-unchecked"]
    assert rules(review(created("aws_apigatewayv2_route.a", **route("AWS_IAM")))) == []


def test_routes_of_an_api_that_is_open_to_all_are_not_told_one_by_one() -> None:
    found = review(
        updated("aws_apigatewayv2_integration.a", integration("iam"), integration("none")),
        updated("aws_apigatewayv2_route.b", route("AWS_IAM"), route("NONE")),
    )
    assert rules(found) == ["access-none"]


def test_a_function_may_answer_everybody_as_a_login_page_does() -> None:
    page = created("aws_apigatewayv2_route.a", **route("NONE"), target="integrations/f1")
    to = {"id": "f1", "integration_type": "AWS_PROXY"}
    mlflow = kept("aws_apigatewayv2_integration.b", id="f2", integration_type="HTTP_PROXY", **integration("lambda"))
    assert rules(review(page, mlflow, kept("aws_apigatewayv2_integration.a", **to))) == ["loosened"]
    elsewhere = created("aws_apigatewayv2_route.a", **route("NONE"), target="integrations/f2")
    assert rules(review(elsewhere, mlflow)) == ["route-unchecked"]


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("192.0.2.0/24", "", "addresses-open"),
        ("192.0.2.0/24", "192.0.2.0/24 0.0.0.0/0", "addresses-open"),
        ("192.0.2.0/24", "192.0.2.0/24 198.51.100.0/24", "loosened"),
        ("192.0.2.0/24 198.51.100.0/24", "192.0.2.0/24", None),
        ("", "192.0.2.0/24", None),
        ("192.0.2.0/24", "192.0.2.0/24", None),
    ],
)
def test_addresses_of_callers_that_widen_are_told(before: str, after: str, rule: str | None) -> None:
    old, new = (task(AUTH_MODE="basic", **({"ALLOWED_CIDRS": cidrs} if cidrs else {})) for cidrs in (before, after))
    assert rules(review(move(old, new))) == ([rule] if rule else [])


def firewall(*names: str, counting: bool = False) -> Json:
    action: list[Json] = [{"count": [{}] if counting else [], "none": [] if counting else [{}]}]
    return {"rule": [{"name": name, "override_action": action} for name in names]}


def test_a_firewall_with_fewer_rules_or_that_only_counts_is_dangerous() -> None:
    both = firewall("common", "rate")
    assert rules(review(updated("aws_wafv2_web_acl.a", both, firewall("common")))) == ["firewall-off"]
    assert rules(review(updated("aws_wafv2_web_acl.a", both, firewall("common", "rate", "more")))) == []


def test_a_firewall_rule_that_only_counts_now_is_dangerous() -> None:
    blocks = {"rule": [{"name": "a", "action": [{"block": [{"custom": []}], "count": []}]}]}
    counts = {"rule": [{"name": "a", "action": [{"block": [], "count": [{"custom": []}]}]}]}
    assert rules(review(updated("aws_wafv2_web_acl.a", blocks, counts))) == ["firewall-off"]
    assert rules(review(updated("aws_wafv2_web_acl.a", counts, blocks))) == []


def test_another_issuer_of_tokens_is_a_look() -> None:
    before, after = (
        {"jwt_configuration": [{"issuer": issuer, "audience": ["a"]}]} for issuer in ("https://a", "https://b")
    )
    found = review(updated("aws_apigatewayv2_authorizer.a", before, after))
    assert rules(found) == ["access-changed"]
    assert found.findings[0].what == "Tokens of another issuer are taken."


def test_outputs_that_people_use_are_told_when_they_change_or_go() -> None:
    outputs = {
        "endpoint": output("https://a", None, after_unknown=True),
        "vpc_id": output("vpc-1", "vpc-2"),
        "old": output("x", None, "delete"),
        "new": output(None, "y", "create"),
    }
    found = review(outputs=outputs)
    assert [(each.rule, each.what) for each in found.findings] == [
        ("output-changed", "The output `endpoint` is another one after the apply."),
        ("output-changed", "The output `vpc_id` changes."),
        ("output-changed", "The output `old` is gone."),
    ]
    assert [each.address.resource for each in found.changes] == [
        "output.endpoint",
        "output.vpc_id",
        "output.old",
        "output.new",
    ]
    assert found.changes[0].differences[0].after == "(known after apply)"


def test_an_output_with_a_secrets_name_is_hidden_though_nobody_marked_it() -> None:
    found = review(outputs={"admin_password": output("old-one", "new-one")})
    assert "-one" not in repr(found)


def test_a_stack_that_goes_says_so_once_and_not_for_each_output() -> None:
    plans = {STACK: plan(destroyed("aws_eip.a"), outputs={"address": output("x", None, "delete")})}
    found = review_plans(plans, {}, today=TODAY)
    assert rules(found) == ["destroyed"]
    assert [each.address.resource for each in found.changes] == ["aws_eip.a"]
    assert only(found, "destroyed").verdict is Verdict.LOOK

from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.web_firewall import COUNTED, WebFirewall
from tests.unit.synthesis import Terraform, Workbench

COMMON, BAD_INPUTS = "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"
# AWS WAF Developer Guide, Core rule set (CRS) managed rule group: the rules that inspect a request's body
BODY_RULES = {
    "SizeRestrictions_BODY",
    "EC2MetaDataSSRF_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "CrossSiteScripting_BODY",
}


def _synthesise(stack: Workbench, *groups: str) -> Terraform:
    WebFirewall(
        stack,
        "firewall",
        name_prefix="test",
        load_balancer=stack.load_balancer,
        rate_limit=500,
        managed_rule_groups=groups,
        source_ip_header="X-Source-Ip",
    )
    return stack.synthesise()


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    return _synthesise(stack, COMMON, BAD_INPUTS)


def _rules(terraform: Terraform) -> list[dict[str, Any]]:
    return sorted(terraform.one("aws_wafv2_web_acl")["rule"], key=lambda rule: int(rule["priority"]))


def test_it_stands_before_the_load_balancer_and_lets_pass_what_no_rule_refuses(terraform: Terraform) -> None:
    acl = terraform.one("aws_wafv2_web_acl")

    assert (acl["scope"], acl["default_action"]) == ("REGIONAL", {"allow": {}})
    assert terraform.one("aws_wafv2_web_acl_association") == {
        "resource_arn": terraform.one("aws_lb").ref("arn"),
        "web_acl_arn": acl.ref("arn"),
    }


def test_the_rate_is_limited_before_the_groups_are_asked_in_their_order(terraform: Terraform) -> None:
    assert [rule["name"] for rule in _rules(terraform)] == ["rate-limit", COMMON, BAD_INPUTS]
    assert len({rule["priority"] for rule in _rules(terraform)}) == 3


def test_a_caller_is_the_address_that_the_gateway_names(terraform: Terraform) -> None:
    rule = _rules(terraform)[0]

    assert rule["action"] == {"block": {}}
    assert rule["statement"] == {
        "rate_based_statement": {
            "limit": 500,
            "evaluation_window_sec": 300,
            "aggregate_key_type": "FORWARDED_IP",
            "forwarded_ip_config": {"header_name": "X-Source-Ip", "fallback_behavior": "MATCH"},
        }
    }


def test_rules_that_would_refuse_mlflows_own_requests_only_count(terraform: Terraform) -> None:
    rule = _rules(terraform)[1]
    overrides = rule["statement"]["managed_rule_group_statement"]["rule_action_override"]

    assert rule["override_action"] == {"none": {}}
    assert BODY_RULES | {"SizeRestrictions_QUERYSTRING", "RestrictedExtensions_URIPATH"} < {
        override["name"] for override in overrides
    }
    assert all(override["action_to_use"] == {"count": {}} for override in overrides)


def test_a_group_without_such_rules_is_taken_as_it_is(terraform: Terraform) -> None:
    statement = _rules(terraform)[2]["statement"]

    assert statement == {"managed_rule_group_statement": {"name": BAD_INPUTS, "vendor_name": "AWS"}}


def test_without_groups_only_the_rate_is_limited(stack: Workbench) -> None:
    assert [rule["name"] for rule in _rules(_synthesise(stack))] == ["rate-limit"]


def test_everything_is_measured_and_no_request_is_kept_as_a_sample(terraform: Terraform) -> None:
    acl = terraform.one("aws_wafv2_web_acl")

    for measured in [acl, *acl["rule"]]:
        visibility = measured["visibility_config"]
        assert visibility["cloudwatch_metrics_enabled"] is True
        assert visibility["sampled_requests_enabled"] is False


@pytest.mark.parametrize("group", COUNTED)
def test_no_group_has_more_overrides_than_aws_takes(group: str) -> None:
    assert 0 < len(COUNTED[group]) <= 100  # AWS WAF: ManagedRuleGroupStatement, RuleActionOverrides

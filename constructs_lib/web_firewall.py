"""What refuses attacks and floods before the load balancer passes requests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cdktf_cdktf_provider_aws.wafv2_web_acl import (
    Wafv2WebAcl,
    Wafv2WebAclDefaultAction,
    Wafv2WebAclDefaultActionAllow,
    Wafv2WebAclRule,
    Wafv2WebAclRuleAction,
    Wafv2WebAclRuleActionBlock,
    Wafv2WebAclRuleOverrideAction,
    Wafv2WebAclRuleOverrideActionNone,
    Wafv2WebAclRuleVisibilityConfig,
    Wafv2WebAclVisibilityConfig,
)
from cdktf_cdktf_provider_aws.wafv2_web_acl_association import Wafv2WebAclAssociation
from constructs import Construct

from constructs_lib.load_balancer import LoadBalancer

_WINDOW_SECONDS = 300

# Rules that only count, since they would refuse what MLflow's own clients send. Bodies are artifacts, parameters, tags
# and prompts, so any text may be in them; queries hold filters that look like SQL, and many run ids.
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
COUNTED: dict[str, tuple[str, ...]] = {
    "AWSManagedRulesCommonRuleSet": (
        "SizeRestrictions_BODY",  # more than 8 KB: every artifact, and batches of metrics
        "EC2MetaDataSSRF_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",  # a URL with an IP address: a model's source, a tag
        "CrossSiteScripting_BODY",  # notes in HTML, logged pages and pictures
        "SizeRestrictions_QUERYSTRING",  # more than 2 KB: the page that compares runs names up to 100 of them
        "RestrictedExtensions_URIPATH",  # train.log, config.ini: artifacts have such names
        "RestrictedExtensions_QUERYARGUMENTS",
    ),
    "AWSManagedRulesSQLiRuleSet": (
        "SQLi_BODY",
        "SQLi_QUERYARGUMENTS",
        "SQLiExtendedPatterns_BODY",
        "SQLiExtendedPatterns_QUERYARGUMENTS",
    ),
    "AWSManagedRulesUnixRuleSet": ("UNIXShellCommandsVariables_BODY",),
    "AWSManagedRulesWindowsRuleSet": ("WindowsShellCommands_BODY", "PowerShellCommands_BODY"),
    "AWSManagedRulesPHPRuleSet": ("PHPHighRiskMethodsVariables_BODY",),
}


class WebFirewall(Construct):
    """A web ACL in front of *load_balancer*: what no rule refuses passes.

    *rate_limit* is the most requests that one caller may send in five minutes; a caller is the address in the header
    *source_ip_header*, which the gateway sets: the connection's own address is the VPC link's. WAF leaves requests
    without that header out of this rule: they come from inside the VPC. *managed_rule_groups*, AWS's own, are asked in
    the given order. Groups that judge a caller's address, such as AWSManagedRulesAmazonIpReputationList, would see the
    VPC link's and find nothing.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        load_balancer: LoadBalancer,
        rate_limit: int,
        managed_rule_groups: Sequence[str],
        source_ip_header: str,
    ) -> None:
        super().__init__(scope, id)
        groups = [_managed_group(priority, name) for priority, name in enumerate(managed_rule_groups, start=1)]
        self.web_acl = Wafv2WebAcl(
            self,
            "Resource",
            name=name_prefix,
            description="MLflow's load balancer",
            scope="REGIONAL",
            default_action=Wafv2WebAclDefaultAction(allow=Wafv2WebAclDefaultActionAllow()),
            rule=[_rate_limit(0, rate_limit, source_ip_header), *groups],
            visibility_config=Wafv2WebAclVisibilityConfig(**_visibility(name_prefix)),
        )
        Wafv2WebAclAssociation(self, "association", resource_arn=load_balancer.arn, web_acl_arn=self.web_acl.arn)


def _rate_limit(priority: int, limit: int, header: str) -> Wafv2WebAclRule:
    statement = {
        "rate_based_statement": {
            "limit": limit,
            "evaluation_window_sec": _WINDOW_SECONDS,
            "aggregate_key_type": "FORWARDED_IP",
            # For a header that holds no address: the gateway sends none like that, so somebody tries a way round.
            "forwarded_ip_config": {"header_name": header, "fallback_behavior": "MATCH"},
        }
    }
    return Wafv2WebAclRule(
        name="rate-limit",
        priority=priority,
        action=Wafv2WebAclRuleAction(block=Wafv2WebAclRuleActionBlock()),
        statement=statement,
        visibility_config=Wafv2WebAclRuleVisibilityConfig(**_visibility("rate-limit")),
    )


def _managed_group(priority: int, name: str) -> Wafv2WebAclRule:
    counted = [{"name": rule, "action_to_use": {"count": {}}} for rule in COUNTED.get(name, ())]
    group: dict[str, Any] = {"name": name, "vendor_name": "AWS"}
    if counted:
        group["rule_action_override"] = counted
    return Wafv2WebAclRule(
        name=name,
        priority=priority,
        override_action=Wafv2WebAclRuleOverrideAction(none=Wafv2WebAclRuleOverrideActionNone()),
        statement={"managed_rule_group_statement": group},
        visibility_config=Wafv2WebAclRuleVisibilityConfig(**_visibility(name)),
    )


def _visibility(metric: str) -> dict[str, Any]:
    """Metrics, but no samples: those show requests with all their headers, and so with credentials."""
    return {"metric_name": metric, "cloudwatch_metrics_enabled": True, "sampled_requests_enabled": False}

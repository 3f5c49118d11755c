"""The types of single values of what callers meet, from the HTTP API to the firewall: see ``settings.values``."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic import StringConstraints as Text

from settings.values import Allowed, Placeholder, apart

_METHODS = ("ANY", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SEGMENT = re.compile(r"[A-Za-z0-9._:-]+|\{[A-Za-z0-9._-]+\}")
_GREEDY = re.compile(r"\{[A-Za-z0-9._-]+\+\}")
_LAST_SEGMENT = re.compile(f"{_SEGMENT.pattern}|{_GREEDY.pattern}")
_ROUTES_THAT_EXIST = ("ANY /", "ANY /{+}")  # by their shape
_RULE_GROUPS_OF_ADDRESSES = ("AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesAnonymousIpList")
_CONFIGURED_RULE_GROUPS = tuple(f"AWSManagedRules{name}RuleSet" for name in ("ACFP", "AntiDDoS", "ATP", "BotControl"))


def shape(route_key: str) -> str:
    """*route_key* without names of path parameters, and with one of MLflow's two prefixes for both.

    Keys of the same shape are the same route: what is set for one prefix counts for the other.
    """
    return re.sub(r"\{[^+}]+(\+?)\}", r"{\1}", route_key).replace(" /ajax-api/", " /api/")


def _route_key(value: str) -> str:
    """See docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html."""
    if value == "$default":
        raise ValueError('"ANY /" and "ANY /{proxy+}" leave nothing to it; name a method and a path')
    method, _, path = value.partition(" ")
    if method not in _METHODS or not path.startswith("/"):
        raise ValueError(f"set a method ({', '.join(_METHODS)}), a space and a path from the first slash on")
    *segments, last = path[1:].split("/")
    if any(map(_GREEDY.fullmatch, segments)):
        raise ValueError("API Gateway takes a greedy {name+} at the end only; move it there, or write {name}")
    if path != "/" and not (all(map(_SEGMENT.fullmatch, segments)) and _LAST_SEGMENT.fullmatch(last)):
        raise ValueError(
            "between slashes go letters, digits and . _ : -, or one {name}, or {name+} at the end; set such a path"
        )
    if shape(value) in _ROUTES_THAT_EXIST:
        raise ValueError(
            "is there anyway; remove it, and set api.throttling_rate_limit and api.throttling_burst_limit, or "
            "access.scopes"
        )
    return value


def _source_cidr(value: str) -> str:
    """The network as Python writes it, so that twins are equal."""
    if not re.fullmatch("[0-9A-Fa-f:.]+/[0-9]{1,3}", value):
        raise ValueError  # no words of its own: `Allowed` says it
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        raise ValueError from None
    if network.prefixlen == 0:
        raise ValueError("allows everybody; leave allowed_cidrs out")
    return str(network)


def _rule_groups(value: tuple[str, ...]) -> tuple[str, ...]:
    if blind := [name for name in value if name in _RULE_GROUPS_OF_ADDRESSES]:
        raise ValueError(f"{', '.join(blind)} judges connections, and all of them come from the VPC link; remove it")
    if configured := [name for name in value if name in _CONFIGURED_RULE_GROUPS]:
        raise ValueError(
            f"{', '.join(configured)} needs a configuration (WAFV2, ManagedRuleGroupConfig) that no setting gives; "
            "remove it"
        )
    return apart(value)


RouteKey = Annotated[str, AfterValidator(_route_key), Placeholder("METHOD /path")]
SourceCidrs = Annotated[
    tuple[Annotated[str, AfterValidator(_source_cidr)], ...],
    Field(
        max_length=500
    ),  # ECS takes task definitions of 64 KiB: docs.aws.amazon.com/general/latest/gr/ecs-service.html
    AfterValidator(apart),
    Allowed(
        '500 IPv4 or IPv6 networks at most, without host bits, such as ["203.0.113.0/24", "198.51.100.7/32", '
        '"2001:db8::/32"]'
    ),
]
DomainName = Annotated[
    str,
    Text(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", max_length=253),
    Allowed('a domain name in lower case, such as "mlflow.example.com"'),
]
CertificateArn = Annotated[
    str,
    Text(pattern="^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$"),
    Allowed('the ARN of a certificate of ACM, such as "arn:aws:acm:us-west-2:012345678901:certificate/0123abcd-..."'),
]
SecurityGroupIds = Annotated[
    tuple[Annotated[str, Text(pattern="^sg-[0-9a-f]{8,17}$")], ...],
    AfterValidator(apart),
    Allowed('IDs of security groups, such as ["sg-0123456789abcdef0"]'),
]
RuleGroups = Annotated[
    tuple[Annotated[str, Text(pattern="^AWSManagedRules[A-Za-z0-9]+$", max_length=128)], ...],
    AfterValidator(_rule_groups),
    Allowed('rule groups of AWS, such as ["AWSManagedRulesCommonRuleSet"]'),
]

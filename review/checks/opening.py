"""Whom a plan lets in: networks, policies, and what may be attached to roles."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from review.checks import policies
from review.checks.drafts import Draft, Examined, head, listed, main_of
from review.checks.losing import follows_from
from review.checks.tables import ADMINISTRATORS, NETWORK, PERMISSIONS
from review.model import Action
from review.plan_json.reading import ResourceChange, StackPlan
from review.plan_json.redaction import Hidden, Json, Unknown
from review.plan_json.values import as_list, is_empty, values_at

_CHANGING = (Action.CREATE, Action.UPDATE, Action.REPLACE)
# Shorter prefixes hold networks of half the world: an IPv4 /8 is 1/256 of it, an IPv6 /16 is what a registry hands out.
_SHORTEST = {4: 8, 6: 16}
_POLICIES = ("policy", "assume_role_policy", "access_policy", "resource_policy", "registry_policy", "inline_policy")
_ATTACHMENTS = (
    "aws_iam_role_policy_attachment",
    "aws_iam_policy_attachment",
    "aws_iam_user_policy_attachment",
    "aws_iam_group_policy_attachment",
)
_NO_RULES_IN = ("aws_vpc_security_group_egress_rule", "aws_network_acl", "aws_default_network_acl")
_Rule = tuple[str, str]


def openings(examined: Examined) -> Iterator[Draft]:
    """Everybody who may more than before, by networks and by policies."""
    plan = examined.plan
    for change in plan.changes:
        if change.action in _CHANGING:
            yield from _networks(change)
            yield from _policies(change)
            yield from _attached(change)
            yield from _invoked(change)
        elif change.action is Action.DELETE and not plan.is_destroyed:
            yield from _policy_gone(plan, change)
    yield from _grouped(examined, PERMISSIONS, "permissions-changed", "who may do what changes")
    yield from _grouped(examined, NETWORK, "network-changed", "who may connect to whom changes")


def is_world(cidr: Any) -> bool:
    """Whether a network is everybody, or close to it."""
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except (TypeError, ValueError):
        return False
    return network.prefixlen < _SHORTEST[network.version]


def _networks(change: ResourceChange) -> Iterator[Draft]:
    if not change.type.startswith(NETWORK):
        return
    before = set(_open(change.type, change.before))
    for port, cidr in sorted(set(_open(change.type, change.after)) - before):
        yield Draft("open-to-the-world", change.address, f"{port} is open to {cidr}")


def _open(type: str, values: Mapping[str, Any] | None) -> Iterator[_Rule]:
    """The rules of a resource that let the world in: ports in words, and the network."""
    if values is None:
        return
    rules = [values]
    if type in ("aws_security_group", "aws_default_security_group"):
        rules = [each for each in as_list(values.get("ingress")) if isinstance(each, Mapping)]
    elif type in _NO_RULES_IN or values.get("type") == "egress":
        return
    for rule in rules:
        for key in ("cidr_ipv4", "cidr_ipv6", "cidr_blocks", "ipv6_cidr_blocks"):
            for cidr in as_list(rule.get(key)):
                if is_world(cidr):
                    yield _ports(rule), cidr


def _ports(rule: Mapping[str, Any]) -> str:
    protocol = str(rule.get("ip_protocol", rule.get("protocol")))
    low, high = rule.get("from_port"), rule.get("to_port")
    if protocol in ("-1", "all") or low is None:
        return "every port"
    return f"{protocol.upper()} port {low}" if low == high else f"{protocol.upper()} ports {low} to {high}"


def _policies(change: ResourceChange) -> Iterator[Draft]:
    for name, before, after in _documents(change):
        if after is None or policies.is_opaque(after):
            yield Draft("policy-unknown", change.address, f"`{name}` is known only after the apply")
            continue
        for aspect in sorted(policies.aspects(after) - policies.aspects(before), key=lambda each: each.words):
            yield Draft(aspect.rule, change.address, f"`{name}` is too much: {aspect.words}")
        yield from _refusals(change, name, before, after)


def _refusals(change: ResourceChange, name: str, before: Any, after: Any) -> Iterator[Draft]:
    if policies.asks_for_tls(before) and not policies.asks_for_tls(after):
        yield Draft("encryption-off", change.address, "requests without TLS are no longer refused")
    elif policies.denials(before) > policies.denials(after):
        yield Draft("loosened", change.address, f"`{name}` refuses less than before (`Deny`)")


def _documents(change: ResourceChange) -> Iterator[tuple[str, Any, Any]]:
    """Each policy before and after; what Terraform does not know yet is read from the configuration."""
    after = change.after or {}
    for name, value in after.items():
        if name in _POLICIES or (isinstance(value, Json) and policies.is_policy(value.value)):
            old, new = _parsed((change.before or {}).get(name)), _parsed(value)
            if isinstance(value, Unknown | Hidden):
                written = (change.block or {}).get(name)
                if written is None and isinstance(value, Unknown):
                    continue  # AWS's own to fill in
                new = _parsed(written)
                if new is None:
                    yield name, old, None
            yield from _zipped(name, old, new)


def _zipped(name: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """One document, or the documents in a list of blocks (``inline_policy``) taken together."""
    if policies.is_policy(after):
        yield name, before, after
    elif isinstance(after, list):
        old, new = (
            {"Statement": [each for text in values_at(side, "policy") for each in policies.statements(_parsed(text))]}
            for side in (before, after)
        )
        yield name, old, new


def _parsed(value: Any) -> Any:
    return value.value if isinstance(value, Json) else value if isinstance(value, list) else None


def _policy_gone(plan: StackPlan, change: ResourceChange) -> Iterator[Draft]:
    """A bucket's policy that refused requests without TLS, unless the bucket goes as well."""
    before = change.before or {}
    buckets = [each.before or {} for each in plan.changes if each.type == "aws_s3_bucket" and each.goes]
    if policies.asks_for_tls(_parsed(before.get("policy"))) and not any(
        before.get("bucket") == bucket.get("id") for bucket in buckets
    ):
        yield Draft("encryption-off", change.address, "requests without TLS are no longer refused")


def _attached(change: ResourceChange) -> Iterator[Draft]:
    name = "policy_arn" if change.type in _ATTACHMENTS else "managed_policy_arns"
    if change.type not in (*_ATTACHMENTS, "aws_iam_role"):
        return
    before, after = (as_list((side or {}).get(name)) for side in (change.before, change.after))
    for arn in after:
        if isinstance(arn, str) and arn.endswith(ADMINISTRATORS) and arn not in before:
            yield Draft("iam-admin", change.address, f"`{arn.split('/')[-1]}` is attached")


def _invoked(change: ResourceChange) -> Iterator[Draft]:
    """Permissions to invoke a function, which are no policy documents."""
    if change.type != "aws_lambda_permission" or change.before == change.after:
        return
    after = change.after or {}
    principal = after.get("principal")
    limited = any(not is_empty(after.get(name)) for name in ("source_arn", "source_account", "principal_org_id"))
    if (principal == "*" and not limited) or after.get("function_url_auth_type") == "NONE":
        yield Draft("public-principal", change.address, "everybody may invoke the function")
    elif isinstance(principal, str) and principal.endswith(".amazonaws.com") and not limited:
        yield Draft("loosened", change.address, f"`{principal}` may invoke the function for any account")


def _grouped(examined: Examined, types: tuple[str, ...], rule: str, what: str) -> Iterator[Draft]:
    """One finding for each construct, and one for a stack that is new."""
    plan = examined.plan
    if plan.is_destroyed:
        return
    groups: dict[str, list[ResourceChange]] = defaultdict(list)
    for change in plan.changes:
        follows = change.action is Action.REPLACE and follows_from(plan, change)
        if change.type.startswith(types) and examined.changes_something(change) and not follows:
            groups["" if plan.is_new else head(change.address)].append(change)
    for changes in groups.values():
        yield Draft(rule, main_of(changes).address, f"{what}: {_counted(changes)}")


def _counted(changes: list[ResourceChange]) -> str:
    words = {Action.CREATE: "new", Action.DELETE: "gone"}
    parts = []
    for word in ("new", "changed", "gone"):
        found = [each for each in changes if (words.get(each.action, "changed") if each.action else "") == word]
        if found:
            parts.append(f"{word} {'is' if len(found) == 1 else 'are'} {listed(found)}")
    return "; ".join(parts)

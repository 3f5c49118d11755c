"""Who may call, as a plan changes it: by the gateway's routes, nginx's variables, the firewall, and outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from review.checks.drafts import Draft, Examined
from review.checks.opening import is_world
from review.model import Action, Address
from review.plan_json.reading import ResourceChange, StackPlan
from review.plan_json.redaction import UNKNOWN, Hidden, Json, Unknown
from review.plan_json.values import as_list, is_empty, shown, values_at

_CHANGING = (Action.CREATE, Action.UPDATE, Action.REPLACE)
_HEADER = "overwrite:header.X-Gateway-Access"  # the gateway tells nginx by it which way is in force
_TASK, _INTEGRATION, _ROUTE = "aws_ecs_task_definition", "aws_apigatewayv2_integration", "aws_apigatewayv2_route"
_NOBODY = "none"
_REFERENCE = re.compile(r"\$\{aws_apigatewayv2_integration\.(\w+)\.id\}")


@dataclass(frozen=True)
class _Access:
    """One place that says who checks callers, before and after; None: nothing is there, or not known."""

    address: Address
    before: str | None
    after: str | None


def callers(plans: Sequence[Examined]) -> Iterator[Draft]:
    """What changes for those who call, in all stacks together: one cause shows in several of them."""
    stacks = [each.plan for each in plans]
    yield from _access(stacks)
    for plan in stacks:
        for change in plan.changes:
            if change.action in _CHANGING:
                yield from _unchecked(plan, change)
                yield from _addresses(change)
                yield from _firewall(change)
                yield from _authorizer(change)
        if not plan.is_destroyed:
            yield from _outputs(plan)


def _access(plans: Sequence[StackPlan]) -> Iterator[Draft]:
    found = [each for plan in plans for each in _places(plan) if each.after is not None and each.before != each.after]
    opened = [each for each in found if each.after == _NOBODY]
    if opened:
        yield Draft("access-none", opened[0].address, "nobody checks who calls: whoever finds the address may do all")
    elif changed := [each for each in found if each.before is not None]:
        first = changed[0]
        yield Draft(
            "access-changed",
            first.address,
            f"callers prove in another way who they are: by `{first.after}` instead of `{first.before}`",
        )


def _places(plan: StackPlan) -> Iterator[_Access]:
    """nginx's variables, the gateway's header and the output, in this order."""
    for type, read in ((_TASK, _by_nginx), (_INTEGRATION, _by_gateway)):
        for change in plan.changes:
            if change.type == type and change.action in _CHANGING:
                yield _Access(change.address, read(change.before, None), read(change.after, change.block))
    for change in plan.outputs:
        if change.name == "access" and change.action in _CHANGING:
            before, after = ((side or {}).get("value") for side in (change.before, change.after))
            yield _Access(change.address, _text(before), _text(after))


def _by_nginx(values: Mapping[str, Any] | None, block: Mapping[str, Any] | None) -> str | None:
    variables = _variables(values, block)
    mode = _text(variables.get("AUTH_MODE"))
    return _text(variables.get("GATEWAY_ACCESS")) if mode == "gateway" else mode


def _by_gateway(values: Mapping[str, Any] | None, block: Mapping[str, Any] | None) -> str | None:
    for side in (values, block):
        parameters = (side or {}).get("request_parameters")
        if isinstance(parameters, Mapping) and _text(parameters.get(_HEADER)):
            return _text(parameters[_HEADER])
    return None


def _variables(values: Mapping[str, Any] | None, block: Mapping[str, Any] | None) -> dict[str, Any]:
    """The variables of all containers; what is not known yet is in the configuration."""
    definitions = (values or {}).get("container_definitions")
    if isinstance(definitions, Unknown | Hidden):
        definitions = (block or {}).get("container_definitions")
    if not isinstance(definitions, Json):
        return {}
    return {
        pair["name"]: pair.get("value")
        for pairs in values_at(definitions.value, "environment")
        for pair in as_list(pairs)
        if isinstance(pair, Mapping) and isinstance(pair.get("name"), str)
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _unchecked(plan: StackPlan, change: ResourceChange) -> Iterator[Draft]:
    """A route that asks for nothing, unless nginx does, or everybody is let in anyway."""
    if change.type != _ROUTE:
        return
    before, after = ((side or {}).get("authorization_type") for side in (change.before, change.after))
    asked = change.action is Action.CREATE or not _is_none(before)
    if not (_is_none(after) and asked) or _gateway_access(plan) in ("basic", _NOBODY):
        return
    route = shown((change.after or {}).get("route_key"))
    if not _ends_at_a_function(plan, change):
        yield Draft("route-unchecked", change.address, f"the route `{route}` lets everybody through")
    elif not plan.is_new:
        yield Draft("loosened", change.address, f"the route `{route}` lets everybody through, to a function")


def _ends_at_a_function(plan: StackPlan, route: ResourceChange) -> bool:
    """Whether a function answers, such as one that shows a login page, and not MLflow."""
    written = _REFERENCE.search(str((route.block or {}).get("target")))
    target = str((route.after or {}).get("target"))
    for each in plan.resources:
        if each.type == _INTEGRATION and each.after is not None:
            known = _text(each.after.get("id"))
            if (written and written[1] == each.name) or (known and target == f"integrations/{known}"):
                return each.after.get("integration_type") == "AWS_PROXY"
    return False


def _is_none(authorization: Any) -> bool:
    return authorization in (None, "", "NONE")


def _gateway_access(plan: StackPlan) -> str | None:
    """Which way of access is in force after the apply, as the gateway tells nginx."""
    integrations = (each for each in plan.resources if each.type == _INTEGRATION and each.after is not None)
    return next(filter(None, (_by_gateway(each.after, each.block) for each in integrations)), None)


def _addresses(change: ResourceChange) -> Iterator[Draft]:
    if change.type != _TASK or change.action is Action.CREATE:
        return
    before, after = (
        (_text(_variables(values, block).get("ALLOWED_CIDRS")) or "").split()
        for values, block in ((change.before, None), (change.after, change.block))
    )
    if before and not after:
        yield Draft("addresses-open", change.address, "callers from every address are let in (`api.allowed_cidrs`)")
    elif before and (wide := [cidr for cidr in after if is_world(cidr) and cidr not in before]):
        yield Draft("addresses-open", change.address, f"callers from {', '.join(wide)} are let in")
    elif before and (new := [cidr for cidr in after if cidr not in before]):
        yield Draft("loosened", change.address, f"callers from {', '.join(new)} are let in as well")


def _firewall(change: ResourceChange) -> Iterator[Draft]:
    if change.type != "aws_wafv2_web_acl" or change.action is Action.CREATE:
        return
    before, after = (_rules(side) for side in (change.before, change.after))
    if gone := sorted(before.keys() - after.keys()):
        yield Draft("firewall-off", change.address, f"the web firewall loses the rules {', '.join(gone)}")
    if counting := sorted(name for name, counts in after.items() if counts and before.get(name) is False):
        yield Draft("firewall-off", change.address, f"the web firewall only counts for {', '.join(counting)}")


def _rules(values: Mapping[str, Any] | None) -> dict[str, bool]:
    """The rules of a web ACL, and whether each only counts."""
    rules = [rule for rule in as_list((values or {}).get("rule")) if isinstance(rule, Mapping)]
    return {
        str(rule.get("name")): any(_counts(rule.get(name)) for name in ("override_action", "action")) for rule in rules
    }


def _counts(action: Any) -> bool:
    return any(not is_empty(each) for each in values_at(action, "count"))


def _authorizer(change: ResourceChange) -> Iterator[Draft]:
    if change.type != "aws_apigatewayv2_authorizer" or change.action is Action.CREATE:
        return
    for path, what in (
        ("jwt_configuration.issuer", "tokens of another issuer are taken"),
        ("jwt_configuration.audience", "tokens for another audience are taken"),
        ("authorizer_uri", "another function decides who may call"),
    ):
        before, after = values_at(change.before, path), values_at(change.after, path)
        if before and before != after:
            yield Draft("access-changed", change.address, what)


def _outputs(plan: StackPlan) -> Iterator[Draft]:
    for change in plan.outputs:
        if change.name == "access" or change.action in (Action.CREATE, None):
            continue
        if change.action is Action.DELETE:
            yield Draft("output-changed", change.address, f"the output `{change.name}` is gone")
        elif (change.after or {}).get("value") is UNKNOWN:
            yield Draft("output-changed", change.address, f"the output `{change.name}` is another one after the apply")
        else:
            yield Draft("output-changed", change.address, f"the output `{change.name}` changes")

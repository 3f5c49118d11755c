"""What an IAM policy lets whom do, as far as that is too much: wildcards, and principals that are everybody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from review.plan_json.values import as_list

_REFERENCE = "https://docs.aws.amazon.com/service-authorization/latest/reference"
# Actions that know no resources, so that a policy must say "*"; those that our stacks use, and plain listing.
WITHOUT_RESOURCES: Mapping[str, str] = {
    "cloudwatch:PutMetricData": f"{_REFERENCE}/list_amazoncloudwatch.html",
    "ec2:Describe*": f"{_REFERENCE}/list_amazonec2.html",
    "ecr:GetAuthorizationToken": f"{_REFERENCE}/list_amazonelasticcontainerregistry.html",
    "logs:DescribeLogGroups": f"{_REFERENCE}/list_amazoncloudwatchlogs.html",
    "sagemaker:List*": "https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html",
    "ssmmessages:CreateControlChannel": f"{_REFERENCE}/list_amazonmessagegatewayservice.html",
    "ssmmessages:CreateDataChannel": f"{_REFERENCE}/list_amazonmessagegatewayservice.html",
    "ssmmessages:OpenControlChannel": f"{_REFERENCE}/list_amazonmessagegatewayservice.html",
    "ssmmessages:OpenDataChannel": f"{_REFERENCE}/list_amazonmessagegatewayservice.html",
    "sts:GetCallerIdentity": f"{_REFERENCE}/list_awssecuritytokenservice.html",
}

# All of a kind, such as "secret:*"; not "bucket/*", which is all of one bucket.
_ALL_OF_A_KIND = re.compile(
    r"(role|user|group|policy|secret|key|alias|table|log-group|repository|cluster|function|parameter|notebook-instance"
    r"|training-job|endpoint|topic|queue)[:/]\*+"
)
# Conditions that say who asks, whatever the principal is: IAM User Guide, AWS global condition context keys.
_SAYS_WHO = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "kms:calleraccount",
        "lambda:functionurlauthtype",
    }
)
_SAYS_WHICH = ("aws:resourcetag/", "aws:resourceaccount", "aws:resourceorgid", "ec2:resourcetag/", "ecs:cluster")
# "...IfExists" and "ForAllValues:..." are true where the key is missing, so they limit nothing.
_LIMITING = re.compile(r"(foranyvalue:)?(stringequals|stringlike|stringequalsignorecase|arnequals|arnlike|ipaddress)$")


@dataclass(frozen=True)
class Aspect:
    """Something too much about a statement: the rule that it breaks, and what it lets be done, in words."""

    rule: str
    words: str


def aspects(document: Any) -> frozenset[Aspect]:
    """Everything too much in a policy document."""
    return frozenset(aspect for statement in statements(document) for aspect in _aspects(statement))


def statements(document: Any) -> list[Mapping[str, Any]]:
    """The statements of a policy document; none if it is no such thing."""
    found = as_list(document.get("Statement")) if isinstance(document, Mapping) else []
    return [statement for statement in found if isinstance(statement, Mapping)]


def is_policy(document: Any) -> bool:
    """Whether *document* is a policy."""
    return isinstance(document, Mapping) and "Statement" in document


def is_opaque(document: Any) -> bool:
    """Whether a part that matters is an expression, which nobody can read before the apply."""
    found = as_list(document.get("Statement")) if isinstance(document, Mapping) else [None]
    return any(
        not isinstance(statement, Mapping)
        or any(
            text.startswith("${") for key in ("Effect", "Action", "NotAction") for text in _texts(statement.get(key))
        )
        for statement in found
    )


def asks_for_tls(document: Any) -> bool:
    """Whether the policy refuses everybody who comes without TLS."""
    return any(
        statement.get("Effect") == "Deny"
        and any("false" in _values(condition, "aws:securetransport") for condition in _conditions(statement).values())
        for statement in statements(document)
    )


def denials(document: Any) -> int:
    """How many statements refuse something."""
    return sum(statement.get("Effect") == "Deny" for statement in statements(document))


def _aspects(statement: Mapping[str, Any]) -> Iterator[Aspect]:
    if statement.get("Effect") != "Allow":
        return
    if "Principal" in statement or "NotPrincipal" in statement:
        yield from _about_principals(statement)
    else:
        yield from _about_identity(statement)


def _about_principals(statement: Mapping[str, Any]) -> Iterator[Aspect]:
    """Of a resource's policy or a role's trust; its resource is the one that it belongs to."""
    principals = statement.get("Principal")
    everybody = "NotPrincipal" in statement or _is_everybody(principals)
    if everybody and not _limits(statement, _says_who):
        yield Aspect("public-principal", f"everybody may {_listed(statement)}")
    if _is_federated(principals) and not _limits(statement, lambda key: key.endswith(":sub")):
        yield Aspect("public-principal", "whoever has an account at the identity provider may take the role")


def _about_identity(statement: Mapping[str, Any]) -> Iterator[Aspect]:
    actions = _texts(statement.get("Action"))
    if "NotAction" in statement:
        yield Aspect("iam-wildcard", f"everything but {_shortened(_texts(statement['NotAction']))} (`NotAction`)")
    for action in actions:
        service, _, name = action.partition(":")
        if action.strip("*?") == "" or (name and name.strip("*?") == ""):
            yield Aspect(
                "iam-wildcard", f"every action{'' if service.strip('*?') == '' else f' of {service}'} (`{action}`)"
            )
    if "NotResource" in statement:
        yield Aspect("iam-wildcard", f"{_shortened(actions)} on everything but some (`NotResource`)")
    if any(map(_is_every, _texts(statement.get("Resource")))) and not _limits(statement, _says_which):
        known = [action for action in actions if not _knows_no_resource(action) and action.split(":")[-1].strip("*?")]
        if known:
            yield Aspect("iam-wildcard", f"{_shortened(known)} on every resource (`Resource: *`)")


def _is_everybody(principals: Any) -> bool:
    if isinstance(principals, Mapping):
        return any("*" in _texts(names) for names in principals.values())
    return "*" in _texts(principals)


def _is_federated(principals: Any) -> bool:
    """Whether they come with tokens of an OpenID Connect provider, which anybody may have."""
    federated = _texts(principals.get("Federated")) if isinstance(principals, Mapping) else []
    return any("oidc-provider" in name or "cognito-identity" in name for name in federated)


def _is_every(resource: str) -> bool:
    if resource.strip("*") == "":
        return True
    parts = resource.split(":", 5)
    if parts[0] != "arn" or resource.startswith("${"):
        return False
    return len(parts) < 6 or parts[5].strip("*/:") == "" or bool(_ALL_OF_A_KIND.fullmatch(parts[5]))


def _knows_no_resource(action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in WITHOUT_RESOURCES)


def _says_who(key: str) -> bool:
    return key in _SAYS_WHO or key.endswith(":sub")


def _says_which(key: str) -> bool:
    return key.startswith(_SAYS_WHICH)


def _limits(statement: Mapping[str, Any], is_relevant: Callable[[str], bool]) -> bool:
    """Whether a condition on a relevant key leaves out anybody or anything."""
    return any(
        _LIMITING.fullmatch(operator.lower())
        and any(is_relevant(key.lower()) and _is_narrow(_texts(value)) for key, value in condition.items())
        for operator, condition in _conditions(statement).items()
    )


def _is_narrow(values: list[str]) -> bool:
    wide = ("*", "0.0.0.0/0", "::/0", "arn:*", "repo:*")
    return bool(values) and not any(value in wide or value.strip("*?") == "" for value in values)


def _conditions(statement: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = statement.get("Condition")
    conditions = found if isinstance(found, Mapping) else {}
    return {operator: each for operator, each in conditions.items() if isinstance(each, Mapping)}


def _values(condition: Mapping[str, Any], key: str) -> list[str]:
    return [text.lower() for name, value in condition.items() if name.lower() == key for text in _texts(value)]


def _listed(statement: Mapping[str, Any]) -> str:
    return _shortened(_texts(statement.get("Action"))) or "do anything"


def _texts(value: Any) -> list[str]:
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in as_list(value)]


def _shortened(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(f"`{name}`" for name in names[:3]) + more

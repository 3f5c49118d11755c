"""Decides like IAM, as far as the policies of this project need it: an own reading of AWS's rules, for the tests.

IAM User Guide, Policy evaluation logic, and IAM JSON policy elements: Condition operators. What these policies do not
use (NotAction, variables, other operators) is refused, so that it can't be misread in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

Context = Mapping[str, str | tuple[str, ...]]
"""Condition keys with what a request has for them."""


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]

    def speaks_of(self, action: str, resource: str | None, context: Context) -> bool:
        """Whether it decides about *action* on *resource*; None is a resource that is not known."""
        return (
            any(matches(action.lower(), pattern.lower()) for pattern in self.actions)
            and (resource is None or any(matches(resource, pattern) for pattern in self.resources))
            and all(
                _holds(operator, key, expected, context)
                for operator, keys in self.conditions.items()
                for key, expected in keys.items()
            )
        )


@dataclass(frozen=True)
class Permissions:
    """What all policies of a role say together."""

    statements: tuple[Statement, ...]

    @classmethod
    def of(cls, documents: Iterable[Mapping[str, Any]]) -> Permissions:
        """Those of policy *documents*."""
        return cls(tuple(_statement(each) for document in documents for each in document["Statement"]))

    def allow(self, action: str, resource: str | None, context: Context | None = None) -> bool:
        """Whether *action* is allowed, and not denied."""
        deciding = [each for each in self.statements if each.speaks_of(action, resource, context or {})]
        return any(each.effect == "Allow" for each in deciding) and not any(each.effect == "Deny" for each in deciding)

    def allowed_actions(self) -> Iterator[tuple[str, Statement]]:
        """Every action that a statement allows, with it."""
        for statement in self.statements:
            if statement.effect == "Allow":
                for action in statement.actions:
                    yield action, statement


def matches(text: str, pattern: str) -> bool:
    """Whether *pattern*, in which ``*`` and ``?`` stand for anything, covers *text*."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


@cache
def overlap(one: str, other: str) -> bool:
    """Whether there is a text that both patterns cover; ``*`` stands for anything."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(other, one)
    return one[0] == other[0] and overlap(one[1:], other[1:])


def _statement(each: Mapping[str, Any]) -> Statement:
    known = {"Sid", "Effect", "Action", "Resource", "Condition"}
    if unknown := each.keys() - known:
        raise NotImplementedError(f"{sorted(unknown)} of a statement is not understood")
    return Statement(each["Effect"], _listed(each["Action"]), _listed(each["Resource"]), each.get("Condition", {}))


def _listed(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _holds(operator: str, key: str, expected: str | list[str], context: Context) -> bool:
    wanted = _listed(expected)
    found = {name.lower(): value for name, value in context.items()}.get(key.lower())
    if operator == "Null":
        return (found is None) is (wanted == ("true",))
    quantifier, _, plain = operator.rpartition(":")
    if found is None:
        return quantifier == "ForAllValues" or plain.endswith("IfExists")
    values = (found,) if isinstance(found, str) else found
    results = [_compares(plain.removesuffix("IfExists"), value, wanted) for value in values]
    if quantifier == "ForAllValues":
        return all(results)
    if quantifier not in ("", "ForAnyValue"):
        raise NotImplementedError(f"{operator} is not understood")
    return any(results)


def _compares(operator: str, value: str, wanted: tuple[str, ...]) -> bool:
    match operator:
        case "StringEquals" | "Bool":
            return value in wanted
        case "StringLike" | "ArnLike":
            return any(matches(value, pattern) for pattern in wanted)
    raise NotImplementedError(f"{operator} is not understood")

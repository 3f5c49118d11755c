"""The tests' own reading of IAM's rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.iam_policies import Permissions, overlap

READ = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/*"}


def permissions(*statements: dict[str, Any]) -> Permissions:
    return Permissions.of([{"Version": "2012-10-17", "Statement": list(statements)}])


def when(**conditions: Any) -> Permissions:
    return permissions({**READ, "Condition": {name.replace("__", ":"): each for name, each in conditions.items()}})


def test_what_nothing_allows_is_denied() -> None:
    assert not permissions().allow("s3:GetObject", "arn:aws:s3:::b/k")
    assert permissions(READ).allow("s3:getobject", "arn:aws:s3:::b/k")
    assert not permissions(READ).allow("s3:PutObject", "arn:aws:s3:::b/k")
    assert not permissions(READ).allow("s3:GetObject", "arn:aws:s3:::c/k")


def test_an_unknown_resource_is_any_of_those_allowed() -> None:
    assert permissions(READ).allow("s3:GetObject", None)
    assert not permissions(READ).allow("s3:PutObject", None)


def test_a_denial_outweighs_what_allows() -> None:
    denial = {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::b/secret"}
    assert permissions(READ, denial).allow("s3:GetObject", "arn:aws:s3:::b/k")
    assert not permissions(READ, denial).allow("s3:GetObject", "arn:aws:s3:::b/secret")


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"a:b": "1"}}, {"A:B": "1"}, True),
        ({"StringEquals": {"a:b": "1"}}, {"a:b": "2"}, False),
        ({"StringEquals": {"a:b": ["1", "2"]}}, {"a:b": "2"}, True),
        ({"StringEquals": {"a:b": "1*"}}, {"a:b": "11"}, False),
        ({"StringEquals": {"a:b": "1", "a:c": "2"}}, {"a:b": "1"}, False),
        ({"StringEquals": {"a:b": "1"}}, {}, False),
        ({"StringLike": {"a:b": "1*"}}, {"a:b": "11"}, True),
        ({"Bool": {"a:b": "true"}}, {"a:b": "true"}, True),
        ({"Bool": {"a:b": "true"}}, {}, False),
        ({"BoolIfExists": {"a:b": "false"}}, {}, True),
        ({"BoolIfExists": {"a:b": "false"}}, {"a:b": "true"}, False),
        ({"Null": {"a:b": "true"}}, {}, True),
        ({"Null": {"a:b": "true"}}, {"a:b": "1"}, False),
        ({"Null": {"a:b": "false"}}, {"a:b": "1"}, True),
        ({"ForAllValues__StringLike": {"a:b": "1*"}}, {"a:b": ("11", "12")}, True),
        ({"ForAllValues__StringLike": {"a:b": "1*"}}, {"a:b": ("11", "2")}, False),
        ({"ForAllValues__StringLike": {"a:b": "1*"}}, {}, True),
    ],
)
def test_conditions_are_compared_as_iam_does(condition: dict[str, Any], context: dict[str, Any], holds: bool) -> None:
    assert when(**condition).allow("s3:GetObject", "arn:aws:s3:::b/k", context) is holds


@pytest.mark.parametrize(
    "statement", [{"Effect": "Allow", "NotAction": "*", "Resource": "*"}, {**READ, "Principal": "*"}]
)
def test_refuses_to_guess_at_elements_it_does_not_know(statement: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError, match="of a statement is not understood"):
        permissions(statement)


def test_refuses_to_guess_at_operators_it_does_not_know() -> None:
    with pytest.raises(NotImplementedError, match="NumericLessThan is not understood"):
        when(NumericLessThan={"a:b": "1"}).allow("s3:GetObject", None, {"a:b": "1"})


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("a*", "*b", True),
        ("a/*", "a/*/*", True),
        ("a/*", "b/*", False),
        ("a", "a", True),
        ("a", "ab", False),
        ("*", "", True),
        ("arn:*:app/*", "arn:aws:app/*/*/x", True),
    ],
)
def test_patterns_overlap_where_a_text_fits_both(one: str, other: str, meet: bool) -> None:
    assert overlap(one, other) is meet
    assert overlap(other, one) is meet

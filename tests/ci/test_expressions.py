"""The interpreter itself, by GitHub's documentation of expressions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ci.expressions import as_text, asks_for_status, evaluate, fill_in

CONTEXTS: dict[str, Any] = {
    "github": {"repository": "owner/name", "event": {"number": 12}},
    "vars": {"ROLES": '{"dev": "arn"}', "ON": "true"},
    "matrix": {"environment": "dev"},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'it''s'", "it's"),
        ("github.event.number", 12),
        ("github.event.nothing.below", None),
        ("github['repository']", "owner/name"),
        ("fromJSON(vars.ROLES)[matrix.environment]", "arn"),
        ("fromJSON(vars.ROLES)['prod']", None),
        ("vars.NONE || 'else'", "else"),
        ("vars.ON == 'TRUE'", True),
        ("vars.NONE != ''", False),
        ("vars.ROLES != ''", True),
        ("vars.ON == true", False),
        ("github.event.number == '12'", True),
        ("!(vars.ON == 'true')", False),
        ("vars.ON == 'true' && github.event.number == 12", True),
        ("true && false || true", True),
        ("format('{0}-{1}', matrix.environment, 2)", "dev-2"),
    ],
)
def test_evaluates(text: str, value: object) -> None:
    assert evaluate(text, CONTEXTS) == value


@pytest.mark.parametrize("text", ["secret.TOKEN", "hashFiles('x')", "github.repository github", "'open", "a ? b"])
def test_refuses_what_it_does_not_know(text: str) -> None:
    with pytest.raises((AssertionError, KeyError)):
        evaluate(text, CONTEXTS)


def test_fills_texts_in_and_keeps_other_values() -> None:
    assert fill_in("a-${{ matrix.environment }}-${{ github.event.number }}", CONTEXTS) == "a-dev-12"
    assert fill_in("${{ matrix.environment }}/${{ vars.ON }}", CONTEXTS) == "dev/true"
    assert fill_in("${{ fromJSON(vars.ROLES) }}", CONTEXTS) == {"dev": "arn"}
    assert as_text(fill_in("${{ vars.NONE }}", CONTEXTS)) == ""
    assert as_text(evaluate("1 == 1", {})) == "true"


def test_knows_a_condition_that_asks_for_the_status() -> None:
    assert asks_for_status("!cancelled()")
    assert not asks_for_status("vars.success == 'always'")

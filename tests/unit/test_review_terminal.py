"""What a terminal shows of a review."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from review.model import Finding, PlanReview, Review, Verdict
from review.report.terminal import to_terminal
from tests.review.examples import ATTACKS, BUCKET, DANGEROUS, EMPTY, LOOK, hostile


def _shown(review: Review) -> list[str]:
    console = Console(file=io.StringIO(), width=80, highlight=False)
    to_terminal(review, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().split("\n")[:-1]


def test_an_empty_plan_is_one_line_and_its_digest() -> None:
    assert _shown(EMPTY) == [
        "dev: Safe: Terraform would change nothing.",
        "  Digest of the plan: e3b0c44298fc1c14",
    ]


def test_findings_stand_below_the_verdict_with_what_to_do() -> None:
    lines = _shown(DANGEROUS)
    assert lines[0] == "dev: Dangerous: 2 findings that nobody has allowed, and 2 to look at."
    assert lines[3:5] == [
        "  dangerous  dev-mlflow-vpclink: aws_security_group_rule.load_balancer_from_world (open-to-world): "
        "Port 80 is opened to 0.0.0.0/0.",
        "      Name a security group instead, or a smaller range.",
    ]


def test_what_is_allowed_weighs_as_a_look() -> None:
    lines = _shown(DANGEROUS)
    at = lines.index(
        "  look  dev-mlflow-vpclink: aws_s3_bucket.artifacts (protection-off): "
        "The bucket can be destroyed with everything in it."
    )
    assert lines[at + 2] == (
        "      Allowed until 2027-01-15: The experiments have moved to the bucket of prod, see ticket 4711."
    )


def test_changes_and_cost_are_counted() -> None:
    assert (
        "  Resources: 1 to replace, 1 to destroy, 1 to change, 1 to add; waiting already: 1 to change. "
        "Cost: 96.52 USD a month, +26.12 from 70.40, and 1 price unknown."
    ) in _shown(LOOK)


@pytest.mark.parametrize(("count", "last"), [(10, None), (12, "  and 2 more to look at")])
def test_many_looks_are_counted(count: int, last: str | None) -> None:
    findings = tuple(Finding(Verdict.LOOK, "look", BUCKET, f"Number {n}.") for n in range(count))
    lines = _shown(Review("dev", "us-west-2", PlanReview(findings=findings)))
    assert sum(line.startswith("  look  ") for line in lines) == 10
    assert [line for line in lines if "more to look at" in line] == ([last] if last else [])


def test_every_dangerous_finding_is_shown() -> None:
    findings = tuple(Finding(Verdict.DANGEROUS, "lost", BUCKET, f"Number {n}.") for n in range(40))
    lines = _shown(replace(EMPTY, plan=PlanReview(findings=findings)))
    assert sum(line.startswith("  dangerous  ") for line in lines) == 40


@given(st.lists(st.one_of(st.sampled_from(ATTACKS), st.text(max_size=40)), min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_nothing_in_a_plan_steers_the_terminal(texts: Sequence[str]) -> None:
    assert [line for line in _shown(hostile(*texts)) if not line.isprintable()] == []

"""What reviewers read of plans that Terraform has really made, as it was read and found good."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from review.model import Review
from review.plan import digest, review_plans
from review.report.markdown import to_markdown
from tests.review.golden_files import GoldenMarkdown
from tests.review.plans import RECORDED, TODAY, recorded

LIMIT = 16_000  # first and destroy are longer


@pytest.mark.parametrize("name", sorted(file.stem for file in RECORDED.glob("*.json")))
def test_the_report_on_a_real_plan_is_as_reviewed(name: str, snapshot: SnapshotAssertion) -> None:
    situation = recorded(name)
    plan = review_plans(situation["plans"], situation["configurations"], before=situation["before"], today=TODAY)
    report = to_markdown(Review("dev", "us-west-2", plan, digest=digest(plan)), limit=LIMIT)
    assert report == snapshot(extension_class=GoldenMarkdown)

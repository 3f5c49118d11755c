"""What stops while a plan is applied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from review.checks.downtime import Row, table
from review.model import Action
from tests.review.plans import Json, change, review, updated

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("row", table(), ids=lambda row: row.what[:40])
def test_every_row_says_how_long_and_where_that_is_written(row: Row) -> None:
    assert row.types
    assert row.actions <= {Action.UPDATE, Action.REPLACE, Action.DELETE}
    assert row.how_long
    assert not row.what.endswith(".")
    if row.source.startswith("docs/"):
        assert (ROOT / row.source).is_file()
    else:
        assert re.fullmatch(r"https://docs\.aws\.amazon\.com/[\w./-]+\.html", row.source)


_ACTIONS = {Action.UPDATE: ["update"], Action.REPLACE: ["delete", "create"], Action.DELETE: ["delete"]}


@pytest.mark.parametrize("row", table(), ids=lambda row: row.what[:40])
def test_every_row_is_found_for_each_of_its_types_actions_and_attributes(row: Row) -> None:
    for type in row.types:
        for action in row.actions:
            for attribute in row.attributes or ("size",):
                entry = change(f"{type}.a", _ACTIONS[action], {attribute: 1}, {attribute: 2})
                assert row.what in {each.what for each in review(entry).downtimes}


@pytest.mark.parametrize(
    ("type", "before", "after"),
    [
        ("aws_rds_cluster", {"serverlessv2_scaling_configuration": [{"max_capacity": 2}]}, {}),
        ("aws_ecs_service", {"tags": {"a": "1"}}, {"tags": {"a": "2"}}),
        ("aws_lb", {"idle_timeout": 60}, {"idle_timeout": 90}),
    ],
)
def test_what_stops_nothing_is_not_in_it(type: str, before: Json, after: Json) -> None:
    assert review(updated(f"{type}.a", before, after)).downtimes == ()


def test_one_cause_is_told_once() -> None:
    found = review(
        updated("aws_rds_cluster.a", {"engine_version": "1"}, {"engine_version": "2"}),
        updated("aws_rds_cluster_instance.b", {"engine_version": "1"}, {"engine_version": "2"}),
    )
    [downtime] = found.downtimes
    assert downtime.address.resource == "aws_rds_cluster.a"

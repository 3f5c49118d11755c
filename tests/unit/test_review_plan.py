"""Whole reviews: of recorded plans, of first deployments, and what the parts say together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import main
from cost import Resource
from deployment.toolchain import ROOT
from review.checks.rules import RULES
from review.model import Action, PlanReview, Verdict
from review.plan import digest, resources, review_plans
from settings import Settings
from tests.modes import ENDPOINT, MODES, STUDIO, STUDIO_ELSEWHERE, changed
from tests.review.plans import (
    RECORDED,
    STACK,
    TODAY,
    at,
    change,
    configuration,
    created,
    destroyed,
    first_plan,
    kept,
    only,
    plan,
    recorded,
    review,
    rules,
    updated,
)

CHANGES = {**MODES, "endpoint": ENDPOINT, "studio": STUDIO, "studio elsewhere": STUDIO_ELSEWHERE}
OPEN = {"none": ["access-none"]}
"""What a first deployment is told to be dangerous for: what its settings say in plain words."""


def stacks_of(folder: Path) -> Iterator[tuple[str, Any]]:
    for file in sorted(folder.glob("stacks/*/cdk.tf.json")):
        yield file.parent.name, json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_first_deployment_is_dangerous_only_for_what_its_settings_say(
    environments: Mapping[str, Settings], tmp_path: Path, environment: str, change: str
) -> None:
    main.synthesise([changed(environments[environment], CHANGES[change])], tmp_path)
    configurations = dict(stacks_of(tmp_path))
    found = review_plans({name: first_plan(each) for name, each in configurations.items()}, configurations, today=TODAY)
    assert rules(found, Verdict.DANGEROUS) == OPEN.get(change, [])
    assert set(rules(found, Verdict.LOOK)) == {"permissions-changed", "network-changed"}
    assert found.downtimes == ()


def test_the_state_backend_is_not_dangerous_to_make(environments: Mapping[str, Settings], tmp_path: Path) -> None:
    main.synthesise_state_backend(environments["prod"], tmp_path, local_state=False)
    [(name, configured)] = stacks_of(tmp_path)
    assert rules(review_plans({name: first_plan(configured)}, {name: configured}, today=TODAY)) == [
        "permissions-changed"
    ]


def reviewed(name: str) -> PlanReview:
    situation = recorded(name)
    return review_plans(situation["plans"], situation["configurations"], before=situation["before"], today=TODAY)


def test_every_recording_is_small_and_names_nothing_of_the_machine_that_made_it() -> None:
    files = sorted(RECORDED.glob("*.json"))
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert len(text) < 150_000, file.name
        assert not [each for each in ("/home/", "/root/", "pytest-of", f"{ROOT}/") if each in text], file.name


DESERVED: list[tuple[str, list[str], list[str]]] = [
    ("first", [], ["network-changed", "permissions-changed"]),
    ("nothing", [], []),
    ("capacity", [], ["data-changed"]),
    ("engine", [], ["data-changed"]),
    ("rename", ["data-lost", "protection-off"], ["output-changed", "permissions-changed"]),
    ("unprotect", ["protection-off"], []),
    ("port", ["open-to-the-world"], []),
    ("rotate", [], ["passwords-rotated"]),
    ("iam", ["data-lost"], ["access-changed", "output-changed", "permissions-changed"]),
    ("none", ["access-none", "data-lost"], ["network-changed", "output-changed", "permissions-changed"]),
    ("notebook", ["data-lost"], ["destroyed"]),
    ("destroy", ["data-lost"], ["destroyed"]),
    ("drift", [], []),
]
"""Of each recording the rules that make it dangerous, and those that ask for a look."""


@pytest.mark.parametrize(("name", "dangerous", "to_look_at"), DESERVED)
def test_recorded_plans_get_the_verdict_that_they_deserve(
    name: str, dangerous: list[str], to_look_at: list[str]
) -> None:
    found = reviewed(name)
    assert sorted(set(rules(found, Verdict.DANGEROUS))) == dangerous
    assert sorted(set(rules(found, Verdict.LOOK))) == to_look_at
    assert bool(found.drift) is (name == "drift")


def test_every_recording_is_reviewed_above() -> None:
    assert {name for name, _, _ in DESERVED} == {file.stem for file in RECORDED.glob("*.json")}


def test_a_digest_is_the_same_for_the_same_plan_and_another_for_every_other() -> None:
    names = [file.stem for file in sorted(RECORDED.glob("*.json"))]
    digests = {name: digest(reviewed(name)) for name in names}
    assert digests == {name: digest(reviewed(name)) for name in names}
    assert all(len(each) == 16 for each in digests.values())
    assert len(set(digests.values())) == len(names)


def test_a_digest_does_not_depend_on_the_base_nor_on_the_order() -> None:
    one, other = updated("aws_eip.a", {"x": 1}, {"x": 2}), updated("aws_eip.b", {"x": 1}, {"x": 2})
    plain = digest(review_plans({STACK: plan(one, other)}, {}, today=TODAY))
    with_base = {STACK: plan(one)}
    assert digest(review_plans({STACK: plan(other, one)}, {}, base_plans=with_base, today=TODAY)) == plain
    assert digest(review_plans({STACK: plan(one)}, {}, today=TODAY)) != plain


def test_what_the_base_would_change_too_is_pending_and_its_findings_say_so() -> None:
    lost, own = destroyed("aws_s3_bucket.a"), updated("aws_eip.b", {"x": 1}, {"x": 2})
    whole = plan(kept("aws_vpc.network"), lost, own)
    base = plan(kept("aws_vpc.network"), lost, updated("aws_eip.b", {"x": 1}, {"x": 3}))
    found = review_plans({STACK: whole}, {}, base_plans={STACK: base}, today=TODAY)
    assert [each.pending for each in found.changes] == [True, False]
    [finding] = found.findings
    assert finding.verdict is Verdict.DANGEROUS
    assert finding.what.endswith("The base would do so too.")


def test_every_finding_has_a_sentence_and_a_remedy() -> None:
    findings = [each for file in RECORDED.glob("*.json") for each in reviewed(file.stem).findings]
    assert findings
    for finding in findings:
        assert finding.verdict is RULES[finding.rule].verdict
        assert finding.what[0] == "`" or finding.what[0].isupper()
        assert finding.what.endswith(".")
        assert finding.remedy.endswith(".")
        if finding.verdict is Verdict.DANGEROUS:
            assert finding.remedy.startswith("If this is meant, ")


def test_dangerous_findings_come_first() -> None:
    found = review(updated("aws_rds_cluster.a", {"port": 1}, {"port": 2}), destroyed("aws_s3_bucket.b"))
    assert [each.verdict for each in found.findings] == [Verdict.DANGEROUS, Verdict.LOOK]


def test_drift_is_what_the_configuration_sets_and_what_the_plan_undoes() -> None:
    drift = (
        updated("aws_lb.a", {"idle_timeout": 60, "arn_suffix": "x"}, {"idle_timeout": 90, "arn_suffix": "y"}),
        updated("aws_lb.b", {"tags": {}}, {"tags": {"by": "hand"}}),
        updated("aws_ecs_service.c", {"desired_count": 1}, {"desired_count": 3}),
        destroyed("aws_eip.gone", id="1"),
        updated("aws_sns_topic.nobodys", {"x": 1}, {"x": 2}),
    )
    found = review(
        updated("aws_lb.b", {"tags": {"by": "hand"}}, {"tags": {}}),
        created("aws_eip.gone"),
        drift=drift,
        configured=configuration(
            aws_lb__a=at("a", idle_timeout=60),
            aws_lb__b=at("b", name="b"),
            aws_ecs_service__c=at("c", desired_count=1, lifecycle={"ignore_changes": ["desired_count"]}),
        ),
    )
    assert [(each.address.resource, each.action, [d.path for d in each.differences]) for each in found.drift] == [
        ("aws_lb.a", Action.UPDATE, ["idle_timeout"]),
        ("aws_lb.b", Action.UPDATE, ["tags.by"]),
        ("aws_eip.gone", Action.DELETE, []),
    ]


def test_a_zero_that_aws_fills_in_is_no_drift() -> None:
    found = review(
        updated("aws_ecs_service.a", {"weight": 2}, {"weight": 1}),
        drift=(updated("aws_ecs_service.a", {"base": None, "weight": 1}, {"base": 0, "weight": 2}),),
        configured=configuration(aws_ecs_service__a=at("a", base=0, weight=1)),
    )
    assert [[each.path for each in change.differences] for change in found.drift] == [["weight"]]


def test_costs_get_both_sides_without_secrets_and_what_is_not_known() -> None:
    whole = plan(
        kept("aws_nat_gateway.a", id="1", tags=None),
        updated("aws_rds_cluster.b", {"x": 1, "p": "s"}, {"x": 2, "p": "s"}, before_sensitive={"p": True}),
        created("aws_eip.c", {"id": True}, domain="vpc", nested=[{"a": 1}]),
        destroyed("aws_lb.d", name="d"),
        {**created("aws_s3_object.e", key="k"), "index": "k", "name": "e"},
        change("aws_region.f", ["read"], None, {}, mode="data"),
        change("aws_lb.g", ["delete"], {"name": "g"}, None, deposed="00000001"),
    )
    whole["resource_changes"][1]["change"]["after_sensitive"] = {"p": True}
    before, after = resources(whole, STACK)
    assert before == [
        Resource(STACK, "aws_nat_gateway", "a", {"id": "1", "tags": None}),
        Resource(STACK, "aws_rds_cluster", "b", {"x": 1}),
        Resource(STACK, "aws_lb", "d", {"name": "d"}),
    ]
    assert after == [
        Resource(STACK, "aws_nat_gateway", "a", {"id": "1", "tags": None}),
        Resource(STACK, "aws_rds_cluster", "b", {"x": 2}),
        Resource(STACK, "aws_eip", "c", {"domain": "vpc", "nested": [{"a": 1}]}),
        Resource(STACK, "aws_s3_object", 'e["k"]', {"key": "k"}),
    ]


def test_json_of_a_plan_stays_text_for_the_costs() -> None:
    text = json.dumps([{"name": "nginx", "cpu": 256}])
    _, [task] = resources(plan(created("aws_ecs_task_definition.a", container_definitions=text)), STACK)
    assert json.loads(task.values["container_definitions"]) == [{"name": "nginx", "cpu": 256}]


def test_a_finding_of_recorded_iam_names_the_construct() -> None:
    assert only(reviewed("iam"), "data-lost").address.construct == "mlflow-credentials"

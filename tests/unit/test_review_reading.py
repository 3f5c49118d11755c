"""Which files are plans, and what is read of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from errors import UserError
from review.model import Action
from review.plan import read_plan, review_plans
from review.plan_json.constructs import Constructs
from tests.review.plans import (
    STACK,
    TODAY,
    at,
    change,
    configuration,
    created,
    destroyed,
    kept,
    plan,
    review,
    updated,
)


def written(folder: Path, content: Any) -> Path:
    file = folder / "plan.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


def test_a_plan_is_read_as_it_is(tmp_path: Path) -> None:
    whole = plan(created("aws_vpc.network", id="vpc-1"))
    assert read_plan(written(tmp_path, whole)) == whole


def test_a_stack_without_resources_has_a_plan_too(tmp_path: Path) -> None:
    whole = {"format_version": "1.2", "planned_values": {}}
    assert read_plan(written(tmp_path, whole)) == whole


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "this is not JSON"),
        ("{", "this is not JSON"),
        ("[" * 200_000, "this is not JSON"),
        ("[]", "this is not a plan of Terraform's"),
        ("{}", "this is not a plan of Terraform's"),
        ({"version": 4, "resources": []}, "this is not a plan of Terraform's"),
        ({"format_version": "1.0", "values": {}}, "this is a state, not a plan"),
        (plan(format_version="2.0"), "format_version = '2.0': only 1.x can be read"),
        (plan(format_version=1), "format_version = 1: only 1.x can be read"),
        (plan(errored=True), "planning failed"),
        (
            plan() | {"resource_changes": {"a": 1}},
            "resource_changes is not a list of changes",
        ),
        (plan({"address": "a.b"}), "resource_changes is not a list of changes"),
        (plan(change("a.b", ["explode"], {}, {})), "resource_changes is not a list of changes"),
        (plan(change("a.b", [], {}, {})), "resource_changes is not a list of changes"),
        (plan(change("a.b", ["update"], {}, {}, replace_paths=[1])), "resource_changes is not a list of changes"),
        (plan(drift=(change("a.b", ["update"], [], {}),)), "resource_drift is not a list of changes"),
        (plan(outputs={"a": {"actions": "create"}}), "output_changes is not a map of changes"),
    ],
)
def test_refuses_what_is_no_plan_with_one_line_that_names_the_file(tmp_path: Path, content: Any, why: str) -> None:
    file = written(tmp_path, content)
    with pytest.raises(UserError) as refused:
        read_plan(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_refuses_a_saved_plan_and_says_how_to_make_json_of_it(tmp_path: Path) -> None:
    file = tmp_path / "apply.tfplan"
    file.write_bytes(b"PK\x03\x04...")
    with pytest.raises(UserError, match=r"make that with `terraform show -json apply\.tfplan`"):
        read_plan(file)


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_plan(tmp_path / "none.json")


def test_refuses_a_malformed_plan_by_the_stack_if_it_comes_from_no_file() -> None:
    with pytest.raises(UserError, match=f"^{STACK}: "):
        review_plans({STACK: {"format_version": "1.2"}}, {}, today=TODAY)


def test_constructs_are_those_of_the_code() -> None:
    constructs = Constructs(
        configuration(
            aws_rds_cluster__database=at("database/Resource"),
            aws_rds_cluster_instance__database_writer=at("database/writer"),
            aws_lb__load_balancer=at("load-balancer/Resource"),
        )
    )
    assert constructs.of("aws_rds_cluster", "database") == "database"
    assert constructs.of("aws_rds_cluster_instance", "database_writer") == "database/writer"
    # Those without metadata, and those that are gone: by the longest construct that the name begins with.
    assert constructs.of("terraform_data", "load_balancer_extra") == "load-balancer"
    assert constructs.of("aws_x", "database_writer_more") == "database/writer"
    assert constructs.of("aws_x", "data") is None


def test_what_an_override_made_belongs_to_the_construct_of_its_name() -> None:
    constructs = Constructs(configuration(terraform_data__nginx_image={"triggers_replace": []}))
    assert constructs.of("terraform_data", "nginx_image") == "nginx-image"
    assert constructs.of("terraform_data", "mlflow_image") is None


def test_constructs_of_removed_resources_are_those_of_before() -> None:
    before = configuration(aws_sagemaker_notebook_instance__notebook=at("notebook/Resource"))
    [gone] = review(destroyed("aws_sagemaker_notebook_instance.notebook"), before=before).changes
    assert gone.address.construct == "notebook"
    [unknown] = review(destroyed("aws_sagemaker_notebook_instance.notebook")).changes
    assert unknown.address.construct is None


@pytest.mark.parametrize(
    ("actions", "action"),
    [
        (["create"], Action.CREATE),
        (["update"], Action.UPDATE),
        (["delete"], Action.DELETE),
        (["forget"], Action.FORGET),
        (["delete", "create"], Action.REPLACE),
        (["create", "delete"], Action.REPLACE),
        (["create", "forget"], Action.REPLACE),
    ],
)
def test_actions_are_terraforms(actions: list[str], action: Action) -> None:
    [found] = review(change("aws_eip.a", actions, {}, {})).changes
    assert found.action is action


def test_data_sources_and_what_stays_are_no_changes() -> None:
    assert review(kept("aws_eip.a", id="1"), change("aws_region.b", ["read"], None, {}, mode="data")).changes == ()


def test_moves_and_imports_are_changes_and_noted() -> None:
    moved = change("aws_eip.new", ["no-op"], {}, {}, previous_address="aws_eip.old")
    imported = change("aws_eip.found", ["no-op"], {}, {}, importing={"id": "eip-1"})
    found = review(moved, imported)
    assert [each.action for each in found.changes] == [Action.MOVE, Action.IMPORT]
    assert found.findings == ()
    assert found.notes == (
        f"{STACK}: aws_eip.new: moved from aws_eip.old.",
        f"{STACK}: aws_eip.found: taken over into the state.",
    )


def test_an_unfinished_plan_is_noted() -> None:
    assert review(complete=False).notes == (
        f"{STACK}: this plan is not the whole of it; after the apply another one is needed.",
    )
    assert "puts off 1 changes" in review(deferred_changes=[{}]).notes[0]


def test_outputs_that_stacks_hand_to_each_other_are_a_note_and_no_change() -> None:
    outputs = {
        "cross_stack_output_aws_vpc_network_id": {
            "actions": ["update"],
            "before": "a",
            "after": "b",
            "before_sensitive": True,
            "after_sensitive": True,
        }
    }
    found = review(updated("aws_eip.a", {"x": 1}, {"x": 2}), outputs=outputs)
    assert [each.address.resource for each in found.changes] == ["aws_eip.a"]
    assert found.notes == (
        f"{STACK} will hand other values over to the stacks after it (1 of them): their plans are other ones once it "
        "is deployed.",
    )

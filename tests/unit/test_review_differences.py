"""What of a change is shown, and what is noise."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from review.model import Difference
from tests.review.plans import Json, at, configuration, created, destroyed, replaced, review, updated


def between(before: Json, after: Json, *, configured: Json | None = None, **more: Any) -> list[tuple[Any, Any, Any]]:
    """The differences of an update, as path, before and after."""
    block = {**(configured or after)}
    found = review(updated("x_y.a", before, after, **more), configured=configuration(x_y__a=at("a", **block)))
    return [(each.path, each.before, each.after) for each in found.changes[0].differences]


def test_values_are_shown_by_their_path() -> None:
    assert between({"a": 1, "b": [{"c": True}]}, {"a": 2, "b": [{"c": False}]}) == [
        ("a", "1", "2"),
        ("b.c", "true", "false"),
    ]


def test_a_value_that_comes_or_goes_has_no_other_side() -> None:
    assert between({"a": "x", "b": None}, {"a": None, "b": "y"}) == [("a", "x", None), ("b", None, "y")]


@pytest.mark.parametrize(("before", "after"), [(None, ""), ([], None), ({}, None), ("", None), (None, [])])
def test_unset_is_unset_however_it_is_written(before: Any, after: Any) -> None:
    assert between({"a": before, "b": 1}, {"a": after, "b": 2}) == [("b", "1", "2")]


def test_tags_of_the_provider_and_values_that_only_follow_are_left_out() -> None:
    before = {"tags_all": {"a": "1"}, "arn": "arn:aws:x", "size": 1}
    after = {"tags_all": {"a": "2"}, "size": 2}
    assert between(before, after, configured={"size": 2}, after_unknown={"arn": True}) == [("size", "1", "2")]


def test_an_unknown_value_that_the_configuration_sets_is_shown() -> None:
    configured = {"task": "${aws_ecs_task_definition.t.arn}"}
    assert between({"task": "t:1"}, {}, configured=configured, after_unknown={"task": True}) == [
        ("task", "t:1", "(known after apply)")
    ]


def test_named_blocks_are_compared_by_their_names_in_any_order() -> None:
    before = [{"name": "a", "port": 1}, {"name": "b", "port": 2}]
    after = [{"name": "b", "port": 3}, {"name": "c", "port": 1}]
    assert between({"rule": before}, {"rule": after}) == [
        ("rule[a].port", "1", None),
        ("rule[b].port", "2", "3"),
        ("rule[c].port", None, "1"),
    ]


def test_a_named_block_with_nothing_else_in_it_is_still_seen() -> None:
    assert between({"rule": []}, {"rule": [{"name": "a"}, {"name": "b"}]}) == [
        ("rule[a].name", None, "a"),
        ("rule[b].name", None, "b"),
    ]


def test_reordered_sets_are_equal_and_single_members_are_told() -> None:
    assert between({"a": ["x", "y"], "b": 1}, {"a": ["y", "x"], "b": 2}) == [("b", "1", "2")]
    assert between({"a": ["x", "y"]}, {"a": ["y", "z"]}) == [("a[]", "x", "z")]
    assert between({"a": ["x"]}, {"a": ["x", "x"]}) == [("a[]", None, "x")]


def test_the_order_of_a_command_counts() -> None:
    assert between({"command": ["a", "b"]}, {"command": ["b", "a"]}) == [("command", '["a", "b"]', '["b", "a"]')]


def test_blocks_without_names_pair_up_after_equal_ones_are_gone() -> None:
    before = [{"from": 1, "to": 2}, {"from": 3, "to": 4}]
    after = [{"from": 3, "to": 4}, {"from": 1, "to": 9}]
    assert between({"rule": before}, {"rule": after}) == [("rule[0].to", "2", "9")]


def test_a_containers_variable_is_found_in_the_json_of_all_containers() -> None:
    def definitions(mode: str) -> str:
        return json.dumps(
            [{"name": "nginx", "environment": [{"name": "AUTH_MODE", "value": mode}]}, {"name": "mlflow"}]
        )

    assert between({"c": definitions("basic")}, {"c": definitions("gateway")}) == [
        ("c[nginx].environment[AUTH_MODE]", "basic", "gateway")
    ]


def test_a_policys_statements_are_compared_inside_and_one_action_is_a_list_of_one() -> None:
    before = json.dumps({"Statement": [{"Sid": "Read", "Action": "s3:GetObject", "Resource": ["a", "b"]}]})
    after = json.dumps(
        {"Statement": [{"Sid": "Read", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": ["b", "a"]}]}
    )
    assert between({"policy": before}, {"policy": after}) == [("policy.Statement[Read].Action[]", None, "s3:PutObject")]


def test_json_that_is_only_written_otherwise_is_equal() -> None:
    assert between({"a": '{"x": 1, "y": 2}', "b": 1}, {"a": '{"y":2,"x":1}', "b": 2}) == [("b", "1", "2")]


def test_a_script_in_base64_is_compared_line_by_line() -> None:
    before, after = (base64.b64encode(f"#!/bin/sh\necho {word}\n".encode()).decode() for word in ("one", "two"))
    assert between({"on_start": before}, {"on_start": after}) == [("on_start[]", "echo one", "echo two")]


def test_unknown_json_is_compared_by_the_configuration_of_before_and_now() -> None:
    def text(mode: str) -> str:
        return json.dumps([{"name": "nginx", "image": "${aws_x.y.url}", "mode": mode}])

    found = review(
        updated("x_y.a", {"c": text("basic")}, {}, after_unknown={"c": True}),
        configured=configuration(x_y__a=at("a", c=text("iam"))),
        before=configuration(x_y__a=at("a", c=text("basic"))),
    )
    assert found.changes[0].differences == (Difference("c[nginx].mode", "basic", "iam"),)


def test_sensitive_values_are_words_that_say_whether_they_change() -> None:
    marks = {"before_sensitive": {"a": True, "b": True}, "after_sensitive": {"a": True, "b": True}}
    assert between({"a": "x", "b": "same"}, {"a": "y", "b": "same"}, **marks) == [
        ("a", "(sensitive)", "(sensitive, another one)")
    ]


def test_what_forces_a_replacement_says_so_even_if_nobody_set_it() -> None:
    found = review(
        replaced("x_y.a", {"cpu": 1, "name": "x"}, {"cpu": 2}, "cpu", "name", after_unknown={"name": True}),
        configured=configuration(x_y__a=at("a", cpu=2)),
    )
    assert found.changes[0].differences == (
        Difference("cpu", "1", "2", forces_replacement=True),
        Difference("name", "x", "(known after apply)", forces_replacement=True),
    )


def test_a_new_resource_shows_what_it_is_told_to_be() -> None:
    found = review(
        created("x_y.a", {"arn": True}, size=1, name="", chosen_by_aws=True),
        configured=configuration(x_y__a=at("a", size=1, name="", arn="${x}", lifecycle={"prevent_destroy": True})),
    )
    assert found.changes[0].differences == (Difference("size", None, "1"),)


def test_a_destroyed_resource_shows_no_values() -> None:
    assert review(destroyed("x_y.a", size=1)).changes[0].differences == ()

"""The resources in synthesised stacks, and the references between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pictures.resources import Platform, Resource

STATE = "cross_stack_reference_input_dev_first"


def _platform(second: object, **blocks: object) -> Platform:
    first = {
        "resource": {"aws_lb": {"inside": {"name": "lb"}}, "aws_s3_bucket": {"artifacts": {}}},
        "output": {"of_lb": {"value": "${aws_lb.inside.arn}"}, "of_both": {"value": "${aws_s3_bucket.artifacts.id}"}},
    }
    values = {"argument": second, "//": {"metadata": {"path": "dev-second/notebook/role/Resource"}}}
    stack = {"resource": {"aws_thing": {"it": values, "its_name": {}}}, **blocks}
    return Platform({"dev-first": first, "dev-second": stack})


def _it(platform: Platform) -> Resource:
    return platform.of_type("aws_thing")[0]


def _found(platform: Platform) -> list[str]:
    return [each.address for each in platform.references(_it(platform))]


@pytest.mark.parametrize(
    "expression",
    [
        f"${{data.terraform_remote_state.{STATE}.outputs.of_lb}}",
        f'${{data.terraform_remote_state.{STATE}.outputs["of_lb"]}}',
        f'{{"a": "${{data.terraform_remote_state.{STATE}.outputs.of_lb}}/*"}}',
        ["x", {"y": f"${{jsonencode({{a = data.terraform_remote_state.{STATE}.outputs.of_lb}})}}"}],
        "${base64encode(local.script)}",
    ],
)
def test_a_reference_to_another_stack_ends_at_its_resource(expression: object) -> None:
    script = f"curl http://${{data.terraform_remote_state.{STATE}.outputs.of_lb}}"
    assert _found(_platform(expression, locals={"script": script})) == ["dev-first: aws_lb.inside"]


@pytest.mark.parametrize(
    "text",
    [
        "aws_thing.its_name",
        "$${aws_thing.its_name}",
        "${data.aws_thing.its_name.id}",
        "${aws_thing.other.id}",
        "${local.missing}",
        f"${{data.terraform_remote_state.{STATE}.outputs.missing}}",
        "${",
        None,
        7,
    ],
)
def test_what_only_looks_like_a_reference_is_none(text: object) -> None:
    assert _found(_platform(text)) == []


def test_a_resource_that_names_itself_twice_and_another_once_refers_to_the_other() -> None:
    platform = _platform("${aws_thing.it.id} ${aws_thing.its_name.id} ${aws_thing.its_name.arn}")
    assert _found(platform) == ["dev-second: aws_thing.its_name"]
    assert platform.referrers == {platform.of_type("aws_thing")[1]: (_it(platform),)}


def test_depends_on_is_a_reference() -> None:
    platform = Platform({"dev": {"resource": {"aws_a": {"x": {"depends_on": ["aws_b.y"]}}, "aws_b": {"y": {}}}}})
    assert [each.address for each in platform.references(platform.resources[0])] == ["dev: aws_b.y"]


def test_locals_and_outputs_that_refer_in_a_circle_are_followed_once() -> None:
    circle = {"a": "${local.b}", "b": "${local.a} ${aws_thing.its_name.id}"}
    assert _found(_platform("${local.a}", locals=circle)) == ["dev-second: aws_thing.its_name"]


def test_the_state_names_the_stack_whose_output_is_meant() -> None:
    output: Mapping[str, Any] = {"output": {"id": {"value": "${aws_lb.it.id}"}}, "resource": {"aws_lb": {"it": {}}}}
    reading = {"resource": {"aws_x": {"x": {"a": "${data.terraform_remote_state.input_dev_b.outputs.id}"}}}}
    platform = Platform({"dev-a": output, "dev-b": output, "dev-c": reading})
    assert [each.stack for each in platform.references(platform.of_type("aws_x")[0])] == ["dev-b"]


def test_a_construct_is_named_as_in_the_code() -> None:
    platform = _platform(None)
    first, second = platform.of_type("aws_thing")
    assert (first.construct, first.top) == ("notebook/role", "notebook")
    assert second.construct == "its-name"  # what an override made has no path

"""What a plan would do, in the picture of the platform."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cache

import pytest

from pictures import Configuration, Diagram, Edge, Group, Mark, Node, architecture, marked
from pictures.resources import Platform
from tests.unit.pictured import synthesised

Stacks = Mapping[str, Configuration]
BALANCER, TASK = "dev-mlflow-vpclink: aws_lb.load_balancer", "dev-mlflow-vpclink: aws_ecs_task_definition.task"


class Variants:
    """Stacks by the names of their variants; those of a name are the same in every test."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self.load = cache(lambda name: synthesised(name, factory.mktemp(name)))

    def plan(self, before: str, after: str) -> Mapping[str, Mark]:
        """What Terraform would do, as far as the configurations say."""
        old, new = (
            {each.address: each.values for each in Platform(self.load(name)).resources} for name in (before, after)
        )
        return {
            **dict.fromkeys(old.keys() - new.keys(), Mark.REMOVED),
            **dict.fromkeys(new.keys() - old.keys(), Mark.ADDED),
            **{address: Mark.CHANGED for address in new.keys() & old.keys() if new[address] != old[address]},
        }

    def marked(self, before: str, after: str) -> Diagram:
        return marked(self.load(after), self.plan(before, after), self.load(before))


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Variants:
    return Variants(tmp_path_factory)


def _marks(diagram: Diagram) -> Mapping[str, Mark]:
    return {part.id: part.mark for part in diagram.boxes if part.mark is not Mark.UNCHANGED}


def _edges(diagram: Diagram, mark: Mark) -> set[tuple[str, str, str]]:
    return {(edge.source, edge.target, edge.label) for edge in diagram.edges if edge.mark is mark}


def test_a_plan_without_changes_marks_nothing(variants: Variants) -> None:
    dev = variants.load("dev")
    assert marked(dev, {}) == architecture(dev)
    assert marked(dev, {BALANCER: Mark.UNCHANGED}, dev) == architecture(dev)
    assert not marked(dev, {}).is_marked


def test_a_first_deployment_adds_everything_that_is_a_resource(variants: Variants) -> None:
    dev = variants.load("dev")
    diagram = marked(dev, {each.address: Mark.ADDED for each in Platform(dev).resources})
    unmarked = {part.id for part in diagram.boxes if part.mark is not Mark.ADDED}
    assert unmarked == {"account", "client", "internet", "state", "lock"}
    assert {edge.mark for edge in diagram.edges} == {Mark.ADDED}


def test_a_change_of_any_resource_changes_its_box(variants: Variants) -> None:
    listener = "dev-mlflow-vpclink: aws_lb_listener.load_balancer_listener"
    assert _marks(marked(variants.load("dev"), {listener: Mark.CHANGED})) == {"load-balancer": Mark.CHANGED}
    assert _marks(marked(variants.load("dev"), {listener: Mark.ADDED})) == {"load-balancer": Mark.CHANGED}


def test_a_box_is_added_with_its_main_resource(variants: Variants) -> None:
    assert _marks(marked(variants.load("dev"), {BALANCER: Mark.ADDED})) == {"load-balancer": Mark.ADDED}


def test_a_new_task_definition_changes_the_containers_and_not_what_they_read(variants: Variants) -> None:
    diagram = marked(variants.load("dev"), {TASK: Mark.CHANGED}, variants.load("dev"))
    assert _marks(diagram) == dict.fromkeys(("service", "nginx", "mlflow"), Mark.CHANGED)
    assert {edge.mark for edge in diagram.edges} == {Mark.UNCHANGED}


def test_instances_of_one_resource_count_together(variants: Variants) -> None:
    files = "dev-sagemaker-notebook: aws_s3_object.notebook_files"
    marks = {f'{files}["lab/a"]': Mark.ADDED, f'{files}["lab/b.c"]': Mark.REMOVED}
    assert _marks(marked(variants.load("dev"), marks)) == {"notebook": Mark.CHANGED}


def test_what_goes_is_drawn_where_it_was(variants: Variants) -> None:
    diagram = variants.marked("lambda", "dev")
    authorizer = next(node for node in diagram.nodes if node.id == "authorizer")
    assert (authorizer.mark, authorizer.group) == (Mark.REMOVED, "account")
    assert ("http-api", "authorizer", "who calls?") in _edges(diagram, Mark.REMOVED)
    assert ("notebook", "load-balancer", "80") in _edges(diagram, Mark.ADDED)
    assert ("nginx", "mlflow-credentials", "") in _edges(diagram, Mark.ADDED)


def test_what_goes_is_named_where_nobody_knows_how_it_was(variants: Variants) -> None:
    diagram = marked(variants.load("dev"), variants.plan("lambda", "dev"))
    gone = [node for node in diagram.nodes if node.group == "leftovers-removed"]
    assert gone[0].label.splitlines()[0] == "dev-http-api-gateway"
    assert {node.mark for node in gone} == {Mark.REMOVED}
    removed = {address for address, mark in variants.plan("lambda", "dev").items() if mark is Mark.REMOVED}
    assert {address for node in gone for address in node.addresses} == removed
    assert gone[-1].label == f"and {len(removed) - 8} more"
    assert Group("leftovers-removed", "removed", mark=Mark.REMOVED) in diagram.groups


@pytest.mark.parametrize(("mark", "frame"), [(Mark.ADDED, "also added"), (Mark.CHANGED, "also changed")])
def test_an_address_that_no_picture_has_is_named(variants: Variants, mark: Mark, frame: str) -> None:
    address = "dev-other: module.x.aws_lb.y"
    diagram = marked(variants.load("dev"), {f"{address}[0]": mark})
    node = next(node for node in diagram.nodes if node.addresses == {address})
    assert node.label == "dev-other\nmodule.x.aws_lb.y"
    assert node.mark is mark
    assert next(group.label for group in diagram.groups if group.id == node.group) == frame


def test_a_vpc_that_gives_way_to_an_existing_one_changes(variants: Variants) -> None:
    diagram = variants.marked("dev", "existing-network")
    marks = _marks(diagram)
    assert marks["vpc"] is Mark.CHANGED
    assert {id for id, mark in marks.items() if mark is Mark.REMOVED} == {
        "public", "private", "isolated", "nat", "internet-gateway", "s3-endpoint",
    }  # fmt: skip
    assert ("mlflow", "nat", "443") in _edges(diagram, Mark.REMOVED)
    frames = {group.id for group in diagram.groups}
    assert {node.group for node in diagram.nodes} <= {None, *frames}
    assert {group.parent for group in diagram.groups} <= {None, *frames}


def test_another_port_is_one_arrow_that_goes_and_one_that_comes(variants: Variants) -> None:
    diagram = variants.marked("dev", "dev")
    assert not diagram.is_marked
    before = variants.load("dev")
    after = copy.deepcopy(dict(before))
    rules = after["dev-mlflow-vpclink"]["resource"]
    changed = {}
    for direction in ("egress", "ingress"):
        name = f"load_balancer_security_group_to_service_{direction}"
        rules[f"aws_vpc_security_group_{direction}_rule"][name] |= {"from_port": 8081, "to_port": 8081}
        changed[f"dev-mlflow-vpclink: aws_vpc_security_group_{direction}_rule.{name}"] = Mark.CHANGED
    diagram = marked(after, changed, before)
    assert _edges(diagram, Mark.REMOVED) == {("load-balancer", "nginx", "8080")}
    assert _edges(diagram, Mark.ADDED) == {("load-balancer", "nginx", "8081")}
    assert _edges(marked(before, changed, before), Mark.CHANGED) == {("load-balancer", "nginx", "8080")}


def test_what_was_never_deployed_is_not_removed(variants: Variants) -> None:
    diagram = marked(variants.load("dev"), {BALANCER: Mark.CHANGED}, variants.load("lambda"))
    assert _marks(diagram) == {"load-balancer": Mark.CHANGED}
    assert "authorizer" not in {node.id for node in diagram.nodes}


def test_a_picture_keeps_its_ends(variants: Variants) -> None:
    for before, after in (("dev", "endpoint"), ("studio", "lambda"), ("existing-network", "prod")):
        diagram = variants.marked(before, after)
        ids = {node.id for node in diagram.nodes}
        assert {end for edge in diagram.edges for end in (edge.source, edge.target)} <= ids
        assert all(isinstance(part, Node | Group | Edge) for part in diagram.parts)

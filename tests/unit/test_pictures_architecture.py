"""The picture of the platform says what the stacks say, in every way to configure them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pictures import Configuration, Diagram, Edge, architecture
from pictures.icons import GENERIC_ICON, KINDS
from pictures.resources import Platform, Resource
from pictures.svg import ICONS
from pictures.traffic import ANYWHERE, EGRESS, INGRESS, port
from tests.unit.pictured import VARIANTS, VPC, synthesised

every_variant = pytest.mark.parametrize("variant", VARIANTS)
Load = Callable[[str], Mapping[str, Configuration]]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """The stacks of a variant, synthesised once."""

    @cache
    def stacks(variant: str) -> Mapping[str, Configuration]:
        return synthesised(variant, Path(tmp_path_factory.mktemp(variant)))

    return stacks


def _rules(platform: Platform) -> tuple[Resource, ...]:
    rules = platform.of_type(EGRESS, INGRESS)
    assert rules
    return rules


def _ends(diagram: Diagram, edge: Edge) -> tuple[frozenset[str], frozenset[str]]:
    """The resources at both ends; a container's are those of its frame too."""
    nodes = {node.id: node for node in diagram.nodes}
    groups = {group.id: group for group in diagram.groups}

    def resources(id: str) -> frozenset[str]:
        node = nodes[id]
        return node.addresses | (groups["service"].addresses if node.group == "service" else frozenset())

    return resources(edge.source), resources(edge.target)


# --- who may speak to whom ---


@every_variant
def test_every_rule_of_a_security_group_is_one_arrow_with_its_port(load: Load, variant: str) -> None:
    stacks = load(variant)
    platform, diagram = Platform(stacks), architecture(stacks)
    for rule in _rules(platform):
        edges = [edge for edge in diagram.edges if rule.address in edge.addresses]
        assert [edge.label for edge in edges] == [port(rule)], rule.address
        assert not edges[0].dashed


@every_variant
def test_an_arrow_of_a_rule_goes_from_and_to_what_has_the_security_groups(load: Load, variant: str) -> None:
    stacks = load(variant)
    platform, diagram = Platform(stacks), architecture(stacks)
    for rule in _rules(platform):
        edge = next(edge for edge in diagram.edges if rule.address in edge.addresses)
        source, target = _ends(diagram, edge)
        own, far = (source, target) if rule.type == EGRESS else (target, source)
        group = platform.first(rule.stack, rule.values["security_group_id"], "aws_security_group")
        peer = platform.first(rule.stack, rule.values.get("referenced_security_group_id"), "aws_security_group")
        assert group is not None
        assert group.address in own
        if peer is not None:
            assert peer.address in far
        elif rule.values.get("cidr_ipv4") in ANYWHERE:
            assert (edge.target if rule.type == EGRESS else edge.source) in ("nat", "internet")


@every_variant
def test_an_arrow_with_a_port_has_a_rule_but_for_the_two_that_no_security_group_sees(load: Load, variant: str) -> None:
    stacks = load(variant)
    rules = {rule.address for rule in _rules(Platform(stacks))}
    without = {
        (edge.source, edge.target, edge.label)
        for edge in architecture(stacks).edges
        if any(character.isdigit() for character in edge.label) and not edge.addresses & rules
    }
    assert without == {("nginx", "mlflow", "127.0.0.1:5000")}


def test_the_chain_of_a_request_is_drawn_as_it_is(load: Load) -> None:
    edges = {(edge.source, edge.target, edge.label) for edge in architecture(load("dev")).edges if not edge.dashed}
    assert edges == {
        ("client", "http-api", "HTTPS"),
        ("http-api", "vpc-link", ""),
        ("vpc-link", "load-balancer", "80"),
        ("notebook", "load-balancer", "80"),
        ("load-balancer", "nginx", "8080"),
        ("nginx", "mlflow", "127.0.0.1:5000"),
        ("mlflow", "database", "3306"),
        ("mlflow", "nat", "443"),
        ("notebook", "nat", "443"),
        ("nat", "internet-gateway", ""),
        ("internet-gateway", "internet", ""),
    }


def test_what_is_read_is_dashed(load: Load) -> None:
    edges = {(edge.source, edge.target) for edge in architecture(load("dev")).edges if edge.dashed}
    assert edges == {
        ("nginx", "images"),
        ("mlflow", "images"),
        ("nginx", "mlflow-credentials"),
        ("mlflow", "database-credentials"),
        ("notebook", "mlflow-credentials"),
        ("mlflow", "s3-endpoint"),
        ("notebook", "s3-endpoint"),
        ("s3-endpoint", "artifacts"),
        ("nginx", "discovery"),
    }


@pytest.mark.parametrize(
    ("variant", "decides"),
    [
        ("basic", None),
        ("iam", None),
        ("none", None),
        ("jwt", "identity provider\nlogin.example.com"),
        ("cognito", "user pool"),
        ("lambda", "Lambda function\nauthorizer"),
        ("their-lambda", "Lambda function\ntheir-authorizer"),
    ],
)
def test_who_checks_the_callers_is_asked_by_the_api(load: Load, variant: str, decides: str | None) -> None:
    diagram = architecture(load(variant))
    labels = {node.id: node.label for node in diagram.nodes}
    asked = [labels[edge.target] for edge in diagram.edges if edge.label == "who calls?"]
    assert asked == ([decides] if decides else [])


@pytest.mark.parametrize(("variant", "calls"), [("basic", "load-balancer"), ("lambda", "http-api")])
def test_the_notebook_calls_where_it_may(load: Load, variant: str, calls: str) -> None:
    edges = {(edge.source, edge.target) for edge in architecture(load(variant)).edges}
    assert [target for target in ("load-balancer", "http-api") if ("notebook", target) in edges] == [calls]


def test_security_groups_of_others_and_a_domain_name_are_drawn(load: Load) -> None:
    diagram = architecture(load("endpoint"))
    edges = {(edge.source, edge.target, edge.label) for edge in diagram.edges}
    assert ("outside-sg-0123456789abcdef0", "load-balancer", "443") in edges
    assert ("client", "domain", "HTTPS") in edges
    assert ("client", "http-api", "HTTPS") not in edges  # the API's own name is switched off


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({"ip_protocol": "tcp", "from_port": 443, "to_port": 443}, "443"),
        ({"ip_protocol": "tcp", "from_port": 8192, "to_port": 65535}, "8192-65535"),
        ({"ip_protocol": "udp", "from_port": 53, "to_port": 53}, "udp 53"),
        ({"ip_protocol": "-1"}, "all ports"),
    ],
)
def test_a_rule_is_called_by_its_ports(values: Mapping[str, Any], label: str) -> None:
    assert port(Resource("dev", EGRESS, "x", "x", values)) == label


# --- what there is, and where ---


@every_variant
def test_every_resource_is_in_a_box_or_a_frame(load: Load, variant: str) -> None:
    stacks = load(variant)
    diagram = architecture(stacks)
    drawn = {address for part in diagram.boxes for address in part.addresses}
    assert {resource.address for resource in Platform(stacks).resources} == drawn


@every_variant
def test_every_icon_is_a_file_and_every_id_is_there_once(load: Load, variant: str) -> None:
    diagram = architecture(load(variant))
    icons = {part.icon for part in diagram.boxes}
    assert {icon for icon in icons if not (ICONS / f"{icon}.svg").is_file()} == set()
    ids = [part.id for part in diagram.boxes]
    assert len(ids) == len(set(ids))
    assert {node.group for node in diagram.nodes} <= {None, *(group.id for group in diagram.groups)}


def test_every_type_that_is_known_has_an_icon() -> None:
    assert {kind.icon for kind in KINDS.values() if not (ICONS / f"{kind.icon}.svg").is_file()} == set()
    assert (ICONS / f"{GENERIC_ICON}.svg").is_file()


@pytest.mark.parametrize(
    ("variant", "frames"),
    [
        ("dev", {"database": "isolated", "load-balancer": "private", "nat": "public", "internet-gateway": "vpc"}),
        ("prod", {"interface-endpoints": "private", "notebook": "private", "s3-endpoint": "vpc", "flow-logs": "vpc"}),
        ("existing-network", {"database": "existing-subnets-2", "notebook": "existing-subnets", "images": "account"}),
        ("existing-subnets-for-all", {"database": "existing-subnets", "vpc-link": "existing-subnets"}),
    ],
)
def test_a_box_stands_in_the_frame_of_its_subnets(load: Load, variant: str, frames: Mapping[str, str]) -> None:
    found = {node.id: node.group for node in architecture(load(variant)).nodes}
    assert {id: found[id] for id in frames} == frames


def test_frames_say_how_many_subnets_and_which_vpc(load: Load) -> None:
    labels = {group.id: group.label for group in architecture(load("prod")).groups}
    assert labels["private"] == "3 private subnets"
    assert labels["vpc"] == "VPC 10.0.0.0/16"
    assert labels["service"] == "ECS service on Fargate, 3 to 9 tasks"
    existing = {group.id: group.label for group in architecture(load("existing-network")).groups}
    assert existing["vpc"] == f"existing VPC {VPC}"
    assert "public" not in existing


def test_a_type_that_nobody_thought_of_is_drawn_under_its_construct(load: Load) -> None:
    stacks = copy.deepcopy(dict(load("dev")))
    metadata = {"//": {"metadata": {"path": "dev-http-api-gateway/queue/Resource"}}}
    stacks["dev-http-api-gateway"]["resource"]["aws_sqs_queue"] = {"queue": metadata}
    node = next(node for node in architecture(stacks).nodes if node.id == "queue")
    assert (node.label, node.icon, node.group) == ("queue\naws_sqs_queue", GENERIC_ICON, "account")


def test_two_constructs_of_one_name_in_two_stacks_are_two_boxes(load: Load) -> None:
    stacks = copy.deepcopy(dict(load("dev")))
    metadata = {"//": {"metadata": {"path": "dev-http-api-gateway/artifacts/Resource"}}}
    stacks["dev-http-api-gateway"]["resource"]["aws_s3_bucket"] = {"artifacts": metadata}
    ids = {node.id for node in architecture(stacks).nodes}
    assert {"artifacts", "dev-http-api-gateway/artifacts"} <= ids


def test_the_state_is_drawn_as_the_backend_says_or_as_its_own_stack_does(load: Load) -> None:
    stacks = dict(load("dev"))
    node = {node.id: node for node in architecture(stacks).nodes}["state"]
    assert node.addresses == frozenset()
    bucket = stacks["dev-mlflow-vpclink"]["terraform"]["backend"]["s3"]["bucket"]
    metadata = {"bucket": bucket, "//": {"metadata": {"path": "dev-state-backend/state"}}}
    stacks["dev-state-backend"] = {"resource": {"aws_s3_bucket": {"state": metadata}}}
    node = {node.id: node for node in architecture(stacks).nodes}["state"]
    assert node.addresses == {"dev-state-backend: aws_s3_bucket.state"}


@pytest.mark.parametrize("definitions", ["${jsonencode(local.containers)}", "{}", "[1]", ""])
def test_a_task_whose_containers_nobody_can_read_is_one_box(load: Load, definitions: str) -> None:
    stacks = copy.deepcopy(dict(load("dev")))
    task = stacks["dev-mlflow-vpclink"]["resource"]["aws_ecs_task_definition"]["task"]
    task["container_definitions"] = definitions
    diagram = architecture(stacks)
    assert [node.id for node in diagram.nodes if node.group == "service"] == ["task"]
    assert ("task", "database", "3306") in {(edge.source, edge.target, edge.label) for edge in diagram.edges}


def test_nothing_is_drawn_of_nothing_but_the_client() -> None:
    assert [node.id for node in architecture({}).nodes] == ["client"]

"""The way of a request, and each stack by itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pictures import Configuration, request_path, stack_pictures
from pictures.resources import Platform
from tests.unit.pictured import synthesised


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Configuration]:
    return synthesised("dev", tmp_path_factory.mktemp("dev"))


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Configuration]:
    return synthesised("endpoint", tmp_path_factory.mktemp("endpoint"))


def _edges(stacks: Mapping[str, Configuration]) -> set[tuple[str, str, str]]:
    return {(edge.source, edge.target, edge.label) for edge in request_path(stacks).edges}


def _labels(stacks: Mapping[str, Configuration]) -> Mapping[str, str]:
    return {node.id: node.label for node in request_path(stacks).nodes}


def test_a_request_goes_from_the_client_to_the_database_by_the_ports_that_are_configured(
    dev: Mapping[str, Configuration],
) -> None:
    assert _edges(dev) == {
        ("client", "http-api", "HTTPS 443"),
        ("http-api", "vpc-link", "HTTP_PROXY\n30 s"),
        ("vpc-link", "load-balancer", "HTTP 80"),
        ("load-balancer", "nginx", "HTTP 8080\nhealth: /elb-status"),
        ("nginx", "mlflow", "HTTP\n127.0.0.1:5000"),
        ("mlflow", "database", "3306, TLS"),
        ("mlflow", "artifacts", "HTTPS 443"),
    }
    assert _labels(dev)["http-api"] == "HTTP API\nANY /, ANY /{proxy+}\nno authorizer"
    assert _labels(dev)["nginx"] == "nginx\nchecks passwords"


def test_a_request_to_a_domain_name_of_ours_goes_by_https_to_the_load_balancer(
    endpoint: Mapping[str, Configuration],
) -> None:
    edges = _edges(endpoint)
    assert {("client", "domain", "HTTPS 443"), ("domain", "http-api", "")} <= edges
    assert ("vpc-link", "load-balancer", "HTTPS 443") in edges
    assert ("http-api", "authorizer", "who calls?") in edges
    assert _labels(endpoint)["http-api"] == "HTTP API\nANY /, ANY /{proxy+}\nand 2 more\nasks a function"
    assert _labels(endpoint)["authorizer"] == "Lambda function\ntheir-authorizer"


@pytest.mark.parametrize(
    ("variant", "check", "decides"),
    [
        ("iam", "checks signatures", None),
        ("jwt", "checks tokens", "identity provider\nlogin.example.com"),
        ("cognito", "checks tokens", "user pool"),
        ("lambda", "asks a function", "Lambda function\nauthorizer"),
    ],
)
def test_the_api_says_how_it_checks_callers(tmp_path: Path, variant: str, check: str, decides: str | None) -> None:
    labels = _labels(synthesised(variant, tmp_path))
    assert labels["http-api"].splitlines()[-1] == check
    assert labels.get("authorizer") == decides


def test_a_stack_has_a_box_for_each_of_its_constructs(dev: Mapping[str, Configuration]) -> None:
    pictures = stack_pictures(dev)
    assert list(pictures) == list(dev)
    for stack, diagram in pictures.items():
        own = {resource.top for resource in Platform(dev).resources if resource.stack == stack}
        assert {node.id for node in diagram.nodes if node.group == stack} == own


def test_an_arrow_of_a_stack_is_a_reference_of_one_of_its_resources(dev: Mapping[str, Configuration]) -> None:
    platform = Platform(dev)
    by_address = {resource.address: resource for resource in platform.resources}
    for stack, diagram in stack_pictures(dev).items():
        assert diagram.edges
        boxes = {node.id: node for node in diagram.nodes}
        for edge in diagram.edges:
            assert edge.addresses <= boxes[edge.source].addresses
            for address in edge.addresses:
                assert by_address[address].stack == stack
                targets = {each.address for each in platform.references(by_address[address])}
                assert targets & boxes[edge.target].addresses


def test_a_stack_shows_what_it_needs_of_others(dev: Mapping[str, Configuration]) -> None:
    diagram = stack_pictures(dev)["dev-http-api-gateway"]
    assert {node.id for node in diagram.nodes if node.group == "dev-mlflow-vpclink"} == {"vpc-link", "load-balancer"}
    assert {group.id for group in diagram.groups} == {"dev-mlflow-vpclink", "dev-http-api-gateway"}


def test_nothing_points_at_the_key_or_at_logs(dev: Mapping[str, Configuration]) -> None:
    ends = {edge.target for diagram in stack_pictures(dev).values() for edge in diagram.edges}
    assert ends & {"encryption-key", "access-log"} == set()

from __future__ import annotations

from dataclasses import dataclass

import pytest

from constructs_lib.connections import Connections
from tests.unit.synthesis import Workbench


@dataclass(frozen=True)
class Party:
    connections: Connections


def _party(stack: Workbench, name: str, port: int | None = None) -> Party:
    return Party(
        Connections(stack, name, vpc_id="vpc-1", name_prefix="test", name=name, description=f"The {name}", port=port)
    )


def test_a_group_starts_without_any_rule_and_is_replaced_before_it_goes(stack: Workbench) -> None:
    _party(stack, "server", 80)
    terraform = stack.synthesise()

    assert terraform.types == {"aws_security_group"}
    assert terraform.one("aws_security_group") == {
        "vpc_id": "vpc-1",
        "name_prefix": "test-server-",
        "description": "The server",
        "tags": {"Name": "test-server"},
        "lifecycle": {"create_before_destroy": True},
    }


def test_letting_a_client_in_opens_one_port_on_both_sides_and_says_why(stack: Workbench) -> None:
    server, client = _party(stack, "server", 3306), _party(stack, "client")
    server.connections.allow_from(client, why="Queries")
    terraform = stack.synthesise()

    assert terraform.connections("egress") == terraform.connections("ingress") == {("client", "server", 3306)}
    assert terraform.one("aws_vpc_security_group_ingress_rule")["description"] == "Queries"
    assert terraform.one("aws_vpc_security_group_egress_rule")["description"] == "Queries"


def test_the_rules_belong_to_the_client_so_that_only_its_stack_depends_on_the_other(stack: Workbench) -> None:
    server, client = _party(stack, "server", 3306), _party(stack, "client")
    server.connections.allow_from(client, why="Queries")

    rules = client.connections.node.try_find_child("to-server")
    assert rules is not None
    assert [rule.node.id for rule in rules.node.children] == ["egress", "ingress"]


def test_a_group_of_somebody_else_is_let_in_here_and_nothing_is_said_of_what_it_lets_out(stack: Workbench) -> None:
    server = _party(stack, "server", 443)
    server.connections.allow_from_group("sg-0123456789abcdef0", why="Clients")
    terraform = stack.synthesise()

    assert terraform.all("aws_vpc_security_group_egress_rule") == []
    assert terraform.one("aws_vpc_security_group_ingress_rule") == {
        "security_group_id": terraform.one("aws_security_group").ref("id"),
        "referenced_security_group_id": "sg-0123456789abcdef0",
        "ip_protocol": "tcp",
        "from_port": 443,
        "to_port": 443,
        "description": "Clients",
    }


def test_each_group_of_somebody_else_keeps_its_address_whatever_others_there_are(stack: Workbench) -> None:
    connections = _party(stack, "server", 443).connections
    for group in ("sg-b", "sg-a"):
        connections.allow_from_group(group, why="Clients")

    assert connections.node.try_find_child("from-sg-a") is not None


def test_https_out_is_port_443_only(stack: Workbench) -> None:
    _party(stack, "client").connections.allow_https_out(why="AWS APIs")
    terraform = stack.synthesise()

    assert terraform.connections("egress") == {("client", "0.0.0.0/0", 443)}
    assert terraform.connections("ingress") == set()


def test_refuses_to_let_anyone_into_something_that_listens_on_no_port(stack: Workbench) -> None:
    silent, client = _party(stack, "silent"), _party(stack, "client")

    with pytest.raises(ValueError, match="silent listens on no port: give its Connections a port"):
        silent.connections.allow_from(client, why="Nothing")
    with pytest.raises(ValueError, match="silent listens on no port: give its Connections a port"):
        silent.connections.allow_from_group("sg-1", why="Nothing")

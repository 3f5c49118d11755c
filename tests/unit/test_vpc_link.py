from __future__ import annotations

from tests.unit.synthesis import NETWORK, Workbench


def test_the_link_stands_in_the_private_subnets_with_a_group_of_its_own(stack: Workbench) -> None:
    assert stack.vpc_link
    terraform = stack.synthesise()

    assert terraform.one("aws_apigatewayv2_vpc_link") == {
        "name": "test",
        "subnet_ids": list(NETWORK.private_subnet_ids),
        "security_group_ids": [terraform.one("aws_security_group", tags={"Name": "test-vpc-link"}).ref("id")],
    }


def test_it_reaches_nothing_until_something_lets_it_in(stack: Workbench) -> None:
    assert stack.vpc_link
    terraform = stack.synthesise()

    assert terraform.connections("egress") == terraform.connections("ingress") == set()

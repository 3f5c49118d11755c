from __future__ import annotations

import pytest

from constructs_lib.private_name import PrivateName
from tests.unit.synthesis import Terraform, Workbench

NAME = "mlflow.example.com"


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    PrivateName(stack, "private-name", name=NAME, vpc_id="vpc-1", load_balancer=stack.load_balancer)
    return stack.synthesise()


def test_the_zone_is_of_that_one_name_and_in_the_vpc_alone(terraform: Terraform) -> None:
    zone = terraform.one("aws_route53_zone")

    assert (zone["name"], zone["vpc"]) == (NAME, [{"vpc_id": "vpc-1"}])


def test_the_name_is_the_load_balancer(terraform: Terraform) -> None:
    balancer = terraform.one("aws_lb")

    assert terraform.one("aws_route53_record") == {
        "zone_id": terraform.one("aws_route53_zone").ref("zone_id"),
        "name": NAME,
        "type": "A",
        "alias": {
            "name": balancer.ref("dns_name"),
            "zone_id": balancer.ref("zone_id"),
            "evaluate_target_health": False,
        },
    }

"""As in test_completions.py, for what the changes of an environment ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.emulator import Emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def gateway(emulator: Emulator) -> Any:
    return emulator.client("apigatewayv2")


@pytest.mark.parametrize("kind", ["stage", "domain name", "api"])
def test_tags_of_the_gateways_parts_change(gateway: Any, kind: str) -> None:
    first = {"a": "1", "b": "2"}
    api = gateway.create_api(Name="a", ProtocolType="HTTP", Tags=first)["ApiId"]
    if kind == "stage":
        gateway.create_stage(ApiId=api, StageName="$default", Tags=first)
        arn = f"arn:aws:apigateway:us-west-2::/apis/{api}/stages/$default"
    elif kind == "domain name":
        gateway.create_domain_name(
            DomainName="a.example.com", DomainNameConfigurations=[{"EndpointType": "REGIONAL"}], Tags=first
        )
        arn = "arn:aws:apigateway:us-west-2::/domainnames/a.example.com"
    else:
        arn = f"arn:aws:apigateway:us-west-2::/apis/{api}"

    gateway.tag_resource(ResourceArn=arn, Tags={"b": "3", "c": "4"})
    gateway.untag_resource(ResourceArn=arn, TagKeys=["a"])

    assert gateway.get_tags(ResourceArn=arn)["Tags"] == {"b": "3", "c": "4"}
    if kind == "stage":
        assert gateway.get_stage(ApiId=api, StageName="$default")["Tags"] == {"b": "3", "c": "4"}


def test_a_changed_subnet_group_is_there_with_its_new_subnets(emulator: Emulator) -> None:
    subnets = [subnet["SubnetId"] for subnet in emulator.client("ec2").describe_subnets()["Subnets"][:3]]
    rds = emulator.client("rds")
    rds.create_db_subnet_group(DBSubnetGroupName="g", DBSubnetGroupDescription="d", SubnetIds=subnets[:2])

    rds.modify_db_subnet_group(DBSubnetGroupName="g", SubnetIds=subnets)

    [group] = rds.describe_db_subnet_groups(DBSubnetGroupName="g")["DBSubnetGroups"]
    assert {subnet["SubnetIdentifier"] for subnet in group["Subnets"]} == set(subnets)

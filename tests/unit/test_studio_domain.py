from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.network import Network
from constructs_lib.studio_domain import StudioDomain
from tests.unit.synthesis import NETWORK, Terraform, Workbench, allow

DOMAIN = "aws_sagemaker_domain"


def _synthesise(stack: Workbench, **changes: Any) -> Terraform:
    parts = {"name_prefix": "test", "network": NETWORK, "role": stack.role, "encryption_key": stack.key}
    StudioDomain(stack, "studio", **{**parts, **changes})
    return stack.synthesise()


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    return _synthesise(stack)


def test_its_domain_is_entered_by_iam_and_stands_in_the_private_subnets_alone(terraform: Terraform) -> None:
    domain = terraform.one(DOMAIN)

    assert (domain["domain_name"], domain["auth_mode"], domain["app_network_access_type"]) == ("test", "IAM", "VpcOnly")
    assert (domain["vpc_id"], domain["subnet_ids"]) == (NETWORK.vpc_id, list(NETWORK.private_subnet_ids))


def test_its_disks_are_encrypted_with_the_key(terraform: Terraform) -> None:
    key = terraform.one("aws_kms_key")

    assert terraform.one(DOMAIN)["kms_key_id"] == key.ref("arn")
    permissions = terraform.permissions(terraform.one("aws_iam_role"))
    assert permissions["encrypt-studio-disks"] == allow(
        "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", on=[key.ref("arn")]
    )
    assert permissions["lend-key-to-studio-disks"] == {
        **allow("kms:CreateGrant", on=[key.ref("arn")]),
        "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
    }


def test_its_users_work_in_the_role_and_in_its_security_group(terraform: Terraform) -> None:
    role = terraform.one("aws_iam_role").ref("arn")
    group = terraform.one("aws_security_group", tags={"Name": "test-studio"}).ref("id")

    assert terraform.one(DOMAIN)["default_user_settings"] == {"execution_role": role, "security_groups": [group]}


def test_it_reaches_itself_and_https_and_nobody_else_reaches_it(terraform: Terraform) -> None:
    group = terraform.one("aws_security_group", tags={"Name": "test-studio"}).ref("id")

    def rules(direction: str) -> set[tuple[str, int, int]]:
        found = terraform.all(f"aws_vpc_security_group_{direction}_rule", security_group_id=group, ip_protocol="tcp")
        assert len(found) == len(terraform.all(f"aws_vpc_security_group_{direction}_rule"))
        return {
            (rule.get("referenced_security_group_id") or rule["cidr_ipv4"], rule["from_port"], rule["to_port"])
            for rule in found
        }

    within = {(group, 2049, 2049), (group, 8192, 65535)}
    assert rules("ingress") == within
    assert rules("egress") == within | {("0.0.0.0/0", 443, 443)}


def test_it_may_use_the_interface_endpoints_where_there_are_any(stack: Workbench) -> None:
    network = Network(stack, "network", name_prefix="test", interface_endpoints=["logs"])
    terraform = _synthesise(stack, network=network)

    [studio, endpoints] = (
        terraform.one("aws_security_group", tags={"Name": f"test-{name}"}).ref("id") for name in ("studio", "endpoints")
    )
    [rule] = terraform.all("aws_vpc_security_group_ingress_rule", security_group_id=endpoints)
    assert (rule["referenced_security_group_id"], rule["from_port"]) == (studio, 443)


@pytest.mark.parametrize(("keep", "policy"), [(True, "Retain"), (False, "Delete")])
def test_home_folders_are_lost_with_the_domain_only_when_that_is_asked_for(
    stack: Workbench, keep: bool, policy: str
) -> None:
    domain = _synthesise(stack, keep_files=keep).one(DOMAIN)

    assert domain["retention_policy"] == {"home_efs_file_system": policy}

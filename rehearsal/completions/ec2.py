"""What moto lacks of EC2 and its VPCs, or answers differently."""

from __future__ import annotations

import inspect
from typing import Any

from rehearsal.completions._patching import Method, add, wrap


def ec2_nat_gateway_interfaces_end_with_them() -> None:
    """AWS deletes a NAT gateway's network interface with it; moto keeps it.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html
    """
    from moto.ec2.models import EC2Backend

    def delete(original: Method, self: Any, nat_gateway_id: str) -> Any:
        gateway = original(self, nat_gateway_id)
        self.enis.pop(gateway._eni.id, None)
        return gateway

    wrap(EC2Backend, "delete_nat_gateway", delete)


def ec2_network_acls_end_with_their_vpc() -> None:
    """AWS deletes a VPC's network ACL with it; moto keeps it.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html
    """
    from moto.ec2.models import EC2Backend

    def delete(original: Method, self: Any, vpc_id: str) -> Any:
        vpc = original(self, vpc_id)
        for acl in [acl for acl in self.network_acls.values() if acl.vpc_id == vpc_id]:
            del self.network_acls[acl.id]
        return vpc

    wrap(EC2Backend, "delete_vpc", delete)


def ec2_rules_between_groups_have_descriptions() -> None:
    """AWS keeps a description with every security group rule; moto only with those for an address range.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
    """
    from moto.ec2.models.security_groups import SecurityGroupRule

    def create(original: Method, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        arguments = signature.bind(self, *args, **kwargs).arguments
        self.prefix_list = arguments.get("prefix_list_id") or {}

    def description(rule: Any) -> Any:
        sources = (rule.ip_range, rule.source_group, rule.prefix_list)
        return next((source["Description"] for source in sources if "Description" in source), None)

    signature = inspect.signature(SecurityGroupRule.__init__)
    wrap(SecurityGroupRule, "__init__", create)
    add(SecurityGroupRule, description=property(description))

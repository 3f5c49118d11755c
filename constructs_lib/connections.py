"""Security groups by who speaks to whom."""

from __future__ import annotations

from typing import Protocol

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.security_group import SecurityGroup
from cdktf_cdktf_provider_aws.vpc_security_group_egress_rule import VpcSecurityGroupEgressRule
from cdktf_cdktf_provider_aws.vpc_security_group_ingress_rule import VpcSecurityGroupIngressRule
from constructs import Construct

_ANYWHERE = "0.0.0.0/0"


class Connectable(Protocol):
    """Something with a security group."""

    @property
    def connections(self) -> Connections:
        """Its security group and the rules."""


class Connections(Construct):
    """A security group that starts without any rule, in neither direction.

    *name* is what rules of others call it, so it is part of their Terraform addresses. *port* is the TCP port that
    others may be let in to; None for something that only connects to others.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc_id: str,
        name_prefix: str,
        name: str,
        description: str,
        port: int | None = None,
    ) -> None:
        super().__init__(scope, id)
        self._name = name
        self._port = port
        self.security_group = SecurityGroup(
            self,
            "Resource",
            name_prefix=f"{name_prefix}-{name}-",
            description=description,
            vpc_id=vpc_id,
            tags={"Name": f"{name_prefix}-{name}"},
            # A change of the description replaces the group; its interfaces need the new one before the old one goes.
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )
        self.security_group_id: str = self.security_group.id

    def allow_from(self, client: Connectable, *, why: str) -> None:
        """Let *client* open connections to this port: one egress rule there, one ingress rule here.

        Both rules belong to the client, so that a client in another stack depends on this one and never the reverse.
        Raises ValueError if this has no port.
        """
        port = self._own_port()
        rules = Construct(client.connections, f"to-{self._name}")
        VpcSecurityGroupEgressRule(
            rules,
            "egress",
            security_group_id=client.connections.security_group_id,
            referenced_security_group_id=self.security_group_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=why,
        )
        VpcSecurityGroupIngressRule(
            rules,
            "ingress",
            security_group_id=self.security_group_id,
            referenced_security_group_id=client.connections.security_group_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=why,
        )

    def allow_from_group(self, security_group_id: str, *, why: str) -> None:
        """Let in a security group that somebody else looks after, known by its id, such as ``sg-0123456789abcdef0``.

        Only the ingress rule here is made: what that group lets out is its owner's business. Raises ValueError if this
        has no port.
        """
        port = self._own_port()
        VpcSecurityGroupIngressRule(
            self,
            f"from-{security_group_id}",
            security_group_id=self.security_group_id,
            referenced_security_group_id=security_group_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=why,
        )

    def allow_https_out(self, *, why: str) -> None:
        """Let it call HTTPS endpoints anywhere: AWS's API addresses are in no security group."""
        VpcSecurityGroupEgressRule(
            self,
            "https-out",
            security_group_id=self.security_group_id,
            cidr_ipv4=_ANYWHERE,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            description=why,
        )

    def _own_port(self) -> int:
        if self._port is None:
            raise ValueError(f"{self._name} listens on no port: give its Connections a port to let others in")
        return self._port

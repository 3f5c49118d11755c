"""The SageMaker Studio domain that a user profile is in: one of our own, or somebody else's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cdktf_cdktf_provider_aws.sagemaker_domain import (
    SagemakerDomain,
    SagemakerDomainDefaultUserSettings,
    SagemakerDomainRetentionPolicy,
)
from cdktf_cdktf_provider_aws.vpc_security_group_egress_rule import VpcSecurityGroupEgressRule
from cdktf_cdktf_provider_aws.vpc_security_group_ingress_rule import VpcSecurityGroupIngressRule
from constructs import Construct

from constructs_lib.connections import Connections
from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.network import SubnetPlan
from constructs_lib.role import Role

# Developer Guide, Connect Studio in a VPC to external resources, Requirements to use VPC only mode.
_WITHIN = (("files", 2049, 2049, "NFS to the home folders"), ("apps", 8192, 65535, "Between Studio's apps"))


class Domain(Protocol):
    """Where a user profile can be."""

    @property
    def domain_id(self) -> str:
        """Such as ``d-0123456789ab``."""

    @property
    def security_group_ids(self) -> Sequence[str]:
        """Those that its users' apps get; none where that is the domain's business."""


@dataclass(frozen=True)
class ExistingDomain:
    """A domain that somebody else looks after, with its network, security groups and keys."""

    domain_id: str
    security_group_ids: Sequence[str] = ()


class StudioDomain(Construct):
    """A domain in the private subnets, which reaches AWS through them alone; people enter by IAM.

    Its users work in *role*, which is let use *encryption_key* for their disks. *keep_files* leaves its file system,
    with the home folders, when it is destroyed. AWS deletes no domain in which there are spaces or apps, and leaves the
    two security groups that it makes for the file system: delete them by hand, or they keep the VPC.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        network: SubnetPlan,
        role: Role,
        encryption_key: EncryptionKey,
        keep_files: bool = True,
    ) -> None:
        super().__init__(scope, id)
        self.connections = Connections(
            self,
            "security-group",
            vpc_id=network.vpc_id,
            name_prefix=name_prefix,
            name="studio",
            description="SageMaker Studio",
        )
        self.connections.allow_https_out(why="AWS APIs, package indexes and MLflow")
        network.let_use_endpoints(self)
        _allow_within(self.connections)
        self.security_group_ids: Sequence[str] = [self.connections.security_group_id]
        self.domain = SagemakerDomain(
            self,
            "Resource",
            domain_name=name_prefix,
            auth_mode="IAM",
            vpc_id=network.vpc_id,
            subnet_ids=list(network.private_subnet_ids),
            app_network_access_type="VpcOnly",
            kms_key_id=encryption_key.arn,
            default_user_settings=SagemakerDomainDefaultUserSettings(
                execution_role=role.arn, security_groups=list(self.security_group_ids)
            ),
            retention_policy=SagemakerDomainRetentionPolicy(home_efs_file_system="Retain" if keep_files else "Delete"),
        )
        self.domain_id: str = self.domain.id
        _let_encrypt_disks(role, encryption_key)


def _allow_within(connections: Connections) -> None:
    own = connections.security_group_id
    for name, lowest, highest, why in _WITHIN:
        for direction, rule in (("in", VpcSecurityGroupIngressRule), ("out", VpcSecurityGroupEgressRule)):
            rule(
                connections,
                f"{name}-{direction}",
                security_group_id=own,
                referenced_security_group_id=own,
                ip_protocol="tcp",
                from_port=lowest,
                to_port=highest,
                description=why,
            )


def _let_encrypt_disks(role: Role, encryption_key: EncryptionKey) -> None:
    """For the disks of spaces, beside reading them: Developer Guide, Protect data at rest using encryption."""
    role.allow(
        "encrypt-studio-disks",
        actions=["kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"],
        resources=[encryption_key.arn],
    )
    role.allow(
        "lend-key-to-studio-disks",
        actions=["kms:CreateGrant"],
        resources=[encryption_key.arn],
        conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
    )

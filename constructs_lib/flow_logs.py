"""A record of the network's traffic."""

from __future__ import annotations

from cdktf_cdktf_provider_aws.flow_log import FlowLog
from constructs import Construct

from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.log_group import LogGroup
from constructs_lib.role import Role


class FlowLogs(Construct):
    """Accepted and refused connections of a VPC, in CloudWatch Logs."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        vpc_id: str,
        retention_days: int,
        encryption_key: EncryptionKey,
    ) -> None:
        super().__init__(scope, id)
        log_group = LogGroup(
            self,
            "logs",
            name=f"/{name_prefix}/flow-logs",
            retention_days=retention_days,
            encryption_key=encryption_key,
        )
        role = Role(
            self,
            "role",
            name_prefix=f"{name_prefix}-flow-logs",
            service="vpc-flow-logs.amazonaws.com",
            description="Writes VPC flow logs",
        )
        log_group.grant_write(role)
        role.allow("find-log-streams", actions=["logs:DescribeLogStreams"], resources=[f"{log_group.arn}:*"])
        role.allow("find-log-groups", actions=["logs:DescribeLogGroups"], resources=["*"])  # knows no narrower resource
        self.flow_log = FlowLog(
            self,
            "Resource",
            vpc_id=vpc_id,
            traffic_type="ALL",
            log_destination=log_group.arn,
            iam_role_arn=role.arn,
            tags={"Name": name_prefix},
        )

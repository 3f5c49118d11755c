"""Where logs go."""

from __future__ import annotations

from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from constructs import Construct

from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.role import Grantable


class LogGroup(Construct):
    """An encrypted CloudWatch log group that forgets after *retention_days*."""

    def __init__(
        self, scope: Construct, id: str, *, name: str, retention_days: int, encryption_key: EncryptionKey
    ) -> None:
        super().__init__(scope, id)
        self._id = id
        self.log_group = CloudwatchLogGroup(
            self, "Resource", name=name, retention_in_days=retention_days, kms_key_id=encryption_key.arn
        )
        self.arn: str = self.log_group.arn

    @property
    def name(self) -> str:
        """The log group's name."""
        return self.log_group.name

    def grant_write(self, grantee: Grantable) -> None:
        """Let *grantee* write log streams into this group."""
        grantee.allow(
            f"write-{self._id}",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[f"{self.arn}:*"],
        )

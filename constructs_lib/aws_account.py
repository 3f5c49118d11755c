"""Facts about where a stack is applied."""

from __future__ import annotations

from typing import cast

from cdktf import TerraformStack
from cdktf_cdktf_provider_aws.data_aws_caller_identity import DataAwsCallerIdentity
from cdktf_cdktf_provider_aws.data_aws_partition import DataAwsPartition
from cdktf_cdktf_provider_aws.data_aws_region import DataAwsRegion
from constructs import Construct

_ID = "aws-account"


class AwsAccount(Construct):
    """The account, region and partition of the provider, known when Terraform plans."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.account_id: str = DataAwsCallerIdentity(self, "identity").account_id
        self.partition: str = DataAwsPartition(self, "partition").partition
        self.region: str = DataAwsRegion(self, "region").name

    @classmethod
    def of(cls, scope: Construct) -> AwsAccount:
        """The one of the stack around *scope*, made on first use."""
        stack = TerraformStack.of(scope)
        return cast("AwsAccount | None", stack.node.try_find_child(_ID)) or cls(stack, _ID)

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a regional resource in this account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"

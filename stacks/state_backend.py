"""The bucket and the lock table of Terraform's states."""

from __future__ import annotations

from cdktf import App, TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.dynamodb_table import (
    DynamodbTable,
    DynamodbTableAttribute,
    DynamodbTablePointInTimeRecovery,
    DynamodbTableServerSideEncryption,
)
from cdktf_cdktf_provider_aws.s3_bucket import S3Bucket

from constructs_lib.private_bucket import make_private
from settings import Settings
from stacks.platform_stack import PlatformStack

NAME = "state-backend"


class StateBackendStack(PlatformStack):
    """Where the states of an environment are kept; never destroyed by Terraform.

    It keeps its own state there too, so its first apply runs with *local_state*, which is then moved.
    """

    def __init__(self, app: App, *, settings: Settings, local_state: bool) -> None:
        super().__init__(app, NAME, settings=settings, local_state="terraform.tfstate" if local_state else None)
        kept = TerraformResourceLifecycle(prevent_destroy=True)
        state = settings.state
        bucket = S3Bucket(self, "state", bucket=state.bucket, lifecycle=kept)
        make_private(bucket, bucket, kms_key_arn=state.kms_key_id, versioning=True)
        if state.locks_by_table:
            table = DynamodbTable(
                self,
                "lock",
                name=state.table,
                billing_mode="PAY_PER_REQUEST",
                hash_key="LockID",
                attribute=[DynamodbTableAttribute(name="LockID", type="S")],
                point_in_time_recovery=DynamodbTablePointInTimeRecovery(enabled=True),
                server_side_encryption=DynamodbTableServerSideEncryption(enabled=True, kms_key_arn=state.kms_key_id),
                deletion_protection_enabled=True,
                lifecycle=kept,
            )
            self.output("state_lock_table", table.name, "DynamoDB table of the locks")
        self.output("state_bucket", bucket.id, "S3 bucket of the Terraform states")

"""The key that encrypts an environment's data."""

from __future__ import annotations

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.kms_alias import KmsAlias
from cdktf_cdktf_provider_aws.kms_key import KmsKey
from constructs import Construct

from constructs_lib.aws_account import AwsAccount
from constructs_lib.role import Grantable, policy_document


class EncryptionKey(Construct):
    """A symmetric KMS key, rotated every year, with an alias.

    Its policy leaves access to the account's IAM policies, and lets CloudWatch Logs use it for log groups of the
    account. A destroyed key can be recovered for 30 days (KMS: 7 to 30); *protect* refuses to destroy it at all.
    """

    def __init__(self, scope: Construct, id: str, *, name_prefix: str, description: str, protect: bool = True) -> None:
        super().__init__(scope, id)
        self.key = KmsKey(
            self,
            "Resource",
            description=description,
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=self._policy(),
            lifecycle=TerraformResourceLifecycle(prevent_destroy=protect),
        )
        self.arn: str = self.key.arn
        KmsAlias(self, "alias", name=f"alias/{name_prefix}", target_key_id=self.key.key_id)

    def grant_encrypt_decrypt(self, grantee: Grantable) -> None:
        """Let *grantee* read and write data under this key."""
        grantee.allow("use-key", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.arn])

    def grant_decrypt(self, grantee: Grantable) -> None:
        """Let *grantee* read data under this key."""
        grantee.allow("decrypt", actions=["kms:Decrypt"], resources=[self.arn])

    def _policy(self) -> str:
        account = AwsAccount.of(self)
        return policy_document(
            [
                {
                    "Sid": "IamPoliciesOfTheAccountDecide",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:{account.partition}:iam::{account.account_id}:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                },
                {
                    "Sid": "LogGroupsOfTheAccount",
                    "Effect": "Allow",
                    "Principal": {"Service": f"logs.{account.region}.amazonaws.com"},
                    "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                    "Resource": "*",
                    "Condition": {
                        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": account.arn("logs", "log-group:*")}
                    },
                },
            ]
        )

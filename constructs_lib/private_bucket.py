"""What makes an S3 bucket private, whatever it is for."""

from __future__ import annotations

from cdktf_cdktf_provider_aws.s3_bucket import S3Bucket
from cdktf_cdktf_provider_aws.s3_bucket_ownership_controls import (
    S3BucketOwnershipControls,
    S3BucketOwnershipControlsRule,
)
from cdktf_cdktf_provider_aws.s3_bucket_policy import S3BucketPolicy
from cdktf_cdktf_provider_aws.s3_bucket_public_access_block import S3BucketPublicAccessBlock
from cdktf_cdktf_provider_aws.s3_bucket_server_side_encryption_configuration import (
    S3BucketServerSideEncryptionConfigurationA,
    S3BucketServerSideEncryptionConfigurationRuleA,
    S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA,
)
from cdktf_cdktf_provider_aws.s3_bucket_versioning import (
    S3BucketVersioningA,
    S3BucketVersioningVersioningConfiguration,
)
from constructs import Construct

from constructs_lib.role import policy_document


def make_private(
    scope: Construct, bucket: S3Bucket, *, kms_key_arn: str | None, versioning: bool
) -> S3BucketVersioningA:
    """Block public access and ACLs, refuse requests without TLS, encrypt by default, and version.

    *kms_key_arn* None encrypts with S3's own keys (SSE-S3). Returns the versioning, on which a lifecycle configuration
    has to wait.
    """
    name, arn = bucket.id, bucket.arn
    block = S3BucketPublicAccessBlock(
        scope,
        "public-access-block",
        bucket=name,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
    )
    S3BucketOwnershipControls(
        scope,
        "ownership",
        bucket=name,
        rule=S3BucketOwnershipControlsRule(object_ownership="BucketOwnerEnforced"),
    )
    S3BucketPolicy(
        scope,
        "policy",
        bucket=name,
        policy=policy_document(
            [
                {
                    "Sid": "TlsOnly",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [arn, f"{arn}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ]
        ),
        # S3 refuses two configuration changes of one bucket at the same instant (OperationAborted).
        depends_on=[block],
    )
    S3BucketServerSideEncryptionConfigurationA(
        scope,
        "encryption",
        bucket=name,
        rule=[
            S3BucketServerSideEncryptionConfigurationRuleA(
                apply_server_side_encryption_by_default=(
                    S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA(
                        sse_algorithm="aws:kms" if kms_key_arn else "AES256", kms_master_key_id=kms_key_arn
                    )
                ),
                bucket_key_enabled=True if kms_key_arn else None,
            )
        ],
    )
    return S3BucketVersioningA(
        scope,
        "versioning",
        bucket=name,
        versioning_configuration=S3BucketVersioningVersioningConfiguration(
            status="Enabled" if versioning else "Suspended"
        ),
    )

"""The S3 bucket of MLflow's artifacts."""

from __future__ import annotations

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.s3_bucket import S3Bucket
from cdktf_cdktf_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfiguration,
    S3BucketLifecycleConfigurationRule,
    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload,
    S3BucketLifecycleConfigurationRuleExpiration,
    S3BucketLifecycleConfigurationRuleFilter,
    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration,
    S3BucketLifecycleConfigurationRuleTransition,
)
from cdktf_cdktf_provider_aws.s3_bucket_versioning import S3BucketVersioningA
from constructs import Construct

from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.private_bucket import make_private
from constructs_lib.role import Grantable

_INCOMPLETE_UPLOAD_DAYS = 7


class ArtifactStore(Construct):
    """A private, encrypted bucket for run artifacts; survives destroy by default.

    *noncurrent_days* is how long overwritten and deleted artifacts can be brought back while *versioning* is on.
    *tiering* moves objects to S3 Intelligent-Tiering: cheaper when rarely read, no fee to read them back.
    *force_destroy* lets a destroy delete a bucket that still holds artifacts; *protect* refuses to destroy it at all.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        encryption_key: EncryptionKey,
        versioning: bool = True,
        noncurrent_days: int = 30,
        tiering: bool = True,
        protect: bool = True,
        force_destroy: bool = False,
    ) -> None:
        super().__init__(scope, id)
        self._encryption_key = encryption_key
        self.bucket = S3Bucket(
            self,
            "Resource",
            bucket_prefix=f"{name_prefix}-artifacts-",
            force_destroy=force_destroy,
            # A destroy that stops at a bucket with artifacts in it must not have taken their key before.
            depends_on=[encryption_key.key],
            lifecycle=TerraformResourceLifecycle(prevent_destroy=protect),
        )
        self.bucket_name: str = self.bucket.id
        self.bucket_arn: str = self.bucket.arn
        versions = make_private(self, self.bucket, kms_key_arn=encryption_key.arn, versioning=versioning)
        self._expire(noncurrent_days, tiering, after=versions)

    def grant_read_write(self, grantee: Grantable) -> None:
        """Let *grantee* list, read, write and delete artifacts."""
        grantee.allow(
            "list-artifacts",
            actions=["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"],
            resources=[self.bucket_arn],
        )
        grantee.allow(
            "read-write-artifacts",
            actions=[
                "s3:GetObject",
                "s3:PutObject",
                "s3:DeleteObject",
                "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
            ],
            resources=[f"{self.bucket_arn}/*"],
        )
        self._encryption_key.grant_encrypt_decrypt(grantee)

    def _expire(self, noncurrent_days: int, tiering: bool, *, after: S3BucketVersioningA) -> None:
        everything = [S3BucketLifecycleConfigurationRuleFilter(prefix="")]
        rules = [
            S3BucketLifecycleConfigurationRule(
                id="abort-incomplete-uploads",
                status="Enabled",
                filter=everything,
                abort_incomplete_multipart_upload=[
                    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload(
                        days_after_initiation=_INCOMPLETE_UPLOAD_DAYS
                    )
                ],
            ),
            S3BucketLifecycleConfigurationRule(
                id="expire-noncurrent-versions",
                status="Enabled",
                filter=everything,
                noncurrent_version_expiration=[
                    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration(noncurrent_days=noncurrent_days)
                ],
                expiration=[S3BucketLifecycleConfigurationRuleExpiration(expired_object_delete_marker=True)],
            ),
        ]
        if tiering:
            rules.append(
                S3BucketLifecycleConfigurationRule(
                    id="intelligent-tiering",
                    status="Enabled",
                    filter=everything,
                    transition=[
                        S3BucketLifecycleConfigurationRuleTransition(days=0, storage_class="INTELLIGENT_TIERING")
                    ],
                )
            )
        S3BucketLifecycleConfiguration(self, "lifecycle", bucket=self.bucket_name, rule=rules, depends_on=[after])

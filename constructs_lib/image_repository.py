"""Where container images are kept."""

from __future__ import annotations

import json

from cdktf_cdktf_provider_aws.ecr_lifecycle_policy import EcrLifecyclePolicy
from cdktf_cdktf_provider_aws.ecr_repository import (
    EcrRepository,
    EcrRepositoryEncryptionConfiguration,
    EcrRepositoryImageScanningConfiguration,
)
from constructs import Construct

from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.role import Grantable

_KEPT_IMAGES = 50
_UNTAGGED_DAYS = 7


class ImageRepository(Construct):
    """An ECR repository whose tags never move; images are scanned when pushed, and the last 50 are kept."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        encryption_key: EncryptionKey,
        force_delete: bool = False,
    ) -> None:
        super().__init__(scope, id)
        self._id = id
        self.repository = EcrRepository(
            self,
            "Resource",
            name=name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=EcrRepositoryImageScanningConfiguration(scan_on_push=True),
            encryption_configuration=[
                EcrRepositoryEncryptionConfiguration(encryption_type="KMS", kms_key=encryption_key.arn)
            ],
            force_delete=force_delete,
        )
        self.url: str = self.repository.repository_url
        EcrLifecyclePolicy(
            self,
            "lifecycle",
            repository=self.repository.name,
            policy=json.dumps({"rules": [_expire_untagged(1), _keep_newest(2)]}),
        )

    def image(self, tag: str) -> str:
        """The URI of the image with *tag*."""
        return f"{self.url}:{tag}"

    def grant_pull(self, grantee: Grantable) -> None:
        """Let *grantee* pull images from this repository."""
        allow_pull(grantee, self._id, repository_arn=self.repository.arn)


def allow_pull(grantee: Grantable, id: str, *, repository_arn: str) -> None:
    """Let *grantee* pull images from an ECR repository; *id* tells it from others in the policy's name."""
    grantee.allow(
        f"pull-{id}",
        actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        resources=[repository_arn],
    )
    # The login of a whole registry: ECR knows no narrower resource for it.
    grantee.allow("log-in-to-registry", actions=["ecr:GetAuthorizationToken"], resources=["*"])


def _expire_untagged(priority: int) -> dict[str, object]:
    return {
        "rulePriority": priority,
        "description": f"untagged images go after {_UNTAGGED_DAYS} days",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": _UNTAGGED_DAYS,
        },
        "action": {"type": "expire"},
    }


def _keep_newest(priority: int) -> dict[str, object]:
    return {
        "rulePriority": priority,
        "description": f"the newest {_KEPT_IMAGES} images stay",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": _KEPT_IMAGES},
        "action": {"type": "expire"},
    }

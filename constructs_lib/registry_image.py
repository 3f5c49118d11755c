"""An image that somebody else put into a registry."""

from __future__ import annotations

import re

from constructs import Construct

from constructs_lib.aws_account import AwsAccount
from constructs_lib.image_repository import allow_pull
from constructs_lib.role import Grantable

_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<name>[^:@]+)")


class RegistryImage(Construct):
    """The image *uri*, used as it is.

    One in ECR takes a permission to pull; if it is another account's, that account has to agree, in the repository's
    policy. From other registries ECS pulls what is public.
    """

    depends_on: tuple[str, ...] = ()

    def __init__(self, scope: Construct, id: str, *, uri: str) -> None:
        super().__init__(scope, id)
        self._id = id
        self.uri = uri

    def grant_pull(self, grantee: Grantable) -> None:
        """Let *grantee* pull it, if it is in ECR."""
        if found := _ECR.match(self.uri):
            partition = AwsAccount.of(self).partition
            arn = f"arn:{partition}:ecr:{found['region']}:{found['account']}:repository/{found['name']}"
            allow_pull(grantee, self._id, repository_arn=arn)

"""An image in a repository of ours, put there by Terraform."""

from __future__ import annotations

import shlex

from cdktf import TerraformStack
from constructs import Construct

from constructs_lib.aws_account import AwsAccount
from constructs_lib.image_repository import ImageRepository
from constructs_lib.role import Grantable

# Terraform runs it in the stack's folder, cdktf.out/stacks/<stack>. No path of this machine may be in a configuration,
# so whoever knows better sets the variables.
_COMMAND = 'cd "$${PROJECT_ROOT:-../../..}" && exec "$${PROJECT_PYTHON:-python3}" -m images.publish'


class PublishedImage(Construct):
    """The image *name* under *tag*, which Terraform has built for *architecture* and pushed to *repository*.

    The project's ``images.publish`` does it while Terraform applies, when the tag or the repository is new; a destroy
    runs nothing. It refuses a *tag* that its sources no longer have. *base_registry* is where the base image is.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        repository: ImageRepository,
        tag: str,
        architecture: str,
        base_registry: str,
    ) -> None:
        super().__init__(scope, id)
        self._repository = repository
        self.uri = repository.image(tag)
        options = {
            "--repository": repository.url,
            "--region": AwsAccount.of(self).region,
            "--architecture": architecture,
            "--base-registry": base_registry,
            "--tag": tag,
        }
        arguments = shlex.join([name, *(word for option in options.items() for word in option)])
        stack = TerraformStack.of(self)
        address = f"terraform_data.{stack.get_logical_id(self.node)}"
        # An override: with CDKTF's own class for it every synthesis would ask `terraform version`.
        stack.add_override(
            f"resource.{address}",
            {
                "triggers_replace": [repository.url, tag],
                "provisioner": {"local-exec": {"command": f"{_COMMAND} {arguments}"}},
            },
        )
        self.depends_on = (address,)

    def grant_pull(self, grantee: Grantable) -> None:
        """Let *grantee* pull images from the repository."""
        self._repository.grant_pull(grantee)

"""What every stack has: a name with the environment in it, the provider, a backend, readable addresses, outputs."""

from __future__ import annotations

from cdktf import App, LocalBackend, S3Backend, TerraformElement, TerraformOutput, TerraformStack
from cdktf_cdktf_provider_aws.provider import AwsProvider, AwsProviderDefaultTags
from constructs import Node

from constructs_lib.construct_path import path_of
from settings import Settings
from stacks.addresses import terraform_name

TERRAFORM_VERSION = ">= 1.11"  # write-only arguments
_LOCAL_STATES = "../../../.state"  # from the stack's folder, in which Terraform runs: the same on every machine


class PlatformStack(TerraformStack):
    """A stack of one environment; its state is ``<key_prefix>/<name>.tfstate``, or the file *local_state*.

    Terraform addresses come from construct paths (``aws_s3_bucket.artifacts``). Two elements that would share one are
    refused with both paths (as a RuntimeError: it passes through jsii); CDKTF would merge them.
    """

    def __init__(self, app: App, name: str, *, settings: Settings, local_state: str | None = None) -> None:
        super().__init__(app, f"{settings.environment}-{name}")
        self._path_of_address: dict[str, str] = {}
        AwsProvider(
            self,
            "aws",
            region=settings.region,
            allowed_account_ids=[settings.account_id] if settings.account_id else None,
            default_tags=[AwsProviderDefaultTags(tags=_tags(settings))],
        )
        self.add_override("terraform.required_version", TERRAFORM_VERSION)
        key = settings.state.key_of(name)
        if local_state is None and settings.state.backend == "local":
            local_state = f"{_LOCAL_STATES}/{key}"
        if local_state is None:
            _add_s3_backend(self, key, settings)
        else:
            LocalBackend(self, path=local_state)

    def output(self, name: str, value: object, description: str) -> None:
        """An output that Terraform shows after an apply, under *name* in snake_case."""
        TerraformOutput(self, name, value=value, description=description, static_id=True)

    def _allocate_logical_id(self, element: TerraformElement | Node) -> str:
        path = path_of(element)
        address = terraform_name(path.split("/")[1:])
        other = self._path_of_address.setdefault(address, path)
        if other != path:
            raise ValueError(f"{path} and {other} would both be {address} in Terraform: rename one of them")
        return address


def _tags(settings: Settings) -> dict[str, str]:
    ours = {"project": settings.project, "environment": settings.environment, "managed-by": "terraform"}
    theirs = {key.lower() for key in settings.tags}  # IAM takes keys that differ only in case for one
    return {key: value for key, value in ours.items() if key not in theirs} | settings.tags


def _add_s3_backend(stack: TerraformStack, key: str, settings: Settings) -> None:
    state = settings.state
    S3Backend(
        stack,
        bucket=state.bucket,
        key=key,
        region=settings.region,
        encrypt=True,
        kms_key_id=state.kms_key_id,
        dynamodb_table=state.table if state.locks_by_table else None,
    )
    if state.locks_by_file:
        stack.add_override("terraform.backend.s3.use_lockfile", True)

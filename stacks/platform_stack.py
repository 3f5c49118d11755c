"""What every stack has: a name with the environment in it, the provider, a backend, readable addresses, outputs."""

from __future__ import annotations

from cdktf import App, LocalBackend, S3Backend, TerraformElement, TerraformOutput, TerraformStack
from cdktf_cdktf_provider_aws.provider import AwsProvider, AwsProviderDefaultTags
from constructs import Construct

from constructs_lib.addresses import terraform_name
from settings import Settings

TERRAFORM_VERSION = ">= 1.11"  # write-only arguments
_LOCAL_STATES = "../../../.state"  # from the stack's folder, in which Terraform runs: the same on every machine


class PlatformStack(TerraformStack):
    """A stack of one environment; its state is ``<key_prefix>/<name>.tfstate``, or the file *local_state*.

    Terraform addresses come from construct paths (``aws_s3_bucket.artifacts``). Raises ValueError, at synthesis, if
    two elements would share one: CDKTF would merge them silently.
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
        key = f"{settings.state.key_prefix}/{name}.tfstate"
        if local_state is None and settings.state.backend == "local":
            local_state = f"{_LOCAL_STATES}/{key}"
        if local_state is None:
            _add_s3_backend(self, key, settings)
        else:
            LocalBackend(self, path=local_state)

    def output(self, name: str, value: object, description: str) -> None:
        """An output that Terraform shows after an apply, under *name* in snake_case."""
        TerraformOutput(self, name, value=value, description=description, static_id=True)

    def _allocate_logical_id(self, element: TerraformElement | Construct) -> str:  # type: ignore[override]
        # jsii's stub names the argument differently; CDKTF calls this by position, once for each element.
        path = element.to_string()  # its path, in one call to Node instead of two
        address = terraform_name(path.split("/")[1:])
        other = self._path_of_address.setdefault(address, path)
        if other != path:
            raise ValueError(f"{path} and {other} would both be {address} in Terraform: rename one of them")
        return address


def _tags(settings: Settings) -> dict[str, str]:
    ours = {"project": settings.project, "environment": settings.environment, "managed-by": "terraform"}
    return {**ours, **settings.tags}


def _add_s3_backend(stack: TerraformStack, key: str, settings: Settings) -> None:
    state = settings.state
    S3Backend(
        stack,
        bucket=state.bucket,
        key=key,
        region=settings.region,
        encrypt=True,
        kms_key_id=state.kms_key_id,
        dynamodb_table=state.table if state.lock in ("dynamodb", "both") else None,
    )
    if state.lock in ("s3", "both"):
        stack.add_override("terraform.backend.s3.use_lockfile", True)

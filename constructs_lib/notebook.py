"""A SageMaker notebook instance that knows where MLflow is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cdktf import Fn, TerraformLocal
from cdktf_cdktf_provider_aws.sagemaker_notebook_instance import (
    SagemakerNotebookInstance,
    SagemakerNotebookInstanceInstanceMetadataServiceConfiguration,
)
from cdktf_cdktf_provider_aws.sagemaker_notebook_instance_lifecycle_configuration import (
    SagemakerNotebookInstanceLifecycleConfiguration,
)
from constructs import Construct

from constructs_lib.bucket_files import BucketFiles
from constructs_lib.connections import Connections
from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.network import SubnetPlan
from constructs_lib.notebook_role import NotebookRole
from constructs_lib.terraform_text import literal

_SCRIPTS = {event: Path(__file__).with_name(f"notebook_{event}.sh") for event in ("on_create", "on_start")}
_LONGEST_SCRIPT = 16_384  # characters of base64: CreateNotebookInstanceLifecycleConfig, NotebookInstanceLifecycleHook
_TOKEN = re.compile(r"\$\{TfToken\[[^]]*]\}")
_LONGEST_TOKEN_VALUE = "x" * 256  # room for an ARN, or for a load balancer's address
_PLATFORM = "notebook-al2-v3"  # Amazon Linux 2 with JupyterLab 4, the newest that AWS provider 5 accepts


@dataclass(frozen=True)
class NotebookInstance:
    """What the notebook runs on, and in which of the private subnets; *volume_size_gb* is 5 to 16384 (SageMaker)."""

    instance_type: str = "ml.t3.medium"
    volume_size_gb: int = 20
    root_access: bool = False
    subnet_index: int = 0


@dataclass(frozen=True)
class NotebookStart:
    """What the scripts get that run when the notebook is made, and at every start.

    *settings* are names and values, without single quotes and line ends, and without secrets. *files* are what a start
    fetches.
    """

    settings: Mapping[str, str]
    files: BucketFiles

    def all_settings(self, name: str) -> Mapping[str, str]:
        """Those of a notebook called *name*, and what it has to know of the files."""
        files = {"NOTEBOOK_FILES": self.files.uri, "NOTEBOOK_FILES_SHA256": self.files.sha256}
        return {"NOTEBOOK_NAME": name, **files, **self.settings}


class Notebook(Construct):
    """A notebook instance in a private subnet, without an internet address, its disk encrypted, IMDSv2 only.

    It is called *name_prefix*, for which *role* must be made. Raises ValueError where a script with its settings is
    longer than SageMaker takes.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        network: SubnetPlan,
        instance: NotebookInstance,
        role: NotebookRole,
        start: NotebookStart,
        encryption_key: EncryptionKey,
    ) -> None:
        super().__init__(scope, id)
        self.connections = Connections(
            self,
            "security-group",
            vpc_id=network.vpc_id,
            name_prefix=name_prefix,
            name="notebook",
            description="SageMaker notebook instance",
        )
        self.connections.allow_https_out(why="AWS APIs and package indexes")
        network.let_use_endpoints(self)
        settings = start.all_settings(name_prefix)
        lifecycle = SagemakerNotebookInstanceLifecycleConfiguration(
            self,
            "lifecycle",
            name=f"{name_prefix}-notebook",
            on_create=self._encoded("on_create", settings),
            on_start=self._encoded("on_start", settings),
        )
        self.instance = SagemakerNotebookInstance(
            self,
            "Resource",
            name=name_prefix,
            role_arn=role.arn,
            instance_type=instance.instance_type,
            volume_size=instance.volume_size_gb,
            platform_identifier=_PLATFORM,
            subnet_id=network.private_subnet_ids[instance.subnet_index],
            security_groups=[self.connections.security_group_id],
            direct_internet_access="Disabled",
            root_access="Enabled" if instance.root_access else "Disabled",
            kms_key_id=encryption_key.arn,
            lifecycle_config_name=lifecycle.name,
            instance_metadata_service_configuration=SagemakerNotebookInstanceInstanceMetadataServiceConfiguration(
                minimum_instance_metadata_service_version="2"
            ),
            depends_on=[start.files.objects],  # its first start fetches them
        )
        self.url: str = self.instance.url

    def _encoded(self, event: str, settings: Mapping[str, str]) -> str:
        """The script of *event* in base64, once Terraform knows what is in it."""
        return Fn.base64encode(TerraformLocal(self, event.replace("_", "-"), script(event, settings)).as_string)


def script(event: str, settings: Mapping[str, str]) -> str:
    """The script of ``on_create`` or ``on_start``, as a Terraform template; raises ValueError if it is too long."""
    lines = "\n".join(_line(name, value) for name, value in settings.items())
    file = _SCRIPTS[event]
    template = literal(file.read_text(encoding="utf-8")).replace("@SETTINGS@", lines)
    length = _length_in_base64(_TOKEN.sub(_LONGEST_TOKEN_VALUE, template))
    if length > _LONGEST_SCRIPT:
        raise ValueError(
            f"{file.name} has up to {length} characters in base64, and SageMaker takes {_LONGEST_SCRIPT}: "
            "move some of it to notebook/setup.sh, which comes from the bucket"
        )
    return template


def _line(name: str, value: str) -> str:
    if "'" in value or "\n" in value:
        raise ValueError(f"{name} = {value!r} would end its quotes in a shell: give a value without ' and line ends")
    return f"{name}='{value}'"


def _length_in_base64(text: str) -> int:
    return math.ceil(len(text.encode()) / 3) * 4

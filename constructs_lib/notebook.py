"""A SageMaker notebook instance that knows where MLflow is."""

from __future__ import annotations

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

from constructs_lib.artifact_store import ArtifactStore
from constructs_lib.aws_account import AwsAccount
from constructs_lib.connections import Connections
from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.network import SubnetPlan
from constructs_lib.role import Role

_ON_START = Path(__file__).with_name("notebook_on_start.sh")
_PLATFORM = "notebook-al2-v3"  # Amazon Linux 2 with JupyterLab 4, the newest that AWS provider 5 accepts


@dataclass(frozen=True)
class NotebookInstance:
    """What the notebook runs on, and in which of the private subnets; *volume_size_gb* is 5 to 16384 (SageMaker)."""

    instance_type: str = "ml.t3.medium"
    volume_size_gb: int = 20
    root_access: bool = False
    subnet_index: int = 0


class Notebook(Construct):
    """A notebook instance in a private subnet, without an internet address, its disk encrypted, IMDSv2 only.

    Its role may read and write the artifacts. Every start writes *environment*, which tells where MLflow is, to where
    terminals and kernels find it: names and values without quotes, and no secrets.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        network: SubnetPlan,
        instance: NotebookInstance,
        environment: Mapping[str, str],
        artifacts: ArtifactStore,
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
        self.role = Role(
            self,
            "role",
            name_prefix=f"{name_prefix}-notebook",
            service="sagemaker.amazonaws.com",
            description="MLflow's notebook instance",
            same_account_only=False,
        )
        artifacts.grant_read_write(self.role)
        self.role.allow(
            "write-notebook-logs",
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[AwsAccount.of(self).arn("logs", "log-group:/aws/sagemaker/NotebookInstances*")],
        )
        lifecycle = SagemakerNotebookInstanceLifecycleConfiguration(
            self,
            "lifecycle",
            name=f"{name_prefix}-notebook",
            on_start=Fn.base64encode(TerraformLocal(self, "on-start", _on_start(environment)).as_string),
        )
        self.instance = SagemakerNotebookInstance(
            self,
            "Resource",
            name=name_prefix,
            role_arn=self.role.arn,
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
        )
        self.url: str = self.instance.url


def _on_start(environment: Mapping[str, str]) -> str:
    """The script, as a Terraform template."""
    exports = "\n".join(f"export {name}='{value}'" for name, value in environment.items())
    script = _ON_START.read_text(encoding="utf-8").replace("${", "$${")
    return script.replace("@EXPORTS@", exports).replace("@VARIABLES@", repr(dict(environment)))

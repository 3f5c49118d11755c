"""A SageMaker notebook instance from which to train and log to MLflow, the lab, and SageMaker Studio if asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cdktf import App

from constructs_lib.bucket_files import BucketFiles
from constructs_lib.notebook import Notebook, NotebookInstance, NotebookStart
from constructs_lib.notebook_role import NotebookRole
from settings import Settings, StudioSettings
from stacks.access import client_settings
from stacks.http_api_gateway import HttpApiGatewayStack
from stacks.mlflow_vpclink import MlflowVpclinkStack
from stacks.platform_stack import PlatformStack

NAME = "sagemaker-notebook"
_ROOT = Path(__file__).resolve().parents[1]
_FOLDERS = {"setup": _ROOT / "notebook", "lab": _ROOT / "lab"}


class SagemakerNotebookStack(PlatformStack):
    """Notebook -> MLflow, with its credentials, and the artifacts of *platform*.

    Where nginx checks passwords it enters at the load balancer; elsewhere the gateway decides, so it calls *gateway*.

    With ``notebook.enabled = false`` the stack is empty but still there, so that a deploy removes what it held.
    """

    def __init__(
        self, app: App, *, settings: Settings, platform: MlflowVpclinkStack, gateway: HttpApiGatewayStack
    ) -> None:
        super().__init__(app, NAME, settings=settings)
        if not settings.notebook.enabled:
            return
        role = NotebookRole(self, "notebook-role", name_prefix=settings.name_prefix, artifacts=platform.artifacts)
        files = BucketFiles(self, "notebook-files", bucket=platform.artifacts, prefix="notebook", folders=_FOLDERS)
        notebook = Notebook(
            self,
            "notebook",
            name_prefix=settings.name_prefix,
            network=platform.network,
            instance=NotebookInstance(
                instance_type=settings.notebook.instance_type,
                volume_size_gb=settings.notebook.volume_size_gb,
                root_access=settings.notebook.root_access,
                subnet_index=settings.notebook.subnet_index,
            ),
            role=role,
            start=NotebookStart(_variables(settings, platform, gateway, role), files),
            encryption_key=platform.encryption_key,
        )
        if settings.access.type == "basic":
            platform.load_balancer.connections.allow_from(notebook, why="MLflow client in the notebook")
        if settings.access.type == "iam":
            gateway.api.grant_invoke(role)
        if platform.credentials:
            platform.credentials.grant_read(role)
        if settings.notebook.studio:
            self._open_studio(settings, settings.notebook.studio, platform, role)
        self.output("notebook_url", notebook.url, "Jupyter, by the AWS console's presigned address")

    def _open_studio(
        self, settings: Settings, chosen: StudioSettings, platform: MlflowVpclinkStack, role: NotebookRole
    ) -> None:
        # Imported here, since their bindings are large, and most do without.
        from constructs_lib.studio import Studio
        from constructs_lib.studio_domain import ExistingDomain, StudioDomain

        domain = (
            ExistingDomain(chosen.domain_id)
            if chosen.domain_id
            else StudioDomain(
                self,
                "studio-domain",
                name_prefix=settings.name_prefix,
                network=platform.network,
                role=role,
                encryption_key=platform.encryption_key,
                keep_files=settings.protect_data,
            )
        )
        user_profile = chosen.user_profile or settings.name_prefix
        Studio(
            self,
            "studio",
            domain=domain,
            role=role,
            user_profile=user_profile,
            idle_minutes=settings.notebook.auto_stop_minutes,
        )
        self.output("studio_domain_id", domain.domain_id, "SageMaker Studio's domain")
        self.output("studio_user_profile", user_profile, "The user profile in it, which people open Studio with")


def _variables(
    settings: Settings, platform: MlflowVpclinkStack, gateway: HttpApiGatewayStack, role: NotebookRole
) -> Mapping[str, str]:
    """What kernels and terminals find: those of MLflow's client, and of the lab.

    The lab's training jobs run outside the VPC, and reach MLflow by its public address.
    """
    client = client_settings(
        settings,
        load_balancer=platform.load_balancer,
        endpoint=gateway.api.endpoint,
        credentials=platform.credentials,
    )
    return {
        "IDLE_MINUTES": str(settings.notebook.auto_stop_minutes),
        **client,
        "LAB_PREFIX": settings.name_prefix,
        "LAB_BUCKET": platform.artifacts.bucket_name,
        "LAB_ROLE_ARN": role.arn,
        "LAB_TRACKING_URI": gateway.api.endpoint,
    }

"""A SageMaker notebook instance from which to train and log to MLflow."""

from __future__ import annotations

from cdktf import App

from constructs_lib.notebook import Notebook, NotebookInstance
from settings import Settings
from stacks.access import notebook_environment
from stacks.http_api_gateway import HttpApiGatewayStack
from stacks.mlflow_vpclink import MlflowVpclinkStack
from stacks.platform_stack import PlatformStack

NAME = "sagemaker-notebook"


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
            environment=notebook_environment(
                settings,
                load_balancer=platform.load_balancer,
                endpoint=gateway.api.endpoint,
                credentials=platform.credentials,
            ),
            artifacts=platform.artifacts,
            encryption_key=platform.encryption_key,
        )
        if settings.access.type == "basic":
            platform.load_balancer.connections.allow_from(notebook, why="MLflow client in the notebook")
        if settings.access.type == "iam":
            gateway.api.grant_invoke(notebook.role)
        if platform.credentials:
            platform.credentials.grant_read(notebook.role)
        self.output("notebook_url", notebook.url, "Jupyter, by the AWS console's presigned address")

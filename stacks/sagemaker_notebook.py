"""A SageMaker notebook instance from which to train and log to MLflow."""

from __future__ import annotations

from cdktf import App

from constructs_lib.notebook import Notebook, NotebookInstance
from settings import Settings
from stacks.mlflow_vpclink import MlflowVpclinkStack
from stacks.platform_stack import PlatformStack

NAME = "sagemaker-notebook"


class SagemakerNotebookStack(PlatformStack):
    """Notebook -> the load balancer of *platform*, its credentials and its artifacts.

    With ``notebook.enabled = false`` the stack is empty but still there, so that a deploy removes what it held.
    """

    def __init__(self, app: App, *, settings: Settings, platform: MlflowVpclinkStack) -> None:
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
            load_balancer=platform.load_balancer,
            credentials=platform.credentials,
            artifacts=platform.artifacts,
            encryption_key=platform.encryption_key,
        )
        self.output("notebook_url", notebook.url, "Jupyter, by the AWS console's presigned address")

"""What moto lacks of SageMaker, or answers differently."""

from __future__ import annotations

import re
from typing import Any

from rehearsal.completions._patching import Method, add, wrap


def sagemaker_lifecycle_configuration_tags() -> None:
    """AWS tags notebook lifecycle configurations; moto drops the tags and fails when asked for them.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateNotebookInstanceLifecycleConfig.html
    """
    from moto.sagemaker.models import SageMakerModelBackend
    from moto.sagemaker.responses import SageMakerResponse

    def create(original: Method, self: Any) -> Any:
        answer = original(self)
        name = self._get_param("NotebookInstanceLifecycleConfigName")
        configuration = self.sagemaker_backend.notebook_instance_lifecycle_configurations[name]
        configuration.tags = self._get_param("Tags") or []
        return answer

    def find(original: Method, self: Any, arn: str) -> Any:
        kind, _, name = arn.rpartition(":")[2].partition("/")
        if kind == "notebook-instance-lifecycle-config":
            return self.notebook_instance_lifecycle_configurations[name]
        return original(self, arn)

    wrap(SageMakerResponse, "create_notebook_instance_lifecycle_config", create)
    wrap(SageMakerModelBackend, "_get_resource_from_arn", find)


def sagemaker_lifecycle_configuration_update() -> None:
    """AWS replaces a lifecycle configuration's scripts; moto lacks the operation.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateNotebookInstanceLifecycleConfig.html
    """
    from moto.core.responses import EmptyResult
    from moto.sagemaker.responses import SageMakerResponse

    def update(self: Any) -> Any:
        name = self._get_param("NotebookInstanceLifecycleConfigName")
        self.sagemaker_backend.describe_notebook_instance_lifecycle_config(name)  # raises if it does not exist
        configuration = self.sagemaker_backend.notebook_instance_lifecycle_configurations[name]
        configuration.on_create = self._get_param("OnCreate")
        configuration.on_start = self._get_param("OnStart")
        return EmptyResult()

    add(SageMakerResponse, update_notebook_instance_lifecycle_config=update)


def sagemaker_notebook_instance_types() -> None:
    """AWS adds instance types all the time; moto refuses those that are younger than its own list.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateNotebookInstance.html
    """
    from moto.sagemaker.models import FakeSagemakerNotebookInstance

    def validate(original: Method, self: Any, instance_type: str) -> None:
        if not re.fullmatch(r"ml\.[a-z][a-z0-9-]*\.(medium|large|\d*xlarge)", instance_type):
            original(self, instance_type)

    wrap(FakeSagemakerNotebookInstance, "validate_instance_type", validate)


def sagemaker_notebook_keeps_what_it_was_given() -> None:
    """AWS describes a notebook instance with its platform and metadata service version, and lets it be updated.

    moto drops the first two and lacks the update, which AWS takes of a stopped instance only.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateNotebookInstance.html
    """
    from moto.core.responses import EmptyResult
    from moto.sagemaker.exceptions import ValidationError
    from moto.sagemaker.models import FakeSagemakerNotebookInstance
    from moto.sagemaker.responses import SageMakerResponse

    dropped = ("PlatformIdentifier", "InstanceMetadataServiceConfiguration")
    updated = {
        "InstanceType": "instance_type",
        "LifecycleConfigName": "lifecycle_config_name",
        "RoleArn": "role_arn",
        "RootAccess": "root_access",
        "VolumeSizeInGB": "volume_size_in_gb",
    }

    def keep(response: Any, notebook: Any) -> None:
        kept = vars(notebook).setdefault("kept", {})
        kept.update({name: response._get_param(name) for name in dropped if response._get_param(name)})

    def create(original: Method, self: Any) -> Any:
        answer = original(self)
        keep(self, self.sagemaker_backend.get_notebook_instance(self._get_param("NotebookInstanceName")))
        return answer

    def update(self: Any) -> Any:
        notebook = self.sagemaker_backend.get_notebook_instance(self._get_param("NotebookInstanceName"))
        if notebook.status != "Stopped":
            raise ValidationError(f"Status ({notebook.status}) not in ([Stopped]).")
        for member, attribute in updated.items():
            if self._get_param(member) is not None:
                setattr(notebook, attribute, self._get_param(member))
        if self._get_param("DisassociateLifecycleConfig"):
            notebook.lifecycle_config_name = None
        keep(self, notebook)
        return EmptyResult()

    def describe(original: Method, self: Any) -> Any:
        return {**original(self), **vars(self).get("kept", {})}

    wrap(SageMakerResponse, "create_notebook_instance", create)
    wrap(FakeSagemakerNotebookInstance, "to_dict", describe)
    add(SageMakerResponse, update_notebook_instance=update)

"""``Settings``: everything that may be set for one environment, and the checks that see more than one group."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from pydantic import Field, ValidationInfo, field_validator

from settings.access import AccessSettings
from settings.continuous_integration import CiSettings
from settings.endpoint import ApiSettings, LoadBalancerSettings, RouteSettings
from settings.group import Group, Mistake, refuse
from settings.groups import (
    ArtifactSettings,
    DatabaseSettings,
    ImageSettings,
    LogSettings,
    NotebookSettings,
    SecretSettings,
    ServiceSettings,
    StateSettings,
)
from settings.network import NetworkSettings
from settings.tfvars import KeyPath, hcl
from settings.usage import UsageSettings, notebook_hours
from settings.values import AccountId, Name, Region, Tags

_LONGEST_NAME_PREFIX = 24
_RESERVED_NAME_PREFIXES = ("amzn-s3-demo-", "internal-", "sthree-")


class Settings(Group):
    """Everything that makes one environment differ from another.

    The order of the fields matters: the check of a field sees those above it.
    """

    environment: Name = Field(description="Name of the environment: the file's name, not a key of the file.")
    project: Name = Field(
        description="Begins the names of all resources. With a hyphen and the environment 24 characters at most, "
        "because a load balancer's name has 32."
    )
    region: Region = Field(
        default_factory=lambda: os.environ.get("AWS_REGION") or "us-west-2",
        validate_default=True,
        description="AWS region of everything.",
        json_schema_extra={"default": "`AWS_REGION` in the shell, else `us-west-2`"},
    )
    account_id: AccountId | None = Field(
        default=None, description="The only AWS account to touch; the provider refuses any other. In quotes."
    )
    tags: Tags = Field(default={}, description="Tags of every resource. AWS allows 50; five are left for ours.")
    protect_data: bool = Field(
        default=True,
        description="Keep database, bucket and secrets from being destroyed. To lose data takes two keys: this one "
        "and `artifacts.force_destroy`, `database.final_snapshot` or `secrets.recovery_window_days`.",
    )
    access: AccessSettings = Field(default=AccessSettings(), description="Who may use the HTTP API, and who checks it.")
    state: StateSettings = Field(
        default=StateSettings(), validate_default=True, description="Where Terraform keeps its state."
    )
    network: NetworkSettings = Field(default=NetworkSettings(), description="Our own VPC, or one that exists.")
    database: DatabaseSettings = Field(
        default=DatabaseSettings(), description="The backend store: Aurora MySQL 3 on Serverless v2."
    )
    service: ServiceSettings = Field(
        default=ServiceSettings(), description="The ECS service: nginx and MLflow on Fargate."
    )
    artifacts: ArtifactSettings = Field(default=ArtifactSettings(), description="The bucket of the run artifacts.")
    secrets: SecretSettings = Field(default=SecretSettings(), description="The generated passwords.")
    logs: LogSettings = Field(default=LogSettings(), description="All log groups.")
    api: ApiSettings = Field(default=ApiSettings(), description="The HTTP API.")
    load_balancer: LoadBalancerSettings = Field(
        default=LoadBalancerSettings(), description="The internal load balancer between the VPC link and nginx."
    )
    notebook: NotebookSettings = Field(default=NotebookSettings(), description="The SageMaker notebook instance.")
    images: ImageSettings = Field(default=ImageSettings(), description="The container images.")
    usage: UsageSettings = Field(
        default=UsageSettings(),
        validate_default=True,
        description="How much is used in a month, for the estimate of the cost alone ([what it comes to](cost.md)).",
    )
    ci: CiSettings | None = Field(
        default=None,
        description="Who may plan and deploy in a continuous integration, by the roles of "
        "[`make ci-roles`](runbooks/ci-roles.md).",
    )

    @property
    def name_prefix(self) -> str:
        """Begins the names of all resources of this environment."""
        return f"{self.project}-{self.environment}"

    def repository_name(self, image: str) -> str:
        """The ECR repository of *image*, ``nginx`` or ``mlflow``."""
        return f"{self.name_prefix}/{image}"

    @field_validator("environment")
    @classmethod
    def _refuse_reserved_name(cls, environment: str) -> str:
        if environment == "all":
            raise ValueError("ENV=all stands for every environment")
        return environment

    @field_validator("project")
    @classmethod
    def _refuse_names_that_aws_refuses(cls, project: str, info: ValidationInfo) -> str:
        prefix = f"{project}-{info.data.get('environment', '')}"
        if len(prefix) > _LONGEST_NAME_PREFIX:
            raise ValueError(
                f"{hcl(prefix)} has {len(prefix)} characters; AWS names leave room for {_LONGEST_NAME_PREFIX}: "
                "set a shorter project, or rename the file"
            )
        if prefix.startswith(_RESERVED_NAME_PREFIXES):
            raise ValueError(
                f"AWS reserves names that begin with {', '.join(_RESERVED_NAME_PREFIXES)}; set another project"
            )
        return project

    @field_validator("access")
    @classmethod
    def _find_the_function(cls, access: AccessSettings, info: ValidationInfo) -> AccessSettings:
        refuse(access, *_elsewhere(info, ("function_arn",), access.function_arn, "the API is in {}; set a function"))
        return access

    @field_validator("state")
    @classmethod
    def _complete_state(cls, state: StateSettings, info: ValidationInfo) -> StateSettings:
        """Derive the names that are not set, so that nobody downstream meets an empty one."""
        refuse(state, *_elsewhere(info, ("kms_key_id",), state.kms_key_id, "the bucket is in {}; set a key"))
        if "project" not in info.data or "environment" not in info.data:
            return state  # refused anyway
        project, environment = info.data["project"], info.data["environment"]
        account = info.data.get("account_id")
        derived = {
            "bucket": f"{project}-{environment}-tfstate" + (f"-{account}" if account else ""),
            "table": f"{project}-{environment}-tfstate-lock",
            "key_prefix": f"{project}/{environment}",
        }
        return state.model_copy(update={key: name for key, name in derived.items() if not getattr(state, key)})

    @field_validator("database")
    @classmethod
    def _keep_protected_database(cls, database: DatabaseSettings, info: ValidationInfo) -> DatabaseSettings:
        if info.data.get("protect_data") and not database.final_snapshot:
            refuse(database, ("final_snapshot", _asked_once("set final_snapshot = true")))
        return database

    @field_validator("artifacts")
    @classmethod
    def _keep_protected_artifacts(cls, artifacts: ArtifactSettings, info: ValidationInfo) -> ArtifactSettings:
        if info.data.get("protect_data") and artifacts.force_destroy:
            refuse(artifacts, ("force_destroy", _asked_once("set force_destroy = false")))
        return artifacts

    @field_validator("secrets")
    @classmethod
    def _keep_protected_secrets(cls, secrets: SecretSettings, info: ValidationInfo) -> SecretSettings:
        if info.data.get("protect_data") and secrets.recovery_window_days == 0:
            refuse(secrets, ("recovery_window_days", _asked_once("set recovery_window_days from 7 to 30")))
        return secrets

    @field_validator("api")
    @classmethod
    def _fit_the_routes_to_the_access(cls, api: ApiSettings, info: ValidationInfo) -> ApiSettings:
        certificate = api.domain.certificate_arn if api.domain else None
        refuse(
            api,
            *_refused_routes(api.routes, info.data.get("access")),
            *_elsewhere(info, ("domain", "certificate_arn"), certificate, "the API is in {}; set a certificate"),
        )
        return api

    @field_validator("load_balancer")
    @classmethod
    def _find_the_certificate(cls, load_balancer: LoadBalancerSettings, info: ValidationInfo) -> LoadBalancerSettings:
        certificate, why = load_balancer.certificate_arn, "the load balancer is in {}; set a certificate"
        refuse(load_balancer, *_elsewhere(info, ("certificate_arn",), certificate, why), *_hidden(info, load_balancer))
        return load_balancer

    @field_validator("notebook")
    @classmethod
    def _find_the_subnet(cls, notebook: NotebookSettings, info: ValidationInfo) -> NotebookSettings:
        network = info.data.get("network")
        if isinstance(network, NetworkSettings):
            subnets = len(network.existing.private_subnet_ids) if network.existing else network.availability_zones
            if notebook.subnet_index >= subnets:
                why = f"there are {subnets} private subnets, counted from 0; set {subnets - 1} or less"
                refuse(notebook, ("subnet_index", why))
        return notebook

    @field_validator("usage")
    @classmethod
    def _let_the_notebook_stop(cls, usage: UsageSettings, info: ValidationInfo) -> UsageSettings:
        notebook = info.data.get("notebook")
        if not isinstance(notebook, NotebookSettings) or "notebook_hours" in usage.model_fields_set:
            return usage
        return usage.model_copy(update={"notebook_hours": notebook_hours(notebook.auto_stop_minutes)})

    @field_validator("ci")
    @classmethod
    def _fit_the_roles_to_the_account(cls, ci: CiSettings | None, info: ValidationInfo) -> CiSettings | None:
        if ci is None:
            return None
        account, provider, state = info.data.get("account_id"), ci.oidc_provider_arn, info.data.get("state")
        if account and provider and provider.split(":")[4] != account:
            refuse(ci, ("oidc_provider_arn", f"account_id is {account}; set a provider of that account"))
        if isinstance(state, StateSettings) and state.backend == "local":
            why = 'state.backend = "local" is on one machine; set state.backend = "s3", or remove ci'
            raise ValueError(f"runs need a state that they share, and {why}")
        return ci


def _elsewhere(info: ValidationInfo, place: KeyPath, arn: str | None, why: str) -> Iterator[Mistake]:
    """A mistake if *arn* belongs to another region than the one that *why* has braces for."""
    region = info.data.get("region")
    if arn and region and arn.split(":")[3] != region:
        yield place, f"{why.format(region)} of that region"


def _hidden(info: ValidationInfo, load_balancer: LoadBalancerSettings) -> Iterator[Mistake]:
    """A mistake if the load balancer's name leads clients in the VPC past a gateway that they have to ask."""
    access, api = info.data.get("access"), info.data.get("api")
    if not access or not api or not api.domain or access.type == "basic":
        return
    if load_balancer.server_name == api.domain.name:
        yield (
            "server_name",
            f"is api.domain.name, and inside the VPC would hide the gateway, which access.type = {hcl(access.type)} "
            "needs; take a certificate for another name",
        )


def _refused_routes(routes: Mapping[str, RouteSettings], access: AccessSettings | None) -> Iterator[Mistake]:
    """What *access* does not allow to be said of single routes; None for an access that is refused itself."""
    if access is None:
        return
    for key, route in routes.items():
        if key == "GET /" and access.has_login_page:
            yield ("routes", key), 'is the login page of access.type = "lambda"; remove it, or set access.function_arn'
        if route.scopes and access.type != "jwt":
            why = f'access.type = {hcl(access.type)} knows no scopes; remove them, or set access.type = "jwt"'
            yield ("routes", key, "scopes"), why
        for place, why in access.impossible_scopes(route.scopes):
            yield ("routes", key, "scopes", *place), why


def _asked_once(undo: str) -> str:
    return f"protect_data = true keeps the data; {undo}, or set protect_data = false as well"

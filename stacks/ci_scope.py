"""What belongs to an environment, as IAM policies can say it: by names, and by tags where AWS chooses the names."""

from __future__ import annotations

from collections.abc import Mapping

from constructs import Construct

from constructs_lib.aws_account import AwsAccount
from constructs_lib.role import Conditions
from settings import Settings
from stacks import http_api_gateway, mlflow_vpclink, sagemaker_notebook

# What ``name_prefix`` of the roles in constructs_lib adds to the environment's, by the service that assumes the role.
ROLES: Mapping[str, tuple[str, ...]] = {
    "ecs-tasks.amazonaws.com": ("execution", "task"),
    "lambda.amazonaws.com": ("authorizer",),
    "sagemaker.amazonaws.com": ("notebook",),
    "vpc-flow-logs.amazonaws.com": ("flow-logs",),
}
_POLICIES = ("artifacts-client", "caller")
_DEPLOYED = (mlflow_vpclink.NAME, http_api_gateway.NAME, sagemaker_notebook.NAME)
_OURS = ("project", "environment")


def boundary_name(settings: Settings) -> str:
    """The policy that bounds every role of the environment, once it has roles for a continuous integration."""
    return f"{settings.name_prefix}-ci-boundary"


class CiScope:
    """The ARNs and tags of one environment, in the stack around *scope*."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        self._account = AwsAccount.of(scope)
        self._state = settings.state
        self.settings = settings
        self.prefix = settings.name_prefix
        self.region = settings.region
        # The provider's default tags, without those that the settings write otherwise.
        theirs = {key.lower(): (key, value) for key, value in settings.tags.items()}
        values = (settings.project, settings.environment)
        self._tags = [theirs.get(key, (key, value)) for key, value in zip(_OURS, values, strict=True)]

    def ours(self, **more: Mapping[str, str]) -> Conditions:
        """What carries the environment's tags; *more* are conditions beside that, by operator."""
        return self._tagged("aws:ResourceTag", more)

    def becoming_ours(self, **more: Mapping[str, str]) -> Conditions:
        """What gets the environment's tags by the request, likewise."""
        return self._tagged("aws:RequestTag", more)

    def untagged(self) -> Mapping[str, str]:
        """For the operator Null: what carries no tag by which it would be somebody's."""
        return {f"aws:ResourceTag/{key}": "true" for key, _ in self._tags}

    def arn(self, service: str, *resources: str) -> list[str]:
        """Regional resources of the account."""
        return [self._account.arn(service, resource) for resource in resources]

    def global_arn(self, service: str, *resources: str) -> list[str]:
        """Resources of the account in a service that has no regions."""
        account = self._account
        return [f"arn:{account.partition}:{service}::{account.account_id}:{resource}" for resource in resources]

    def nobodys_arn(self, service: str, *resources: str, region: str = "") -> list[str]:
        """Resources whose ARNs name no account."""
        return [f"arn:{self._account.partition}:{service}:{region}::{resource}" for resource in resources]

    def any_repository(self) -> list[str]:
        """Every image repository of ECR, AWS's own and those of other accounts too."""
        return [f"arn:{self._account.partition}:ecr:*:*:repository/*"]

    def roles(self, *services: str) -> list[str]:
        """The roles that *services* assume; without any, all."""
        kinds = (kind for service in services or ROLES for kind in ROLES[service])
        return self.global_arn("iam", *(f"role/{self.prefix}-{kind}-*" for kind in kinds))

    def policies(self) -> list[str]:
        """The managed policies that the stacks make for people and programs outside."""
        return self.global_arn("iam", *(f"policy/{self.prefix}-{kind}-*" for kind in _POLICIES))

    def boundary(self) -> str:
        """The policy that bounds those roles."""
        return self.global_arn("iam", f"policy/{boundary_name(self.settings)}")[0]

    def artifacts(self, keys: str = "") -> list[str]:
        """The bucket of the artifacts, or with *keys* its objects."""
        bucket = f"{self.prefix}-artifacts-*"
        return self.nobodys_arn("s3", f"{bucket}/{keys}" if keys else bucket)

    def state_bucket(self) -> list[str]:
        """The bucket of the states."""
        return self.nobodys_arn("s3", self._state.bucket)

    def states(self, suffix: str = "") -> list[str]:
        """The states of the deployed stacks, as objects; not those of the state backend and of the roles themselves."""
        objects = (f"{self._state.bucket}/{self._state.key_of(name)}{suffix}" for name in _DEPLOYED)
        return self.nobodys_arn("s3", *objects)

    def lock_table(self) -> list[str]:
        """The table of the locks."""
        return self.arn("dynamodb", f"table/{self._state.table}")

    def lock_items(self, suffix: str = "") -> str:
        """The lock items of the environment's states; with the suffix ``-md5`` those of the states' checksums."""
        return f"{self._state.bucket}/{self._state.key_prefix}/*.tfstate{suffix}"

    def log_groups(self) -> list[str]:
        """Every log group that the stacks make; both forms of ARN that CloudWatch Logs uses end with ``*``."""
        names = (
            f"/{self.prefix}/*",
            f"/aws/lambda/{self.prefix}-authorizer*",
            f"/aws/rds/cluster/{self.prefix}-database/*",
            f"/aws/vendedlogs/{self.prefix}/*",
        )
        return self.arn("logs", *(f"log-group:{name}" for name in names))

    def secrets(self) -> list[str]:
        """Both secrets."""
        return self.arn("secretsmanager", f"secret:{self.prefix}/*")

    def database(self, *kinds: str) -> list[str]:
        """Parts of the database by RDS's *kinds* of resources, such as ``cluster``."""
        return self.arn("rds", *(f"{kind}:{self.prefix}-database*" for kind in kinds))

    def load_balancers(self, *kinds: str) -> list[str]:
        """The load balancer, its listener and its target group, whose name has no room for the environment."""
        names = {
            "loadbalancer": f"loadbalancer/app/{self.prefix}/*",
            "listener": f"listener/app/{self.prefix}/*",
            "targetgroup": "targetgroup/nginx-*",
        }
        return self.arn("elasticloadbalancing", *(names[kind] for kind in kinds or names))

    def authorizers(self) -> list[str]:
        """The authorizer function, ours or the one that the settings name."""
        theirs = self.settings.access.function_arn
        return [*self.arn("lambda", f"function:{self.prefix}-authorizer"), *([theirs] if theirs else [])]

    def apis(self, *paths: str) -> list[str]:
        """Paths of API Gateway's own API, such as ``/apis/*``: what its IAM resources are."""
        return self.nobodys_arn("apigateway", *paths, region=self.region)

    def _tagged(self, key: str, more: Mapping[str, Mapping[str, str]]) -> Conditions:
        tags = {f"{key}/{name}": value for name, value in self._tags}
        equal = {**tags, **more.get("StringEquals", {})}
        return {
            "StringEquals": equal,
            **{operator: keys for operator, keys in more.items() if operator != "StringEquals"},
        }

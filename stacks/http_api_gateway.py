"""The public endpoint: an HTTP API in front of the VPC link."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cdktf import App

from constructs_lib.http_api import HttpApi, Route, Throttling
from constructs_lib.log_group import LogGroup
from constructs_lib.managed_policy import ManagedPolicy
from settings import Settings
from stacks.access import access_control, user_pool
from stacks.mlflow_vpclink import MlflowVpclinkStack
from stacks.platform_stack import PlatformStack

if TYPE_CHECKING:
    from constructs_lib.domain_name import DomainName
    from constructs_lib.user_pool import UserPool

NAME = "http-api-gateway"


class HttpApiGatewayStack(PlatformStack):
    """Callers -> HTTP API -> the VPC link of *platform*."""

    def __init__(self, app: App, *, settings: Settings, platform: MlflowVpclinkStack) -> None:
        super().__init__(app, NAME, settings=settings)
        access_log = LogGroup(
            self,
            "access-log",
            # Under this prefix API Gateway needs no statement in the account's log resource policy, which has a limit.
            name=f"/aws/vendedlogs/{settings.name_prefix}/http-api",
            retention_days=settings.logs.retention_days,
            encryption_key=platform.encryption_key,
        )
        users = user_pool(self, settings)
        self.api = HttpApi(
            self,
            "http-api",
            name_prefix=settings.name_prefix,
            vpc_link=platform.vpc_link,
            load_balancer=platform.load_balancer,
            access_control=access_control(
                self,
                settings,
                credentials=platform.credentials,
                users=users,
                encryption_key=platform.encryption_key,
            ),
            access_log=access_log,
            throttling=Throttling(
                rate_limit=settings.api.throttling_rate_limit, burst_limit=settings.api.throttling_burst_limit
            ),
            routes=list(_routes(settings)),
            domain=self._domain(settings),
        )
        self.output("endpoint", self.api.endpoint, "MLflow's address: MLFLOW_TRACKING_URI")
        self.output("access", settings.access.type, "How callers prove who they are: access.type")
        if settings.access.type == "iam":
            self._make_a_policy_for_callers(settings)
        if users:
            self._tell_about(users)

    def _domain(self, settings: Settings) -> DomainName | None:
        chosen = settings.api.domain
        if chosen is None:
            return None
        from constructs_lib.domain_name import DomainName  # its bindings are many, and most do without

        return DomainName(self, "domain", name=chosen.name, zone=chosen.zone, certificate_arn=chosen.certificate_arn)

    def _make_a_policy_for_callers(self, settings: Settings) -> None:
        policy = ManagedPolicy(
            self,
            "caller-policy",
            name_prefix=f"{settings.name_prefix}-caller",
            description="Lets MLflow clients call the API",
        )
        self.api.grant_invoke(policy)
        self.output("caller_policy_arn", policy.arn, "IAM policy to attach to MLflow's clients")

    def _tell_about(self, users: UserPool) -> None:
        self.output("user_pool_id", users.pool_id, "Cognito user pool, in which to create the users")
        self.output("user_pool_client_id", users.client_id, "Cognito app client, which tokens are made for")
        self.output("token_issuer", users.issuer, "Issuer of the tokens")
        if users.sign_in_url:
            self.output("sign_in_url", users.sign_in_url, "Cognito's page, on which people sign in")


def _routes(settings: Settings) -> Iterator[Route]:
    for key, chosen in settings.api.routes.items():
        rate, burst = chosen.throttling_rate_limit, chosen.throttling_burst_limit
        yield Route(
            key,
            scopes=chosen.scopes,
            throttling=Throttling(rate, burst) if rate is not None and burst is not None else None,
        )

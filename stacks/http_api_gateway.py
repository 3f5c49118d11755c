"""The public endpoint: an HTTP API in front of the VPC link."""

from __future__ import annotations

from cdktf import App

from constructs_lib.access_control import BasicAccess
from constructs_lib.http_api import HttpApi, Throttling
from constructs_lib.log_group import LogGroup
from settings import Settings
from stacks.mlflow_vpclink import MlflowVpclinkStack
from stacks.platform_stack import PlatformStack

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
        api = HttpApi(
            self,
            "http-api",
            name_prefix=settings.name_prefix,
            vpc_link=platform.vpc_link,
            load_balancer=platform.load_balancer,
            access_control=BasicAccess(),
            access_log=access_log,
            throttling=Throttling(
                rate_limit=settings.api.throttling_rate_limit, burst_limit=settings.api.throttling_burst_limit
            ),
        )
        self.output("endpoint", api.endpoint, "MLflow's address: MLFLOW_TRACKING_URI")

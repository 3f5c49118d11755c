"""MLflow's public endpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass

from cdktf_cdktf_provider_aws.apigatewayv2_api import Apigatewayv2Api
from cdktf_cdktf_provider_aws.apigatewayv2_integration import Apigatewayv2Integration
from cdktf_cdktf_provider_aws.apigatewayv2_route import Apigatewayv2Route
from cdktf_cdktf_provider_aws.apigatewayv2_stage import (
    Apigatewayv2Stage,
    Apigatewayv2StageAccessLogSettings,
    Apigatewayv2StageDefaultRouteSettings,
)
from constructs import Construct

from constructs_lib.access_control import AccessControl
from constructs_lib.load_balancer import LoadBalancer
from constructs_lib.log_group import LogGroup
from constructs_lib.vpc_link import VpcLink

_ROUTES = {"root": "ANY /", "proxy": "ANY /{proxy+}"}  # the greedy route alone misses "/"
_TIMEOUT_MS = 30_000  # the most that an HTTP API waits (API Gateway quota)
# API Gateway may put another Host in place of the one that the caller asked for. nginx has to know that one: a browser
# sends it as Origin, and MLflow refuses origins that it does not know.
_PUBLIC_HOST = {"overwrite:header.X-Public-Host": "$context.domainName"}
# Neither headers nor query strings: they may hold credentials.
_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "sourceIp": "$context.identity.sourceIp",
    "httpMethod": "$context.httpMethod",
    "path": "$context.path",
    "routeKey": "$context.routeKey",
    "status": "$context.status",
    "protocol": "$context.protocol",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "integrationStatus": "$context.integrationStatus",
    "integrationError": "$context.integrationErrorMessage",
    "authorizerError": "$context.authorizer.error",
}


@dataclass(frozen=True)
class Throttling:
    """The most that all callers together may ask for: requests per second, and at once."""

    rate_limit: int = 100
    burst_limit: int = 200


class HttpApi(Construct):
    """An HTTP API whose every request goes through *vpc_link* to *load_balancer*, if *access_control* agrees."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        vpc_link: VpcLink,
        load_balancer: LoadBalancer,
        access_control: AccessControl,
        access_log: LogGroup,
        throttling: Throttling = Throttling(),
    ) -> None:
        super().__init__(scope, id)
        self.api = Apigatewayv2Api(
            self, "Resource", name=name_prefix, protocol_type="HTTP", description="MLflow tracking server"
        )
        self.endpoint: str = self.api.api_endpoint
        api_id: str = self.api.id
        integration = Apigatewayv2Integration(
            self,
            "integration",
            api_id=api_id,
            integration_type="HTTP_PROXY",
            integration_method="ANY",
            integration_uri=load_balancer.listener_arn,
            connection_type="VPC_LINK",
            connection_id=vpc_link.vpc_link_id,
            payload_format_version="1.0",
            timeout_milliseconds=_TIMEOUT_MS,
            request_parameters=_PUBLIC_HOST,
        )
        authorization = access_control.bind(self, self.api)
        target = f"integrations/{integration.id}"
        for route_id, route_key in _ROUTES.items():
            Apigatewayv2Route(
                self,
                f"{route_id}-route",
                api_id=api_id,
                route_key=route_key,
                target=target,
                authorization_type=authorization.authorization_type,
                authorizer_id=authorization.authorizer_id,
                authorization_scopes=list(authorization.authorization_scopes) or None,
            )
        Apigatewayv2Stage(
            self,
            "stage",
            api_id=api_id,
            name="$default",
            auto_deploy=True,
            default_route_settings=Apigatewayv2StageDefaultRouteSettings(
                throttling_rate_limit=throttling.rate_limit,
                throttling_burst_limit=throttling.burst_limit,
                detailed_metrics_enabled=True,
            ),
            access_log_settings=Apigatewayv2StageAccessLogSettings(
                destination_arn=access_log.arn, format=json.dumps(_ACCESS_LOG)
            ),
        )

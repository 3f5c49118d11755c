"""MLflow's public endpoint."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.apigatewayv2_api import Apigatewayv2Api
from cdktf_cdktf_provider_aws.apigatewayv2_integration import (
    Apigatewayv2Integration,
    Apigatewayv2IntegrationTlsConfig,
)
from cdktf_cdktf_provider_aws.apigatewayv2_route import Apigatewayv2Route
from cdktf_cdktf_provider_aws.apigatewayv2_stage import (
    Apigatewayv2Stage,
    Apigatewayv2StageAccessLogSettings,
    Apigatewayv2StageDefaultRouteSettings,
    Apigatewayv2StageRouteSettings,
)
from constructs import Construct

from constructs_lib.access_control import AccessControl, RouteAuthorization
from constructs_lib.load_balancer import LoadBalancer
from constructs_lib.log_group import LogGroup
from constructs_lib.role import Grantable
from constructs_lib.vpc_link import VpcLink

if TYPE_CHECKING:  # its bindings are many, and most APIs do without
    from constructs_lib.domain_name import DomainName

SOURCE_IP_HEADER = "X-Source-Ip"
"""The caller's address as API Gateway saw it; it can't set the standard headers, and callers may send their own."""

_ROUTES = {"root": "ANY /", "proxy": "ANY /{proxy+}"}  # the greedy route alone misses "/"
_STAGE = "$default"
_TIMEOUT_MS = 30_000  # the most that an HTTP API waits (API Gateway quota)
# API Gateway may put another Host in place of the one that the caller asked for. nginx has to know that one: a browser
# sends it as Origin, and MLflow refuses origins that it does not know.
_HEADERS = {"X-Public-Host": "$context.domainName", SOURCE_IP_HEADER: "$context.identity.sourceIp"}
_ACCESS_HEADER = "X-Gateway-Access"
_API_PREFIXES = ("/api/", "/ajax-api/")  # MLflow answers to both; the UI uses the second one
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
    "iamArn": "$context.identity.userArn",
    "tokenSubject": "$context.authorizer.claims.sub",
    "user": "$context.authorizer.user",
}


@dataclass(frozen=True)
class Throttling:
    """The most that all callers together may ask for: requests per second, and at once."""

    rate_limit: int = 100
    burst_limit: int = 200


@dataclass(frozen=True)
class Route:
    """What is special to requests of one kind; its *key* is one such as ``POST /api/2.0/mlflow/runs/log-batch``.

    *scopes* take the place of those that the access control asks for; only JWT has scopes.
    """

    key: str
    scopes: tuple[str, ...] = ()
    throttling: Throttling | None = None

    def spellings(self) -> Iterator[str]:
        """Its key, and the one under which MLflow answers the same."""
        yield self.key
        method, path = self.key.split(" ", 1)
        for prefix, twin in (_API_PREFIXES, _API_PREFIXES[::-1]):
            if path.startswith(prefix):
                yield f"{method} {twin}{path.removeprefix(prefix)}"


class HttpApi(Construct):
    """An HTTP API whose every request goes through *vpc_link* to *load_balancer*, if *access_control* agrees.

    *routes* are special ones; all others share the limits of *throttling*. With a *domain* the API answers under that
    name alone.
    """

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
        routes: Sequence[Route] = (),
        domain: DomainName | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.api = Apigatewayv2Api(
            self,
            "Resource",
            name=name_prefix,
            protocol_type="HTTP",
            description="MLflow tracking server",
            disable_execute_api_endpoint=True if domain else None,
        )
        self.endpoint: str = domain.url if domain else self.api.api_endpoint
        integration = self._integration(vpc_link, load_balancer, access_control)
        self._authorization = access_control.bind(self, self.api)
        self._target = f"integrations/{integration.id}"
        for route_id, route_key in _ROUTES.items():
            self._route(f"{route_id}-route", route_key, self._authorization.authorization_scopes)
        special = [
            self._route(_route_id(key), key, route.scopes or self._authorization.authorization_scopes)
            for route in routes
            for key in route.spellings()
        ]
        stage = Apigatewayv2Stage(
            self,
            "stage",
            api_id=self.api.id,
            name=_STAGE,
            auto_deploy=True,
            default_route_settings=Apigatewayv2StageDefaultRouteSettings(
                throttling_rate_limit=throttling.rate_limit,
                throttling_burst_limit=throttling.burst_limit,
                detailed_metrics_enabled=True,
            ),
            route_settings=[
                Apigatewayv2StageRouteSettings(
                    route_key=key,
                    throttling_rate_limit=route.throttling.rate_limit,
                    throttling_burst_limit=route.throttling.burst_limit,
                    detailed_metrics_enabled=True,
                )
                for route in routes
                if route.throttling
                for key in route.spellings()
            ]
            or None,
            access_log_settings=Apigatewayv2StageAccessLogSettings(
                destination_arn=access_log.arn, format=json.dumps(_ACCESS_LOG)
            ),
            depends_on=special or None,  # API Gateway refuses settings of a route that is not there yet
        )
        if domain:
            domain.map(self.api, stage)

    def grant_invoke(self, grantee: Grantable) -> None:
        """Let *grantee* call the API, where IAM decides who may."""
        grantee.allow("invoke-api", actions=["execute-api:Invoke"], resources=[f"{self.api.execution_arn}/{_STAGE}/*"])

    def _integration(
        self, vpc_link: VpcLink, load_balancer: LoadBalancer, access_control: AccessControl
    ) -> Apigatewayv2Integration:
        headers = {**_HEADERS, _ACCESS_HEADER: access_control.type}
        server_name = load_balancer.server_name
        return Apigatewayv2Integration(
            self,
            "integration",
            api_id=self.api.id,
            integration_type="HTTP_PROXY",
            integration_method="ANY",
            integration_uri=load_balancer.listener_arn,
            connection_type="VPC_LINK",
            connection_id=vpc_link.vpc_link_id,
            payload_format_version="1.0",
            timeout_milliseconds=_TIMEOUT_MS,
            request_parameters={f"overwrite:header.{name}": value for name, value in headers.items()},
            tls_config=Apigatewayv2IntegrationTlsConfig(server_name_to_verify=server_name) if server_name else None,
        )

    def _route(self, id: str, key: str, scopes: Sequence[str]) -> Apigatewayv2Route:
        authorization: RouteAuthorization = self._authorization
        return Apigatewayv2Route(
            self,
            id,
            api_id=self.api.id,
            route_key=key,
            target=self._target,
            authorization_type=authorization.authorization_type,
            authorizer_id=authorization.authorizer_id,
            authorization_scopes=list(scopes) or None,
        )


def _route_id(key: str) -> str:
    """A name for the Terraform address, made unique, since different keys may have the same letters."""
    words = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")
    return f"{words}-{hashlib.sha256(key.encode()).hexdigest()[:6]}-route"

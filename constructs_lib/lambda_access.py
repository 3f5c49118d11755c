"""Access control by a Lambda function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from cdktf_cdktf_provider_aws.apigatewayv2_api import Apigatewayv2Api
from cdktf_cdktf_provider_aws.apigatewayv2_authorizer import Apigatewayv2Authorizer
from cdktf_cdktf_provider_aws.apigatewayv2_integration import Apigatewayv2Integration
from cdktf_cdktf_provider_aws.apigatewayv2_route import Apigatewayv2Route
from cdktf_cdktf_provider_aws.lambda_permission import LambdaPermission
from constructs import Construct

from constructs_lib.access_control import AUTHORIZATION_HEADER, RouteAuthorization, outlives_its_routes
from constructs_lib.aws_account import AwsAccount

_LOGIN_ROUTE = "GET /"
_PAYLOAD_FORMAT = "2.0"


class Function(Protocol):
    """A Lambda function that takes the requests of a REQUEST authorizer, payload 2.0, with simple responses."""

    @property
    def arn(self) -> str:
        """Its ARN."""

    @property
    def has_login_page(self) -> bool:
        """Whether it also answers ``GET /``, as a proxy integration, by asking a browser for a password."""


@dataclass(frozen=True)
class ExistingFunction:
    """Somebody else's authorizer, in the same account and region."""

    arn: str
    has_login_page: ClassVar[bool] = False


@dataclass(frozen=True)
class LambdaAccess:
    """*function* decides; API Gateway remembers its answer to the same Authorization header for *cache_seconds*.

    0 to 3600 seconds (API Gateway quota). API Gateway refuses a request without that header by itself, with an answer
    that no browser asks for a password at; so a function with a login page is given ``GET /``, where browsers begin.
    """

    type: ClassVar[str] = "lambda"
    function: Function
    cache_seconds: int = 300

    def bind(self, scope: Construct, api: Apigatewayv2Api) -> RouteAuthorization:
        """Make the authorizer, and let API Gateway call the function."""
        authorizer = Apigatewayv2Authorizer(
            scope,
            "lambda-authorizer",
            api_id=api.id,
            name="lambda",
            authorizer_type="REQUEST",
            authorizer_uri=_invocation_arn(scope, self.function),
            authorizer_payload_format_version=_PAYLOAD_FORMAT,
            authorizer_result_ttl_in_seconds=self.cache_seconds,
            enable_simple_responses=True,
            identity_sources=[AUTHORIZATION_HEADER],
            lifecycle=outlives_its_routes(),
        )
        self._let_in(scope, "authorizer-permission", f"{api.execution_arn}/authorizers/{authorizer.id}")
        if self.function.has_login_page:
            self._add_login_page(scope, api)
        return RouteAuthorization("CUSTOM", authorizer.id)

    def _add_login_page(self, scope: Construct, api: Apigatewayv2Api) -> None:
        integration = Apigatewayv2Integration(
            scope,
            "login-integration",
            api_id=api.id,
            integration_type="AWS_PROXY",
            integration_method="POST",  # how Lambda is invoked, whatever the route's method
            integration_uri=_invocation_arn(scope, self.function),
            payload_format_version=_PAYLOAD_FORMAT,
        )
        Apigatewayv2Route(
            scope,
            "login-route",
            api_id=api.id,
            route_key=_LOGIN_ROUTE,
            target=f"integrations/{integration.id}",
            authorization_type="NONE",
        )
        self._let_in(scope, "login-permission", f"{api.execution_arn}/*/GET/")

    def _let_in(self, scope: Construct, id: str, source_arn: str) -> None:
        LambdaPermission(
            scope,
            id,
            action="lambda:InvokeFunction",
            function_name=self.function.arn,
            principal="apigateway.amazonaws.com",
            source_arn=source_arn,
        )


def _invocation_arn(scope: Construct, function: Function) -> str:
    account = AwsAccount.of(scope)
    service = f"arn:{account.partition}:apigateway:{account.region}:lambda:path/2015-03-31/functions"
    return f"{service}/{function.arn}/invocations"

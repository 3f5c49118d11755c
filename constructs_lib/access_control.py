"""Who may call the API: a Protocol, and one class for each scheme but the one by a function (``lambda_access.py``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.apigatewayv2_api import Apigatewayv2Api
from cdktf_cdktf_provider_aws.apigatewayv2_authorizer import (
    Apigatewayv2Authorizer,
    Apigatewayv2AuthorizerJwtConfiguration,
)
from constructs import Construct

AUTHORIZATION_HEADER = "$request.header.Authorization"
"""Where an authorizer looks for the caller's credentials; without them API Gateway answers 401 by itself."""


@dataclass(frozen=True)
class RouteAuthorization:
    """What API Gateway asks of a request before it passes it on: the arguments of a route."""

    authorization_type: str
    authorizer_id: str | None = None
    authorization_scopes: tuple[str, ...] = ()


class AccessControl(Protocol):
    """One access scheme; it makes what it needs below *scope*."""

    @property
    def type(self) -> str:
        """Its name, which the gateway tells nginx with each request."""

    def bind(self, scope: Construct, api: Apigatewayv2Api) -> RouteAuthorization:
        """Prepare *api* for this scheme, and say what its routes must ask for."""


def outlives_its_routes() -> TerraformResourceLifecycle:
    """For an authorizer: API Gateway refuses to delete one that a route still names, so the routes change first."""
    return TerraformResourceLifecycle(create_before_destroy=True)


@dataclass(frozen=True)
class BasicAccess:
    """User name and password, checked by nginx in the task; the gateway passes every request on."""

    type: ClassVar[str] = "basic"

    def bind(self, scope: Construct, api: Apigatewayv2Api) -> RouteAuthorization:  # noqa: ARG002 - nothing to make
        """Ask for nothing at the gateway."""
        return RouteAuthorization(authorization_type="NONE")


@dataclass(frozen=True)
class PublicAccess:
    """Nobody checks anything: the whole internet may read, change and delete."""

    type: ClassVar[str] = "none"

    def bind(self, scope: Construct, api: Apigatewayv2Api) -> RouteAuthorization:  # noqa: ARG002 - nothing to make
        """Ask for nothing at all."""
        return RouteAuthorization(authorization_type="NONE")


@dataclass(frozen=True)
class IamAccess:
    """Requests signed with AWS credentials (Signature Version 4) that may invoke the API."""

    type: ClassVar[str] = "iam"

    def bind(self, scope: Construct, api: Apigatewayv2Api) -> RouteAuthorization:  # noqa: ARG002 - nothing to make
        """Ask IAM; who may call is up to the policies of the callers."""
        return RouteAuthorization(authorization_type="AWS_IAM")


@dataclass(frozen=True)
class JwtAccess:
    """Tokens of an OpenID Connect *issuer* (https://...) that were made for one of *audiences*.

    Of *scopes* a token must have at least one, if there are any (API Gateway Developer Guide, JWT authorizers).
    """

    type: ClassVar[str] = "jwt"
    issuer: str
    audiences: tuple[str, ...]
    scopes: tuple[str, ...] = ()

    def bind(self, scope: Construct, api: Apigatewayv2Api) -> RouteAuthorization:
        """Make the authorizer; API Gateway fetches the issuer's keys by itself."""
        authorizer = Apigatewayv2Authorizer(
            scope,
            "jwt-authorizer",
            api_id=api.id,
            name="jwt",
            authorizer_type="JWT",
            identity_sources=[AUTHORIZATION_HEADER],
            jwt_configuration=Apigatewayv2AuthorizerJwtConfiguration(issuer=self.issuer, audience=list(self.audiences)),
            lifecycle=outlives_its_routes(),
        )
        return RouteAuthorization("JWT", authorizer.id, self.scopes)

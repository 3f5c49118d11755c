"""Who may call the API: a Protocol, and one class for each scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cdktf_cdktf_provider_aws.apigatewayv2_api import Apigatewayv2Api
from constructs import Construct


@dataclass(frozen=True)
class RouteAuthorization:
    """What API Gateway asks of a request before it passes it on: the arguments of a route."""

    authorization_type: str
    authorizer_id: str | None = None
    authorization_scopes: tuple[str, ...] = ()


class AccessControl(Protocol):
    """One access scheme; it makes what it needs below *scope*."""

    def bind(self, scope: Construct, api: Apigatewayv2Api) -> RouteAuthorization:
        """Prepare *api* for this scheme, and say what its routes must ask for."""


@dataclass(frozen=True)
class BasicAccess:
    """User name and password, checked by nginx in the task; the gateway passes every request on."""

    def bind(self, scope: Construct, api: Apigatewayv2Api) -> RouteAuthorization:  # noqa: ARG002 - nothing to make
        """Ask for nothing at the gateway."""
        return RouteAuthorization(authorization_type="NONE")

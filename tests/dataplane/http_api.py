"""An HTTP API as its Terraform describes it: routes, what they lead to, and who checks their callers.

Whatever of that is not understood is refused, so that nothing of the API is left out unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.unit.synthesis import Terraform

_REFERENCE = re.compile(r"\$\{(?P<type>aws_\w+)\.(?P<name>[\w-]+)\.(?:id|arn|invoke_arn)\}")
_PATH_VARIABLE = re.compile(r"\{[\w-]+\}")
_GREEDY_VARIABLE = re.compile(r"\{[\w-]+\+\}")
_OVERWRITTEN_HEADER = "overwrite:header."
_DEFAULT_TIMEOUT_MS = 30_000  # API Gateway v2 API Reference, CreateIntegration: timeoutInMillis of an HTTP API


@dataclass(frozen=True)
class JwtAuthorizer:
    """Tokens of *issuer* for one of *audiences*, which are where *identity_source* says."""

    issuer: str
    audiences: tuple[str, ...]
    identity_source: str


@dataclass(frozen=True)
class FunctionAuthorizer:
    """The Lambda *function* (a Terraform address) decides, and is not asked again for *ttl_seconds*."""

    function: str
    identity_sources: tuple[str, ...]
    ttl_seconds: int


@dataclass(frozen=True)
class VpcLinkIntegration:
    """Requests go on to the load balancer with *headers*, whatever the caller has sent of these."""

    headers: Mapping[str, str]
    timeout_seconds: float


@dataclass(frozen=True)
class FunctionIntegration:
    """The Lambda *function* (a Terraform address) answers."""

    function: str


Authorizer = JwtAuthorizer | FunctionAuthorizer
Integration = VpcLinkIntegration | FunctionIntegration


@dataclass(frozen=True)
class Route:
    """Requests with a *method* (or ANY) and a path like *path*, whose last part may be a greedy variable."""

    method: str
    path: str
    authorization: Literal["NONE", "JWT", "AWS_IAM", "CUSTOM"]
    integration: Integration
    authorizer: Authorizer | None = None
    scopes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """As API Gateway calls it."""
        return f"{self.method} {self.path}"

    def matches(self, method: str, path: str) -> bool:
        """Whether it may answer a request; *path* is as it was sent, see ``HttpApi.route``."""
        pattern = "/".join(_pattern(part) for part in self.path.split("/"))
        return self.method in ("ANY", method) and re.fullmatch(pattern, path) is not None

    @property
    def _specificity(self) -> tuple[list[int], bool]:
        """Smaller is chosen first: words before variables before a greedy one, then a method before ANY."""
        return [_rank(part) for part in self.path.split("/")], self.method == "ANY"


@dataclass(frozen=True)
class HttpApi:
    """All routes of the one API in a stack; *functions* are the Lambda functions of the stack by their addresses."""

    routes: tuple[Route, ...]
    functions: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, terraform: Terraform) -> HttpApi:
        """The API that *terraform* makes."""
        assert terraform.one("aws_apigatewayv2_api")["protocol_type"] == "HTTP"
        assert terraform.one("aws_apigatewayv2_stage")["name"] == "$default"  # any other would be a part of each path
        authorizers = {each.address: _authorizer(each) for each in terraform.all("aws_apigatewayv2_authorizer")}
        integrations = {each.address: _integration(each) for each in terraform.all("aws_apigatewayv2_integration")}
        routes = [_route(each, authorizers, integrations) for each in terraform.all("aws_apigatewayv2_route")]
        return cls(tuple(routes), {each.address: each for each in terraform.all("aws_lambda_function")})

    def route(self, method: str, path: str) -> Route | None:
        """The most specific route (API Gateway Developer Guide, Routing API requests), or None.

        The path is compared as it was sent. The guide does not say whether API Gateway decodes it first; if not, a
        route with scopes of its own can be missed by spelling its path differently, and the image has to hold.
        """
        found = [route for route in self.routes if route.matches(method, path)]
        return min(found, key=lambda route: route._specificity, default=None)


def _pattern(part: str) -> str:
    if _GREEDY_VARIABLE.fullmatch(part):
        return ".+"
    return "[^/]+" if _PATH_VARIABLE.fullmatch(part) else re.escape(part)


def _rank(part: str) -> int:
    if _GREEDY_VARIABLE.fullmatch(part):
        return 2
    return 1 if _PATH_VARIABLE.fullmatch(part) else 0


def _authorizer(block: Mapping[str, Any]) -> Authorizer:
    if block["authorizer_type"] == "JWT":
        [source] = block["identity_sources"]
        jwt = block["jwt_configuration"]
        return JwtAuthorizer(jwt["issuer"], tuple(jwt["audience"]), source)
    assert block["authorizer_type"] == "REQUEST", block
    assert block["authorizer_payload_format_version"] == "2.0", block
    assert block["enable_simple_responses"] is True, block
    return FunctionAuthorizer(
        _reference("aws_lambda_function", block["authorizer_uri"]),
        tuple(block["identity_sources"]),
        block["authorizer_result_ttl_in_seconds"],
    )


def _integration(block: Mapping[str, Any]) -> Integration:
    if block["integration_type"] == "AWS_PROXY":
        assert block["payload_format_version"] == "2.0", block
        assert "request_parameters" not in block, block
        return FunctionIntegration(_reference("aws_lambda_function", block["integration_uri"]))
    assert (block["integration_type"], block["connection_type"]) == ("HTTP_PROXY", "VPC_LINK"), block
    assert block["integration_method"] == "ANY", block  # the caller's own
    mapped = block.get("request_parameters", {})
    assert all(key.startswith(_OVERWRITTEN_HEADER) for key in mapped), mapped
    return VpcLinkIntegration(
        {key.removeprefix(_OVERWRITTEN_HEADER): value for key, value in mapped.items()},
        block.get("timeout_milliseconds", _DEFAULT_TIMEOUT_MS) / 1000,
    )


def _route(
    block: Mapping[str, Any], authorizers: Mapping[str, Authorizer], integrations: Mapping[str, Integration]
) -> Route:
    method, path = block["route_key"].split(" ")
    authorizer = block.get("authorizer_id")
    return Route(
        method,
        path,
        block["authorization_type"],
        integrations[_reference("aws_apigatewayv2_integration", block["target"])],
        authorizers[_reference("aws_apigatewayv2_authorizer", authorizer)] if authorizer else None,
        tuple(block.get("authorization_scopes", ())),
    )


def _reference(type: str, expression: str) -> str:
    """The address of the resource of *type* that *expression* refers to; raises ``ValueError`` if there is none."""
    for found in _REFERENCE.finditer(expression):
        if found["type"] == type:
            return f"{found['type']}.{found['name']}"
    raise ValueError(f"{expression} refers to no {type} of this stack")

"""What moto lacks of API Gateway's HTTP APIs, or answers differently."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from rehearsal.completions._patching import Method, add, wrap

_STAGE = "/v2/apis/(?P<api_id>[^/]+)/stages/(?P<stage_name>[^/]+)"
_ROUTE_SETTINGS = f"{{0}}{_STAGE}/routesettings/(?P<route_key>.+)$"
_STAGE_MEMBERS = {
    "accessLogSettings": "access_log_settings",
    "autoDeploy": "auto_deploy",
    "defaultRouteSettings": "default_route_settings",
    "description": "description",
    "stageVariables": "stage_variables",
}


def apigatewayv2_authorizers_in_use_stay() -> None:
    """AWS refuses to delete an authorizer that a route refers to; moto deletes it.

    So whoever changes from one authorizer to another has to change the routes first. The wording is that of
    https://github.com/anomalyco/sst/issues/5586
    """
    from moto.apigatewayv2.models import Api

    def delete(original: Method, self: Any, authorizer_id: str) -> Any:
        for route in self.routes.values():
            if route.authorizer_id == authorizer_id:
                name = self.authorizers[authorizer_id].name
                message = f"Cannot delete authorizer '{name}', is referenced in route: {route.route_key}"
                raise _refusal(409, "ConflictException", message)
        return original(self, authorizer_id)

    wrap(Api, "delete_authorizer", delete)


def apigatewayv2_domain_names_are_available() -> None:
    """AWS gives a domain name a target for DNS, and tells when it is available; moto's have neither for ever.

    moto also claims mutual TLS for each, and lacks the update, by which the certificate changes.
    https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames-domainname.html
    """
    from moto.apigatewayv2.models import DomainName
    from moto.apigatewayv2.responses import ApiGatewayV2Response as Response

    def describe(original: Method, self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = original(self)
        region = self.domain_name_arn.split(":")[3]
        target = {
            "apiGatewayDomainName": f"d-{self.domain_name.replace('.', '-')}.execute-api.{region}.amazonaws.com",
            "domainNameStatus": "AVAILABLE",
            "hostedZoneId": "Z2OJLYMUO9EFXC",  # AWS General Reference: API Gateway endpoints, us-west-2
            "ipAddressType": "ipv4",
        }
        answer["domainNameConfigurations"] = [{**target, **given} for given in answer["domainNameConfigurations"]]
        return {name: value for name, value in answer.items() if value or name != "mutualTlsAuthentication"}

    def update(self: Any) -> Any:
        name = self.apigatewayv2_backend.get_domain_name(domain_name=self.path.split("/")[-1])
        given = json.loads(self.body)
        name.domain_name_configurations = given.get("domainNameConfigurations", name.domain_name_configurations)
        return 200, {}, json.dumps(name.to_json())

    wrap(DomainName, "to_json", describe)
    add(Response, update_domain_name=update)


def apigatewayv2_stages_can_be_tagged() -> None:
    """AWS changes the tags of a stage and of a domain name; moto knows tags of APIs and VPC links alone.

    https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/tags-resource-arn.html
    """
    from moto.apigatewayv2 import urls
    from moto.apigatewayv2.models import ApiGatewayV2Backend
    from moto.apigatewayv2.responses import ApiGatewayV2Response as Response

    def own_tags(backend: Any, arn: str) -> Any:
        """The tags of what keeps them itself; None for anything else."""
        path = arn.rpartition("::")[2]
        if "/stages/" in path:
            return backend.get_stage(*_api_and_stage(path)).tags
        if path.startswith("/domainnames/"):
            return backend.get_domain_name(path.split("/")[2]).tags
        return None

    def read(original: Method, self: Any, arn: str) -> Any:
        tags = own_tags(self, arn)
        return original(self, arn) if tags is None else tags

    def tag(original: Method, self: Any, arn: str, tags: dict[str, str]) -> None:
        own = own_tags(self, arn)
        if own is None:
            original(self, arn, tags)
        else:
            own.update(tags)

    def untag(original: Method, self: Any, arn: str, keys: list[str]) -> None:
        own = own_tags(self, arn)
        if own is None:
            original(self, arn, keys)
        else:
            for key in keys:
                own.pop(key, None)

    urls.url_paths.setdefault("{0}/v2/tags/(?P<resource_arn>.+)$", Response.dispatch)
    wrap(ApiGatewayV2Backend, "get_tags", read)
    wrap(ApiGatewayV2Backend, "tag_resource", tag)
    wrap(ApiGatewayV2Backend, "untag_resource", untag)


def apigatewayv2_stages_can_be_updated() -> None:
    """AWS updates a stage, and deletes the settings of one of its routes; moto lacks both operations.

    Settings of routes that an update does not name stay.
    https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages-stagename.html
    """
    from moto.apigatewayv2 import urls
    from moto.apigatewayv2.responses import ApiGatewayV2Response as Response

    def update(self: Any) -> Any:
        stage = self.apigatewayv2_backend.get_stage(*_api_and_stage(self.path))
        given = json.loads(self.body)
        for member, attribute in _STAGE_MEMBERS.items():
            if member in given:
                setattr(stage, attribute, given[member])
        stage.route_settings = {**stage.route_settings, **given.get("routeSettings", {})}
        return 200, {}, json.dumps(stage.to_json())

    def delete_settings(self: Any) -> Any:
        stage = self.apigatewayv2_backend.get_stage(*_api_and_stage(self.path))
        stage.route_settings.pop(unquote(self.path.partition("/routesettings/")[2]), None)
        return 204, {}, ""

    urls.url_paths.setdefault(_ROUTE_SETTINGS, Response.dispatch)
    add(Response, update_stage=update, delete_route_settings=delete_settings)


def apigatewayv2_stages_know_their_routes() -> None:
    """AWS refuses settings for a route that the API has not; moto stores them.

    So a stage with settings has to come after its routes. The wording is that of
    https://github.com/terraform-aws-modules/terraform-aws-apigateway-v2/pull/80
    """
    from moto.apigatewayv2.responses import ApiGatewayV2Response as Response

    def check(original: Method, self: Any) -> Any:
        api_id = self.path.split("/stages")[0].rpartition("/")[2]
        known = {route.route_key for route in self.apigatewayv2_backend.get_routes(api_id)}
        for key in json.loads(self.body).get("routeSettings", {}):
            if key not in known:
                message = f"Unable to find Route by key {key} within the provided RouteSettings"
                raise _refusal(404, "NotFoundException", message)
        return original(self)

    wrap(Response, "create_stage", check)
    wrap(Response, "update_stage", check)


def apigatewayv2_updates_take_away() -> None:
    """AWS clears a route's scopes and an integration's TLS settings when an update gives empty ones; moto keeps them.

    https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-routes-routeid.html
    """
    from moto.apigatewayv2.models import Integration, Route

    def update_route(original: Method, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if kwargs["authorization_scopes"] == []:
            self.authorization_scopes = None

    def update_integration(original: Method, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if kwargs["tls_config"] == {}:
            self.tls_config = None

    wrap(Route, "update", update_route)
    wrap(Integration, "update", update_integration)


def _api_and_stage(path: str) -> tuple[str, str]:
    parts = path.split("/")
    at = parts.index("stages")
    return parts[at - 1], unquote(parts[at + 1])


def _refusal(status: int, code: str, message: str) -> Exception:
    from moto.apigatewayv2.exceptions import APIGatewayV2Error

    error = APIGatewayV2Error(code, message)
    error.code = status
    return error

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from cdktf_cdktf_provider_aws.apigatewayv2_api import Apigatewayv2Api
from constructs import Construct

from constructs_lib.access_control import BasicAccess, RouteAuthorization
from constructs_lib.http_api import HttpApi, Throttling
from tests.unit.synthesis import Terraform, Workbench


@dataclass(frozen=True)
class OtherAccess:
    authorization: RouteAuthorization

    def bind(self, scope: Construct, api: Apigatewayv2Api) -> RouteAuthorization:  # noqa: ARG002 - makes nothing
        return self.authorization


def _synthesise(stack: Workbench, **changes: Any) -> Terraform:
    arguments = {
        "name_prefix": "test",
        "vpc_link": stack.vpc_link,
        "load_balancer": stack.load_balancer,
        "access_control": BasicAccess(),
        "access_log": stack.logs,
    }
    HttpApi(stack, "http-api", **{**arguments, **changes})
    return stack.synthesise()


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    return _synthesise(stack)


def test_every_request_goes_through_the_vpc_link_to_the_listener(terraform: Terraform) -> None:
    assert terraform.one("aws_apigatewayv2_integration") == {
        "api_id": terraform.one("aws_apigatewayv2_api", protocol_type="HTTP").ref("id"),
        "connection_type": "VPC_LINK",
        "connection_id": terraform.one("aws_apigatewayv2_vpc_link").ref("id"),
        "integration_type": "HTTP_PROXY",
        "integration_method": "ANY",
        "integration_uri": terraform.one("aws_lb_listener").ref("arn"),
        "payload_format_version": "1.0",
        "request_parameters": {"overwrite:header.X-Public-Host": "$context.domainName"},
        "timeout_milliseconds": 30000,
    }


def test_the_routes_are_the_root_and_all_below_it(terraform: Terraform) -> None:
    routes = terraform.all("aws_apigatewayv2_route")
    integration = terraform.one("aws_apigatewayv2_integration")

    assert {route["route_key"] for route in routes} == {"ANY /", "ANY /{proxy+}"}
    assert {route["target"] for route in routes} == {f"integrations/{integration.ref('id')}"}


def test_the_default_stage_deploys_by_itself(terraform: Terraform) -> None:
    stage = terraform.one("aws_apigatewayv2_stage")

    assert (stage["name"], stage["auto_deploy"]) == ("$default", True)


def test_callers_together_are_throttled(stack: Workbench) -> None:
    stage = _synthesise(stack, throttling=Throttling(rate_limit=5, burst_limit=9)).one("aws_apigatewayv2_stage")

    assert stage["default_route_settings"] == {
        "throttling_rate_limit": 5,
        "throttling_burst_limit": 9,
        "detailed_metrics_enabled": True,
    }


def test_the_access_log_is_json_without_headers_query_strings_or_bodies(terraform: Terraform) -> None:
    log = terraform.one("aws_apigatewayv2_stage")["access_log_settings"]

    assert log["destination_arn"] == terraform.one("aws_cloudwatch_log_group").ref("arn")
    assert set(json.loads(log["format"]).values()) == {
        "$context.requestId",
        "$context.requestTime",
        "$context.identity.sourceIp",
        "$context.httpMethod",
        "$context.path",
        "$context.routeKey",
        "$context.status",
        "$context.protocol",
        "$context.responseLength",
        "$context.responseLatency",
        "$context.integrationLatency",
        "$context.integrationStatus",
        "$context.integrationErrorMessage",
        "$context.authorizer.error",
    }


@pytest.mark.parametrize(
    ("authorization", "asked"),
    [
        (RouteAuthorization("AWS_IAM"), {"authorization_type": "AWS_IAM"}),
        (
            RouteAuthorization("JWT", authorizer_id="a1", authorization_scopes=("mlflow/read",)),
            {"authorization_type": "JWT", "authorizer_id": "a1", "authorization_scopes": ["mlflow/read"]},
        ),
    ],
)
def test_both_routes_ask_for_what_the_access_scheme_says(
    stack: Workbench, authorization: RouteAuthorization, asked: dict[str, object]
) -> None:
    routes = _synthesise(stack, access_control=OtherAccess(authorization)).all("aws_apigatewayv2_route")

    assert [{key: route.get(key) for key in asked} for route in routes] == [asked, asked]


def test_with_basic_access_the_gateway_passes_requests_on_to_nginx(terraform: Terraform) -> None:
    for route in terraform.all("aws_apigatewayv2_route"):
        assert route["authorization_type"] == "NONE"
        assert not {"authorizer_id", "authorization_scopes"} & route.keys()

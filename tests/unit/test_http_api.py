from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from cdktf import TerraformOutput
from cdktf_cdktf_provider_aws.apigatewayv2_api import Apigatewayv2Api
from constructs import Construct

from constructs_lib.access_control import BasicAccess, IamAccess, RouteAuthorization
from constructs_lib.domain_name import DomainName
from constructs_lib.http_api import HttpApi, Route, Throttling
from constructs_lib.load_balancer import ListenerTls
from constructs_lib.managed_policy import ManagedPolicy
from tests.unit.synthesis import Terraform, Workbench


@dataclass(frozen=True)
class OtherAccess:
    authorization: RouteAuthorization
    type: str = "other"

    def bind(self, scope: Construct, api: Apigatewayv2Api) -> RouteAuthorization:  # noqa: ARG002 - makes nothing
        return self.authorization


def _make(stack: Workbench, **changes: Any) -> HttpApi:
    arguments: dict[str, Any] = {
        "name_prefix": "test",
        "vpc_link": stack.vpc_link,
        "access_control": BasicAccess(),
        "access_log": stack.logs,
    }
    if "load_balancer" not in changes:
        arguments["load_balancer"] = stack.load_balancer
    return HttpApi(stack, "http-api", **{**arguments, **changes})


def _synthesise(stack: Workbench, **changes: Any) -> Terraform:
    _make(stack, **changes)
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
        "request_parameters": {
            "overwrite:header.X-Public-Host": "$context.domainName",
            "overwrite:header.X-Source-Ip": "$context.identity.sourceIp",
            "overwrite:header.X-Gateway-Access": "basic",
        },
        "timeout_milliseconds": 30000,
    }


def test_nginx_is_told_by_which_scheme_the_gateway_has_checked(stack: Workbench) -> None:
    access = OtherAccess(RouteAuthorization("NONE"), type="mine")
    integration = _synthesise(stack, access_control=access).one("aws_apigatewayv2_integration")

    assert integration["request_parameters"]["overwrite:header.X-Gateway-Access"] == "mine"


def test_a_load_balancer_with_a_certificate_is_verified_by_its_name(stack: Workbench) -> None:
    tls = ListenerTls(certificate_arn="arn:aws:acm:us-west-2:012345678901:certificate/c", server_name="in.example.com")
    terraform = _synthesise(stack, load_balancer=stack.make_load_balancer(tls=tls))

    integration = terraform.one("aws_apigatewayv2_integration")
    assert integration["tls_config"] == {"server_name_to_verify": "in.example.com"}


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
        "$context.identity.userArn",
        "$context.authorizer.claims.sub",
        "$context.authorizer.user",
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


# --- special routes ---


def test_a_special_route_asks_for_its_own_scopes_under_both_spellings_that_mlflow_answers_to(stack: Workbench) -> None:
    access = OtherAccess(RouteAuthorization("JWT", authorizer_id="a1", authorization_scopes=("mlflow/use",)))
    routes = [Route("POST /api/2.0/mlflow/runs/delete", scopes=("mlflow/delete",)), Route("ANY /ajax-api/3.0/{proxy+}")]
    found = _synthesise(stack, access_control=access, routes=routes).all("aws_apigatewayv2_route")

    assert {route["route_key"]: route["authorization_scopes"] for route in found} == {
        "ANY /": ["mlflow/use"],
        "ANY /{proxy+}": ["mlflow/use"],
        "POST /api/2.0/mlflow/runs/delete": ["mlflow/delete"],
        "POST /ajax-api/2.0/mlflow/runs/delete": ["mlflow/delete"],
        "ANY /ajax-api/3.0/{proxy+}": ["mlflow/use"],
        "ANY /api/3.0/{proxy+}": ["mlflow/use"],
    }
    assert {(route["authorizer_id"], route["authorization_type"]) for route in found} == {("a1", "JWT")}
    assert len({route["target"] for route in found}) == 1


def test_a_special_route_has_limits_of_its_own_which_are_set_once_it_is_there(stack: Workbench) -> None:
    routes = [Route("GET /api/a", throttling=Throttling(1, 2)), Route("GET /version")]
    terraform = _synthesise(stack, routes=routes)

    stage = terraform.one("aws_apigatewayv2_stage")
    limits = {"throttling_rate_limit": 1, "throttling_burst_limit": 2, "detailed_metrics_enabled": True}
    assert stage["route_settings"] == [{"route_key": f"GET {path}", **limits} for path in ("/api/a", "/ajax-api/a")]
    special = [route for route in terraform.all("aws_apigatewayv2_route") if "GET" in route["route_key"]]
    assert set(stage["depends_on"]) == {route.address for route in special}


def test_routes_whose_letters_are_the_same_are_two_routes(stack: Workbench) -> None:
    terraform = _synthesise(stack, routes=[Route("GET /a-b"), Route("GET /a/b")])

    assert len(terraform.all("aws_apigatewayv2_route")) == 4


# --- the address ---


def test_without_a_domain_the_endpoint_is_the_one_that_aws_gives(stack: Workbench) -> None:
    api = _make(stack)

    TerraformOutput(stack, "endpoint", value=api.endpoint, static_id=True)
    terraform = stack.synthesise()
    resource = terraform.one("aws_apigatewayv2_api")
    assert terraform.document["output"]["endpoint"]["value"] == resource.ref("api_endpoint")
    assert "disable_execute_api_endpoint" not in resource


def test_with_a_domain_the_api_answers_under_no_other_name(stack: Workbench) -> None:
    domain = DomainName(stack, "domain", name="mlflow.example.com", zone="example.com")
    api = _make(stack, domain=domain)

    terraform = stack.synthesise()
    assert api.endpoint == "https://mlflow.example.com"
    assert terraform.one("aws_apigatewayv2_api")["disable_execute_api_endpoint"] is True
    mapping, stage = terraform.one("aws_apigatewayv2_api_mapping"), terraform.one("aws_apigatewayv2_stage")
    assert mapping["stage"] in {stage.ref("id"), stage.ref("name")}


# --- who may invoke ---


def test_callers_may_be_allowed_to_invoke_every_route_of_the_stage(stack: Workbench) -> None:
    api = _make(stack, access_control=IamAccess())
    api.grant_invoke(ManagedPolicy(stack, "policy", name_prefix="test", description="Callers"))

    terraform = stack.synthesise()
    [statement] = terraform.one("aws_iam_policy").json("policy")["Statement"]
    assert statement["Action"] == ["execute-api:Invoke"]
    assert statement["Resource"] == [f"{terraform.one('aws_apigatewayv2_api').ref('execution_arn')}/$default/*"]

from __future__ import annotations

from dataclasses import dataclass

import pytest
from cdktf_cdktf_provider_aws.apigatewayv2_api import Apigatewayv2Api

from constructs_lib.access_control import RouteAuthorization
from constructs_lib.lambda_access import ExistingFunction, Function, LambdaAccess
from tests.unit.synthesis import Terraform, Workbench

ARN = "arn:aws:lambda:us-west-2:012345678901:function:ours"


@dataclass(frozen=True)
class FunctionWithLoginPage:
    arn: str = ARN
    has_login_page: bool = True


@pytest.fixture
def bound(stack: Workbench, request: pytest.FixtureRequest) -> tuple[RouteAuthorization, Terraform]:
    function: Function = request.param
    api = Apigatewayv2Api(stack, "api", name="test", protocol_type="HTTP")
    authorization = LambdaAccess(function, cache_seconds=120).bind(stack, api)
    return authorization, stack.synthesise()


both = pytest.mark.parametrize("bound", [ExistingFunction(ARN), FunctionWithLoginPage()], indirect=True)
theirs = pytest.mark.parametrize("bound", [ExistingFunction(ARN)], indirect=True)
ours = pytest.mark.parametrize("bound", [FunctionWithLoginPage()], indirect=True)


def _invocation(terraform: Terraform) -> str:
    partition, region = terraform.data("aws_partition").ref("partition"), terraform.data("aws_region").ref("name")
    return f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{ARN}/invocations"


@both
def test_the_function_is_asked_about_each_authorization_header_and_its_answer_kept(
    bound: tuple[RouteAuthorization, Terraform],
) -> None:
    authorization, terraform = bound
    authorizer = terraform.one("aws_apigatewayv2_authorizer")

    assert authorization.authorization_type == "CUSTOM"
    assert authorizer == {
        "api_id": terraform.one("aws_apigatewayv2_api").ref("id"),
        "name": "lambda",
        "authorizer_type": "REQUEST",
        "authorizer_uri": _invocation(terraform),
        "authorizer_payload_format_version": "2.0",
        "authorizer_result_ttl_in_seconds": 120,
        "enable_simple_responses": True,
        "identity_sources": ["$request.header.Authorization"],
        "lifecycle": {"create_before_destroy": True},
    }


@theirs
def test_only_the_authorizer_may_call_somebody_elses_function(bound: tuple[RouteAuthorization, Terraform]) -> None:
    _, terraform = bound
    api, authorizer = terraform.one("aws_apigatewayv2_api"), terraform.one("aws_apigatewayv2_authorizer")

    assert terraform.one("aws_lambda_permission") == {
        "action": "lambda:InvokeFunction",
        "function_name": ARN,
        "principal": "apigateway.amazonaws.com",
        "source_arn": f"{api.ref('execution_arn')}/authorizers/{authorizer.ref('id')}",
    }
    assert "aws_apigatewayv2_route" not in terraform.types


@ours
def test_a_browser_begins_at_the_functions_login_page_which_asks_for_nothing_before(
    bound: tuple[RouteAuthorization, Terraform],
) -> None:
    _, terraform = bound
    integration, route = terraform.one("aws_apigatewayv2_integration"), terraform.one("aws_apigatewayv2_route")

    assert (route["route_key"], route["authorization_type"]) == ("GET /", "NONE")
    assert route["target"] == f"integrations/{integration.ref('id')}"
    assert (integration["integration_type"], integration["payload_format_version"]) == ("AWS_PROXY", "2.0")
    assert integration["integration_uri"] == _invocation(terraform)
    source = f"{terraform.one('aws_apigatewayv2_api').ref('execution_arn')}/*/GET/"
    assert [each["source_arn"] for each in terraform.all("aws_lambda_permission")][-1] == source

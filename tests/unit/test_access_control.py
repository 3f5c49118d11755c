from __future__ import annotations

import pytest
from cdktf import TerraformOutput
from cdktf_cdktf_provider_aws.apigatewayv2_api import Apigatewayv2Api

from constructs_lib.access_control import (
    AccessControl,
    BasicAccess,
    IamAccess,
    JwtAccess,
    PublicAccess,
    RouteAuthorization,
)
from tests.unit.synthesis import Workbench


@pytest.fixture
def api(stack: Workbench) -> Apigatewayv2Api:
    return Apigatewayv2Api(stack, "api", name="test", protocol_type="HTTP")


@pytest.mark.parametrize(
    ("access", "type", "authorization"),
    [
        (BasicAccess(), "basic", "NONE"),  # nginx checks
        (PublicAccess(), "none", "NONE"),
        (IamAccess(), "iam", "AWS_IAM"),
    ],
)
def test_some_schemes_need_nothing_but_a_word_on_the_route(
    stack: Workbench, api: Apigatewayv2Api, access: AccessControl, type: str, authorization: str
) -> None:
    assert access.type == type
    assert access.bind(stack, api) == RouteAuthorization(authorization)
    assert stack.synthesise().types == {"aws_apigatewayv2_api"}


def test_tokens_are_judged_by_issuer_audience_and_scopes(stack: Workbench, api: Apigatewayv2Api) -> None:
    access = JwtAccess("https://login.example.com", audiences=("mlflow", "other"), scopes=("mlflow/use",))

    authorization = access.bind(stack, api)
    TerraformOutput(stack, "authorizer", value=authorization.authorizer_id, static_id=True)

    terraform = stack.synthesise()
    assert terraform.one("aws_apigatewayv2_authorizer") == {
        "api_id": terraform.one("aws_apigatewayv2_api").ref("id"),
        "name": "jwt",
        "authorizer_type": "JWT",
        "identity_sources": ["$request.header.Authorization"],
        "jwt_configuration": {"issuer": "https://login.example.com", "audience": ["mlflow", "other"]},
        "lifecycle": {"create_before_destroy": True},
    }
    assert (access.type, authorization.authorization_type) == ("jwt", "JWT")
    assert authorization.authorization_scopes == ("mlflow/use",)
    authorizer = terraform.one("aws_apigatewayv2_authorizer").ref("id")
    assert terraform.document["output"]["authorizer"]["value"] == authorizer

from __future__ import annotations

from cdktf_cdktf_provider_aws.apigatewayv2_api import Apigatewayv2Api

from constructs_lib.access_control import BasicAccess, RouteAuthorization
from tests.unit.synthesis import Workbench


def test_basic_access_leaves_the_check_to_nginx(stack: Workbench) -> None:
    api = Apigatewayv2Api(stack, "api", name="test", protocol_type="HTTP")

    assert BasicAccess().bind(stack, api) == RouteAuthorization(authorization_type="NONE")
    assert stack.synthesise().types == {"aws_apigatewayv2_api"}

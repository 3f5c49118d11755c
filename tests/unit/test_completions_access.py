"""As in test_completions.py, for what stands between callers and the load balancer."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator import Emulator
from rehearsal.inventory import leftovers

AUTHORIZATION = "$request.header.Authorization"
ROUTE = "POST /api/2.0/mlflow/runs/log-batch"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def gateway(emulator: Emulator) -> Any:
    return emulator.client("apigatewayv2")


@pytest.fixture
def api(gateway: Any) -> str:
    created: str = gateway.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    return created


@pytest.fixture
def pool(emulator: Emulator) -> str:
    created = emulator.client("cognito-idp").create_user_pool(
        PoolName="p",
        AliasAttributes=["email"],
        UsernameConfiguration={"CaseSensitive": False},
        UserPoolTags={"a": "1", "b": "2"},
    )
    found: str = created["UserPool"]["Id"]
    return found


def make_listener(emulator: Emulator, name: str) -> dict[str, Any]:
    """An HTTPS listener of a load balancer, and what else an update of it needs."""
    subnets = [subnet["SubnetId"] for subnet in emulator.client("ec2").describe_subnets()["Subnets"][:2]]
    balancing = emulator.client("elbv2")
    balancer = balancing.create_load_balancer(Name=name, Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    certificate = emulator.client("acm").request_certificate(DomainName="a.example.com")["CertificateArn"]
    made: dict[str, Any] = balancing.create_listener(
        LoadBalancerArn=balancer,
        Port=443,
        Protocol="HTTPS",
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
    )["Listeners"][0]
    return made


def test_an_authorizer_stays_until_no_route_refers_to_it(gateway: Any, api: str) -> None:
    token = {"Audience": ["a"], "Issuer": "https://i.example.com"}
    authorizer = gateway.create_authorizer(
        ApiId=api, AuthorizerType="JWT", IdentitySource=[AUTHORIZATION], JwtConfiguration=token, Name="jwt"
    )["AuthorizerId"]
    route = gateway.create_route(ApiId=api, RouteKey=ROUTE, AuthorizationType="JWT", AuthorizerId=authorizer)
    with pytest.raises(ClientError, match=f"'jwt', is referenced in route: {ROUTE}") as refusal:
        gateway.delete_authorizer(ApiId=api, AuthorizerId=authorizer)
    assert refusal.value.response["Error"]["Code"] == "ConflictException"
    gateway.update_route(ApiId=api, RouteId=route["RouteId"], AuthorizationType="NONE", AuthorizerId="")
    gateway.delete_authorizer(ApiId=api, AuthorizerId=authorizer)


def test_a_domain_name_is_available_under_a_target_and_may_get_another_certificate(gateway: Any) -> None:
    def configuration(certificate: str) -> list[dict[str, str]]:
        arn = f"arn:aws:acm:us-west-2:123456789012:certificate/{certificate}"
        return [{"CertificateArn": arn, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}]

    gateway.create_domain_name(DomainName="a.example.com", DomainNameConfigurations=configuration("old"))
    gateway.update_domain_name(DomainName="a.example.com", DomainNameConfigurations=configuration("new"))
    found = gateway.get_domain_name(DomainName="a.example.com")
    (described,) = found["DomainNameConfigurations"]
    assert described["DomainNameStatus"] == "AVAILABLE"
    assert described["ApiGatewayDomainName"].endswith(".execute-api.us-west-2.amazonaws.com")
    assert described["HostedZoneId"]
    assert described["CertificateArn"].endswith("/new")
    assert "MutualTlsAuthentication" not in found


def test_a_stage_can_be_updated_and_the_settings_of_a_route_deleted(gateway: Any, api: str) -> None:
    stage = {"ApiId": api, "StageName": "$default"}
    for route in (ROUTE, "GET /"):
        gateway.create_route(ApiId=api, RouteKey=route)
    gateway.create_stage(**stage, AutoDeploy=True, RouteSettings={"GET /": {"ThrottlingRateLimit": 1.0}})
    gateway.update_stage(**stage, Description="d", RouteSettings={ROUTE: {"ThrottlingRateLimit": 2.0}})
    found = gateway.get_stage(**stage)
    assert (found["Description"], found["AutoDeploy"]) == ("d", True)
    limits = {route: settings["ThrottlingRateLimit"] for route, settings in found["RouteSettings"].items()}
    assert limits == {"GET /": 1.0, ROUTE: 2.0}
    gateway.delete_route_settings(**stage, RouteKey=ROUTE)
    assert gateway.get_stage(**stage)["RouteSettings"].keys() == {"GET /"}


def test_a_stage_has_settings_of_routes_that_exist_only(gateway: Any, api: str) -> None:
    settings = {ROUTE: {"ThrottlingRateLimit": 1.0}}
    for operation in (gateway.create_stage, gateway.update_stage):
        with pytest.raises(ClientError, match=f"Unable to find Route by key {ROUTE}") as refusal:
            operation(ApiId=api, StageName="$default", RouteSettings=settings)
        assert refusal.value.response["Error"]["Code"] == "NotFoundException"


def test_a_route_loses_its_scopes_and_an_integration_its_tls_settings(gateway: Any, api: str) -> None:
    route = gateway.create_route(ApiId=api, RouteKey=ROUTE, AuthorizationScopes=["a/b"])["RouteId"]
    gateway.update_route(ApiId=api, RouteId=route, AuthorizationScopes=[])
    assert "AuthorizationScopes" not in gateway.get_route(ApiId=api, RouteId=route)

    integration = gateway.create_integration(
        ApiId=api, IntegrationType="HTTP_PROXY", TlsConfig={"ServerNameToVerify": "a.example.com"}
    )["IntegrationId"]
    gateway.update_integration(ApiId=api, IntegrationId=integration, Description="d")
    assert gateway.get_integration(ApiId=api, IntegrationId=integration)["TlsConfig"]
    gateway.update_integration(ApiId=api, IntegrationId=integration, TlsConfig={})
    assert "TlsConfig" not in gateway.get_integration(ApiId=api, IntegrationId=integration)


def test_a_function_says_where_it_logs(emulator: Emulator) -> None:
    functions = emulator.client("lambda")
    role = emulator.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("a.py", "")
    rest = {"Role": role, "Runtime": "python3.13", "Handler": "a.b", "Code": {"ZipFile": code.getvalue()}}
    functions.create_function(FunctionName="f", LoggingConfig={"LogFormat": "JSON", "LogGroup": "/f"}, **rest)
    functions.create_function(FunctionName="usual", **rest)

    def logging(name: str) -> dict[str, str]:
        configuration = functions.get_function(FunctionName=name)["Configuration"]["LoggingConfig"]
        return {key: value for key, value in configuration.items() if key in ("LogFormat", "LogGroup")}

    assert logging("f") == {"LogFormat": "JSON", "LogGroup": "/f"}
    assert logging("usual") == {"LogFormat": "Text", "LogGroup": "/aws/lambda/usual"}
    functions.update_function_configuration(FunctionName="f", Timeout=9)
    assert logging("f")["LogGroup"] == "/f"
    functions.update_function_configuration(FunctionName="f", LoggingConfig={"LogFormat": "Text", "LogGroup": "/g"})
    assert logging("f") == {"LogFormat": "Text", "LogGroup": "/g"}


def test_what_an_update_of_an_app_client_leaves_out_gets_its_default(emulator: Emulator, pool: str) -> None:
    cognito = emulator.client("cognito-idp")
    flows = {"AllowedOAuthFlowsUserPoolClient": True, "AllowedOAuthFlows": ["code"], "AccessTokenValidity": 1}
    created = cognito.create_user_pool_client(UserPoolId=pool, ClientName="c", **flows)["UserPoolClient"]
    client = {"UserPoolId": pool, "ClientId": created["ClientId"]}
    cognito.update_user_pool_client(**client, AccessTokenValidity=2)
    found = cognito.describe_user_pool_client(**client)["UserPoolClient"]
    assert (found["ClientName"], found["AccessTokenValidity"]) == ("c", 2)
    assert found["AllowedOAuthFlowsUserPoolClient"] is False
    assert "AllowedOAuthFlows" not in found


def test_a_user_pool_has_tags(emulator: Emulator, pool: str) -> None:
    cognito = emulator.client("cognito-idp")
    arn = cognito.describe_user_pool(UserPoolId=pool)["UserPool"]["Arn"]
    cognito.tag_resource(ResourceArn=arn, Tags={"c": "3"})
    cognito.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert cognito.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"b": "2", "c": "3"}
    assert cognito.describe_user_pool(UserPoolId=pool)["UserPool"]["UserPoolTags"] == {"b": "2", "c": "3"}


def test_a_user_pool_keeps_its_tags_and_how_its_users_are_named(emulator: Emulator, pool: str) -> None:
    cognito = emulator.client("cognito-idp")
    cognito.update_user_pool(UserPoolId=pool, MfaConfiguration="OFF")
    found = cognito.describe_user_pool(UserPoolId=pool)["UserPool"]
    assert (found["AliasAttributes"], found["UsernameConfiguration"]) == (["email"], {"CaseSensitive": False})
    assert found["UserPoolTags"] == {"a": "1", "b": "2"}


def test_a_protected_user_pool_stays_until_its_protection_is_lifted(emulator: Emulator, pool: str) -> None:
    cognito = emulator.client("cognito-idp")
    cognito.update_user_pool(UserPoolId=pool, DeletionProtection="ACTIVE")
    with pytest.raises(ClientError, match="deletion protection is activated") as refusal:
        cognito.delete_user_pool(UserPoolId=pool)
    assert refusal.value.response["Error"]["Code"] == "InvalidParameterException"
    cognito.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE")
    cognito.delete_user_pool(UserPoolId=pool)


def test_a_resource_server_can_be_updated_and_deleted(emulator: Emulator, pool: str) -> None:
    cognito = emulator.client("cognito-idp")
    server = {"UserPoolId": pool, "Identifier": "mlflow"}
    cognito.create_resource_server(**server, Name="n", Scopes=[{"ScopeName": "a", "ScopeDescription": "a"}])
    scopes = [{"ScopeName": "b", "ScopeDescription": "b"}]
    cognito.update_resource_server(**server, Name="m", Scopes=scopes)
    found = cognito.describe_resource_server(**server)["ResourceServer"]
    assert (found["Name"], found["Scopes"]) == ("m", scopes)
    cognito.delete_resource_server(**server)
    with pytest.raises(ClientError) as refusal:
        cognito.delete_resource_server(**server)
    assert refusal.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_listener_that_changes_to_http_has_no_certificate_any_more(emulator: Emulator) -> None:
    listener = make_listener(emulator, "tls")
    assert listener["Certificates"]
    balancing = emulator.client("elbv2")
    balancing.modify_listener(ListenerArn=listener["ListenerArn"], Port=80, Protocol="HTTP")
    (found,) = balancing.describe_listeners(ListenerArns=[listener["ListenerArn"]])["Listeners"]
    assert (found["Port"], found["Protocol"], found.get("Certificates", [])) == (80, "HTTP", [])


def test_a_listener_keeps_its_certificate_while_it_speaks_https(emulator: Emulator) -> None:
    listener = make_listener(emulator, "still-tls")
    balancing = emulator.client("elbv2")
    balancing.modify_listener(ListenerArn=listener["ListenerArn"], Port=8443)
    (found,) = balancing.describe_listeners(ListenerArns=[listener["ListenerArn"]])["Listeners"]
    assert found["Certificates"] == listener["Certificates"]


def test_a_zone_with_a_vpc_is_private_and_one_without_is_not(emulator: Emulator) -> None:
    route53 = emulator.client("route53")
    vpc = {"VPCRegion": emulator.region, "VPCId": emulator.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]}
    private = route53.create_hosted_zone(
        Name="a.internal", CallerReference="a", VPC=vpc, HostedZoneConfig={"Comment": "c"}
    )["HostedZone"]
    found = route53.get_hosted_zone(Id=private["Id"])
    assert (found["HostedZone"]["Config"]["PrivateZone"], found["VPCs"]) == (True, [vpc])
    public = route53.create_hosted_zone(Name="a.example.com", CallerReference="b")["HostedZone"]
    assert public["Config"]["PrivateZone"] is False


def test_deleting_a_zone_leaves_nothing(emulator: Emulator) -> None:
    route53 = emulator.client("route53")
    before = emulator.inventory()
    for name in ("b.example.com", "c.example.com"):
        zone = route53.create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"]
        tags = [{"Key": "a", "Value": "1"}]
        route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone.rpartition("/")[2], AddTags=tags)
        route53.delete_hosted_zone(Id=zone)
    assert leftovers(before, emulator.inventory()) == []


def test_deleting_a_certificate_leaves_nothing(emulator: Emulator) -> None:
    acm = emulator.client("acm")
    before = emulator.inventory()
    arn = acm.request_certificate(DomainName="b.example.com", IdempotencyToken="t")["CertificateArn"]
    assert [item.collection for item in leftovers(before, emulator.inventory())] == ["_certificates"]
    acm.delete_certificate(CertificateArn=arn)
    assert leftovers(before, emulator.inventory()) == []

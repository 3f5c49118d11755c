"""One environment that goes through every access mode, gets Studio, and then an endpoint with all that it may have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from errors import UserError
from rehearsal.life_cycle import Report
from settings import Settings
from tests.modes import (
    CERTIFICATE,
    DOMAIN,
    ENDPOINT,
    MODES,
    STUDIO,
    STUDIO_DOMAIN,
    STUDIO_ELSEWHERE,
    ZONE,
    changed,
)
from tests.terraform.checkov import Verdict, scan
from tests.terraform.live import Live, live

ROUTES = {"ANY /", "ANY /{proxy+}"}
AUTHORIZATION = {"basic": "NONE", "jwt": "JWT", "iam": "AWS_IAM", "lambda": "CUSTOM", "none": "NONE"}
LATER = ("jwt", "cognito", "iam", "lambda", "none")
"""What it goes through; it begins with ``basic`` and ends with ENDPOINT, which has ``their-lambda``."""


@pytest.fixture(scope="module")
def dev(environments: Mapping[str, Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The development environment as it is at first, with what the changed settings name in the account already."""
    settings = changed(environments["dev"], MODES["basic"])
    # Then the bucket goes only if the notebook's stack has taken its files out of it.
    settings = settings.model_copy(update={"artifacts": settings.artifacts.model_copy(update={"force_destroy": False})})
    later = [changed(settings, ENDPOINT), changed(settings, STUDIO_ELSEWHERE)]
    with live(settings, tmp_path_factory.mktemp("modes"), later=later) as dev:
        dev.rehearsal.deploy()
        yield dev


@pytest.mark.parametrize("mode", LATER)
def test_the_environment_goes_over_to_the_mode_and_is_planned_again_without_changes(dev: Live, mode: str) -> None:
    # Rehearsal.apply raises if the second plan is not empty.
    dev.rehearsal.apply(dev.rehearsal.synthesise(changed(dev.settings, MODES[mode])))

    access = MODES[mode]["access"]
    assert {route["AuthorizationType"] for route in routes(dev) if route["RouteKey"] in ROUTES} == {
        AUTHORIZATION[access.type]
    }
    assert nginx(dev).get("GATEWAY_ACCESS", "basic") == access.type
    assert authorizers(dev) == {"jwt": ["JWT"], "lambda": ["REQUEST"]}.get(access.type, [])
    # Nothing of another mode is left.
    assert len(dev.emulator.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]) == (mode == "cognito")
    assert (f"{dev.settings.name_prefix}-authorizer" in functions(dev)) is (mode == "lambda")


@pytest.mark.parametrize("studio", [STUDIO, STUDIO_ELSEWHERE], ids=["own", "elsewhere"])
def test_studio_is_made_and_planned_again_without_changes(dev: Live, studio: Mapping[str, Any]) -> None:
    # Rehearsal.apply raises if the second plan is not empty.
    dev.rehearsal.apply(dev.rehearsal.synthesise(changed(dev.settings, studio)))

    sagemaker = dev.emulator.client("sagemaker")
    domains = {domain["DomainId"]: domain["DomainName"] for domain in sagemaker.list_domains()["Domains"]}
    [profile] = dev.backend("sagemaker").user_profiles.values()
    if studio is STUDIO:
        assert domains.keys() - {STUDIO_DOMAIN} == {profile["DomainId"]}
        domain = sagemaker.describe_domain(DomainId=profile["DomainId"])
        assert (domain["DomainName"], domain["AppNetworkAccessType"]) == ("mlflow-dev", "VpcOnly")
    else:
        assert {*domains} == {STUDIO_DOMAIN} == {profile["DomainId"]}
    [notebook] = sagemaker.list_notebook_instances()["NotebookInstances"]
    role = sagemaker.describe_notebook_instance(NotebookInstanceName=notebook["NotebookInstanceName"])["RoleArn"]
    assert profile["UserSettings"]["ExecutionRole"] == role


def test_the_endpoint_gets_a_name_a_certificate_a_firewall_and_limits(dev: Live) -> None:
    dev.rehearsal.apply(dev.rehearsal.synthesise(changed(dev.settings, ENDPOINT)))

    gateway = dev.emulator.client("apigatewayv2")
    [api] = gateway.get_apis()["Items"]
    assert {route["AuthorizationType"] for route in routes(dev)} == {"CUSTOM"}
    [mapping] = gateway.get_api_mappings(DomainName=DOMAIN)["Items"]
    assert (api["DisableExecuteApiEndpoint"], mapping["ApiId"]) == (True, api["ApiId"])
    [balancer] = dev.emulator.client("elbv2").describe_load_balancers()["LoadBalancers"]
    arn = balancer["LoadBalancerArn"]
    [listener] = dev.emulator.client("elbv2").describe_listeners(LoadBalancerArn=arn)["Listeners"]
    assert (listener["Protocol"], listener["Certificates"]) == ("HTTPS", [{"CertificateArn": CERTIFICATE}])
    assert dev.emulator.client("wafv2").get_web_acl_for_resource(ResourceArn=arn)["WebACL"]["Rules"]
    assert {"A"} <= {record["Type"] for record in records(dev) if record["Name"] == f"{DOMAIN}."}


@pytest.fixture(scope="module")
def verdict(dev: Live) -> Verdict:
    gateways = sorted(dev.plans.glob("*-dev-http-api-gateway.json"))  # in each mode
    notebooks = sorted(dev.plans.glob("*-dev-sagemaker-notebook.json"))  # in each mode, and with Studio
    return scan("modes", [*gateways, *notebooks, dev.last_plans()["dev-mlflow-vpclink"]])


def test_checkov_finds_nothing_in_any_mode_that_is_not_explained(
    verdict: Verdict, record_property: Callable[[str, object], None]
) -> None:
    record_property("checkov", str(verdict))
    assert verdict.parsing_errors == 0
    assert verdict.failed == ()


@pytest.fixture(scope="module")
def destroyed(dev: Live) -> Report:
    with pytest.raises(UserError, match="The settings are not those that are deployed"):
        dev.rehearsal.destroy()
    dev.rehearsal.destroy(changed(dev.settings, ENDPOINT))
    return dev.rehearsal.report


def test_all_of_it_is_destroyed_and_what_was_there_before_stays(dev: Live, destroyed: Report) -> None:
    # Rehearsal.destroy raises if anything is left.
    assert all(reason for _, reason in destroyed.kept)
    assert {record["Type"] for record in records(dev)} == {"NS", "SOA"}
    assert dev.emulator.client("acm").describe_certificate(CertificateArn=CERTIFICATE)
    [domain] = dev.emulator.client("sagemaker").list_domains()["Domains"]
    assert domain["DomainId"] == STUDIO_DOMAIN


def routes(dev: Live) -> list[dict[str, Any]]:
    gateway = dev.emulator.client("apigatewayv2")
    [api] = gateway.get_apis()["Items"]
    return list(gateway.get_routes(ApiId=api["ApiId"])["Items"])


def authorizers(dev: Live) -> list[str]:
    [api] = dev.backend("apigatewayv2").apis.values()  # moto cannot list them
    return [authorizer.authorizer_type for authorizer in api.authorizers.values()]


def functions(dev: Live) -> set[str]:
    return {function["FunctionName"] for function in dev.emulator.client("lambda").list_functions()["Functions"]}


def nginx(dev: Live) -> dict[str, str]:
    """The variables of nginx's container in the task definition that runs."""
    ecs = dev.emulator.client("ecs")
    [service] = ecs.describe_services(cluster="mlflow-dev", services=["mlflow"])["services"]
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    [container] = [container for container in task["containerDefinitions"] if container["name"] == "nginx"]
    return {variable["name"]: variable["value"] for variable in container["environment"]}


def records(dev: Live) -> list[dict[str, Any]]:
    """Of the public zone."""
    route53 = dev.emulator.client("route53")
    [zone] = [zone for zone in route53.list_hosted_zones()["HostedZones"] if zone["Name"] == f"{ZONE}."]
    return list(route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"])

"""What environments cost, line by line, and that nothing is left out or taken for zero."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

import main
from cost import Estimate, Line, Resource, compare, completed, estimate, resources_of
from cost.estimating import PRICED_TYPES
from cost.free import FREE_TYPES
from settings import LoadBalancerSettings, Settings, UsageSettings, WafSettings
from tests import modes
from tests.unit.arithmetic import evaluated
from tests.unit.synthesis import Terraform

OREGON = "us-west-2"
NOWHERE = "xx-south-9"
MODES: Mapping[str, Mapping[str, Any]] = {
    **modes.MODES,
    "endpoint": modes.ENDPOINT,
    "studio": modes.STUDIO,
    "studio-elsewhere": modes.STUDIO_ELSEWHERE,
}
LIGHT = UsageSettings()


@pytest.fixture(scope="module")
def everything(
    environments: Mapping[str, Settings], platform: Mapping[str, Terraform], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, list[Resource]]:
    """The resources of both environments with their state backends, and of dev in every mode."""
    found = {
        name: [
            resource
            for stack, terraform in platform.items()
            if stack.startswith(f"{name}-")
            for resource in resources_of(stack, terraform.document)
        ]
        for name in environments
    }
    outdir = tmp_path_factory.mktemp("modes")
    for name, changes in MODES.items():
        main.synthesise([modes.changed(environments["dev"], changes)], outdir / name)
        found[name] = list(_synthesised(outdir / name))
    return found


@pytest.fixture(scope="module")
def bills(everything: Mapping[str, list[Resource]], environments: Mapping[str, Settings]) -> Mapping[str, Estimate]:
    return {
        name: estimate(resources, region=OREGON, usage=environments["prod" if name == "prod" else "dev"].usage)
        for name, resources in everything.items()
    }


def _synthesised(outdir: Path) -> Iterable[Resource]:
    for folder in sorted((outdir / "stacks").iterdir()):
        yield from resources_of(folder.name, Terraform.read(outdir, folder.name).document)


def resource(type: str, name: str = "it", /, stack: str = "dev-mlflow-vpclink", **values: Any) -> Resource:
    return Resource(stack, type, name, values)


def lines_of(*resources: Resource, **usage: Any) -> Mapping[str, Line]:
    """The lines of *resources* by their items."""
    made = estimate(resources, region=OREGON, usage=UsageSettings(**usage)).lines
    items = {line.item: line for line in made}
    assert len(items) == len(made), "an item appears twice"
    return items


def dollars(*resources: Resource, **usage: Any) -> Mapping[str, float | None]:
    return {item: line.usd for item, line in lines_of(*resources, **usage).items()}


def cluster(least: float | None, most: float | None = 8, /, name: str = "database", **values: Any) -> Resource:
    scaling = [{"min_capacity": least, "max_capacity": most}]
    return resource(
        "aws_rds_cluster",
        name,
        **{"engine": "aurora-mysql", "cluster_identifier": name, "serverlessv2_scaling_configuration": scaling}
        | values,
    )


def writer(name: str = "writer", **values: Any) -> Resource:
    return resource(
        "aws_rds_cluster_instance",
        name,
        **{"instance_class": "db.serverless", "cluster_identifier": "${aws_rds_cluster.database.id}"} | values,
    )


def service(*, target: int | None = 2, spot: bool = False, **task: Any) -> list[Resource]:
    provider = "FARGATE_SPOT" if spot else "FARGATE"
    values = {"cpu": "512", "memory": "1024", "runtime_platform": [{"cpu_architecture": "ARM64"}]} | task
    return [
        resource(
            "aws_ecs_service",
            "service",
            desired_count=5,
            capacity_provider_strategy=[{"capacity_provider": provider, "weight": 1, "base": 0}],
            task_definition="${aws_ecs_task_definition.task.arn}",
        ),
        resource("aws_ecs_task_definition", "task", **values),
        *([resource("aws_appautoscaling_target", "scaling", min_capacity=target)] if target else []),
    ]


# --- Whole environments -----------------------------------------------------------------------------------------------


def test_dev_and_prod_cost_what_the_documentation_says(bills: Mapping[str, Estimate]) -> None:
    assert {name: (bills[name].total, bills[name].unknown) for name in ("dev", "prod")} == {
        "dev": (104.79, ()),
        "prod": (417.31, ()),
    }


def test_every_type_in_every_mode_is_priced_or_free(everything: Mapping[str, list[Resource]]) -> None:
    types = {resource.type for resources in everything.values() for resource in resources}
    assert len(types) > 60
    assert types - PRICED_TYPES - FREE_TYPES.keys() == set()
    assert PRICED_TYPES.isdisjoint(FREE_TYPES)


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_unknown_in_a_mode_where_the_region_is_known(bills: Mapping[str, Estimate], mode: str) -> None:
    assert bills[mode].unknown == ()
    assert bills[mode].total > 90


def test_arithmetic_of_every_line_gives_its_dollars(bills: Mapping[str, Estimate]) -> None:
    lines = [line for bill in bills.values() for line in bill.lines]
    assert len(lines) > 300
    for line in lines:
        assert line.usd is not None
        assert abs(evaluated(line.arithmetic) - line.usd) <= 0.005 + 1e-9, line


def test_modes_differ_from_basic_by_what_they_bring(bills: Mapping[str, Estimate]) -> None:
    components = {name: {line.component for line in bill.lines} for name, bill in bills.items()}
    assert {name: components[name] - components["basic"] for name in MODES} == {
        "basic": set(),
        "jwt": set(),
        "cognito": {"User pool"},
        "iam": set(),
        "lambda": {"Authorizer"},
        "their-lambda": set(),
        "none": set(),
        "endpoint": {"Firewall"},
        "studio": {"Studio"},
        "studio-elsewhere": {"Studio"},
    }


def test_a_region_without_prices_makes_lines_unknown_with_the_reason(everything: Mapping[str, list[Resource]]) -> None:
    bill = estimate(everything["dev"], region=NOWHERE, usage=LIGHT)
    by_item = {line.item: line for line in bill.lines}
    line = by_item["NAT gateways"]
    assert (line.usd, line.arithmetic.split(" \N{MULTIPLICATION SIGN} ")) == (None, ["1", "730", "?"])
    assert "cost/prices.toml has no price of nat_hour in xx-south-9" in line.assumption
    assert {"Fargate Spot, arm64", "Aurora, capacity", "Notebook instance"} <= set(bill.unknown)
    # What has one price all over the world, and what is free.
    assert {line.item for line in bill.lines if line.usd is not None} == {
        "Public IPv4 addresses",
        "KMS keys",
        "VPC link of an HTTP API",
        "Data out to the internet",
        "Private DNS zones",
    }


@pytest.mark.parametrize("region", ["us-west-2", "us-east-1"])
def test_every_line_has_a_price_in(region: str, everything: Mapping[str, list[Resource]]) -> None:
    for resources in everything.values():
        assert estimate(resources, region=region, usage=LIGHT).unknown == ()


def test_every_assumption_names_a_setting_that_exists(bills: Mapping[str, Estimate]) -> None:
    named = {
        match[1]: match[2]
        for bill in bills.values()
        for line in bill.lines
        for match in re.finditer(r"\b([a-z_]+\.([a-z_]+))\b", line.assumption)
        if match[1] not in ("cost.prices", "ml.t3", "t3.medium")
    }
    used = {key for key in named if key.startswith("usage.")}
    assert {key.removeprefix("usage.") for key in used} == set(UsageSettings.model_fields)
    for key in named.keys() - used:
        group, field = key.split(".")
        annotation = type(getattr(_settings(), group))
        assert field in annotation.model_fields, key


def _settings() -> Settings:
    return Settings(environment="dev", project="mlflow", load_balancer=LoadBalancerSettings(waf=WafSettings()))


# --- What is not known ------------------------------------------------------------------------------------------------


def test_an_unknown_type_is_reported_with_the_names() -> None:
    proxies = [resource("aws_db_proxy", f"proxy_{number}") for number in range(5)]
    bill = estimate([*proxies, resource("aws_nat_gateway")], region=OREGON, usage=LIGHT)
    assert bill.unknown == ("aws_db_proxy",)
    assert bill.lines[-1].assumption == (
        "unknown: cost/ does not know this type (proxy_0, proxy_1, proxy_2 and 2 more)"
    )
    assert bill.total == 33.30


def test_free_types_make_no_lines() -> None:
    assert lines_of(resource("aws_subnet"), resource("terraform_data")) == {}


def test_priced_resources_that_terraform_counts_are_unknown_and_free_ones_are_not() -> None:
    each = "${local.zones}"
    assert dollars(
        resource("aws_nat_gateway", for_each=each),
        resource("aws_s3_object", for_each=each),
        resource("aws_eip", count=each),
    ) == {"aws_nat_gateway.it": None, "aws_eip.it": None}


def test_attributes_that_are_known_only_after_an_apply_make_lines_unknown() -> None:
    found = lines_of(
        resource("aws_vpc_endpoint", vpc_endpoint_type="Interface", subnet_ids=None),
        *service(cpu=None),
        cluster(None),
        writer(),
        resource("aws_sagemaker_notebook_instance", instance_type="${var.type}", volume_size=5),
    )
    assert {item for item, line in found.items() if line.usd is None} == {
        "Interface endpoints",
        "Fargate, arm64",
        "Aurora, capacity",
        "Notebook instance",
    }
    assert "subnet_ids is known only after an apply" in found["Interface endpoints"].assumption
    assert "cpu is known only after an apply" in found["Fargate, arm64"].assumption


def test_the_configuration_completes_what_a_plan_does_not_know_yet() -> None:
    planned = [resource("aws_vpc_endpoint", vpc_endpoint_type="Interface", subnet_ids=None)]
    block = {
        "//": {},
        "count": 1,
        "vpc_endpoint_type": "Gateway",
        "subnet_ids": ["${aws_subnet.a.id}", "${aws_subnet.b.id}"],
    }
    configuration = {"resource": {"aws_vpc_endpoint": {"it": block}}}
    (whole,) = completed(planned, {"dev-mlflow-vpclink": configuration})
    assert whole.values == {"vpc_endpoint_type": "Interface", "subnet_ids": block["subnet_ids"]}
    assert dollars(whole)["Interface endpoints"] == 14.60


def test_a_resource_without_a_configuration_stays_as_it_is() -> None:
    planned = resource("aws_eip", "address[0]", domain="vpc")
    assert list(completed([planned], {})) == [planned]


def test_a_number_as_count_is_obeyed() -> None:
    configuration = {"resource": {"aws_eip": {"address": {"//": {"metadata": {}}, "count": 3}}}}
    found = list(resources_of("dev-x", configuration))
    assert [(each.stack, each.name, each.values) for each in found] == [
        ("dev-x", f"address[{index}]", {}) for index in range(3)
    ]
    assert dollars(*found) == {"Public IPv4 addresses": 10.95}


# --- Network ----------------------------------------------------------------------------------------------------------


def test_endpoints_are_billed_by_service_and_zone_and_gateways_are_free() -> None:
    def endpoint(name: str, zones: int) -> Resource:
        return resource("aws_vpc_endpoint", name, vpc_endpoint_type="Interface", subnet_ids=["a", "b", "c"][:zones])

    gateway = resource("aws_vpc_endpoint", "s3", route_table_ids=["a"])
    assert dollars(gateway) == {}
    assert lines_of(gateway, endpoint("a", 3), endpoint("b", 3))["Interface endpoints"].usd == 43.80
    assert lines_of(endpoint("a", 3), endpoint("b", 1))["Interface endpoints"].usd == 29.20
    other = resource("aws_vpc_endpoint", "fw", vpc_endpoint_type="GatewayLoadBalancer")
    assert dollars(other) == {"Endpoint fw": None}


def test_another_load_balancer_than_an_application_one_is_unknown() -> None:
    kinds = [resource("aws_lb", kind, load_balancer_type=kind) for kind in ("application", "network")]
    assert dollars(*kinds, lcu=1) == {
        "Load balancer": 16.43,
        "Load balancer, capacity": 5.84,
        "Load balancer network": None,
    }


def test_the_firewall_costs_by_list_rule_and_request() -> None:
    acl = resource("aws_wafv2_web_acl", rule=[{"name": "a"}, {"name": "b"}])
    assert dollars(acl, requests_millions=10) == {
        "Web ACL": 5.00,
        "Web ACL, rules": 2.00,
        "Web ACL, requests": 6.00,
    }


# --- Service ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (service(), {"Fargate, arm64": 28.84}),
        (service(spot=True), {"Fargate Spot, arm64": 8.65}),
        (service(runtime_platform=[{"cpu_architecture": "X86_64"}]), {"Fargate, x86_64": 36.04}),
        (service(runtime_platform=None), {"Fargate, x86_64": 36.04}),
        (service(target=None), {"Fargate, arm64": 72.09}),
        (service(runtime_platform={"cpu_architecture": "SPARC"}), {"Fargate, sparc": None}),
        (service(ephemeral_storage=[{"size_in_gib": 50}]), {"Fargate, arm64": 28.84, "Fargate, disk": None}),
        (service()[::2], {"Fargate": None}),
    ],
    ids=["on-demand", "spot", "x86_64", "default", "desired", "unknown-processor", "disk", "no-task"],
)
def test_tasks_cost_by_size_processor_and_provider(
    resources: list[Resource], expected: Mapping[str, float | None]
) -> None:
    assert dollars(*resources) == expected


def test_weights_divide_the_tasks_between_providers() -> None:
    fargate, task, target = service(target=4)
    strategy = [{"capacity_provider": "FARGATE", "weight": 1}, {"capacity_provider": "FARGATE_SPOT", "weight": 3}]
    mixed = replace(fargate, values={**fargate.values, "capacity_provider_strategy": strategy})
    assert dollars(mixed, task, target) == {"Fargate, arm64": 14.42, "Fargate Spot, arm64": 12.98}


def test_a_service_that_names_no_provider_is_unknown() -> None:
    fargate, task, target = service()
    nameless = replace(fargate, values={"desired_count": 1})
    assert dollars(nameless, task, target) == {"Fargate": None}
    launched = replace(fargate, values={"launch_type": "FARGATE"})
    assert dollars(launched, task, target) == {"Fargate, arm64": 28.84}


def test_each_of_two_services_has_its_own_task_and_scaling() -> None:
    small, small_task, small_target = service(target=1)
    large = replace(
        small,
        name="other",
        values={**small.values, "name": "other", "task_definition": "arn:aws:ecs:us-west-2:1:task-definition/big:3"},
    )
    large_task = resource("aws_ecs_task_definition", "other", family="big", cpu="1024", memory="2048")
    small_target = replace(
        small_target, values={"min_capacity": 1, "resource_id": "service/c/${aws_ecs_service.service.name}"}
    )
    large_target = resource("aws_appautoscaling_target", "other", min_capacity=3, resource_id="service/c/other")
    assert dollars(small, small_task, small_target, large, large_task, large_target) == {
        "Fargate, arm64 (service)": 14.42,
        "Fargate, x86_64 (other)": 108.12,
    }


def test_container_insights_and_alarms_are_counted() -> None:
    def clusters(value: str) -> Resource:
        return resource("aws_ecs_cluster", value, setting=[{"name": "containerInsights", "value": value}])

    policy = resource("aws_appautoscaling_policy", policy_type="TargetTrackingScaling")
    own = resource("aws_cloudwatch_metric_alarm")
    found = dollars(clusters("enabled"), clusters("disabled"), policy, own, *service())
    assert found["Container Insights"] == 7.50
    assert (found["Alarms of autoscaling"], found["Alarms"]) == (0.20, 0.10)
    assert dollars(clusters("enhanced")) == {"Container Insights": None}


def test_detailed_metrics_are_billed_by_route_in_hours_with_requests() -> None:
    routes = [resource("aws_apigatewayv2_route", f"route_{number}") for number in range(3)]
    every = resource("aws_apigatewayv2_stage", default_route_settings=[{"detailed_metrics_enabled": True}])
    some = resource(
        "aws_apigatewayv2_stage",
        default_route_settings=[{"detailed_metrics_enabled": False}],
        route_settings=[{"detailed_metrics_enabled": True}, {"detailed_metrics_enabled": False}],
    )
    assert dollars(every, *routes, api_hours=730) == {"HTTP API, detailed metrics": 5.40}
    assert dollars(every, *routes, api_hours=73) == {"HTTP API, detailed metrics": 0.54}
    assert dollars(some, *routes, api_hours=730) == {"HTTP API, detailed metrics": 1.80}


# --- Data -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("least", "most", "usage", "expected", "words"),
    [
        (0, 2, {"database_hours": 100, "database_acu": 1}, 12.00, "awake 100 hours"),
        (0, 2, {"database_hours": 100, "database_acu": 50}, 24.00, "at 2 ACU"),
        (0.5, 8, {"database_hours": 100, "database_acu": 1}, 87.60, "never paused"),
        (4, 8, {"database_acu": 1}, 350.40, "4 ACU on average"),
        (0.5, 8, {"database_acu": 100}, 700.80, "8 ACU on average"),
    ],
    ids=["pauses", "within-the-most", "never-pauses", "within-the-least", "never-more-than-the-most"],
)
def test_capacity_of_the_database_is_kept_within_what_the_cluster_allows(
    least: float, most: float, usage: Mapping[str, float], expected: float, words: str
) -> None:
    line = lines_of(cluster(least, most), writer(), **usage)["Aurora, capacity"]
    assert line.usd == expected
    assert words in line.assumption


def test_each_instance_of_a_database_has_its_capacity() -> None:
    assert dollars(cluster(1), writer(), writer("reader"))["Aurora, capacity"] == 175.20
    assert "Aurora, capacity" not in dollars(cluster(1))


def test_other_databases_are_unknown() -> None:
    assert dollars(cluster(1, engine="mysql"), writer()) == {"Aurora": None}
    assert dollars(cluster(1, engine=None), writer()) == {"Aurora": None}
    assert dollars(cluster(1, storage_type="aurora-iopt1"), writer()) == {"Aurora": None}
    assert dollars(cluster(1), writer(instance_class="db.r6g.large"))["Aurora, instances"] is None


def test_each_of_two_databases_has_its_own_instances() -> None:
    found = dollars(cluster(1), writer(), cluster(2, name="other"), writer("second", cluster_identifier="other"))
    assert (found["Aurora, capacity (database)"], found["Aurora, capacity (other)"]) == (87.60, 175.20)


def test_logs_are_kept_as_long_as_the_longest_says() -> None:
    short = resource("aws_cloudwatch_log_group", "short", retention_in_days=1)
    long = resource("aws_cloudwatch_log_group", "long", retention_in_days=365)
    found = lines_of(short, long, logs_gb=100)
    assert (found["Logs, written"].usd, found["Logs, kept"].usd) == (50.00, 5.40)
    for forever in (None, 0):
        grows = lines_of(resource("aws_cloudwatch_log_group", retention_in_days=forever))["Logs, kept"]
        assert grows.usd is None
        assert "grows for ever" in grows.assumption


def test_flow_logs_are_written_beside_the_others() -> None:
    group = resource("aws_cloudwatch_log_group", "flow_logs", retention_in_days=30)
    flow = resource("aws_flow_log", log_destination="${aws_cloudwatch_log_group.flow_logs.arn}")
    assert dollars(group, flow, flow_logs_gb=10)["Flow logs, written"] == 5.00
    assert "Logs, written" not in dollars(group, flow)
    assert dollars(resource("aws_flow_log", log_destination_type="s3")) == {"Flow logs, written": None}


def test_artifacts_cost_by_size_and_when_tiered_by_objects() -> None:
    bucket = resource("aws_s3_bucket", "artifacts")
    rules = [{"id": "a"}, {"transition": [{"days": 0, "storage_class": "INTELLIGENT_TIERING"}]}]
    tiering = resource("aws_s3_bucket_lifecycle_configuration", rule=rules)
    usage = {"artifacts_gb": 100, "artifacts_objects": 1_000_000, "artifacts_new_objects": 2_000_000}
    assert dollars(bucket, **usage) == {"S3, artifacts": 2.30}
    assert dollars(bucket, tiering, **usage) == {"S3, artifacts": 14.80}  # no more new ones than there are


def test_what_is_in_another_bucket_or_table_is_unknown() -> None:
    buckets = [resource("aws_s3_bucket", name) for name in ("artifacts", "backups")]
    assert dollars(*buckets) == {"S3, artifacts": 0.46, "S3, backups": None}
    assert dollars(resource("aws_dynamodb_table", "jobs", billing_mode="PAY_PER_REQUEST")) == {"Table jobs": None}


def test_the_state_costs_next_to_nothing() -> None:
    stack = "dev-state-backend"
    bucket, table = resource("aws_s3_bucket", stack=stack), resource("aws_dynamodb_table", stack=stack)
    assert dollars(bucket, replace(table, values={"billing_mode": "PAY_PER_REQUEST"})) == {
        "State: S3": 0.00,
        "State: DynamoDB": 0.00,
    }
    assert dollars(replace(table, values={"billing_mode": "PROVISIONED"})) == {"Table it": None}


# --- Endpoint and notebooks -------------------------------------------------------------------------------------------


def test_answers_beyond_the_free_ones_cost() -> None:
    api = resource("aws_apigatewayv2_api", protocol_type="HTTP")
    assert dollars(api, requests_millions=10, answer_kb=10)["Data out to the internet"] == 0.00
    found = lines_of(api, requests_millions=30, answer_kb=10)["Data out to the internet"]
    assert found.usd == 18.00
    assert evaluated(found.arithmetic) == pytest.approx(18.00)
    assert dollars(resource("aws_apigatewayv2_api", protocol_type="WEBSOCKET")) == {"API it": None}


def test_the_authorizer_costs_by_call_and_second() -> None:
    function = resource("aws_lambda_function", "authorizer", memory_size=1024, architectures=["arm64"])
    usage = {"requests_millions": 10, "authorizer_seconds": 0.1}
    assert dollars(function, **usage) == {"Lambda authorizer": 15.33}
    default = resource("aws_lambda_function", "authorizer")
    assert dollars(default, **usage) == {"Lambda authorizer": 4.08}
    assert dollars(resource("aws_lambda_function", "authorizer", architectures=["mips"])) == {"Lambda authorizer": None}
    assert dollars(resource("aws_lambda_function", "cleaner")) == {"Function cleaner": None}


def test_users_beyond_the_free_ones_cost() -> None:
    pool = resource("aws_cognito_user_pool")
    assert dollars(pool, cognito_users=10_000) == {"Cognito user pool": 0.00}
    assert dollars(pool, cognito_users=10_200) == {"Cognito user pool": 3.00}
    assert dollars(resource("aws_cognito_user_pool", user_pool_tier="PLUS")) == {"Cognito user pool": None}


def test_notebooks_cost_by_type_and_disk() -> None:
    def notebook(kind: str, **values: Any) -> Resource:
        return resource("aws_sagemaker_notebook_instance", instance_type=kind, **values)

    assert dollars(notebook("ml.g5.xlarge", volume_size=100), notebook_hours=10) == {
        "Notebook instance": 14.10,
        "Notebook, disk": 14.00,
    }
    assert dollars(notebook("ml.p5.48xlarge")) == {"Notebook instance": None, "Notebook, disk": 0.70}


# --- Two estimates ----------------------------------------------------------------------------------------------------


def test_components_are_compared_in_the_order_of_the_bill() -> None:
    before = estimate([resource("aws_nat_gateway"), resource("aws_kms_key")], region=OREGON, usage=LIGHT)
    after = estimate([resource("aws_nat_gateway"), resource("aws_lb")], region=OREGON, usage=LIGHT)
    compared = compare(before, after)
    assert [(each.component, each.before, each.after, each.difference) for each in compared.components] == [
        ("NAT gateways", 33.30, 33.30, 0.00),
        ("Load balancer", 0.00, 17.01, 17.01),
        ("Keys and secrets", 1.00, 0.00, -1.00),
    ]
    assert compared.difference == 16.01
    assert compared.unknown == ()


def test_a_component_with_an_unknown_price_has_no_sum() -> None:
    before = estimate([], region=OREGON, usage=LIGHT)
    after = estimate([resource("aws_nat_gateway"), *service(cpu=None)], region=OREGON, usage=LIGHT)
    fargate = compare(before, after).components[1]
    assert (fargate.component, fargate.before, fargate.after, fargate.difference, fargate.unknown) == (
        "Fargate",
        0.00,
        None,
        None,
        ("Fargate, arm64",),
    )
    assert compare(before, after).difference == 33.30


COUNTED: Mapping[str, Mapping[str, Any]] = {
    "aws_nat_gateway": {},
    "aws_eip": {},
    "aws_vpc_endpoint": {"vpc_endpoint_type": "Interface", "subnet_ids": ["a", "b"]},
    "aws_lb": {},
    "aws_wafv2_web_acl": {"rule": [{}, {}]},
    "aws_kms_key": {},
    "aws_secretsmanager_secret": {},
    "aws_cloudwatch_log_group": {"retention_in_days": 30},
    "aws_ecs_cluster": {"setting": [{"name": "containerInsights", "value": "enabled"}]},
    "aws_appautoscaling_policy": {"policy_type": "TargetTrackingScaling"},
    "aws_cloudwatch_metric_alarm": {},
    "aws_apigatewayv2_api": {"protocol_type": "HTTP"},
    "aws_ecr_repository": {},
    "aws_route53_zone": {},
    "aws_sagemaker_notebook_instance": {"instance_type": "ml.t3.medium"},
    "aws_sagemaker_domain": {},
    "aws_sagemaker_user_profile": {},
    "aws_rds_cluster_instance": {"instance_class": "db.serverless"},
}
USAGE = sorted(UsageSettings.model_fields)


@effort(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(COUNTED)), st.integers(0, 5)), st.sampled_from(sorted(COUNTED)))
def test_one_more_of_anything_never_lowers_the_total(counts: Mapping[str, int], more: str) -> None:
    def total(counts: Mapping[str, int]) -> float:
        made = [
            resource(type, f"{type}_{number}", **COUNTED[type])
            for type, count in counts.items()
            for number in range(count)
        ]
        bill = estimate([cluster(1), *service(), *made], region=OREGON, usage=LIGHT)
        assert bill.unknown == ()
        return bill.total

    assert total({**counts, more: counts.get(more, 0) + 1}) >= total(counts)


@effort(deadline=None)
@given(st.sampled_from(USAGE), st.floats(0.5, 600), st.floats(0, 100), st.integers(1, 9))
def test_more_use_or_more_tasks_never_lower_the_total(key: str, used: float, more: float, tasks: int) -> None:
    whole = UsageSettings.model_fields[key].annotation is int

    def total(value: float, tasks: int) -> float:
        usage = LIGHT.model_copy(update={key: int(value) if whole else value})
        made = [resource(type, **values) for type, values in COUNTED.items()]
        bill = estimate([cluster(0, 64), *service(target=tasks), *made], region=OREGON, usage=usage)
        return bill.total

    assert total(used + more, tasks) >= total(used, tasks)
    assert total(used, tasks + 1) >= total(used, tasks)


def test_the_order_of_the_resources_does_not_matter(everything: Mapping[str, list[Resource]]) -> None:
    shuffled = random.Random(7).sample(everything["prod"], k=len(everything["prod"]))  # noqa: S311 - no secret
    sums = [estimate(each, region=OREGON, usage=LIGHT).total for each in (everything["prod"], shuffled)]
    assert sums[0] == sums[1]

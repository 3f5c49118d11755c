from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.mlflow_task import TaskOptions
from constructs_lib.network import Network
from tests.unit.synthesis import NETWORK, Resource, Terraform, Workbench


def _service(stack: Workbench, **changes: Any) -> Resource:
    stack.make_service(**changes)
    return stack.synthesise().one("aws_ecs_service")


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    stack.make_service()
    return stack.synthesise()


def test_the_cluster_has_container_insights_and_both_kinds_of_capacity(terraform: Terraform) -> None:
    cluster = terraform.one("aws_ecs_cluster")

    assert cluster["setting"] == [{"name": "containerInsights", "value": "enabled"}]
    assert terraform.one("aws_ecs_cluster_capacity_providers") == {
        "cluster_name": cluster.ref("name"),
        "capacity_providers": ["FARGATE", "FARGATE_SPOT"],
    }


def test_a_deployment_that_does_not_get_healthy_is_rolled_back(terraform: Terraform) -> None:
    assert terraform.one("aws_ecs_service")["deployment_circuit_breaker"] == {"enable": True, "rollback": True}


def test_a_deployment_never_takes_the_last_healthy_tasks_away(terraform: Terraform) -> None:
    service = terraform.one("aws_ecs_service")

    assert service["deployment_minimum_healthy_percent"] == 100
    assert service["deployment_maximum_percent"] == 200


def test_terraform_gives_the_first_number_of_tasks_and_autoscaling_the_next(stack: Workbench) -> None:
    service = _service(stack, initial_tasks=3)

    assert service["desired_count"] == 3
    assert service["lifecycle"] == {"ignore_changes": ["desired_count"]}


def test_tasks_have_time_to_start_before_their_health_counts(terraform: Terraform) -> None:
    assert terraform.one("aws_ecs_service")["health_check_grace_period_seconds"] == 180


def test_tasks_stand_in_private_subnets_without_a_public_address(terraform: Terraform) -> None:
    assert terraform.one("aws_ecs_service")["network_configuration"] == {
        "subnets": list(NETWORK.private_subnet_ids),
        "security_groups": [terraform.one("aws_security_group", tags={"Name": "test-service"}).ref("id")],
        "assign_public_ip": False,
    }


def test_nginx_is_behind_the_load_balancer_and_the_task_in_cloud_map(terraform: Terraform) -> None:
    service = terraform.one("aws_ecs_service")

    assert service["load_balancer"] == [
        {
            "target_group_arn": terraform.one("aws_lb_target_group").ref("arn"),
            "container_name": "nginx",
            "container_port": 8080,
        }
    ]
    registry = terraform.one("aws_service_discovery_service").ref("arn")
    assert service["service_registries"] == {"registry_arn": registry}


def test_it_waits_for_the_listener_and_the_capacity_providers(terraform: Terraform) -> None:
    assert set(terraform.one("aws_ecs_service")["depends_on"]) == {
        terraform.one("aws_lb_listener").address,
        terraform.one("aws_ecs_cluster_capacity_providers").address,
    }


@pytest.mark.parametrize(("spot", "provider"), [(False, "FARGATE"), (True, "FARGATE_SPOT")])
def test_tasks_run_on_demand_or_all_on_spot(stack: Workbench, spot: bool, provider: str) -> None:
    strategy = _service(stack, spot=spot)["capacity_provider_strategy"]

    assert strategy == [{"capacity_provider": provider, "weight": 1}]


@pytest.mark.parametrize("exec", [False, True])
def test_a_shell_is_possible_only_if_the_task_is_made_for_it(stack: Workbench, exec: bool) -> None:
    assert _service(stack, task=stack.make_task(options=TaskOptions(exec=exec)))["enable_execute_command"] is exec


def test_tasks_carry_the_tags_of_the_service(terraform: Terraform) -> None:
    service = terraform.one("aws_ecs_service")

    assert (service["enable_ecs_managed_tags"], service["propagate_tags"]) == (True, "SERVICE")


def test_only_the_load_balancer_reaches_nginx_and_the_task_reaches_https_only(terraform: Terraform) -> None:
    assert terraform.connections("ingress") == {("load-balancer", "service", 8080)}
    assert terraform.connections("egress") == {("load-balancer", "service", 8080), ("service", "0.0.0.0/0", 443)}


def test_the_task_may_use_the_interface_endpoints_where_there_are_any(stack: Workbench) -> None:
    stack.make_service(network=Network(stack, "network", name_prefix="test", interface_endpoints=["ecr.api"]))

    assert ("service", "endpoints", 443) in stack.synthesise().connections("ingress")

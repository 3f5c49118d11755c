from __future__ import annotations

from tests.unit.synthesis import Workbench


def test_the_service_has_a_name_inside_the_vpc_that_answers_with_healthy_tasks(stack: Workbench) -> None:
    assert stack.discovery.dns_name == "mlflow.test.internal"
    terraform = stack.synthesise()

    namespace, service = (
        terraform.one("aws_service_discovery_private_dns_namespace"),
        terraform.one("aws_service_discovery_service"),
    )
    assert namespace == {"name": "test.internal", "vpc": "vpc-1"}
    assert service["name"] == "mlflow"
    assert service["dns_config"] == {
        "namespace_id": namespace.ref("id"),
        "dns_records": [{"type": "A", "ttl": 10}],
        "routing_policy": "MULTIVALUE",
    }
    assert service["health_check_custom_config"] == {"failure_threshold": 1}


def test_tasks_that_ecs_has_not_yet_taken_out_do_not_hold_up_its_end(stack: Workbench) -> None:
    assert stack.discovery

    assert stack.synthesise().one("aws_service_discovery_service")["force_destroy"] is True

from __future__ import annotations

import pytest

from constructs_lib.autoscaling import Autoscaling
from tests.unit.synthesis import Workbench


def test_the_service_has_two_to_six_tasks_at_70_percent_cpu_by_default(stack: Workbench) -> None:
    Autoscaling(stack, "autoscaling", service=stack.service)
    terraform = stack.synthesise()

    target, cluster = terraform.one("aws_appautoscaling_target"), terraform.one("aws_ecs_cluster")
    assert target == {
        "service_namespace": "ecs",
        "scalable_dimension": "ecs:service:DesiredCount",
        "resource_id": f"service/{cluster.ref('name')}/{terraform.one('aws_ecs_service').ref('name')}",
        "min_capacity": 2,
        "max_capacity": 6,
    }
    policy = terraform.one("aws_appautoscaling_policy")
    assert (policy["policy_type"], policy["resource_id"]) == ("TargetTrackingScaling", target.ref("resource_id"))
    assert policy["target_tracking_scaling_policy_configuration"] == {
        "target_value": 70,
        "scale_in_cooldown": 60,
        "scale_out_cooldown": 60,
        "predefined_metric_specification": {"predefined_metric_type": "ECSServiceAverageCPUUtilization"},
    }


@pytest.mark.parametrize(("minimum", "maximum"), [(3, 2), (0, 4), (-1, -1)])
def test_refuses_bounds_that_leave_no_task(stack: Workbench, minimum: int, maximum: int) -> None:
    with pytest.raises(ValueError, match=f"min_tasks = {minimum}, max_tasks = {maximum}: give 1 <= min_tasks"):
        Autoscaling(stack, "autoscaling", service=stack.service, min_tasks=minimum, max_tasks=maximum)

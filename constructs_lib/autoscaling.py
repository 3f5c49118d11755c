"""How many tasks run."""

from __future__ import annotations

from cdktf_cdktf_provider_aws.appautoscaling_policy import (
    AppautoscalingPolicy,
    AppautoscalingPolicyTargetTrackingScalingPolicyConfiguration,
    AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecification,
)
from cdktf_cdktf_provider_aws.appautoscaling_target import AppautoscalingTarget
from constructs import Construct

from constructs_lib.mlflow_service import MlflowService

_NAMESPACE = "ecs"
_DIMENSION = "ecs:service:DesiredCount"


class Autoscaling(Construct):
    """Keeps the service's average CPU near *cpu_target_percent* with *min_tasks* to *max_tasks* tasks."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        service: MlflowService,
        min_tasks: int = 2,
        max_tasks: int = 6,
        cpu_target_percent: int = 70,
        scale_in_cooldown_seconds: int = 60,
        scale_out_cooldown_seconds: int = 60,
    ) -> None:
        super().__init__(scope, id)
        if not 1 <= min_tasks <= max_tasks:
            raise ValueError(f"min_tasks = {min_tasks}, max_tasks = {max_tasks}: give 1 <= min_tasks <= max_tasks")
        self.target = AppautoscalingTarget(
            self,
            "Resource",
            service_namespace=_NAMESPACE,
            scalable_dimension=_DIMENSION,
            resource_id=f"service/{service.cluster_name}/{service.service_name}",
            min_capacity=min_tasks,
            max_capacity=max_tasks,
        )
        AppautoscalingPolicy(
            self,
            "cpu",
            name="cpu",
            policy_type="TargetTrackingScaling",
            service_namespace=_NAMESPACE,
            scalable_dimension=_DIMENSION,
            resource_id=self.target.resource_id,
            target_tracking_scaling_policy_configuration=(
                AppautoscalingPolicyTargetTrackingScalingPolicyConfiguration(
                    target_value=cpu_target_percent,
                    scale_in_cooldown=scale_in_cooldown_seconds,
                    scale_out_cooldown=scale_out_cooldown_seconds,
                    predefined_metric_specification=(
                        AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecification(
                            predefined_metric_type="ECSServiceAverageCPUUtilization"
                        )
                    ),
                )
            ),
        )

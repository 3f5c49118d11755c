"""What moto lacks of ECS, or answers differently."""

from __future__ import annotations

from typing import Any

from rehearsal.completions._patching import Method, add, wrap

_ECS_SERVICE_FIELDS = {
    "availabilityZoneRebalancing": "availability_zone_rebalancing",
    "capacityProviderStrategy": "capacity_provider_strategy",
    "deploymentConfiguration": "deployment_configuration",
    "enableECSManagedTags": "enable_ecs_managed_tags",
    "enableExecuteCommand": "enable_execute_command",
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
}


def ecs_service_keeps_what_it_was_given() -> None:
    """AWS describes a service with everything it was created with; moto drops half of CreateService's members.

    availabilityZoneRebalancing is DISABLED where it was not asked for, and a service with a capacity provider strategy
    has no launch type; moto calls it EC2. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
    """
    from moto.ecs.responses import EC2ContainerServiceResponse as Response

    def create(original: Method, self: Any) -> Any:
        answer = original(self)
        service = answer.result["service"]
        service.availability_zone_rebalancing = "DISABLED"
        for member, attribute in _ECS_SERVICE_FIELDS.items():
            if self._get_param(member) is not None:
                setattr(service, attribute, self._get_param(member))
        if self._get_param("capacityProviderStrategy"):
            service.launch_type = None
        return answer

    wrap(Response, "create_service", create)


def ecs_services_run() -> None:
    """AWS starts a service's tasks until as many run as are desired; in moto all stay pending for ever."""
    from moto.ecs.models import Service

    def desired(service: Any) -> int:
        count: int = service.desired_count
        return count

    def none(_service: Any) -> int:
        return 0

    def ignore(_service: Any, _count: int) -> None:
        """The counts follow from the desired count."""

    add(Service, running_count=property(desired, ignore), pending_count=property(none, ignore))

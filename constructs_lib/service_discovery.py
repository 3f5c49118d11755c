"""A name for the service inside the VPC."""

from __future__ import annotations

from cdktf_cdktf_provider_aws.service_discovery_private_dns_namespace import ServiceDiscoveryPrivateDnsNamespace
from cdktf_cdktf_provider_aws.service_discovery_service import (
    ServiceDiscoveryService,
    ServiceDiscoveryServiceDnsConfig,
    ServiceDiscoveryServiceDnsConfigDnsRecords,
    ServiceDiscoveryServiceHealthCheckCustomConfig,
)
from constructs import Construct

_TTL_SECONDS = 10


class ServiceDiscovery(Construct):
    """A Cloud Map service in a private DNS namespace; it answers with the addresses of the healthy tasks."""

    def __init__(self, scope: Construct, id: str, *, vpc_id: str, namespace: str, service: str) -> None:
        super().__init__(scope, id)
        self.namespace = ServiceDiscoveryPrivateDnsNamespace(self, "namespace", name=namespace, vpc=vpc_id)
        self.service = ServiceDiscoveryService(
            self,
            "Resource",
            name=service,
            # ECS takes its tasks out a little after it is gone, and Cloud Map refuses to delete what is in use.
            force_destroy=True,
            dns_config=ServiceDiscoveryServiceDnsConfig(
                namespace_id=self.namespace.id,
                dns_records=[ServiceDiscoveryServiceDnsConfigDnsRecords(type="A", ttl=_TTL_SECONDS)],
                routing_policy="MULTIVALUE",
            ),
            # ECS reports each task's health by itself; the threshold of 1 is the only one that Cloud Map knows.
            health_check_custom_config=ServiceDiscoveryServiceHealthCheckCustomConfig(failure_threshold=1),
        )
        self.service_arn: str = self.service.arn
        self.dns_name = f"{service}.{namespace}"

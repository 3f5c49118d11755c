"""What moto lacks of Cloud Map, or answers differently."""

from __future__ import annotations

from typing import Any

from rehearsal.completions._patching import Method, wrap
from rehearsal.completions.route53 import forget_delegation_set


def servicediscovery_zones_end_with_their_namespace() -> None:
    """AWS deletes the hosted zone that it made for a DNS namespace with the namespace; moto keeps it.

    It keeps a delegation set too, which AWS makes only when asked for one that can be used again.
    https://docs.aws.amazon.com/cloud-map/latest/api/API_DeleteNamespace.html
    """
    from moto.route53.models import route53_backends
    from moto.servicediscovery.models import ServiceDiscoveryBackend

    def delete(original: Method, self: Any, namespace_id: str) -> Any:
        namespace = self.get_namespace(namespace_id)
        operation = original(self, namespace_id)
        route53 = route53_backends[self.account_id][self.partition]
        zone_id = str((namespace.dns_properties or {}).get("HostedZoneId")).rpartition("/")[2]
        zone = route53.zones.pop(zone_id, None)
        forget_delegation_set(route53, zone)
        return operation

    wrap(ServiceDiscoveryBackend, "delete_namespace", delete)

"""What moto lacks of Route 53, or answers differently."""

from __future__ import annotations

from typing import Any

from rehearsal.completions._patching import Method, wrap


def route53_zones_leave_nothing() -> None:
    """AWS deletes a hosted zone with its tags and its own name servers; moto keeps both, these as a delegation set.

    AWS makes a delegation set only when asked for one that can be used again.
    https://docs.aws.amazon.com/Route53/latest/APIReference/API_DeleteHostedZone.html
    """
    from moto.route53.models import Route53Backend

    def delete(original: Method, self: Any, id_: str) -> Any:
        zone = original(self, id_)
        self.resource_tags.pop(id_.rpartition("/")[2], None)
        forget_delegation_set(self, zone)
        return zone

    wrap(Route53Backend, "delete_hosted_zone", delete)


def route53_zones_with_a_vpc_are_private() -> None:
    """AWS makes a zone private when it is created with a VPC; moto only if told so in its configuration too.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html
    """
    from moto.route53.responses import Route53

    def is_private(original: Method, self: Any, name: str, *args: Any) -> Any:
        given = original(self, name, *args)
        return given or (name == "HostedZoneConfig.PrivateZone" and self._get_param("VPC.VPCId") is not None)

    wrap(Route53, "_get_bool_param", is_private)


def forget_delegation_set(route53: Any, zone: Any) -> None:
    """Remove what moto made beside *zone*."""
    sets = route53.delegation_sets
    for key in [key for key, value in sets.items() if zone is not None and value is zone.delegation_set]:
        del sets[key]

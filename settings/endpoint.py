"""The settings of what callers meet: the HTTP API and its domain, the load balancer and its firewall."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from settings.access_values import Scopes
from settings.endpoint_values import (
    CertificateArn,
    DomainName,
    RouteKey,
    RuleGroups,
    SecurityGroupIds,
    SourceCidrs,
    shape,
)
from settings.group import Group, Mistake
from settings.tfvars import hcl
from settings.values import Allowed

_LONGEST_COMMON_NAME = 64


class RouteSettings(Group):
    """What is different for one route."""

    scopes: Scopes = Field(
        default=(), description="With `jwt`: a token must have one of these here, instead of `access.scopes`."
    )
    throttling_rate_limit: int | None = Field(
        default=None, ge=1, le=10000, description="Requests per second to this route, sustained."
    )
    throttling_burst_limit: int | None = Field(
        default=None, ge=1, le=5000, description="Requests to this route at the same moment."
    )

    def contradictions(self) -> Iterator[Mistake]:
        """See the base class."""
        limits = ("throttling_rate_limit", "throttling_burst_limit")
        there = [limit for limit in limits if getattr(self, limit) is not None]
        if len(there) == 1:
            missing = next(limit for limit in limits if limit not in there)
            yield there[0], f"the two limits go together; set {missing} as well, or remove {there[0]}"
        elif not there and not self.scopes:
            yield (), f"sets nothing; set scopes, or {' and '.join(limits)}, or remove the route"


Routes = Annotated[
    dict[RouteKey, RouteSettings],
    Allowed('maps by method and path, such as { "POST /api/2.0/mlflow/runs/create" = { scopes = ["mlflow/write"] } }'),
]


class DomainSettings(Group):
    """A domain name of our own, in place of the one that API Gateway makes up."""

    name: DomainName = Field(description="The name of the endpoint; API Gateway's own then no longer answers.")
    zone: DomainName = Field(description="The public hosted zone of Route 53 for the name, in the same account.")
    certificate_arn: CertificateArn | None = Field(
        default=None,
        description="A certificate of ACM for the name, in the same region; without it one is made and validated by "
        "records in the zone.",
    )

    def contradictions(self) -> Iterator[Mistake]:
        """See the base class."""
        if self.name != self.zone and not self.name.endswith(f".{self.zone}"):
            yield "name", f'is not in the zone; set "{self.zone}" or a name that ends with ".{self.zone}"'
        if len(self.name) > _LONGEST_COMMON_NAME and self.certificate_arn is None:
            yield (
                "name",
                f"ACM makes certificates for names of {_LONGEST_COMMON_NAME} characters at most (RequestCertificate); "
                "set a shorter one, or certificate_arn",
            )


class ApiSettings(Group):
    """The HTTP API."""

    throttling_rate_limit: int = Field(
        default=100, ge=1, le=10000, description="Requests per second, sustained; 10000 is an account's quota."
    )
    throttling_burst_limit: int = Field(
        default=200, ge=1, le=5000, description="Requests at the same moment; 5000 is an account's quota."
    )
    routes: Routes = Field(
        default={},
        description="Routes with scopes or limits of their own. What is set for `/api/...` counts for its twin "
        "`/ajax-api/...` too.",
    )
    allowed_cidrs: SourceCidrs = Field(
        default=(),
        description="Public addresses of callers; nginx refuses all others. Empty: everybody may ask.",
    )
    domain: DomainSettings | None = Field(
        default=None, description="A domain name of our own, in place of the one that API Gateway makes up."
    )

    def contradictions(self) -> Iterator[Mistake]:
        """See the base class."""
        first: dict[str, str] = {}
        for key in self.routes:
            if (other := first.setdefault(shape(key), key)) != key:
                yield ("routes", key), f"is the same route as {hcl(other)}; keep one of them"


class WafSettings(Group):
    """A web ACL of AWS WAF at the load balancer; it cannot stand before an HTTP API."""

    rate_limit: int = Field(
        default=2000,
        ge=10,
        le=2_000_000_000,
        description="Requests of one caller in five minutes; more are refused until there are fewer (AWS WAF, "
        "RateBasedStatement).",
    )
    managed_rule_groups: RuleGroups = Field(
        default=("AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"),
        description="Rule groups of AWS, in this order (AWS WAF Developer Guide, AWS Managed Rules rule groups list).",
    )


class LoadBalancerSettings(Group):
    """The internal load balancer between the VPC link and nginx."""

    certificate_arn: CertificateArn | None = Field(
        default=None,
        description="A certificate of ACM, in the same region: HTTPS between VPC link and load balancer. Needs "
        "`server_name`.",
    )
    server_name: DomainName | None = Field(
        default=None, description="The name in that certificate, which the VPC link verifies."
    )
    client_security_groups: SecurityGroupIds = Field(
        default=(),
        description="Who may enter at the load balancer inside the VPC, beside the VPC link. With any "
        "`access.type` but `basic` nobody checks who they are.",
    )
    waf: WafSettings | None = Field(
        default=None,
        description="A web ACL of AWS WAF at the load balancer (it cannot stand before an HTTP API); billed by the "
        "month and by request. `{}` takes its defaults.",
    )

    def contradictions(self) -> Iterator[Mistake]:
        """See the base class."""
        if self.certificate_arn and not self.server_name:
            yield (
                "certificate_arn",
                "the VPC link must know the name to verify; set server_name as well, or remove certificate_arn",
            )
        if self.server_name and not self.certificate_arn:
            yield "server_name", "is the name in a certificate; set certificate_arn as well, or remove server_name"

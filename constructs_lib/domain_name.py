"""MLflow's endpoint under a name of one's own."""

from __future__ import annotations

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.acm_certificate import AcmCertificate
from cdktf_cdktf_provider_aws.acm_certificate_validation import AcmCertificateValidation
from cdktf_cdktf_provider_aws.apigatewayv2_api import Apigatewayv2Api
from cdktf_cdktf_provider_aws.apigatewayv2_api_mapping import Apigatewayv2ApiMapping
from cdktf_cdktf_provider_aws.apigatewayv2_domain_name import (
    Apigatewayv2DomainName,
    Apigatewayv2DomainNameDomainNameConfiguration,
)
from cdktf_cdktf_provider_aws.apigatewayv2_stage import Apigatewayv2Stage
from cdktf_cdktf_provider_aws.data_aws_route53_zone import DataAwsRoute53Zone
from cdktf_cdktf_provider_aws.route53_record import Route53Record, Route53RecordAlias
from constructs import Construct

_RECORD_TTL_SECONDS = 300


class DomainName(Construct):
    """A name in a public hosted zone that exists, and API Gateway's answer to it over TLS 1.2 and newer.

    Without *certificate_arn* it has a certificate of its own: ACM renews it by itself as long as the validation record
    stays in the zone. There is no AAAA record: API Gateway's regional names have IPv4 addresses unless asked otherwise,
    and a caller should not meet ``allowed_cidrs`` with an address that nobody thought of.
    """

    def __init__(self, scope: Construct, id: str, *, name: str, zone: str, certificate_arn: str | None = None) -> None:
        super().__init__(scope, id)
        self.url = f"https://{name}"
        zone_id: str = DataAwsRoute53Zone(self, "zone", name=zone, private_zone=False).zone_id
        self.domain_name = Apigatewayv2DomainName(
            self,
            "Resource",
            domain_name=name,
            domain_name_configuration=Apigatewayv2DomainNameDomainNameConfiguration(
                certificate_arn=certificate_arn or self._certificate(name, zone_id),
                endpoint_type="REGIONAL",
                security_policy="TLS_1_2",
            ),
        )
        target = self.domain_name.domain_name_configuration
        Route53Record(
            self,
            "record",
            zone_id=zone_id,
            name=name,
            type="A",
            alias=Route53RecordAlias(
                name=target.target_domain_name,
                zone_id=target.hosted_zone_id,
                evaluate_target_health=False,  # API Gateway has no health that Route 53 could ask for
            ),
        )

    def map(self, api: Apigatewayv2Api, stage: Apigatewayv2Stage) -> None:
        """Let requests to the name reach *stage* of *api*, at the root of the path."""
        Apigatewayv2ApiMapping(self, "mapping", api_id=api.id, domain_name=self.domain_name.id, stage=stage.id)

    def _certificate(self, name: str, zone_id: str) -> str:
        """The ARN of a new certificate, known once ACM has seen the record that proves that the zone is ours."""
        certificate = AcmCertificate(
            self,
            "certificate",
            domain_name=name,
            validation_method="DNS",
            # API Gateway moves to the new certificate before the old one goes: ACM refuses to delete one in use.
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )
        # A set of one: the certificate has one name. CDKTF's own accessor writes the index in Terraform's old way.
        proof = f"tolist({certificate.fqn}.domain_validation_options)[0]"
        record = Route53Record(
            self,
            "validation-record",
            zone_id=zone_id,
            name=f"${{{proof}.resource_record_name}}",
            type=f"${{{proof}.resource_record_type}}",
            records=[f"${{{proof}.resource_record_value}}"],
            ttl=_RECORD_TTL_SECONDS,
            # ACM asks for the same record for every certificate of the name in one account, and the old certificate
            # has it still when the new one is made.
            allow_overwrite=True,
        )
        validation = AcmCertificateValidation(
            self, "validation", certificate_arn=certificate.arn, validation_record_fqdns=[record.fqdn]
        )
        arn: str = validation.certificate_arn
        return arn

from __future__ import annotations

import pytest
from cdktf_cdktf_provider_aws.apigatewayv2_api import Apigatewayv2Api
from cdktf_cdktf_provider_aws.apigatewayv2_stage import Apigatewayv2Stage

from constructs_lib.domain_name import DomainName
from tests.unit.synthesis import Terraform, Workbench

NAME, ZONE = "mlflow.example.com", "example.com"
GIVEN = "arn:aws:acm:us-west-2:012345678901:certificate/given"


def _make(stack: Workbench, certificate_arn: str | None = None) -> DomainName:
    return DomainName(stack, "domain", name=NAME, zone=ZONE, certificate_arn=certificate_arn)


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    _make(stack)
    return stack.synthesise()


def test_the_zone_is_looked_up_among_the_public_ones_and_not_made(terraform: Terraform) -> None:
    assert terraform.data("aws_route53_zone") == {"name": ZONE, "private_zone": False}
    assert "aws_route53_zone" not in terraform.types


def test_its_own_certificate_is_used_once_a_record_in_the_zone_has_proved_it(terraform: Terraform) -> None:
    certificate = terraform.one("aws_acm_certificate")
    option = f"tolist({certificate.address}.domain_validation_options)[0]"
    record = terraform.one("aws_route53_record", name=f"${{{option}.resource_record_name}}")

    assert (certificate["domain_name"], certificate["validation_method"]) == (NAME, "DNS")
    assert record["type"] == f"${{{option}.resource_record_type}}"
    assert record["records"] == [f"${{{option}.resource_record_value}}"]
    assert terraform.one("aws_acm_certificate_validation") == {
        "certificate_arn": certificate.ref("arn"),
        "validation_record_fqdns": [record.ref("fqdn")],
    }
    used = terraform.one("aws_apigatewayv2_domain_name")["domain_name_configuration"]["certificate_arn"]
    assert used == terraform.one("aws_acm_certificate_validation").ref("certificate_arn")


def test_a_new_certificate_is_there_before_the_old_one_goes(terraform: Terraform) -> None:
    assert terraform.one("aws_acm_certificate")["lifecycle"] == {"create_before_destroy": True}
    assert terraform.one("aws_route53_record", ttl=300)["allow_overwrite"] is True


def test_a_given_certificate_is_taken_as_it_is(stack: Workbench) -> None:
    _make(stack, GIVEN)
    terraform = stack.synthesise()

    assert terraform.types == {"aws_apigatewayv2_domain_name", "aws_route53_record"}
    used = terraform.one("aws_apigatewayv2_domain_name")["domain_name_configuration"]["certificate_arn"]
    assert used == GIVEN


def test_it_is_a_regional_name_of_api_gateway_that_asks_for_tls_1_2(stack: Workbench) -> None:
    _make(stack, GIVEN)
    domain = stack.synthesise().one("aws_apigatewayv2_domain_name", domain_name=NAME)

    configuration = domain["domain_name_configuration"]
    assert (configuration["endpoint_type"], configuration["security_policy"]) == ("REGIONAL", "TLS_1_2")


def test_the_name_is_an_alias_of_api_gateways_own(stack: Workbench) -> None:
    _make(stack, GIVEN)
    terraform = stack.synthesise()

    target = terraform.one("aws_apigatewayv2_domain_name")
    assert terraform.one("aws_route53_record") == {
        "zone_id": terraform.data("aws_route53_zone").ref("zone_id"),
        "name": NAME,
        "type": "A",
        "alias": {
            "name": target.ref("domain_name_configuration[0].target_domain_name"),
            "zone_id": target.ref("domain_name_configuration[0].hosted_zone_id"),
            "evaluate_target_health": False,
        },
    }


def test_a_stage_is_reached_under_the_name(stack: Workbench) -> None:
    domain = _make(stack, GIVEN)
    api = Apigatewayv2Api(stack, "api", name="test", protocol_type="HTTP")
    domain.map(api, Apigatewayv2Stage(stack, "stage", api_id=api.id, name="$default"))
    terraform = stack.synthesise()

    assert domain.url == f"https://{NAME}"
    assert terraform.one("aws_apigatewayv2_api_mapping") == {
        "api_id": terraform.one("aws_apigatewayv2_api").ref("id"),
        "domain_name": terraform.one("aws_apigatewayv2_domain_name").ref("id"),
        "stage": terraform.one("aws_apigatewayv2_stage").ref("id"),
    }

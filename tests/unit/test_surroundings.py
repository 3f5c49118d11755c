"""What settings name as being there is there before the platform comes."""

from collections.abc import Iterator

import pytest

import settings as settings_files
from rehearsal.emulator import Emulator
from rehearsal.surroundings import make_surroundings
from settings import DomainSettings, Settings
from tests import modes

GIVEN = "arn:aws:acm:us-west-2:012345678901:certificate/given"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def settings() -> Settings:
    return settings_files.load("dev")


@pytest.fixture(scope="module")
def endpoint(settings: Settings, emulator: Emulator) -> Settings:
    """An endpoint with all that it may have, and its surroundings."""
    changed = modes.changed(settings, modes.ENDPOINT)
    domain = DomainSettings(name=modes.DOMAIN, zone=modes.ZONE, certificate_arn=GIVEN)
    changed = changed.model_copy(update={"api": changed.api.model_copy(update={"domain": domain})})
    make_surroundings(changed, emulator)
    return changed


def test_settings_that_name_nothing_need_nothing(settings: Settings, emulator: Emulator) -> None:
    before = emulator.inventory()
    make_surroundings(settings, emulator)
    assert emulator.inventory() == before


@pytest.mark.usefixtures("endpoint")
def test_the_zone_of_the_domain_is_public(emulator: Emulator) -> None:
    zone = emulator.client("route53").list_hosted_zones_by_name(DNSName=modes.ZONE)["HostedZones"][0]
    assert (zone["Name"], zone["Config"]["PrivateZone"]) == (f"{modes.ZONE}.", False)


def test_the_studio_domain_has_the_id_of_the_settings(settings: Settings, emulator: Emulator) -> None:
    for _ in range(2):  # what is there stays
        make_surroundings(modes.changed(settings, modes.STUDIO_ELSEWHERE), emulator)
    [domain] = emulator.client("sagemaker").list_domains()["Domains"]
    assert domain["DomainId"] == modes.STUDIO_DOMAIN


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize(("arn", "name"), [(GIVEN, modes.DOMAIN), (modes.CERTIFICATE, modes.INSIDE_NAME)])
def test_certificates_have_the_arns_and_names_of_the_settings(emulator: Emulator, arn: str, name: str) -> None:
    certificate = emulator.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    assert (certificate["CertificateArn"], certificate["DomainName"]) == (arn, name)


@pytest.mark.usefixtures("endpoint")
def test_client_security_groups_may_be_named_in_rules(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    own = ec2.create_security_group(GroupName="own", Description="own")["GroupId"]
    pair = {"GroupId": modes.SECURITY_GROUP, "Description": "d"}
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [pair]}
    rules = ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=[permission])["SecurityGroupRules"]
    assert rules[0]["ReferencedGroupInfo"]["GroupId"] == modes.SECURITY_GROUP


def test_the_authorizer_function_can_be_given_permissions(settings: Settings, emulator: Emulator) -> None:
    make_surroundings(modes.changed(settings, modes.MODES["their-lambda"]), emulator)
    emulator.client("lambda").add_permission(
        FunctionName=modes.FUNCTION,
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )


def test_making_them_again_changes_nothing(endpoint: Settings, settings: Settings, emulator: Emulator) -> None:
    theirs = modes.changed(settings, modes.MODES["their-lambda"])
    make_surroundings(theirs, emulator)
    before = emulator.inventory()
    make_surroundings(endpoint, emulator)
    make_surroundings(theirs, emulator)
    assert emulator.inventory() == before

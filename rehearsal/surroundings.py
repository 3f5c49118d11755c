"""What a real account has before the platform comes, and the settings name: made where Terraform or moto insists on it.

That is a public hosted zone, certificates, an authorizer function, security groups and a Studio domain. Networks are
not among them.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from rehearsal.emulator import Emulator
from settings import Settings

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}},
    ],
}


def make_surroundings(settings: Settings, emulator: Emulator) -> None:
    """Make what *settings* name; what is there already stays as it is."""
    domain, balancer = settings.api.domain, settings.load_balancer
    if domain is not None:
        _make_zone(emulator, domain.zone)
        if domain.certificate_arn is not None:
            _make_certificate(emulator, domain.certificate_arn, domain.name)
    if balancer.certificate_arn is not None and balancer.server_name is not None:
        _make_certificate(emulator, balancer.certificate_arn, balancer.server_name)
    if settings.access.function_arn is not None:
        _make_function(emulator, settings.access.function_arn)
    for group_id in balancer.client_security_groups:
        _make_security_group(emulator, group_id)
    if settings.notebook.studio is not None and settings.notebook.studio.domain_id is not None:
        _make_studio_domain(emulator, settings.notebook.studio.domain_id)


def _make_zone(emulator: Emulator, name: str) -> None:
    route53 = emulator.client("route53")
    found = route53.list_hosted_zones_by_name(DNSName=name)["HostedZones"]
    if not any(zone["Name"] == f"{name}." and not zone["Config"]["PrivateZone"] for zone in found):
        route53.create_hosted_zone(Name=name, CallerReference=name)


def _make_certificate(emulator: Emulator, arn: str, name: str) -> None:
    """By moto's own model: no request chooses an ARN."""
    from moto.acm.models import CertBundle

    certificates = _backend(emulator, "acm")._certificates
    if arn not in certificates:
        certificate = CertBundle.generate_cert(name, emulator.account_id, emulator.region)
        certificate.arn = arn
        certificates[arn] = certificate


def _make_function(emulator: Emulator, arn: str) -> None:
    name = arn.split(":")[6]
    functions = emulator.client("lambda")
    if any(function["FunctionName"] == name for function in functions.list_functions()["Functions"]):
        return
    role = emulator.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "")
    functions.create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.13",
        Handler="index.handler",
        Code={"ZipFile": code.getvalue()},
    )


def _make_security_group(emulator: Emulator, group_id: str) -> None:
    """By moto's own model: no request chooses an id. It is in the default VPC; moto does not compare VPCs."""
    ec2 = _backend(emulator, "ec2")
    if ec2.get_security_group_from_id(group_id) is None:
        group = ec2.create_security_group(group_id, "Somebody else's")
        del ec2.groups[group.vpc_id][group.id]
        group.id = group.group_id = group_id
        ec2.groups[group.vpc_id][group_id] = group


def _make_studio_domain(emulator: Emulator, domain_id: str) -> None:
    """Under the name that moto makes the id of. It is in the default VPC."""
    sagemaker, ec2 = emulator.client("sagemaker"), emulator.client("ec2")
    if any(domain["DomainId"] == domain_id for domain in sagemaker.list_domains()["Domains"]):
        return
    subnet = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][0]
    sagemaker.create_domain(
        DomainName=domain_id.removeprefix("d-"),
        AuthMode="IAM",
        DefaultUserSettings={},
        VpcId=subnet["VpcId"],
        SubnetIds=[subnet["SubnetId"]],
    )


def _backend(emulator: Emulator, service: str) -> Any:
    from moto.backends import get_backend

    return get_backend(service)[emulator.account_id][emulator.region]  # type: ignore[call-overload]

"""What IAM asks of whoever sends a request: actions, the resources they act on, and the conditions that count.

From the request itself, and from what the account had when it came. Sources: an action mostly has the operation's name,
and the exceptions are in the service's own documentation, named beside them; on what an action acts is in the Service
Authorization Reference.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.emulator import Request
from tests import service_authorization as reference

REGION = "us-west-2"
ACCOUNT = "123456789012"

# S3 User Guide, Required permissions for Amazon S3 API operations.
_S3 = {
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjectsV2": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
# What tags given at creation take as well: each service's API reference, at the parameter for tags.
_TAGGING = {
    "acm": "acm:AddTagsToCertificate",
    "application-autoscaling": "application-autoscaling:TagResource",
    "cognito-idp": "cognito-idp:TagResource",
    "ec2": "ec2:CreateTags",
    "ecr": "ecr:TagResource",
    "ecs": "ecs:TagResource",
    "elasticloadbalancing": "elasticloadbalancing:AddTags",
    "kms": "kms:TagResource",
    "lambda": "lambda:TagResource",
    "logs": "logs:TagResource",
    "rds": "rds:AddTagsToResource",
    "sagemaker": "sagemaker:AddTags",
    "secretsmanager": "secretsmanager:TagResource",
    "servicediscovery": "servicediscovery:TagResource",
    "wafv2": "wafv2:TagResource",
}
# To whom a role in a request is handed: each service's API reference, at the parameter for the role.
_PASSED_TO = {
    "ec2": "vpc-flow-logs.amazonaws.com",
    "ecs": "ecs-tasks.amazonaws.com",
    "lambda": "lambda.amazonaws.com",
    "sagemaker": "sagemaker.amazonaws.com",
}
_ROLE = re.compile(rf"arn:aws:iam::{ACCOUNT}:role/[\w+=,.@/-]+")
# Which KMS actions a service does for the caller: its page on encryption, as in stacks/ci_deploying.py.
_BY_KEY = {
    "secretsmanager:CreateSecret": ("kms:Decrypt", "kms:GenerateDataKey"),
    "secretsmanager:GetSecretValue": ("kms:Decrypt",),
    "secretsmanager:PutSecretValue": ("kms:Decrypt", "kms:GenerateDataKey"),
}
# EC2's types of resources by the beginnings of their ids.
_EC2 = {
    "acl": "network-acl",
    "eipalloc": "elastic-ip",
    "fl": "vpc-flow-log",
    "igw": "internet-gateway",
    "nat": "natgateway",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
# Ids in a request that it does not act on: the other side of a rule, what a list is filtered by, the target of a route.
_MENTIONED = re.compile(r"IpPermissions|ReferencedGroupId|^Filter")
_TARGETS = {"CreateRoute": ("GatewayId", "NatGatewayId")}
# ARNs by the names of the parameters that name a resource.
_NAMED = {
    "cognito-idp": {"UserPoolId": "userpool/{}"},
    "dynamodb": {"TableName": "table/{}"},
    "ecr": {"repositoryName": "repository/{}", "repositoryNames": "repository/{}"},
    "ecs": {
        "clusterName": "cluster/{}",
        "cluster": "cluster/{}",
        "clusters": "cluster/{}",
        "family": "task-definition/{}:1",
    },
    "kms": {"KeyId": "key/{}", "TargetKeyId": "key/{}", "AliasName": "{}"},
    "lambda": {"FunctionName": "function:{}"},
    "logs": {"logGroupName": "log-group:{}"},
    "rds": {
        "DBClusterIdentifier": "cluster:{}",
        "DBClusterParameterGroupName": "cluster-pg:{}",
        "DBInstanceIdentifier": "db:{}",
        "DBSubnetGroupName": "subgrp:{}",
        "FinalDBSnapshotIdentifier": "cluster-snapshot:{}",
    },
    "sagemaker": {
        "DomainId": "domain/{}",
        "NotebookInstanceLifecycleConfigName": "notebook-instance-lifecycle-config/{}",
        "NotebookInstanceName": "notebook-instance/{}",
    },
    "secretsmanager": {"Name": "secret:{}", "SecretId": "secret:{}"},
    "wafv2": {"Name": "regional/webacl/{}/new"},
}
_WITHOUT_REGION = {
    "iam": {"RoleName": "role/{}", "PolicyName": "policy/{}"},
    "route53": {"HostedZoneId": "hostedzone/{}", "Id": "hostedzone/{}", "ResourceId": "hostedzone/{}"},
}
# What a request leaves to AWS: Aurora's options, of which there are none, and so no group of ours; the name of a
# snapshot that is not made.
_DEFAULTS = {
    "og": f"arn:aws:rds:{REGION}:{ACCOUNT}:og:default:aurora-mysql-8-0",
    "cluster-snapshot": f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster-snapshot:{{DBClusterIdentifier}}",
}
# What the reference calls required although it is one of several things that a request may be about.
_ALTERNATIVES = {
    ("elasticloadbalancing:DeleteListener", "listener/net"),
    ("elasticloadbalancing:ModifyListener", "listener/net"),
    ("route53:ChangeTagsForResource", "healthcheck"),
    ("wafv2:GetWebACLForResource", "webacl"),
}
_FREE = {"sts:GetCallerIdentity"}
"""IAM User Guide, GetCallerIdentity: no permissions are required."""


@dataclass(frozen=True, order=True)
class Need:
    """An action that has to be allowed; on a *resource*, if the request shows it, else None."""

    action: str
    resource: str | None
    context: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join([self.action, self.resource or "?", *(f"{key}={value}" for key, value in self.context)])


def needs(request: Request, account: Account) -> Iterator[Need]:
    """What *request* takes, in *account* as it is."""
    if request.name in _FREE:
        return
    if request.service == "apigateway":
        yield from _gateway_needs(request, account)
        return
    arns = list(dict.fromkeys([*_arns(request), *account.meant(request)]))
    tags = dict(_request_tags(request))
    for action in _actions(request, tags):
        yield from _needs_of(action, arns, request, tags, account)
    for role in set(_ROLE.findall(repr(request.parameters))):
        if request.service in _PASSED_TO:
            yield Need("iam:PassRole", role, (("iam:PassedToService", _PASSED_TO[request.service]),))
    for action in _BY_KEY.get(request.name, ()):
        for key in account.keys_of_ours():
            tagged = _context("aws:ResourceTag", account.tags(key))
            yield Need(action, key, (*tagged, ("kms:ViaService", f"{request.service}.{REGION}.amazonaws.com")))


class Account:
    """What the emulator's account has while a request is about to be answered; read from moto's own models."""

    def tags(self, arn: str) -> Mapping[str, str]:
        """The tags of what has *arn*; none if it has none, or is not there."""
        service, name = arn.split(":")[2], arn.rpartition("/")[2]
        found: Mapping[str, str] = {}
        match service:
            case "ec2":
                found = _backend("ec2").tags.get(name, {})
            case "apigateway":
                found = _api_tags(arn)
            case "application-autoscaling":
                targets = _backend("applicationautoscaling").targets.values()
                found = next((vars(t).get("tags", {}) for by in targets for t in by.values() if t.arn == arn), {})
            case "cognito-idp":
                pool = _backend("cognito-idp").user_pools.get(name)
                found = pool.extended_config.get("UserPoolTags") or {} if pool else {}
            case "servicediscovery":
                found = _backend("servicediscovery").tagger.get_tag_dict_for_resource(arn)
            case "elasticloadbalancing":
                found = _backend("elbv2").tagging_service.get_tag_dict_for_resource(arn)
            case "sagemaker" if ":user-profile/" in arn:
                profiles = vars(_backend("sagemaker")).get("user_profiles", {}).values()
                tags = (each["Tags"] for each in profiles if each["UserProfileArn"] == arn)
                found = {tag["Key"]: tag["Value"] for tag in next(tags, [])}
            case "acm" | "kms" | "sagemaker":
                found = next((each.tags for each in _backend(service).iter_tagged_resources() if each.arn == arn), {})
        return dict(found)

    def meant(self, request: Request) -> Iterator[str]:
        """What a request means by another name than its own, or before it has one."""
        parameters, name = request.parameters, str(request.parameters.get("Name"))
        match request.name:
            case "kms:DeleteAlias":
                alias = parameters["AliasName"]
                yield from (key.arn for key in _backend("kms").list_keys() if alias in key.aliases)
            case "ec2:DisassociateAddress":
                known = _backend("ec2").addresses
                found = [each for each in known if each.association_id == parameters["AssociationId"]]
                yield from (f"arn:aws:ec2:{REGION}:{ACCOUNT}:elastic-ip/{each.allocation_id}" for each in found)
            case "ec2:DisassociateRouteTable":
                tables = _backend("ec2").route_tables.values()
                mine = [table.id for table in tables if parameters["AssociationId"] in table.all_associations_ids]
                yield from (f"arn:aws:ec2:{REGION}:{ACCOUNT}:route-table/{id}" for id in mine)
            case "elasticloadbalancing:CreateLoadBalancer":
                yield f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/{name}/new"
            case "elasticloadbalancing:CreateTargetGroup":
                yield f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/{name}/new"
            case "elasticloadbalancing:CreateListener":
                yield parameters["LoadBalancerArn"].replace(":loadbalancer/", ":listener/") + "/new"
            case "wafv2:GetWebACLForResource":
                yield from (acl.arn for acl in _backend("wafv2").wacls.values())
            case _ if request.service == "application-autoscaling":
                targets = _backend("applicationautoscaling").targets.values()
                yield from (t.arn for by in targets for id, t in by.items() if id == parameters.get("ResourceId"))

    def keys_of_ours(self) -> list[str]:
        """The KMS keys that carry an environment's tag."""
        return [key.arn for key in _backend("kms").list_keys() if "environment" in self.tags(key.arn)]

    def boundary(self, role: str) -> str | None:
        """The ARN of the policy that bounds *role*."""
        known = {each.name: each for each in _backend("iam", "aws").roles.values()}
        bounded = known[role].permissions_boundary if role in known else None
        return bounded["PermissionsBoundaryArn"] if isinstance(bounded, dict) else bounded


def _backend(service: str, region: str = REGION) -> Any:
    from moto.backends import get_backend

    return get_backend(service)[ACCOUNT][region]  # type: ignore[call-overload]


def _api_tags(arn: str) -> Mapping[str, str]:
    backend, path = _backend("apigatewayv2"), arn.rpartition("::")[2].split("/")
    match path[1:3]:
        case ["apis", id] if id in backend.apis:
            return dict(backend.get_tags(backend.apis[id].arn))
        case ["vpclinks", id] if id in backend.vpc_links:
            return dict(backend.get_tags(backend.vpc_links[id].arn))
        case ["domainnames", name] if name in backend.domain_names:
            return dict(backend.domain_names[name].tags)
    return {}


def _gateway_needs(request: Request, account: Account) -> Iterator[Need]:
    """API Gateway's actions are the methods of HTTP, and its resources the paths (Developer Guide, ARNs)."""
    http = _http("apigatewayv2", request.operation)
    path = re.sub(
        r"\{([\w-]+)\}", lambda name: str(request.parameters[name[1]]), http["requestUri"].removeprefix("/v2")
    )
    arn = f"arn:aws:apigateway:{REGION}::{path}"
    tags = {key: str(value) for key, value in (request.parameters.get("tags") or {}).items()}
    context = (*_context("aws:RequestTag", tags), *_context("aws:ResourceTag", account.tags(arn)))
    yield Need(f"apigateway:{http['method']}", arn, context)
    if tags and not path.startswith("/tags/"):
        yield Need("apigateway:POST", f"arn:aws:apigateway:{REGION}::/tags/new", _context("aws:RequestTag", tags))


@functools.cache
def _http(service: str, operation: str) -> Mapping[str, str]:
    import botocore.session

    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    return dict(model.http)


def _actions(request: Request, tags: Mapping[str, str]) -> Iterator[str]:
    service, operation, parameters = request.service, request.operation, request.parameters
    if service != "s3":
        yield request.name
        if service == "iam" and tags and operation in ("CreateRole", "CreatePolicy"):
            yield f"iam:Tag{operation.removeprefix('Create')}"
        elif tags and service in _TAGGING and request.name != _TAGGING[service]:
            yield _TAGGING[service]
        if request.name == "wafv2:AssociateWebACL" or request.name == "wafv2:DisassociateWebACL":
            yield "elasticloadbalancing:SetWebAcl"
        if request.name == "iam:CreateRole" and "PermissionsBoundary" in parameters:
            yield "iam:PutRolePermissionsBoundary"
        return
    name = _S3.get(operation, operation)
    yield f"s3:{name}Version" if name == "DeleteObject" and "versionId" in parameters else f"s3:{name}"
    if name == "PutObject" and str(parameters["Key"]).startswith("notebook/"):
        yield "s3:PutObjectTagging"  # the provider's default tags, in a header


def _needs_of(
    action: str, arns: list[str], request: Request, tags: Mapping[str, str], account: Account
) -> Iterator[Need]:
    types = reference.resource_types(action)
    base = (*_context_of_request(request, account), *_create_action(action, request))
    if not types:
        yield Need(action, "*", (*base, *_context("aws:RequestTag", tags)))
        return
    if action == "ec2:CreateTags" and request.name != action:
        made = {str(value) for key, value in request.parameters.items() if key.endswith("ResourceType")}
        for type in made - {"VPC"}:
            yield Need(action, _new(action, type), (*base, *_context("aws:RequestTag", tags)))
        return
    served = False
    for type, required in types.items():
        form = reference.arn_format(action, type)
        keys = reference.condition_keys(action, type)
        asked = _context("aws:RequestTag", tags) if any(key.startswith("aws:RequestTag") for key in keys) else ()
        matching = [arn for arn in arns if form.fullmatch(arn)]
        for arn in matching:
            yield Need(action, arn, (*base, *asked, *_context("aws:ResourceTag", account.tags(arn))))
        if not matching and required and (action, type) not in _ALTERNATIVES:
            new = _DEFAULTS[type].format(**request.parameters) if type in _DEFAULTS else _new(action, type)
            yield Need(action, _named_new(new, request), (*base, *asked))
        served = served or bool(matching) or required
    if not served:
        yield Need(action, None, (*base, *_context("aws:RequestTag", tags)))


def _new(action: str, type: str) -> str:
    return reference.example(action, type, account=ACCOUNT, region=REGION)


def _named_new(arn: str, request: Request) -> str:
    """Something that is to be made has no id yet, but may have a name."""
    name = str(request.parameters.get("Name") or request.parameters.get("name") or "new")
    cluster = str(request.parameters.get("cluster", "")).rpartition("/")[2]
    kind = request.name
    if kind == "ecs:CreateService":
        return arn.replace("service/new/new", f"service/{cluster}/{request.parameters['serviceName']}")
    if kind == "wafv2:CreateWebACL":
        return arn.replace("new/webacl/new", f"regional/webacl/{name}")
    return arn


def _create_action(action: str, request: Request) -> tuple[tuple[str, str], ...]:
    if action == "ec2:CreateTags" and request.name != action:
        return (("ec2:CreateAction", request.operation),)
    return ()


def _context(prefix: str, tags: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((f"{prefix}/{key}", value) for key, value in sorted(tags.items()))


def _context_of_request(request: Request, account: Account) -> tuple[tuple[str, str], ...]:
    parameters = request.parameters
    match request.service:
        case "iam":
            own = parameters.get("PermissionsBoundary")
            boundary = own or account.boundary(str(parameters.get("RoleName", "")))
            return (("iam:PermissionsBoundary", boundary),) if boundary else ()
        case "dynamodb" if "Key" in parameters or "Item" in parameters:
            item = parameters.get("Key") or parameters["Item"]
            return (("dynamodb:LeadingKeys", item["LockID"]["S"]),)
        case "route53" if request.operation == "ChangeResourceRecordSets":
            names = re.findall(rb"<Name>([^<]+)</Name>", request.body)
            key = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
            return tuple((key, name.decode().rstrip(".").lower()) for name in names[:1])
        case "secretsmanager" if request.operation == "DeleteSecret":
            forced = "true" if parameters.get("ForceDeleteWithoutRecovery") else "false"
            return (("secretsmanager:ForceDeleteWithoutRecovery", forced),)
    return ()


def _arns(request: Request) -> Iterator[str]:
    service = request.service
    for key, value in _strings(request.parameters):
        if service == "ec2":
            id = re.fullmatch(r"([a-z]+)-[0-9a-f]{8,}", value)
            if id and id[1] in _EC2 and not (_MENTIONED.search(key) or key in _TARGETS.get(request.operation, ())):
                yield f"arn:aws:ec2:{REGION}:{ACCOUNT}:{_EC2[id[1]]}/{value}"
        elif value.startswith("arn:"):
            yield value
        elif key in _NAMED.get(service, {}):
            yield f"arn:aws:{service}:{REGION}:{ACCOUNT}:{_NAMED[service][key].format(value)}"
        elif key in _WITHOUT_REGION.get(service, {}):
            owner = "" if service == "route53" else ACCOUNT
            kind = "change/{}" if request.operation == "GetChange" else _WITHOUT_REGION[service][key]
            yield f"arn:aws:{service}::{owner}:{kind.format(value)}"
    parameters = request.parameters
    if service == "s3" and "Bucket" in parameters:
        yield f"arn:aws:s3:::{parameters['Bucket']}"
        if "Key" in parameters:
            yield f"arn:aws:s3:::{parameters['Bucket']}/{parameters['Key']}"
    if service == "sagemaker" and "UserProfileName" in parameters:
        profile = f"user-profile/{parameters['DomainId']}/{parameters['UserProfileName']}"
        yield f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{profile}"
    if service == "servicediscovery" and "Id" in parameters:
        kind = "namespace" if str(parameters["Id"]).startswith("ns-") else "service"
        yield f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:{kind}/{parameters['Id']}"
    if request.name == "servicediscovery:CreateService":
        namespace = parameters["DnsConfig"]["NamespaceId"]
        yield f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/{namespace}"


def _strings(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The parameters whose value is text, and those of lists of text."""
    for key, value in parameters.items():
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, list):
            yield from ((key, each) for each in value if isinstance(each, str))


def _request_tags(request: Request) -> Iterator[tuple[str, str]]:
    parameters = request.parameters
    for key in ("tags", "Tags", "UserPoolTags"):
        given = parameters.get(key)
        if isinstance(given, dict):
            yield from ((name, str(value)) for name, value in given.items())
        elif isinstance(given, list) and request.service != "s3":
            for tag in given:
                lower = {name.lower().removeprefix("tag"): value for name, value in tag.items()}
                yield lower["key"], lower["value"]
    flat = {key: value for key, value in parameters.items() if re.search(r"Tags?\.(\w+\.)?\d+\.Key$", key)}
    for key, name in flat.items():
        yield str(name), str(parameters[key.removesuffix("Key") + "Value"])

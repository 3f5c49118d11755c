"""The roles of a continuous integration: who gets them, and what they may and may not do.

Their permissions are held against three things: what plans and deployments asked of AWS, which is on record
(tests/terraform/ci_requests.py), AWS's Service Authorization Reference, and IAM's limits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import main
from errors import UserError
from settings import (
    AccessSettings,
    ApiSettings,
    CiSettings,
    DomainSettings,
    ExistingNetwork,
    LoadBalancerSettings,
    NetworkSettings,
    Settings,
    StateSettings,
)
from tests import service_authorization as reference
from tests.ci_role_policies import CiRoles, synthesised
from tests.iam_needs import ACCOUNT
from tests.iam_policies import Permissions, overlap
from tests.modes import ENDPOINT, MODES, STUDIO, changed
from tests.terraform.ci_requests import CI, RUNS, read, settings_of_roles
from tests.unit.synthesis import Terraform

ROLES = ("plan", "deploy")
OURS = {"aws:ResourceTag/project": "mlflow", "aws:ResourceTag/environment": "dev"}
BECOMING_OURS = {"aws:RequestTag/project": "mlflow", "aws:RequestTag/environment": "dev"}
THEIRS = {"aws:ResourceTag/project": "mlflow", "aws:ResourceTag/environment": "prod"}
BOUNDARY = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/mlflow-dev-ci-boundary"}
IAM = f"arn:aws:iam::{ACCOUNT}"
EC2 = f"arn:aws:ec2:us-west-2:{ACCOUNT}"
STATE = "arn:aws:s3:::mlflow-dev-tfstate/mlflow/dev"
ARTIFACTS = "arn:aws:s3:::mlflow-dev-artifacts-1"

LONGEST = Settings(
    project="p" * 12,
    environment="e" * 11,
    region="ap-northeast-1",
    account_id=ACCOUNT,
    protect_data=False,
    ci=CiSettings(repository=f"{'o' * 39}@{'1' * 10}/{'n' * 100}@{'2' * 10}", branch="b" * 200),
    access=AccessSettings(
        type="lambda", function_arn=f"arn:aws:lambda:ap-northeast-1:{ACCOUNT}:function:{'f' * 64}:{'v' * 64}"
    ),
    state=StateSettings(
        bucket="b" * 63,
        table="t" * 100,
        key_prefix="k" * 100,
        lock="both",
        kms_key_id=f"arn:aws:kms:ap-northeast-1:{ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef",
    ),
    network=NetworkSettings(
        existing=ExistingNetwork(
            vpc_id="vpc-0123456789abcdef0",
            private_subnet_ids=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
        )
    ),
    api=ApiSettings(domain=DomainSettings(name=f"{'a' * 52}.example.com", zone="example.com")),
    load_balancer=LoadBalancerSettings(
        certificate_arn=f"arn:aws:acm:ap-northeast-1:{ACCOUNT}:certificate/01234567-89ab-cdef-0123-456789abcdef",
        server_name=f"{'c' * 60}.{'d' * 60}.example.com",
        client_security_groups=tuple(f"sg-{number:017x}" for number in range(5)),
    ),
)
"""An environment with long names of everything that a policy names."""

# What no run asks for, each with the reason why it is allowed.
_PUSH = "a push of an image: made by the container engine, which the emulator's stands in for (ECR User Guide)"
_LOGGING = "API Gateway's access log is delivered by CloudWatch Logs for the caller (Configure logging for HTTP APIs)"
_ALARMS = "a target tracking policy makes alarms for the caller (Application Auto Scaling User Guide)"
_CLOUD_MAP = "a private namespace makes a hosted zone for the caller (Cloud Map, API permissions reference)"
_KEY = "repositories, function and notebook are encrypted by the key for the caller (their pages on encryption)"
_VERSION = "an update of this project may change this in place; no setting does"
UNUSED: Mapping[str, str] = {
    "cloudwatch:DeleteAlarms": _ALARMS,
    "cloudwatch:DescribeAlarms": _ALARMS,
    "cloudwatch:PutMetricAlarm": _ALARMS,
    "ecr:BatchCheckLayerAvailability": _PUSH,
    "ecr:BatchGetImage": _PUSH,
    "ecr:CompleteLayerUpload": _PUSH,
    "ecr:InitiateLayerUpload": _PUSH,
    "ecr:UploadLayerPart": _PUSH,
    "logs:CreateLogDelivery": _LOGGING,
    "logs:DeleteLogDelivery": _LOGGING,
    "logs:DescribeResourcePolicies": _LOGGING,
    "logs:GetLogDelivery": _LOGGING,
    "logs:ListLogDeliveries": _LOGGING,
    "logs:PutResourcePolicy": _LOGGING,
    "logs:UpdateLogDelivery": _LOGGING,
    "acm:RemoveTagsFromCertificate": "a tag is taken out of the settings; no recorded run has a certificate then",
    "ec2:CreateNetworkInterface": "SageMaker connects a notebook to its subnet for the caller (API permissions)",
    "ec2:DescribeRegions": _CLOUD_MAP,
    "elasticloadbalancing:ModifyTargetGroup": _VERSION,
    "iam:CreatePolicyVersion": _VERSION,
    "iam:CreateServiceLinkedRole": "the first use of a service in an account; moto makes no such roles",
    "iam:DeletePolicyVersion": _VERSION,
    "iam:UpdateAssumeRolePolicy": _VERSION,
    "kms:CreateGrant": _KEY,
    "kms:Encrypt": _KEY,
    "kms:PutKeyPolicy": _VERSION,
    "kms:RetireGrant": _KEY,
    "lambda:UpdateFunctionCode": _VERSION,
    "rds:CreateDBClusterSnapshot": "the last snapshot of a cluster that is deleted (Service Authorization Reference)",
    "rds:ModifyDBInstance": _VERSION,
    "route53:AssociateVPCWithHostedZone": "an interface endpoint's private DNS (Service Authorization Reference)",
    "route53:ListHostedZonesByName": _CLOUD_MAP,
    "sagemaker:UpdateDomain": "protect_data changes what becomes of Studio's files; the emulator updates no domains",
}
"""Actions without a request on record."""


@pytest.fixture(scope="module")
def roles(environments: Mapping[str, Settings], tmp_path_factory: pytest.TempPathFactory) -> CiRoles:
    """Those of dev, which does not protect its data."""
    return synthesised(changed(environments["dev"], {"ci": CI}), tmp_path_factory.mktemp("dev"))


@pytest.fixture(scope="module")
def plan(roles: CiRoles) -> Permissions:
    return roles.permissions("plan")


@pytest.fixture(scope="module")
def deploy(roles: CiRoles) -> Permissions:
    return roles.permissions("deploy")


# --- Who gets them ----------------------------------------------------------------------------------------------------


def test_pull_requests_and_main_get_the_role_that_plans_and_only_the_environment_the_one_that_deploys(
    roles: CiRoles,
) -> None:
    trusted = {name: roles.role(name).json("assume_role_policy")["Statement"] for name in ROLES}
    provider = roles.terraform.one("aws_iam_openid_connect_provider")
    issuer = "token.actions.githubusercontent.com"
    subjects = {
        "plan": ["repo:octo-org/octo-repo:pull_request", "repo:octo-org/octo-repo:ref:refs/heads/main"],
        "deploy": ["repo:octo-org/octo-repo:environment:dev"],
    }
    assert provider == {"url": f"https://{issuer}", "client_id_list": ["sts.amazonaws.com"]}
    for name in ROLES:
        [statement] = trusted[name]
        assert statement["Principal"] == {"Federated": provider.ref("arn")}
        equal = {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subjects[name]}
        assert statement["Condition"] == {"StringEquals": equal}
        assert roles.role(name)["name"] == f"mlflow-dev-ci-{name}"


def test_a_provider_that_the_account_has_is_used_and_not_made_again(
    environments: Mapping[str, Settings], tmp_path: Path
) -> None:
    arn = f"{IAM}:oidc-provider/gitlab.example.com"
    ci = CiSettings(
        issuer="https://gitlab.example.com",
        audience="https://gitlab.example.com",
        oidc_provider_arn=arn,
        plan_subjects=("project_path:g/n:ref_type:branch:ref:*",),
        deploy_subjects=("project_path:g/n:ref_type:branch:ref:main",),
    )
    made = synthesised(changed(environments["dev"], {"ci": ci}), tmp_path)
    assert "aws_iam_openid_connect_provider" not in made.terraform.types
    [statement] = made.role("plan").json("assume_role_policy")["Statement"]
    assert statement["Principal"] == {"Federated": arn}
    assert statement["Condition"]["StringLike"] == {
        "gitlab.example.com:sub": ["project_path:g/n:ref_type:branch:ref:*"]
    }
    [statement] = made.role("deploy").json("assume_role_policy")["Statement"]
    assert statement["Condition"]["StringEquals"]["gitlab.example.com:sub"] == [
        "project_path:g/n:ref_type:branch:ref:main"
    ]


def test_refuses_to_make_roles_for_nobody(environments: Mapping[str, Settings], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'environments/dev\.tfvars: ci is not set, .* Set ci = \{ repository = "owner'):
        main.synthesise_ci_roles(environments["dev"], tmp_path)


# --- What they need ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", RUNS)
def test_each_role_may_do_what_was_asked_of_aws(run: str, tmp_path: Path) -> None:
    made = synthesised(_unprotected(settings_of_roles(run)), tmp_path)
    for name, needs in read(run).items():
        permissions = made.permissions(name)
        assert needs
        denied = [str(need) for need in needs if not permissions.allow(need.action, need.resource, dict(need.context))]
        assert sorted(denied) == [], name


@pytest.mark.parametrize("name", ROLES)
def test_a_role_may_do_nothing_that_was_never_asked_for_and_is_not_explained(name: str, tmp_path: Path) -> None:
    used = {need.action for run in RUNS for need in read(run)[name]}
    # With everything that settings can add.
    made = synthesised(_unprotected(settings_of_roles("modes")), tmp_path)
    allowed = {action for action, _ in made.permissions(name).allowed_actions()}
    unused = allowed - used
    assert sorted(unused - UNUSED.keys()) == []
    if name == "deploy":
        assert sorted(UNUSED.keys() - unused) == [], "used after all, or not allowed any more"


def test_what_aws_asks_for_besides_is_allowed_or_not_ours(deploy: Permissions) -> None:
    """The reference names actions that AWS may ask of the caller as well; which of them apply depends on arguments."""
    allowed = {action for action, _ in deploy.allowed_actions()}
    asked: dict[str, set[str]] = {}
    for action in sorted(allowed):
        for other in reference.dependents(action) - allowed:
            asked.setdefault(other, set()).add(action)
    assert asked.keys() <= NOT_OURS.keys(), {other: asked[other] for other in asked.keys() - NOT_OURS.keys()}
    assert NOT_OURS.keys() <= asked.keys()


_OTHER_KINDS = "for another kind of resource than a load balancer"
_OTHER_FLOWS = "for flow logs of ECS"
_BY_RDS = "RDS's own password management, which is not used"
NOT_OURS = {
    "apigateway:SetWebACL": _OTHER_KINDS,
    "apprunner:AssociateWebAcl": _OTHER_KINDS,
    "apprunner:DescribeWebAclForService": _OTHER_KINDS,
    "apprunner:DisassociateWebAcl": _OTHER_KINDS,
    "appsync:SetWebACL": _OTHER_KINDS,
    "cognito-idp:AssociateWebACL": _OTHER_KINDS,
    "cognito-idp:DisassociateWebACL": _OTHER_KINDS,
    "cognito-idp:GetWebACLForResource": _OTHER_KINDS,
    "ec2:AssociateVerifiedAccessInstanceWebAcl": _OTHER_KINDS,
    "ec2:DisassociateVerifiedAccessInstanceWebAcl": _OTHER_KINDS,
    "ec2:GetVerifiedAccessInstanceWebAcl": _OTHER_KINDS,
    "ecs:ListClusters": _OTHER_FLOWS,
    "ecs:ListContainerInstances": _OTHER_FLOWS,
    "ecs:ListServices": _OTHER_FLOWS,
    "ecs:ListTaskDefinitions": _OTHER_FLOWS,
    "ecs:ListTasks": _OTHER_FLOWS,
    "rds:CreateDBSnapshot": "an instance of Aurora has no snapshots; its cluster has",
    "rds:CreateTenantDatabase": "Oracle",
    "rds:DeleteTenantDatabase": "Oracle",
    "secretsmanager:RotateSecret": _BY_RDS,
}


# --- What they may not do ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("s3:PutObject", f"{STATE}/mlflow-vpclink.tfstate", {}),
        ("s3:GetObject", f"{STATE}/ci-roles.tfstate", {}),
        ("s3:GetObject", f"{ARTIFACTS}/1/model.pkl", {}),
        ("s3:PutObject", f"{ARTIFACTS}/notebook/setup/setup.sh", {}),
        (
            "dynamodb:PutItem",
            f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/mlflow-dev-tfstate-lock",
            {"dynamodb:LeadingKeys": "mlflow-dev-tfstate/mlflow/dev/mlflow-vpclink.tfstate-md5"},
        ),
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:mlflow-prod/x-1", {}),
        ("kms:Decrypt", f"arn:aws:kms:us-west-2:{ACCOUNT}:key/1", OURS),
        ("iam:PassRole", f"{IAM}:role/mlflow-dev-task-1", {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
        ("ec2:CreateVpc", f"{EC2}:vpc/new", BECOMING_OURS),
    ],
)
def test_planning_changes_nothing_and_reads_no_more_than_a_plan(
    plan: Permissions, action: str, resource: str, context: dict[str, str]
) -> None:
    assert not plan.allow(action, resource, context)


def test_planning_writes_nothing_but_the_lock(plan: Permissions) -> None:
    writing = {
        (action, resource)
        for action, statement in plan.allowed_actions()
        for resource in statement.resources
        if reference.access_level(action) not in ("Read", "List")
    }
    lock = f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/mlflow-dev-tfstate-lock"
    assert writing - {("kms:Decrypt", f"arn:aws:kms:us-west-2:{ACCOUNT}:key/*")} == {
        ("dynamodb:PutItem", lock),
        ("dynamodb:DeleteItem", lock),
    }


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        # Their own permissions, and who is let in
        ("iam:PutRolePolicy", f"{IAM}:role/mlflow-dev-ci-deploy", BOUNDARY),
        ("iam:UpdateAssumeRolePolicy", f"{IAM}:role/mlflow-dev-ci-plan", {}),
        ("iam:CreatePolicyVersion", f"{IAM}:policy/mlflow-dev-ci-boundary", {}),
        ("iam:CreatePolicyVersion", f"{IAM}:policy/mlflow-dev-ci-data-1", {}),
        ("iam:UpdateOpenIDConnectProviderThumbprint", f"{IAM}:oidc-provider/token.actions.githubusercontent.com", {}),
        ("s3:PutObject", f"{STATE}/ci-roles.tfstate", {}),
        ("s3:PutObject", f"{STATE}/state-backend.tfstate", {}),
        # Roles that could do more
        ("iam:CreateRole", f"{IAM}:role/mlflow-dev-task-1", {}),
        ("iam:CreateRole", f"{IAM}:role/mlflow-dev-task-1", {"iam:PermissionsBoundary": f"{IAM}:policy/theirs"}),
        ("iam:PutRolePolicy", f"{IAM}:role/mlflow-dev-task-1", {}),
        ("iam:PutRolePermissionsBoundary", f"{IAM}:role/mlflow-dev-task-1", {}),
        ("iam:DeleteRolePermissionsBoundary", f"{IAM}:role/mlflow-dev-task-1", BOUNDARY),
        ("iam:AttachRolePolicy", f"{IAM}:role/mlflow-dev-task-1", BOUNDARY),
        ("iam:CreateRole", f"{IAM}:role/admin", BOUNDARY),
        ("iam:CreateUser", f"{IAM}:user/mlflow-dev-task-1", {}),
        # Roles in other hands
        ("iam:PassRole", f"{IAM}:role/mlflow-dev-task-1", {"iam:PassedToService": "ec2.amazonaws.com"}),
        ("iam:PassRole", f"{IAM}:role/mlflow-dev-notebook-1", {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
        ("iam:PassRole", f"{IAM}:role/admin", {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
        ("sts:AssumeRole", f"{IAM}:role/mlflow-dev-task-1", {}),
        # Another environment
        ("s3:DeleteBucket", "arn:aws:s3:::mlflow-prod-artifacts-1", {}),
        ("rds:DeleteDBCluster", f"arn:aws:rds:us-west-2:{ACCOUNT}:cluster:mlflow-prod-database", {}),
        ("ec2:DeleteVpc", f"{EC2}:vpc/vpc-1", THEIRS),
        ("ec2:CreateSubnet", f"{EC2}:vpc/vpc-1", {**THEIRS, **BECOMING_OURS}),
        ("ec2:AuthorizeSecurityGroupIngress", f"{EC2}:security-group/sg-1", {**THEIRS, **BECOMING_OURS}),
        ("ec2:AuthorizeSecurityGroupIngress", f"{EC2}:security-group/sg-1", BECOMING_OURS),
        ("ec2:CreateTags", f"{EC2}:security-group/sg-1", {**THEIRS, **BECOMING_OURS}),
        ("ec2:CreateTags", f"{EC2}:vpc/vpc-1", BECOMING_OURS),
        ("kms:ScheduleKeyDeletion", f"arn:aws:kms:us-west-2:{ACCOUNT}:key/1", THEIRS),
        ("kms:TagResource", f"arn:aws:kms:us-west-2:{ACCOUNT}:key/1", {**THEIRS, **BECOMING_OURS}),
        ("apigateway:DELETE", "arn:aws:apigateway:us-west-2::/apis/1", THEIRS),
        ("ecs:DeleteCluster", f"arn:aws:ecs:us-west-2:{ACCOUNT}:cluster/mlflow-prod", {}),
        # Without the tags that make it ours
        ("ec2:CreateVpc", f"{EC2}:vpc/new", {}),
        ("kms:CreateKey", "*", {}),
        # Things that a deployment has no use for
        ("ec2:RunInstances", f"{EC2}:instance/new", BECOMING_OURS),
        ("s3:GetObject", f"{ARTIFACTS}/1/model.pkl", {}),
        ("s3:PutObject", f"{ARTIFACTS}/1/model.pkl", {}),
        ("dynamodb:DeleteTable", f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/mlflow-dev-tfstate-lock", {}),
    ],
)
def test_deploying_keeps_to_its_environment_and_to_the_roles_it_was_given(
    deploy: Permissions, action: str, resource: str, context: dict[str, str]
) -> None:
    assert not deploy.allow(action, resource, context)


def test_the_refusals_are_of_what_would_be_allowed_in_its_own_environment(deploy: Permissions) -> None:
    assert deploy.allow("iam:CreateRole", f"{IAM}:role/mlflow-dev-task-1", BOUNDARY)
    assert deploy.allow("ec2:CreateSubnet", f"{EC2}:vpc/vpc-1", {**OURS, **BECOMING_OURS})
    assert deploy.allow("ec2:AuthorizeSecurityGroupIngress", f"{EC2}:security-group/sg-1", {**OURS, **BECOMING_OURS})
    assert deploy.allow("kms:ScheduleKeyDeletion", f"arn:aws:kms:us-west-2:{ACCOUNT}:key/1", OURS)


@pytest.mark.parametrize("name", ROLES)
def test_iam_on_the_roles_themselves_is_refused_whatever_allows_it(roles: CiRoles, name: str) -> None:
    anything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    permissions = Permissions.of([anything, *roles.documents(name).values()])
    assert permissions.allow("iam:PutRolePolicy", f"{IAM}:role/somebody", {})
    for resource in ("role/mlflow-dev-ci-plan", "policy/mlflow-dev-ci-boundary", "oidc-provider/example.com"):
        assert not permissions.allow("iam:TagRole", f"{IAM}:{resource}", {})


PROTECTED: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("s3:DeleteBucket", ARTIFACTS, {}),
    ("s3:DeleteObjectVersion", f"{ARTIFACTS}/1/model.pkl", {}),
    ("rds:DeleteDBCluster", f"arn:aws:rds:us-west-2:{ACCOUNT}:cluster:mlflow-dev-database", {}),
    ("kms:ScheduleKeyDeletion", f"arn:aws:kms:us-west-2:{ACCOUNT}:key/1", OURS),
    ("cognito-idp:DeleteUserPool", f"arn:aws:cognito-idp:us-west-2:{ACCOUNT}:userpool/1", OURS),
    (
        "secretsmanager:DeleteSecret",
        f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:mlflow-dev/x-1",
        {"secretsmanager:ForceDeleteWithoutRecovery": "true"},
    ),
)


@pytest.mark.parametrize(("action", "resource", "context"), PROTECTED)
def test_where_data_is_protected_deploying_may_not_lose_it(
    environments: Mapping[str, Settings],
    deploy: Permissions,
    tmp_path: Path,
    action: str,
    resource: str,
    context: dict[str, str],
) -> None:
    protecting = synthesised(changed(environments["dev"], {"ci": CI, "protect_data": True}), tmp_path)
    assert deploy.allow(action, resource, context)
    assert not protecting.permissions("deploy").allow(action, resource, context)


def test_a_protected_secret_may_go_if_it_can_be_brought_back(
    environments: Mapping[str, Settings], tmp_path: Path
) -> None:
    protecting = synthesised(changed(environments["dev"], {"ci": CI, "protect_data": True}), tmp_path)
    secret = f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:mlflow-dev/x-1"
    assert protecting.permissions("deploy").allow("secretsmanager:DeleteSecret", secret, {})


# --- The boundary -----------------------------------------------------------------------------------------------------


def test_without_a_continuous_integration_no_role_is_bounded(platform: Mapping[str, Terraform]) -> None:
    for stack in platform.values():
        assert not any("permissions_boundary" in role for role in stack.all("aws_iam_role"))


@pytest.mark.parametrize("change", [*MODES, "studio", "endpoint", "exec"])
def test_every_role_of_the_stacks_is_bounded_and_may_still_do_what_it_is_for(
    environments: Mapping[str, Settings], roles: CiRoles, tmp_path: Path, change: str
) -> None:
    changes = {**MODES, "studio": STUDIO, "endpoint": ENDPOINT, "exec": _with_shells(environments["dev"])}[change]
    main.synthesise([changed(environments["prod" if change == "basic" else "dev"], {"ci": CI, **changes})], tmp_path)
    names = [folder.name for folder in (tmp_path / "stacks").iterdir()]
    assert len(names) == 3
    environment = names[0].partition("-")[0]
    allowed = {action for action, _ in roles.boundary().allowed_actions()}
    for name in names:
        stack = Terraform.read(tmp_path, name)
        for role in stack.all("aws_iam_role"):
            assert role["permissions_boundary"].endswith(f":policy/mlflow-{environment}-ci-boundary")
        for policy in stack.all("aws_iam_role_policy"):
            actions = {action for each in policy.json("policy")["Statement"] for action in each["Action"]}
            assert actions <= allowed, policy.address


def test_the_boundary_lets_a_role_neither_make_roles_nor_take_those_of_the_continuous_integration(
    roles: CiRoles,
) -> None:
    boundary = roles.boundary()
    sagemaker = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    assert boundary.allow("iam:PassRole", f"{IAM}:role/mlflow-dev-notebook-1", sagemaker)
    for action, resource in (
        ("iam:PassRole", "role/mlflow-dev-ci-deploy"),
        ("iam:CreateRole", "role/mlflow-dev-task-1"),
        ("sts:AssumeRole", "role/mlflow-dev-ci-deploy"),
    ):
        assert not boundary.allow(action, f"{IAM}:{resource}", sagemaker)
    assert not boundary.allow(
        "secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:x", {}
    )


# --- What IAM takes, and AWS knows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ["dev", "prod", "longest", "modes"])
def test_policies_fit_into_what_iam_takes(
    environments: Mapping[str, Settings], tmp_path: Path, environment: str
) -> None:
    """IAM and STS quotas, IAM and STS character limits: white space does not count."""
    chosen = {
        **{name: changed(each, {"ci": CI}) for name, each in environments.items()},
        "longest": LONGEST,
        "modes": settings_of_roles("modes"),
    }
    made = synthesised(chosen[environment], tmp_path)
    for name in ROLES:
        documents = made.documents(name)
        sizes = {address: len(json.dumps(each, separators=(",", ":"))) for address, each in documents.items()}
        inline = {address for address in sizes if address.endswith("keep_hands_off_ci_roles")}
        assert {address: size for address, size in sizes.items() if address not in inline and size > 6_144} == {}
        assert sum(sizes[address] for address in inline) <= 10_240
        assert len(sizes.keys() - inline) <= 10
        assert len(made.role(name)["name"]) <= 64
        trust = json.dumps(made.role(name).json("assume_role_policy"), separators=(",", ":"))
        assert len(re.sub(r"\$\{[^}]*\}", "x" * 100, trust)) <= 2_048
    [boundary] = [each for each in made.terraform.all("aws_iam_policy") if "name" in each]
    assert len(json.dumps(made.filled_in(boundary), separators=(",", ":"))) <= 6_144


@pytest.mark.parametrize("name", [*ROLES, "boundary"])
def test_aws_knows_every_action_the_resources_it_is_allowed_on_and_its_conditions(name: str, tmp_path: Path) -> None:
    made = synthesised(settings_of_roles("modes"), tmp_path)
    permissions = made.boundary() if name == "boundary" else made.permissions(name)
    for action, statement in permissions.allowed_actions():
        assert reference.exists(action), action
        if action.startswith("apigateway:"):
            continue  # the reference mixes its two versions
        types = reference.resource_types(action)
        fitting = [
            type
            for type in types
            if any(overlap(resource, reference.arn_pattern(action, type)) for resource in statement.resources)
        ]
        assert fitting or not types or statement.resources == ("*",), f"{action} knows only {sorted(types)}"
        assert types or "*" in statement.resources, f"{action} knows no resources"
        for operator, conditions in statement.conditions.items():
            for key in conditions:
                assert _is_known(key, action, fitting), f"{action} knows no {key} ({operator})"


def test_only_what_knows_no_resource_is_allowed_on_all(deploy: Permissions) -> None:
    broad = {
        action
        for action, statement in deploy.allowed_actions()
        if statement.resources == ("*",) and any(reference.resource_types(action).values())
    }
    assert broad == set()


def test_tags_are_those_that_the_stacks_give(environments: Mapping[str, Settings], tmp_path: Path) -> None:
    settings = changed(environments["dev"], {"ci": CI, "tags": {"Environment": "Development", "Team": "ml"}})
    made = synthesised(settings, tmp_path)
    given = made.terraform.document["provider"]["aws"][0]["default_tags"][0]["tags"]
    [conditions] = [
        each["Condition"]["StringEquals"]
        for each in made.documents("deploy")["network"]["Statement"]
        if each["Sid"] == "UseNetwork"
    ]
    assert conditions == {f"aws:ResourceTag/{key}": given[key] for key in ("project", "Environment")}


def _is_known(key: str, action: str, types: list[str]) -> bool:
    prefix = key.partition("/")[0]
    general = {"kms:ViaService", "aws:ResourceTag"} if action.startswith("kms:") else set()
    known = {each.partition("/")[0] for type in types or [""] for each in reference.condition_keys(action, type)}
    return prefix in known | general


def _unprotected(settings: Settings) -> Settings:
    """As the roles are before a protected environment is destroyed."""
    return changed(settings, {"protect_data": False})


def _with_shells(settings: Settings) -> dict[str, Any]:
    return {"service": settings.service.model_copy(update={"exec": True})}

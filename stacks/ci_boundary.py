"""The most that the roles of the stacks may do, once a continuous integration makes them.

A role that another one makes may do what that one writes into it. So the role that deploys may make only roles that
are bounded by this policy, and may not change it.
"""

from __future__ import annotations

from cdktf import TerraformStack
from cdktf_cdktf_provider_aws.iam_role import IamRole

from constructs_lib.permissions_boundary import PermissionsBoundary
from constructs_lib.role import Grantable
from settings import Settings
from stacks.ci_scope import CiScope, boundary_name

_JOBS = ("training-job", "model", "endpoint-config", "endpoint")


def bound_roles(stack: TerraformStack, settings: Settings) -> None:
    """Bound every role in *stack*; nothing happens without a continuous integration in *settings*."""
    if settings.ci is None:
        return
    boundary = CiScope(stack, settings).boundary()
    for construct in stack.node.find_all():
        if isinstance(construct, IamRole):
            construct.permissions_boundary = boundary


def make_boundary(stack: TerraformStack, scope: CiScope) -> PermissionsBoundary:
    """The policy itself, in the stack of the roles."""
    boundary = PermissionsBoundary(
        stack,
        "boundary",
        name=boundary_name(scope.settings),
        description=f"The most that the roles of {scope.prefix} may do",
    )
    _let_run_tasks(boundary, scope)
    _let_use_data(boundary, scope)
    _let_work_in_notebook(boundary, scope)
    _let_work_in_studio(boundary, scope)
    return boundary


def _let_run_tasks(boundary: Grantable, scope: CiScope) -> None:
    boundary.allow(
        "pull",  # from AWS's accounts for the notebook's jobs, and from wherever the settings say
        actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        resources=scope.any_repository(),
    )
    boundary.allow(
        "run",  # none of these knows a narrower resource
        actions=[
            "ecr:GetAuthorizationToken",
            "logs:DescribeLogGroups",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ],
        resources=["*"],
    )
    jobs = ("NotebookInstances*", "TrainingJobs*", f"Endpoints/{scope.prefix}-*")
    boundary.allow(
        "log",
        actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        resources=[
            *scope.log_groups(),
            *scope.arn("logs", *(f"log-group:/aws/sagemaker/{job}" for job in jobs)),
        ],
    )


def _let_use_data(boundary: Grantable, scope: CiScope) -> None:
    boundary.allow("read-secrets", actions=["secretsmanager:GetSecretValue"], resources=scope.secrets())
    boundary.allow(
        "use-key",
        actions=["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"],
        resources=scope.arn("kms", "key/*"),
        conditions=scope.ours(),
    )
    boundary.allow(
        "lend-key",
        actions=["kms:CreateGrant"],
        resources=scope.arn("kms", "key/*"),
        conditions=scope.ours(Bool={"kms:GrantIsForAWSResource": "true"}),
    )
    boundary.allow(
        "list-artifacts",
        actions=["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
        resources=scope.artifacts(),
    )
    boundary.allow(
        "use-artifacts",
        actions=[
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:GetObject",
            "s3:ListMultipartUploadParts",
            "s3:PutObject",
        ],
        resources=scope.artifacts("*"),
    )


def _let_work_in_notebook(boundary: Grantable, scope: CiScope) -> None:
    boundary.allow("call-api", actions=["execute-api:Invoke"], resources=scope.arn("execute-api", "*/*"))
    boundary.allow(
        "stop-notebook",
        actions=["sagemaker:DescribeNotebookInstance", "sagemaker:StopNotebookInstance"],
        resources=scope.arn("sagemaker", f"notebook-instance/{scope.prefix}"),
    )
    boundary.allow(
        "run-jobs",
        actions=[
            "sagemaker:CreateEndpoint",
            "sagemaker:CreateEndpointConfig",
            "sagemaker:CreateModel",
            "sagemaker:CreateTrainingJob",
            "sagemaker:DeleteEndpoint",
            "sagemaker:DeleteEndpointConfig",
            "sagemaker:DeleteModel",
            "sagemaker:DescribeEndpoint",
            "sagemaker:DescribeEndpointConfig",
            "sagemaker:DescribeModel",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:InvokeEndpoint",
            "sagemaker:StopTrainingJob",
        ],
        resources=scope.arn("sagemaker", *(f"{kind}/{scope.prefix}-*" for kind in _JOBS)),
    )
    boundary.allow(
        "pass-notebook-role",
        actions=["iam:PassRole"],
        resources=scope.roles("sagemaker.amazonaws.com"),
        conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    )
    boundary.allow(
        "write-job-metrics",
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],
        conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
    )


def _let_work_in_studio(boundary: Grantable, scope: CiScope) -> None:
    boundary.allow(
        "use-studio",
        actions=[
            "sagemaker:AddTags",
            "sagemaker:CreateApp",
            "sagemaker:CreatePresignedDomainUrl",
            "sagemaker:CreateSpace",
            "sagemaker:DeleteApp",
            "sagemaker:DeleteSpace",
            "sagemaker:DescribeApp",
            "sagemaker:DescribeDomain",
            "sagemaker:DescribeSpace",
            "sagemaker:DescribeUserProfile",
            "sagemaker:UpdateSpace",
        ],
        # A role's own policy names the domain, which somebody else may have made.
        resources=scope.arn("sagemaker", "app/*", "domain/*", "space/*", "user-profile/*"),
    )
    boundary.allow(
        "list-studio",
        actions=["sagemaker:ListApps", "sagemaker:ListDomains", "sagemaker:ListSpaces", "sagemaker:ListUserProfiles"],
        resources=["*"],
    )

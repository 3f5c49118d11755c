from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.notebook_role import NotebookRole
from tests.unit.synthesis import Terraform, Workbench, allow

LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    NotebookRole(stack, "role", name_prefix="test", artifacts=stack.artifacts)
    return stack.synthesise()


@pytest.fixture
def permissions(terraform: Terraform) -> dict[str, dict[str, Any]]:
    return terraform.permissions(terraform.one("aws_iam_role"))


def _arn(terraform: Terraform, service: str, resource: str) -> str:
    partition, region = terraform.data("aws_partition").ref("partition"), terraform.data("aws_region").ref("name")
    account = terraform.data("aws_caller_identity").ref("account_id")
    return f"arn:{partition}:{service}:{region}:{account}:{resource}"


def test_it_may_do_this_and_no_more(terraform: Terraform, permissions: dict[str, dict[str, Any]]) -> None:
    def sagemaker(resource: str) -> str:
        return _arn(terraform, "sagemaker", resource)

    def logs(group: str) -> str:
        return _arn(terraform, "logs", f"log-group:/aws/sagemaker/{group}")

    partition, region = terraform.data("aws_partition").ref("partition"), terraform.data("aws_region").ref("name")
    repositories = ["sagemaker-scikit-learn"] + [
        f"{framework}-{use}" for framework in ("pytorch", "tensorflow") for use in ("training", "inference")
    ]
    bucket, key = terraform.one("aws_s3_bucket").ref("arn"), terraform.one("aws_kms_key").ref("arn")
    assert permissions == {
        "list-artifacts": allow("s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads", on=[bucket]),
        "read-write-artifacts": allow(
            "s3:GetObject",
            "s3:PutObject",
            "s3:DeleteObject",
            "s3:AbortMultipartUpload",
            "s3:ListMultipartUploadParts",
            on=[f"{bucket}/*"],
        ),
        "use-key": allow("kms:Decrypt", "kms:GenerateDataKey", on=[key]),
        "stop-itself": allow(
            "sagemaker:DescribeNotebookInstance",
            "sagemaker:StopNotebookInstance",
            on=[sagemaker("notebook-instance/test")],
        ),
        "run-training-jobs": allow(
            "sagemaker:CreateTrainingJob",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:StopTrainingJob",
            on=[sagemaker("training-job/test-*")],
        ),
        "make-models": allow(
            "sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:DeleteModel", on=[sagemaker("model/test-*")]
        ),
        "configure-endpoints": allow(
            "sagemaker:CreateEndpointConfig",
            "sagemaker:DescribeEndpointConfig",
            "sagemaker:DeleteEndpointConfig",
            "sagemaker:CreateEndpoint",
            on=[sagemaker("endpoint-config/test-*")],
        ),
        "use-endpoints": allow(
            "sagemaker:CreateEndpoint",
            "sagemaker:DescribeEndpoint",
            "sagemaker:DeleteEndpoint",
            "sagemaker:InvokeEndpoint",
            on=[sagemaker("endpoint/test-*")],
        ),
        "pass-itself": {
            **allow("iam:PassRole", on=[terraform.one("aws_iam_role").ref("arn")]),
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        },
        "log-in-to-registry": allow("ecr:GetAuthorizationToken", on=["*"]),
        "pull-framework-images": allow(
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
            on=[f"arn:{partition}:ecr:{region}:*:repository/{name}" for name in repositories],
        ),
        "write-notebook-logs": allow(*LOGS, on=[logs("NotebookInstances*")]),
        "write-job-logs": allow(*LOGS, on=[logs("TrainingJobs*"), logs("Endpoints/test-*")]),
        "write-job-metrics": {
            **allow("cloudwatch:PutMetricData", on=["*"]),
            "Condition": {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
        },
    }


def test_sagemaker_takes_it_for_the_notebook_and_for_what_that_starts(terraform: Terraform) -> None:
    [trust] = terraform.one("aws_iam_role").json("assume_role_policy")["Statement"]

    # Without a condition on the account, which SageMaker does not send for a notebook instance.
    assert trust == {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
    }

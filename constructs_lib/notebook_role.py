"""The role of the notebook, and of the training jobs, models and endpoints that it starts."""

from __future__ import annotations

from constructs import Construct

from constructs_lib.artifact_store import ArtifactStore
from constructs_lib.aws_account import AwsAccount
from constructs_lib.role import Role

SERVICE = "sagemaker.amazonaws.com"
_WRITE_LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
# SageMaker's own image, and two frameworks of AWS's Deep Learning Containers (github.com/aws/deep-learning-containers).
_FRAMEWORK_IMAGES = (
    "sagemaker-scikit-learn",
    "pytorch-training",
    "pytorch-inference",
    "tensorflow-training",
    "tensorflow-inference",
)


class NotebookRole(Role):
    """What a notebook instance called *name_prefix* may do, and what it starts in SageMaker under *name_prefix*-...

    The same role does both: SageMaker assumes it for a training job or an endpoint, and the notebook may hand over
    itself to nobody else. What a training job and an endpoint need is in the SageMaker Developer Guide, How to use
    SageMaker execution roles, CreateTrainingJob API and CreateModel API.
    """

    def __init__(self, scope: Construct, id: str, *, name_prefix: str, artifacts: ArtifactStore) -> None:
        super().__init__(
            scope,
            id,
            name_prefix=f"{name_prefix}-notebook",
            service=SERVICE,
            description="MLflow's notebook instance",
            same_account_only=False,
        )
        artifacts.grant_read_write(self)
        self._let_stop_itself(name_prefix)
        self._let_run_jobs(f"{name_prefix}-*")
        self._let_pull_images()
        self._let_log(f"{name_prefix}-*")

    def _let_stop_itself(self, name: str) -> None:
        self.allow(
            "stop-itself",
            actions=["sagemaker:DescribeNotebookInstance", "sagemaker:StopNotebookInstance"],
            resources=[AwsAccount.of(self).arn("sagemaker", f"notebook-instance/{name}")],
        )

    def _let_run_jobs(self, names: str) -> None:
        jobs, models, configurations, endpoints = (
            AwsAccount.of(self).arn("sagemaker", f"{kind}/{names}")
            for kind in ("training-job", "model", "endpoint-config", "endpoint")
        )
        self.allow(
            "run-training-jobs",
            actions=["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"],
            resources=[jobs],
        )
        self.allow(
            "make-models",
            actions=["sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:DeleteModel"],
            resources=[models],
        )
        self.allow(
            "configure-endpoints",
            actions=[
                "sagemaker:CreateEndpointConfig",
                "sagemaker:DescribeEndpointConfig",
                "sagemaker:DeleteEndpointConfig",
                "sagemaker:CreateEndpoint",  # asks for the endpoint and for its configuration
            ],
            resources=[configurations],
        )
        self.allow(
            "use-endpoints",
            actions=[
                "sagemaker:CreateEndpoint",
                "sagemaker:DescribeEndpoint",
                "sagemaker:DeleteEndpoint",
                "sagemaker:InvokeEndpoint",
            ],
            resources=[endpoints],
        )
        self.allow(
            "pass-itself",
            actions=["iam:PassRole"],
            resources=[self.arn],
            conditions={"StringEquals": {"iam:PassedToService": SERVICE}},
        )

    def _let_pull_images(self) -> None:
        account = AwsAccount.of(self)
        self.allow("log-in-to-registry", actions=["ecr:GetAuthorizationToken"], resources=["*"])
        self.allow(
            "pull-framework-images",
            actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            # AWS has these in another account in almost every region (src/sagemaker/image_uri_config of
            # github.com/aws/sagemaker-python-sdk). Terraform's aws_sagemaker_prebuilt_ecr_image would know the account,
            # but AWS provider 5.100 lacks five of SageMaker's regions, and would fail every plan there.
            resources=[
                f"arn:{account.partition}:ecr:{account.region}:*:repository/{name}" for name in _FRAMEWORK_IMAGES
            ],
        )

    def _let_log(self, names: str) -> None:
        account = AwsAccount.of(self)
        self.allow(
            "write-notebook-logs",
            actions=_WRITE_LOGS,
            resources=[account.arn("logs", "log-group:/aws/sagemaker/NotebookInstances*")],
        )
        self.allow(
            "write-job-logs",
            actions=_WRITE_LOGS,
            resources=[
                account.arn("logs", "log-group:/aws/sagemaker/TrainingJobs*"),
                account.arn("logs", f"log-group:/aws/sagemaker/Endpoints/{names}"),
            ],
        )
        self.allow(
            "write-job-metrics",
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
        )

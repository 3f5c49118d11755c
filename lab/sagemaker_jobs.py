"""SageMaker for the lab: a training job, an endpoint, and an end to all that costs. Needs boto3 and nothing else.

What is started begins with ``LAB_PREFIX``, and its files are below ``s3://LAB_BUCKET/lab/``: the notebook's role may
touch nothing else.

The container is SageMaker's image ``sagemaker-scikit-learn:1.4-2-cpu-py3``, for training and serving alike. It has
Python 3.10 (docker/1.4-2 of github.com/aws/sagemaker-scikit-learn-container), which MLflow 3 needs and which notebook
instances have too. Its scikit-learn is replaced by that of ``requirements.txt``: MLflow's autologging wants 1.6.
The image 1.9-0 is newer, but Python 3.10 has no scikit-learn after 1.7; PyTorch's images are several times as large.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

TRAINING_INSTANCE = "ml.m5.large"
ENDPOINT_INSTANCE = "ml.t2.medium"  # the smallest for real-time endpoints
TRAINING_LIMIT_SECONDS = 15 * 60
"""When SageMaker ends a job that has not ended by itself; the job takes two or three minutes."""
WAIT_LIMIT_SECONDS = 25 * 60
"""How long the notebook waits for a job or an endpoint."""
STARTUP_LIMIT_SECONDS = 10 * 60
"""How long the endpoint's container may take to install scikit-learn and to load the model."""

IMAGE = "sagemaker-scikit-learn:1.4-2-cpu-py3"
# The accounts that AWS has it in: src/sagemaker/image_uri_config/sklearn.json of github.com/aws/sagemaker-python-sdk.
IMAGE_ACCOUNTS = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}

_HERE = Path(__file__).parent
_FOLDER = "lab"  # in the bucket
_MODEL_CODE = "/opt/ml/model/code"  # where the container finds code/ of model.tar.gz
# What a job is told besides the address: no credentials, since anybody who may describe a job sees its variables.
_PASSED_ON = (
    "AWS_DEFAULT_REGION",
    "MLFLOW_CREDENTIALS_SECRET",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD",
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE",
    "MLFLOW_TRACKING_AWS_SIGV4",
)


class LabError(Exception):
    """Something in the lab that does not work, and what to do about it."""


@dataclass(frozen=True)
class Lab:
    """What the lab starts in SageMaker, as the role *role_arn*.

    Everything is named by *prefix* and lies in *bucket*. *job_environment* are the variables of a training job.
    *poll_seconds* is how long it waits between two questions; *say* shows progress.
    """

    region: str
    prefix: str
    bucket: str
    role_arn: str
    job_environment: Mapping[str, str]
    poll_seconds: float = 15.0
    say: Callable[[str], None] = print
    clock: Callable[[], float] = time.monotonic
    sagemaker: Any = field(default=None, repr=False)
    runtime: Any = field(default=None, repr=False)
    s3: Any = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ, **settings: Any) -> Lab:
        """As the kernel's variables say; raises ``LabError`` where one is missing, or where no job could log in."""
        wanted = ("AWS_DEFAULT_REGION", "LAB_PREFIX", "LAB_BUCKET", "LAB_ROLE_ARN", "LAB_TRACKING_URI")
        if missing := [name for name in wanted if not variables.get(name)]:
            raise LabError(f"{', '.join(missing)} is not set: choose the kernel MLflow on the notebook instance")
        if variables.get("MLFLOW_ACCESS") == "jwt":
            raise LabError("access is jwt, and a training job has no token: leave out the parts that use SageMaker")
        region = variables["AWS_DEFAULT_REGION"]
        passed_on = {name: variables[name] for name in _PASSED_ON if variables.get(name)}
        return cls(
            region=region,
            prefix=variables["LAB_PREFIX"],
            bucket=variables["LAB_BUCKET"],
            role_arn=variables["LAB_ROLE_ARN"],
            job_environment={**passed_on, "MLFLOW_TRACKING_URI": variables["LAB_TRACKING_URI"]},
            sagemaker=boto3.client("sagemaker", region_name=region),
            runtime=boto3.client("sagemaker-runtime", region_name=region),
            s3=boto3.client("s3", region_name=region),
            **settings,
        )

    @property
    def image(self) -> str:
        """The container's address; raises ``LabError`` in a region where AWS does not have it."""
        if self.region not in IMAGE_ACCOUNTS:
            raise LabError(f"{IMAGE} is not known in {self.region}: add its account to IMAGE_ACCOUNTS in {__file__}")
        return f"{IMAGE_ACCOUNTS[self.region]}.dkr.ecr.{self.region}.amazonaws.com/{IMAGE}"

    @property
    def endpoint(self) -> str:
        """The one name of endpoint, configuration and model: so all of it is found again by a new kernel."""
        return f"{self.prefix}-lab"

    def start_training(
        self, data: Mapping[str, Path], *, experiment: str, instance_type: str = TRAINING_INSTANCE, **arguments: int
    ) -> str:
        """Start ``train.py`` on a machine of its own and return the job's name, which is also the name of its run.

        *data* has the file of each channel; *arguments* are those of ``train.py``, with ``_`` for ``-``.
        """
        job = f"{self.endpoint}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
        code = self._upload(f"{job}/code/sourcedir.tar.gz", pack_code())
        channels = [self._channel(job, name, file) for name, file in data.items()]
        script_mode = {
            "sagemaker_container_log_level": 20,
            "sagemaker_job_name": job,
            "sagemaker_program": "train.py",
            "sagemaker_region": self.region,
            "sagemaker_submit_directory": code,
        }
        hyperparameters = {**{name.replace("_", "-"): value for name, value in arguments.items()}, **script_mode}
        self.sagemaker.create_training_job(
            TrainingJobName=job,
            RoleArn=self.role_arn,
            AlgorithmSpecification={"TrainingImage": self.image, "TrainingInputMode": "File"},
            HyperParameters={name: json.dumps(value) for name, value in hyperparameters.items()},
            Environment={**self.job_environment, "MLFLOW_EXPERIMENT_NAME": experiment},
            InputDataConfig=channels,
            OutputDataConfig={"S3OutputPath": self._uri(f"{job}/output")},
            ResourceConfig={"InstanceType": instance_type, "InstanceCount": 1, "VolumeSizeInGB": 5},
            StoppingCondition={"MaxRuntimeInSeconds": TRAINING_LIMIT_SECONDS},
        )
        self.say(f"started the training job {job}")
        return job

    def wait_for_training(self, job: str) -> None:
        """Show what *job* does until it has ended; raises ``LabError`` if that is not well, and stops one too slow."""

        def state() -> tuple[str, str, str]:
            found = self.sagemaker.describe_training_job(TrainingJobName=job)
            return found["TrainingJobStatus"], found["SecondaryStatus"], found.get("FailureReason", "")

        try:
            status, reason = self._wait(job, state, until=("Completed", "Failed", "Stopped"))
        except LabError:
            self.sagemaker.stop_training_job(TrainingJobName=job)
            raise
        if status != "Completed":
            log = f"CloudWatch, log group /aws/sagemaker/TrainingJobs, streams {job}/..."
            raise LabError(f"the training job {job} is {status}: {reason or 'no reason given'}. Its log: {log}")

    def deploy(self, model_file: Path, *, instance_type: str = ENDPOINT_INSTANCE) -> str:
        """Put the model in *model_file*, written by joblib, behind an endpoint, which costs until it is deleted.

        Returns the endpoint's name; raises ``LabError`` if it is there already.
        """
        name = self.endpoint
        if self._endpoint_exists():
            raise LabError(f"the endpoint {name} is there already: use it, or run the cell that cleans up first")
        self._delete_model_and_config()  # what an interrupted attempt has left
        data = self._upload(f"{name}/model.tar.gz", pack_model(model_file))
        variables = {
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_REGION": self.region,
            "SAGEMAKER_SUBMIT_DIRECTORY": _MODEL_CODE,
        }
        container = {"Image": self.image, "ModelDataUrl": data, "Environment": variables}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role_arn, PrimaryContainer=container)
        variant = {
            "VariantName": "only",
            "ModelName": name,
            "InstanceType": instance_type,
            "InitialInstanceCount": 1,
            "ContainerStartupHealthCheckTimeoutInSeconds": STARTUP_LIMIT_SECONDS,
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        self.say(f"started the endpoint {name}; it costs until you clean up")
        return name

    def wait_for_endpoint(self) -> None:
        """Show how far the endpoint is until it answers; raises ``LabError`` if it does not come up in time."""

        def state() -> tuple[str, str, str]:
            found = self.sagemaker.describe_endpoint(EndpointName=self.endpoint)
            return found["EndpointStatus"], found["EndpointStatus"], found.get("FailureReason", "")

        status, reason = self._wait(self.endpoint, state, until=("InService", "Failed"))
        if status != "InService":
            log = f"CloudWatch, log group /aws/sagemaker/Endpoints/{self.endpoint}"
            raise LabError(f"the endpoint {self.endpoint} is {status}: {reason}. Clean up; its log: {log}")

    def predict(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """What the endpoint says about each of *rows*."""
        answer = self.runtime.invoke_endpoint(
            EndpointName=self.endpoint,
            ContentType="application/json",
            Accept="application/json",
            Body=json.dumps([list(row) for row in rows]),
        )
        return [float(value) for value in json.loads(answer["Body"].read())]

    def clean_up(self) -> None:
        """Delete all of it that costs, whichever kernel has made it: the endpoint first, then jobs' files. Re-run safe.

        Training jobs that still run are stopped; those that have ended cost nothing, and AWS keeps them in its list.
        """
        if self._endpoint_exists():
            self.sagemaker.delete_endpoint(EndpointName=self.endpoint)
            self.say(f"deleted the endpoint {self.endpoint}")
        self._delete_model_and_config()
        keys = self._keys()
        for job in sorted({key.split("/")[1] for key in keys} - {self.endpoint}):
            self._stop(job)
        for start in range(0, len(keys), 1000):  # S3 takes so many at once
            objects = [{"Key": key} for key in keys[start : start + 1000]]
            self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
        self.say(f"deleted {len(keys)} files below {self._uri('')}")

    def _wait(self, name: str, state: Callable[[], tuple[str, str, str]], *, until: Iterable[str]) -> tuple[str, str]:
        """The status at the end, and the reason of a failure; *state* returns both, with what to show between them."""
        began, shown = self.clock(), ""
        while True:
            status, progress, reason = state()
            seconds = self.clock() - began
            if progress != shown:
                self.say(f"{seconds:4.0f} s  {progress}")
                shown = progress
            if status in until:
                return status, reason
            if seconds > WAIT_LIMIT_SECONDS:
                raise LabError(
                    f"{name} is still {status} after {seconds / 60:.0f} minutes: run the cell that cleans up"
                )
            time.sleep(self.poll_seconds)

    def _endpoint_exists(self) -> bool:
        return _there(lambda: self.sagemaker.describe_endpoint(EndpointName=self.endpoint))

    def _delete_model_and_config(self) -> None:
        name = self.endpoint
        if _there(lambda: self.sagemaker.delete_endpoint_config(EndpointConfigName=name)):
            self.say(f"deleted the endpoint configuration {name}")
        if _there(lambda: self.sagemaker.delete_model(ModelName=name)):
            self.say(f"deleted the model {name}")

    def _stop(self, job: str) -> None:
        def status() -> Any:
            return self.sagemaker.describe_training_job(TrainingJobName=job)["TrainingJobStatus"]

        if _there(status) and status() == "InProgress":
            self.sagemaker.stop_training_job(TrainingJobName=job)
            self.say(f"stopped the training job {job}")

    def _channel(self, job: str, name: str, file: Path) -> dict[str, Any]:
        self._upload(f"{job}/data/{name}/{file.name}", file.read_bytes())
        source = {
            "S3DataType": "S3Prefix",
            "S3Uri": self._uri(f"{job}/data/{name}/"),
            "S3DataDistributionType": "FullyReplicated",
        }
        return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}

    def _keys(self) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{_FOLDER}/")
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def _upload(self, path: str, content: bytes) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=f"{_FOLDER}/{path}", Body=content)
        return self._uri(path)

    def _uri(self, path: str) -> str:
        return f"s3://{self.bucket}/{_FOLDER}/{path}"


def pack_code() -> bytes:
    """``sourcedir.tar.gz``: the training container installs the requirements and runs the script."""
    return _tarball({name: (_HERE / name).read_bytes() for name in ("train.py", "requirements.txt")})


def pack_model(model_file: Path) -> bytes:
    """``model.tar.gz``: the endpoint's container installs ``code/``, whose ``inference.py`` loads ``model.joblib``.

    Its scikit-learn is the one of ``requirements.txt``: a model is not promised to load in any other version.
    """
    lines = (_HERE / "requirements.txt").read_text("utf-8").splitlines(keepends=True)
    requirements = "".join(line for line in lines if line.startswith("scikit-learn=="))
    return _tarball(
        {
            "model.joblib": model_file.read_bytes(),
            "code/inference.py": (_HERE / "inference.py").read_bytes(),
            "code/requirements.txt": requirements.encode(),
        }
    )


def _tarball(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, int(time.time())
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _there(call: Callable[[], object]) -> bool:
    """Whether what *call* asks for exists. SageMaker has no error of its own for that, only words.

    They are "Could not find ..." for endpoints and models, and "Requested resource not found." for training jobs.
    """
    try:
        call()
    except ClientError as error:
        words = str(error).lower()
        if error.response["Error"]["Code"] == "ValidationException" and ("not find" in words or "not found" in words):
            return False
        raise
    return True

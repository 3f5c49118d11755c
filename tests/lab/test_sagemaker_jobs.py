"""What the lab asks of SageMaker, against the emulator; what that lacks, against the service's own description."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lab.sagemaker_jobs import (
    ENDPOINT_INSTANCE,
    IMAGE_ACCOUNTS,
    TRAINING_INSTANCE,
    WAIT_LIMIT_SECONDS,
    Lab,
    LabError,
    pack_code,
    pack_model,
)
from rehearsal.emulator import Emulator
from tests.lab.conftest import LAB, LAB_PYTHON, PREFIX, ROLE_ARN

BUCKET = "mlflow-test-artifacts-1"
REGION = "us-west-2"
IMAGE = f"246618743249.dkr.ecr.{REGION}.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
ENDPOINT = f"{PREFIX}-lab"
SECRET_ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:mlflow"  # noqa: S105 - a name
VARIABLES = {
    "AWS_DEFAULT_REGION": REGION,
    "LAB_PREFIX": PREFIX,
    "LAB_BUCKET": BUCKET,
    "LAB_ROLE_ARN": ROLE_ARN,
    "LAB_TRACKING_URI": "https://mlflow.example.com",
    "MLFLOW_ACCESS": "basic",
    "MLFLOW_CREDENTIALS_SECRET": SECRET_ARN,
    "MLFLOW_TRACKING_URI": "http://internal.example.com",
    "MLFLOW_TRACKING_USERNAME": "mlflow",
    "MLFLOW_TRACKING_PASSWORD": "hunter2",
}

Requests = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(region=REGION) as emulator:
        yield emulator


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def lab(emulator: Emulator, said: list[str]) -> Iterator[Lab]:
    """The lab in an empty bucket; what a test leaves is cleaned up by the lab itself."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    clients = {
        "sagemaker": emulator.client("sagemaker"),
        "runtime": emulator.client("sagemaker-runtime"),
        "s3": s3,
    }
    lab = replace(Lab.from_environment(VARIABLES, poll_seconds=0, say=said.append), **clients)
    yield lab
    lab.clean_up()
    s3.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def requested(lab: Lab) -> Requests:
    """The last request of each operation, as given to boto3, which checks it against the service's description."""
    requests: Requests = {}

    def record(params: dict[str, Any], model: Any, **_: Any) -> None:
        requests[model.name] = params

    lab.sagemaker.meta.events.register("provide-client-params.sagemaker", record)
    lab.runtime.meta.events.register("provide-client-params.sagemaker-runtime", record)
    return requests


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Path]:
    files = {name: tmp_path / f"{name}.csv" for name in ("train", "test")}
    for file in files.values():
        file.write_text("a,target\n1,2\n", "utf-8")
    return files


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    file = tmp_path / "forest.joblib"
    file.write_bytes(b"model")
    return file


def stubbed(lab: Lab, **settings: Any) -> tuple[Lab, Stubber]:
    """The same with a SageMaker that answers what it is told to, and checks each request against its description."""
    client = boto3.client("sagemaker", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
    return replace(lab, sagemaker=client, **settings), Stubber(client)


def job_answer(status: str, **more: str) -> dict[str, Any]:
    return {
        "TrainingJobName": "job",
        "TrainingJobArn": f"arn:aws:sagemaker:{REGION}:123456789012:training-job/job",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"},
        "TrainingJobStatus": status,
        "SecondaryStatus": "Training" if status == "InProgress" else status,
        "StoppingCondition": {},
        "CreationTime": 0,
        **more,
    }


def endpoint_answer(status: str, **more: str) -> dict[str, Any]:
    return {
        "EndpointName": ENDPOINT,
        "EndpointArn": f"arn:aws:sagemaker:{REGION}:123456789012:endpoint/{ENDPOINT}",
        "EndpointStatus": status,
        "CreationTime": 0,
        "LastModifiedTime": 0,
        **more,
    }


def unpack(packed: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
        assert [member.name for member in tar if not member.isfile()] == []
        return {member.name: tar.extractfile(member).read().decode() for member in tar}  # type: ignore[union-attr]


def test_a_training_job_is_asked_for_field_by_field(lab: Lab, requested: Requests, data: dict[str, Path]) -> None:
    job = lab.start_training(data, experiment="lab", trees=300, max_depth=3)
    assert job.startswith(f"{PREFIX}-lab-2")
    assert len(job) <= 63
    folder = f"s3://{BUCKET}/lab/{job}"
    request = requested["CreateTrainingJob"]
    channels = request.pop("InputDataConfig")
    assert request == {
        "TrainingJobName": job,
        "RoleArn": ROLE_ARN,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {
            "trees": "300",
            "max-depth": "3",
            "sagemaker_container_log_level": "20",
            "sagemaker_job_name": f'"{job}"',
            "sagemaker_program": '"train.py"',
            "sagemaker_region": f'"{REGION}"',
            "sagemaker_submit_directory": f'"{folder}/code/sourcedir.tar.gz"',
        },
        "Environment": {
            "AWS_DEFAULT_REGION": REGION,
            "MLFLOW_TRACKING_URI": "https://mlflow.example.com",
            "MLFLOW_CREDENTIALS_SECRET": SECRET_ARN,
            "MLFLOW_EXPERIMENT_NAME": "lab",
        },
        "OutputDataConfig": {"S3OutputPath": f"{folder}/output"},
        "ResourceConfig": {"InstanceType": TRAINING_INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    }
    assert [channel["ChannelName"] for channel in channels] == ["train", "test"]
    assert channels[0]["DataSource"]["S3DataSource"] == {
        "S3DataType": "S3Prefix",
        "S3Uri": f"{folder}/data/train/",
        "S3DataDistributionType": "FullyReplicated",
    }


def test_the_job_finds_its_code_and_data_in_the_bucket(lab: Lab, data: dict[str, Path]) -> None:
    job = lab.start_training(data, experiment="lab")
    keys = {entry["Key"] for entry in lab.s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
    files = ("code/sourcedir.tar.gz", "data/test/test.csv", "data/train/train.csv")
    assert keys == {f"lab/{job}/{file}" for file in files}
    code = lab.s3.get_object(Bucket=BUCKET, Key=f"lab/{job}/code/sourcedir.tar.gz")["Body"].read()
    assert unpack(code) == {name: (LAB / name).read_text("utf-8") for name in ("train.py", "requirements.txt")}


def test_with_iam_the_job_signs_and_gets_no_secret(lab: Lab, requested: Requests, data: dict[str, Path]) -> None:
    signing = {"MLFLOW_TRACKING_AWS_SIGV4": "true", "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true"}
    variables = {**VARIABLES, **signing, "MLFLOW_ACCESS": "iam", "MLFLOW_CREDENTIALS_SECRET": ""}
    signed = replace(lab, job_environment=Lab.from_environment(variables).job_environment)
    signed.start_training(data, experiment="lab")
    environment = requested["CreateTrainingJob"]["Environment"]
    assert environment.items() >= signing.items()
    assert "MLFLOW_CREDENTIALS_SECRET" not in environment


def test_no_credential_of_the_kernel_is_in_any_request(
    lab: Lab, requested: Requests, data: dict[str, Path], model_file: Path
) -> None:
    lab.start_training(data, experiment="lab")
    lab.deploy(model_file)
    assert requested.keys() >= {"CreateTrainingJob", "CreateModel", "CreateEndpointConfig", "CreateEndpoint"}
    assert "hunter2" not in json.dumps(requested)


def test_a_job_that_has_ended_well_is_waited_for(lab: Lab, said: list[str], data: dict[str, Path]) -> None:
    lab.wait_for_training(lab.start_training(data, experiment="lab"))
    assert said[-1] == "   0 s  Completed"


def test_the_steps_of_a_job_are_shown_once_each(lab: Lab, said: list[str]) -> None:
    stub_lab, stub = stubbed(lab)
    for _ in range(3):
        stub.add_response("describe_training_job", job_answer("InProgress"), {"TrainingJobName": "job"})
    stub.add_response("describe_training_job", job_answer("Completed"), {"TrainingJobName": "job"})
    with stub:
        stub_lab.wait_for_training("job")
    assert [line.split()[-1] for line in said] == ["Training", "Completed"]


def test_a_job_that_failed_says_why_and_where_its_log_is(lab: Lab) -> None:
    stub_lab, stub = stubbed(lab)
    stub.add_response("describe_training_job", job_answer("Failed", FailureReason="ExecuteUserScriptError"))
    with stub, pytest.raises(LabError, match=r"job is Failed: ExecuteUserScriptError.*/aws/sagemaker/TrainingJobs"):
        stub_lab.wait_for_training("job")


def test_a_job_that_takes_too_long_is_stopped(lab: Lab) -> None:
    hours = iter((0.0, 1.0, WAIT_LIMIT_SECONDS + 1.0))
    stub_lab, stub = stubbed(lab, clock=lambda: next(hours))
    for _ in range(2):
        stub.add_response("describe_training_job", job_answer("InProgress"))
    stub.add_response("stop_training_job", {}, {"TrainingJobName": "job"})
    with stub, pytest.raises(LabError, match="still InProgress after 25 minutes"):
        stub_lab.wait_for_training("job")
    stub.assert_no_pending_responses()


def test_model_configuration_and_endpoint_are_asked_for_field_by_field(
    lab: Lab, requested: Requests, model_file: Path
) -> None:
    assert lab.deploy(model_file) == ENDPOINT
    assert requested["CreateModel"] == {
        "ModelName": ENDPOINT,
        "ExecutionRoleArn": ROLE_ARN,
        "PrimaryContainer": {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/lab/{ENDPOINT}/model.tar.gz",
            "Environment": {
                "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_REGION": REGION,
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        },
    }
    variant = {
        "VariantName": "only",
        "ModelName": ENDPOINT,
        "InstanceType": ENDPOINT_INSTANCE,
        "InitialInstanceCount": 1,
        "ContainerStartupHealthCheckTimeoutInSeconds": 600,
    }
    assert requested["CreateEndpointConfig"] == {"EndpointConfigName": ENDPOINT, "ProductionVariants": [variant]}
    assert requested["CreateEndpoint"] == {"EndpointName": ENDPOINT, "EndpointConfigName": ENDPOINT}
    lab.wait_for_endpoint()


def test_a_second_endpoint_is_refused_before_anything_is_touched(lab: Lab, model_file: Path) -> None:
    lab.deploy(model_file)
    with pytest.raises(LabError, match=f"the endpoint {ENDPOINT} is there already"):
        lab.deploy(model_file)
    assert lab.sagemaker.describe_model(ModelName=ENDPOINT)["ModelName"] == ENDPOINT


def test_what_an_interrupted_deployment_has_left_is_in_nobodys_way(lab: Lab, model_file: Path) -> None:
    lab.deploy(model_file)
    lab.sagemaker.delete_endpoint(EndpointName=ENDPOINT)
    lab.deploy(model_file)
    assert lab.sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "InService"


def test_an_endpoint_that_does_not_come_up_says_why_and_that_it_has_to_be_cleaned_up(lab: Lab) -> None:
    stub_lab, stub = stubbed(lab)
    stub.add_response("describe_endpoint", endpoint_answer("Creating"), {"EndpointName": ENDPOINT})
    stub.add_response("describe_endpoint", endpoint_answer("Failed", FailureReason="no ping"))
    with stub, pytest.raises(LabError, match=rf"{ENDPOINT} is Failed: no ping. Clean up; .*/Endpoints/{ENDPOINT}"):
        stub_lab.wait_for_endpoint()


def test_a_prediction_is_asked_for_and_read_as_json(lab: Lab, requested: Requests) -> None:
    runtime = boto3.client("sagemaker-runtime", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
    request = {
        "EndpointName": ENDPOINT,
        "ContentType": "application/json",
        "Accept": "application/json",
        "Body": "[[1.0, 2.0], [3.0, 4.0]]",
    }
    assert requested == {}
    with Stubber(runtime) as stub:
        stub.add_response("invoke_endpoint", {"Body": io.BytesIO(b"[151.5, 97]")}, request)
        assert replace(lab, runtime=runtime).predict([(1.0, 2.0), (3.0, 4.0)]) == [151.5, 97.0]


def test_a_new_kernel_cleans_up_all_of_it_and_nothing_else(
    lab: Lab, said: list[str], data: dict[str, Path], model_file: Path
) -> None:
    lab.start_training(data, experiment="lab")
    lab.deploy(model_file)
    lab.s3.put_object(Bucket=BUCKET, Key="1/artifacts/model.skops", Body=b"of MLflow")
    said.clear()
    replace(lab).clean_up()
    assert said == [
        f"deleted the endpoint {ENDPOINT}",
        f"deleted the endpoint configuration {ENDPOINT}",
        f"deleted the model {ENDPOINT}",
        f"deleted 4 files below s3://{BUCKET}/lab/",
    ]
    assert [entry["Key"] for entry in lab.s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["1/artifacts/model.skops"]
    assert lab.sagemaker.list_models()["Models"] == []
    lab.clean_up()
    assert said[4:] == [f"deleted 0 files below s3://{BUCKET}/lab/"]
    lab.s3.delete_object(Bucket=BUCKET, Key="1/artifacts/model.skops")


def test_cleaning_up_stops_a_job_that_still_runs_and_leaves_one_alone_that_is_gone(lab: Lab, said: list[str]) -> None:
    for job in ("job-1", "job-2"):
        lab.s3.put_object(Bucket=BUCKET, Key=f"lab/{job}/code/sourcedir.tar.gz", Body=b"")
    stub_lab, stub = stubbed(lab)
    for call in ("describe_endpoint", "delete_endpoint_config", "delete_model"):
        stub.add_client_error(call, "ValidationException", f'Could not find "{call}".')
    for _ in range(2):
        stub.add_response("describe_training_job", job_answer("InProgress"), {"TrainingJobName": "job-1"})
    stub.add_response("stop_training_job", {}, {"TrainingJobName": "job-1"})
    stub.add_client_error("describe_training_job", "ValidationException", "Requested resource not found.")
    with stub:
        stub_lab.clean_up()
    stub.assert_no_pending_responses()
    assert said == ["stopped the training job job-1", f"deleted 2 files below s3://{BUCKET}/lab/"]


def test_cleaning_up_does_not_take_a_refusal_for_nothing_there(lab: Lab) -> None:
    stub_lab, stub = stubbed(lab)
    stub.add_client_error("describe_endpoint", "AccessDeniedException", "could not find that it is not authorized")
    with stub, pytest.raises(stub_lab.sagemaker.exceptions.ClientError, match="not authorized"):
        stub_lab.clean_up()


def test_a_kernel_without_the_variables_is_told_which_are_missing() -> None:
    variables = {name: value for name, value in VARIABLES.items() if name not in {"LAB_BUCKET", "LAB_ROLE_ARN"}}
    with pytest.raises(LabError, match=r"^LAB_BUCKET, LAB_ROLE_ARN is not set: choose the kernel MLflow"):
        Lab.from_environment(variables)


def test_with_tokens_no_job_is_started() -> None:
    with pytest.raises(LabError, match="access is jwt, and a training job has no token"):
        Lab.from_environment({**VARIABLES, "MLFLOW_ACCESS": "jwt"})


def test_a_region_without_the_image_is_named(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"1\.4-2-cpu-py3 is not known in mx-central-1: add its account"):
        _ = replace(lab, region="mx-central-1").image
    assert "mx-central-1" not in IMAGE_ACCOUNTS


def test_the_code_is_all_that_the_container_needs() -> None:
    files = unpack(pack_code())
    assert files.keys() == {"train.py", "requirements.txt"}  # at the root: sagemaker_program names one of them
    pins = [line for line in files["requirements.txt"].splitlines() if not line.startswith("#")]
    assert [pin for pin in pins if "==" not in pin] == []


def test_the_endpoint_loads_the_model_from_its_tarball(tmp_path: Path) -> None:
    """As the container does: unpack it, make ``code`` importable, call ``model_fn`` and let it predict."""
    make = (
        "import joblib, sys; from sklearn.linear_model import LinearRegression as L; "
        "joblib.dump(L().fit([[0], [1]], [0, 2]), sys.argv[1])"
    )
    model = tmp_path / "line.joblib"
    subprocess.run([LAB_PYTHON, "-c", make, model], check=True, timeout=120)
    with tarfile.open(fileobj=io.BytesIO(pack_model(model)), mode="r:gz") as tar:
        assert sorted(tar.getnames()) == ["code/inference.py", "code/requirements.txt", "model.joblib"]
        tar.extractall(tmp_path / "model", filter="data")
    serve = "import inference, sys; print(inference.model_fn(sys.argv[1]).predict([[3]])[0])"
    done = subprocess.run(
        [LAB_PYTHON, "-c", serve, tmp_path / "model"],
        cwd=tmp_path / "model" / "code",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert float(done.stdout) == pytest.approx(6.0)


def test_the_endpoint_has_the_scikit_learn_that_the_model_was_trained_with() -> None:
    lines = (LAB / "requirements.txt").read_text("utf-8").splitlines()
    [pin] = [line for line in lines if line.startswith("scikit-learn==")]
    assert unpack(pack_model(LAB / "inference.py"))["code/requirements.txt"] == f"{pin}\n"
    done = subprocess.run(
        [LAB_PYTHON, "-c", "import sklearn; print(sklearn.__version__)"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert pin == f"scikit-learn=={done.stdout.strip()}"

"""train.py as SageMaker's container runs it: unpacked from the tarball, in its folders, with its variables."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.sagemaker_jobs import pack_code
from tests.lab.conftest import LAB_PYTHON, Account

JOB = "mlflow-test-lab-20261123-101500"
_LIMIT_SECONDS = 200
_HYPERPARAMETERS = {"trees": 20, "max-depth": 3}
_DATA = """
from pathlib import Path
from sklearn.datasets import load_diabetes
patients = load_diabetes(as_frame=True).frame
patients[:353].to_csv(Path("{train}") / "train.csv", index=False)
patients[353:].to_csv(Path("{test}") / "test.csv", index=False)
"""


@dataclass(frozen=True)
class Container:
    """What ``/opt/ml`` holds in the container, and what sagemaker-training gives to the script there."""

    folder: Path

    def prepare(self) -> None:
        for path in ("code", "model", "output/data", "input/data/train", "input/data/test"):
            (self.folder / path).mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(pack_code())) as tar:
            tar.extractall(self.folder / "code", filter="data")
        script = _DATA.format(train=self.folder / "input/data/train", test=self.folder / "input/data/test")
        subprocess.run([LAB_PYTHON, "-c", script], check=True, timeout=_LIMIT_SECONDS)

    @property
    def variables(self) -> dict[str, str]:
        """As sagemaker_training/environment.py writes them."""
        return {
            "SM_MODEL_DIR": f"{self.folder}/model",
            "SM_OUTPUT_DATA_DIR": f"{self.folder}/output/data",
            "SM_CHANNELS": '["test","train"]',
            "SM_CHANNEL_TRAIN": f"{self.folder}/input/data/train",
            "SM_CHANNEL_TEST": f"{self.folder}/input/data/test",
            "SM_HPS": json.dumps(_HYPERPARAMETERS),
            "SM_CURRENT_HOST": "algo-1",
            "SM_NUM_CPUS": "2",
            "TRAINING_JOB_NAME": JOB,
        }

    def run(self, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        arguments = [f"--{name}={value}" for name, value in _HYPERPARAMETERS.items()]
        return subprocess.run(
            [LAB_PYTHON, "train.py", *arguments],
            env={**self.variables, **variables},
            cwd=self.folder / "code",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )


def job_variables(account: Account) -> dict[str, str]:
    """A job has the name of the secret, and not what is in it."""
    password = {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"}
    kernel = {name: value for name, value in account.variables.items() if name not in password}
    return {**kernel, "MLFLOW_EXPERIMENT_NAME": "lab-train"}


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Container:
    container = Container(tmp_path_factory.mktemp("opt") / "ml")
    container.prepare()
    return container


@pytest.fixture(scope="module")
def finished(account: Account, container: Container) -> subprocess.CompletedProcess[str]:
    done = container.run(job_variables(account))
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def run(finished: subprocess.CompletedProcess[str], account: Account) -> Any:
    """The only run of the experiment."""
    assert finished
    plane = account.plane
    login = (plane.username, plane.password)
    url = f"{plane.url}/api/2.0/mlflow"
    answer = requests.get(
        f"{url}/experiments/get-by-name", params={"experiment_name": "lab-train"}, auth=login, timeout=30
    ).json()
    body = {"experiment_ids": [answer["experiment"]["experiment_id"]]}
    [run] = requests.post(f"{url}/runs/search", json=body, auth=login, timeout=30).json()["runs"]
    return run


def test_its_run_has_the_name_of_the_job_and_has_finished(run: Any) -> None:
    assert run["info"]["run_name"] == JOB
    assert run["info"]["status"] == "FINISHED"


def test_its_parameters_are_the_hyperparameters_of_the_job(run: Any) -> None:
    params = {entry["key"]: entry["value"] for entry in run["data"]["params"]}
    assert (params["n_estimators"], params["max_depth"]) == ("20", "3")


def test_it_is_measured_on_the_test_data(run: Any, finished: subprocess.CompletedProcess[str]) -> None:
    metrics = {entry["key"]: entry["value"] for entry in run["data"]["metrics"]}
    assert 40 < metrics["test_rmse"] < 70
    assert f"test_rmse {metrics['test_rmse']:.2f}" in finished.stdout
    assert "training_r2_score" in metrics


def test_its_model_is_in_mlflow_in_a_format_that_runs_no_code(run: Any, account: Account) -> None:
    [model] = run["outputs"]["model_outputs"]
    keys = [
        entry["Key"]
        for entry in account.plane.objects.emulator.client("s3").list_objects_v2(Bucket="artifacts")["Contents"]
        if model["model_id"] in entry["Key"]
    ]
    assert [key for key in keys if key.endswith("/model.skops")] != []
    assert [key for key in keys if key.endswith(".pkl")] == []


def test_sagemaker_finds_the_model_and_the_output_where_it_collects_them(
    finished: subprocess.CompletedProcess[str], container: Container
) -> None:
    assert finished
    assert [path.name for path in (container.folder / "model").iterdir()] == ["model.joblib"]
    [output] = (container.folder / "output/data").iterdir()
    lines = output.read_text("utf-8").splitlines()
    assert (output.name, lines[0], len(lines)) == ("predictions.csv", "target,predicted", 90)


def test_the_password_is_on_no_disk_and_in_no_output(
    finished: subprocess.CompletedProcess[str], container: Container, account: Account
) -> None:
    password = account.plane.password.encode()
    files = [path for path in container.folder.rglob("*") if path.is_file()]
    files += [path for path in Path(account.variables["HOME"]).rglob("*") if path.is_file()]
    assert [path for path in files if password in path.read_bytes()] == []
    assert account.plane.password not in finished.stdout + finished.stderr


def test_without_the_secret_it_is_refused_before_it_trains(account: Account, container: Container) -> None:
    variables = {**job_variables(account), "MLFLOW_CREDENTIALS_SECRET": ""}
    done = container.run(variables)
    assert done.returncode != 0
    assert "401" in done.stderr

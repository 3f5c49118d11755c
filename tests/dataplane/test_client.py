"""The MLflow client's whole flow, through nginx, on the real programs."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from dataplane.containers import MLFLOW_PYTHON
from dataplane.plane import DataPlane
from dataplane.process import LOOPBACK
from tests.dataplane.conftest import Client
from tests.dataplane.gateway import PAYLOAD_LIMIT, Gateway

API = "abc123.execute-api.us-west-2.amazonaws.com"
LARGE = 50 * 1024 * 1024
# What docs/data-plane.md tells users of proxied artifacts to set.
LARGE_ARTIFACTS = {
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "5242880",
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
    "MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE": "5242880",
}


@pytest.fixture(scope="module")
def logged(client: Client) -> Any:
    return client("log_a_run", "flow")


@pytest.fixture(scope="module")
def registered(client: Client, logged: Any) -> Any:
    return client("register_a_model", logged["run_id"])


@pytest.fixture(scope="module")
def deleted(client: Client, logged: Any, registered: Any) -> Any:
    assert registered
    return client("delete_everything", logged["run_id"], logged["experiment_id"])


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("large") / "weights.bin"
    file.write_bytes(random.Random(1).randbytes(LARGE))  # noqa: S311 - no secret, only incompressible
    return file


def test_a_run_is_read_back_as_it_was_logged(logged: Any) -> None:
    assert logged["status"] == "FINISHED"
    assert logged["params"] == {"depth": "3", "unicode": "größer"}
    assert (logged["history"], logged["last_loss"]) == (1_000, 0.001)
    assert logged["found"] == [logged["run_id"]]


def test_artifacts_pass_through_mlflow_into_the_bucket(plane: DataPlane, logged: Any) -> None:
    assert logged["artifact_uri"].startswith("mlflow-artifacts:/")
    assert (logged["artifacts"], logged["text"]) == (["config.json", "notes"], "hello")
    keys = [
        entry["Key"] for entry in plane.objects.emulator.client("s3").list_objects_v2(Bucket="artifacts")["Contents"]
    ]
    assert any(key.endswith(f"{logged['run_id']}/artifacts/notes/hello.txt") for key in keys)


def test_a_model_version_is_found_by_its_alias(logged: Any, registered: Any) -> None:
    assert registered == {"version": "1", "run_id": logged["run_id"], "models": ["iris"]}


def test_deleted_things_are_gone_from_the_lists(deleted: Any) -> None:
    assert deleted == {"models": 0, "run": "deleted", "experiment": "deleted"}


@pytest.mark.usefixtures("deleted")
def test_gc_removes_what_was_deleted_and_its_artifacts(plane: DataPlane, logged: Any) -> None:
    gc = ["-m", "mlflow", "gc", "--run-ids", logged["run_id"]]
    done = subprocess.run(
        [
            MLFLOW_PYTHON,
            *gc,
            "--backend-store-uri",
            plane.backend_store_uri,
            "--artifacts-destination",
            plane.objects.uri,
        ],
        env={
            **plane.objects.environment,
            "PATH": os.defpath,
            "HOME": str(plane.mlflow.log.parent),
            "MLFLOW_TRACKING_URI": plane.url,
            "MLFLOW_TRACKING_USERNAME": plane.username,
            "MLFLOW_TRACKING_PASSWORD": plane.password,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    listing = plane.objects.emulator.client("s3").list_objects_v2(Bucket="artifacts", Prefix=logged["experiment_id"])
    assert not [entry for entry in listing.get("Contents", []) if logged["run_id"] in entry["Key"]]


def test_the_client_is_refused_with_a_wrong_password(client: Client) -> None:
    assert "401" in client("refusal", "x", MLFLOW_TRACKING_PASSWORD="wrong")["refused"]  # noqa: S106


@pytest.mark.parametrize("path", ["/", "/api/2.0/mlflow/experiments/search", "/health", "/static-files/index.js"])
def test_nothing_but_the_health_check_is_answered_without_a_password(plane: DataPlane, path: str) -> None:
    answer = requests.get(f"{plane.url}{path}", timeout=30)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": API, "X-Public-Host": API}, 200),  # a client, through the gateway
        ({"Host": API, "Origin": f"https://{API}"}, 200),  # a browser, by a gateway that keeps Host
        ({"X-Public-Host": API, "Origin": f"https://{API}"}, 200),  # and by one that puts its own in place
        ({"Host": API, "Origin": "https://evil.example"}, 403),
        ({"Host": API, "Origin": f"https://{API}.evil.example"}, 403),
        ({"Host": API, "Origin": "null"}, 403),
    ],
)
def test_mlflow_answers_its_own_pages_and_refuses_those_of_others(
    plane: DataPlane, headers: dict[str, str], status: int
) -> None:
    login = (plane.username, plane.password)
    url = f"{plane.url}/ajax-api/2.0/mlflow/experiments/search"
    answer = requests.post(url, json={"max_results": 1}, headers=headers, auth=login, timeout=30)
    assert answer.status_code == status, answer.text


def test_mlflows_assistant_is_closed_although_it_is_there(plane: DataPlane) -> None:
    path = "/ajax-api/3.0/mlflow/assistant/config"
    assert requests.get(f"http://{LOOPBACK}:{plane.mlflow_port}{path}", timeout=30).status_code == 200
    login = (plane.username, plane.password)
    assert requests.get(f"{plane.url}{path}", auth=login, timeout=30).status_code == 403


def test_an_artifact_of_50_mb_passes_an_api_with_a_limit_of_10_mb(
    client: Client, api: Gateway, large_file: Path, tmp_path: Path
) -> None:
    result = client("artifact_there_and_back", "large", large_file, tmp_path, uri=api.url, **LARGE_ARTIFACTS)
    assert result["sha256"] == hashlib.sha256(large_file.read_bytes()).hexdigest()
    assert max(api.requested + api.answered) < PAYLOAD_LIMIT


def test_without_those_variables_the_same_artifact_is_refused(client: Client, api: Gateway, large_file: Path) -> None:
    with pytest.raises(AssertionError, match=r"413|Connection|broken pipe"):
        client("artifact_there_and_back", "large", large_file, large_file.parent, uri=api.url)

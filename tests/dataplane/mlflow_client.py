"""What a user does with the MLflow client; run by the Python that has MLflow, it prints its result as JSON.

No credentials for S3 are in its environment, so artifacts pass through MLflow or by URLs that MLflow has signed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

METRICS = 1_000  # the most that MLflow takes in one batch


def log_a_run(experiment: str) -> dict[str, Any]:
    """Log an experiment, a run, a full batch of metrics, parameters, tags and artifacts, and read all of it back."""
    mlflow.set_experiment(experiment)
    client = MlflowClient()
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_params({"depth": 3, "unicode": "größer"})
        metrics = [Metric("loss", 1 / (step + 1), 1_700_000_000_000 + step, step) for step in range(METRICS)]
        client.log_batch(run.info.run_id, metrics=metrics)
        mlflow.log_text("hello", "notes/hello.txt")
        mlflow.log_dict({"a": [1, 2]}, "config.json")
    read = client.get_run(run.info.run_id)
    return {
        "run_id": run.info.run_id,
        "experiment_id": run.info.experiment_id,
        "artifact_uri": read.info.artifact_uri,
        "status": read.info.status,
        "params": read.data.params,
        "history": len(client.get_metric_history(run.info.run_id, "loss")),
        "last_loss": read.data.metrics["loss"],
        "artifacts": sorted(entry.path for entry in client.list_artifacts(run.info.run_id)),
        "text": mlflow.artifacts.load_text(f"{read.info.artifact_uri}/notes/hello.txt"),
        "found": [one.info.run_id for one in client.search_runs([run.info.experiment_id], "params.depth = '3'")],
    }


def register_a_model(run_id: str) -> dict[str, Any]:
    """Register the run's artifacts as a version of a model, give it an alias and find it by that."""
    client = MlflowClient()
    client.create_registered_model("iris")
    source = client.get_run(run_id).info.artifact_uri
    version = client.create_model_version("iris", source=f"{source}/notes", run_id=run_id)
    client.set_registered_model_alias("iris", "champion", version.version)
    found = client.get_model_version_by_alias("iris", "champion")
    return {
        "version": found.version,
        "run_id": found.run_id,
        "models": [m.name for m in client.search_registered_models()],
    }


def delete_everything(run_id: str, experiment_id: str) -> dict[str, Any]:
    """Delete model, run and experiment."""
    client = MlflowClient()
    client.delete_registered_model("iris")
    client.delete_run(run_id)
    client.delete_experiment(experiment_id)
    return {
        "models": len(client.search_registered_models()),
        "run": client.get_run(run_id).info.lifecycle_stage,
        "experiment": client.get_experiment(experiment_id).lifecycle_stage,
    }


def artifact_there_and_back(experiment: str, file: str, folder: str) -> dict[str, Any]:
    """Upload *file* and download it into *folder* again."""
    mlflow.set_experiment(experiment)
    with mlflow.start_run() as run:
        mlflow.log_artifact(file)
    uri = f"{MlflowClient().get_run(run.info.run_id).info.artifact_uri}/{Path(file).name}"
    back = mlflow.artifacts.download_artifacts(uri, dst_path=folder)
    return {"uri": uri, "sha256": hashlib.sha256(Path(back).read_bytes()).hexdigest()}


def refusal(experiment: str) -> dict[str, Any]:
    """What the client is told when it may not."""
    try:
        mlflow.set_experiment(experiment)
    except mlflow.MlflowException as error:
        return {"refused": str(error)}
    return {"refused": ""}


def refused_metric(experiment: str) -> dict[str, Any]:
    """What a client is told that may make a run, but not log to it."""
    mlflow.set_experiment(experiment)
    client = MlflowClient()
    with mlflow.start_run() as run:
        try:
            client.log_batch(run.info.run_id, metrics=[Metric("loss", 1.0, 1_700_000_000_000, 0)])
        except mlflow.MlflowException as error:
            return {"refused": str(error)}
    return {"refused": ""}


_FUNCTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    function.__name__: function
    for function in (log_a_run, register_a_model, delete_everything, artifact_there_and_back, refusal, refused_metric)
}

if __name__ == "__main__":
    print(json.dumps(_FUNCTIONS[sys.argv[1]](*sys.argv[2:])))

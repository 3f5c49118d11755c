"""What a user does with the MLflow client, step by step; run by a Python that has nothing but that client.

``python sdk_steps.py smoke-1a2b`` makes an experiment and a model of that name and deletes both, whatever happens in
between. It prints one JSON object for each of ``client.sdk.STEPS``, in that order: whether it is ok (None: not run),
the seconds it took, and what there is to say. Where, and as whom, is in MLflow's own environment variables.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import TextIO

import mlflow
from mlflow.entities import Experiment, Metric
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

_LOSSES = [1.0, 0.5, 0.25, 0.125]
_FILE = "smoke.txt"
_ALIAS = "smoke"


class SmokeRun:
    """An experiment, a run and a model, all called *name*."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._client = MlflowClient()
        self._run_id = ""
        self._is_made = False

    def log(self) -> str:
        """Log parameters, metrics and an artifact."""
        mlflow.set_experiment(self._name)
        self._is_made = True
        with mlflow.start_run(run_name=self._name) as run, tempfile.TemporaryDirectory() as folder:
            self._run_id = run.info.run_id
            mlflow.log_param("name", self._name)
            metrics = [Metric("loss", loss, 1_700_000_000_000 + step, step) for step, loss in enumerate(_LOSSES)]
            self._client.log_batch(self._run_id, metrics=metrics)
            file = Path(folder, _FILE)
            file.write_text(self._name, encoding="utf-8")
            mlflow.log_artifact(str(file))
        return f"experiment {self._name}: {len(_LOSSES)} metrics and an artifact"

    def read(self) -> str:
        """Read all of it back and compare."""
        run = self._client.get_run(self._run_id)
        losses = [metric.value for metric in self._client.get_metric_history(self._run_id, "loss")]
        with tempfile.TemporaryDirectory() as folder:
            file = mlflow.artifacts.download_artifacts(run_id=self._run_id, artifact_path=_FILE, dst_path=folder)
            artifact = Path(file).read_text(encoding="utf-8")
        _compare("the run's status", run.info.status, "FINISHED")
        _compare("the parameter", run.data.params.get("name"), self._name)
        _compare("the metrics", losses, _LOSSES)
        _compare("the artifact", artifact, self._name)
        return "as it was logged"

    def register(self) -> str:
        """Register the artifact as a model, and find it by an alias."""
        self._client.create_registered_model(self._name)
        source = self._client.get_run(self._run_id).info.artifact_uri
        made = self._client.create_model_version(self._name, source=source, run_id=self._run_id)
        self._client.set_registered_model_alias(self._name, _ALIAS, made.version)
        found = self._client.get_model_version_by_alias(self._name, _ALIAS)
        _compare("the version with the alias", (found.version, found.run_id), (made.version, self._run_id))
        return f"model {self._name}, version {found.version}, found by its alias"

    def delete(self) -> str | None:
        """Delete what exists, and look that it is gone; None if nothing was made.

        It asks by name: what seemed to fail may have been made all the same.
        """
        try:
            experiment = self._client.get_experiment_by_name(self._name)
            models = self._client.search_registered_models(f"name = '{self._name}'")
        except MlflowException:
            if self._is_made:
                raise
            return None
        if experiment is None and not models:
            return None
        with ExitStack() as deletions:  # it does all of them, also when one fails
            if experiment is not None:
                deletions.callback(self._delete_experiment, experiment)
            for model in models:
                deletions.callback(self._client.delete_registered_model, model.name)
        _compare("the models", len(self._client.search_registered_models(f"name = '{self._name}'")), 0)
        return "the model is gone; experiment and run are marked as deleted, until `mlflow gc` removes them"

    def _delete_experiment(self, experiment: Experiment) -> None:
        for run in self._client.search_runs([experiment.experiment_id]):
            self._client.delete_run(run.info.run_id)
        if experiment.lifecycle_stage == "active":
            self._client.delete_experiment(experiment.experiment_id)
        stage = self._client.get_experiment(experiment.experiment_id).lifecycle_stage
        _compare("the experiment's stage", stage, "deleted")


def main(name: str, answers: TextIO) -> None:
    """Do all of it; a step that fails ends the rest, but for the deletion."""
    smoke = SmokeRun(name)
    works: bool | None = True
    try:
        for step in (smoke.log, smoke.read, smoke.register):
            works = _do(step, answers) if works else _say(answers, None, 0.0, "")
    finally:
        _do(smoke.delete, answers)


def _do(step: Callable[[], str | None], answers: TextIO) -> bool | None:
    started = time.monotonic()
    try:
        said = step()
    except Exception as error:
        return _say(answers, False, time.monotonic() - started, f"{type(error).__name__}: {error}")
    return _say(answers, None if said is None else True, time.monotonic() - started, said or "nothing was made")


def _say(answers: TextIO, ok: bool | None, seconds: float, detail: str) -> bool | None:
    print(json.dumps({"ok": ok, "seconds": seconds, "detail": detail}), file=answers, flush=True)
    return ok


def _compare(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise ValueError(f"{what} should be {expected!r}, and is {found!r}")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    output = sys.stdout
    with redirect_stdout(sys.stderr):  # MLflow prints there where a run can be looked at
        try:
            main(sys.argv[1], output)
        except KeyboardInterrupt:
            sys.exit(130)

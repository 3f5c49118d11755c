"""Train the lab's model as SageMaker's container does, and log the run to MLflow.

SageMaker's folders are in variables: ``SM_CHANNEL_TRAIN`` and ``SM_CHANNEL_TEST`` hold the data, what is put into
``SM_MODEL_DIR`` becomes ``model.tar.gz``, and what is put into ``SM_OUTPUT_DATA_DIR`` becomes ``output.tar.gz``.
The job's hyperparameters are the arguments, and MLflow's variables are those of the job.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import boto3
import joblib
import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import root_mean_squared_error

TARGET = "target"
"""The column that is to be predicted; all others are what it is predicted from."""

SEED = 7


def main() -> None:
    """One run: train, measure, log, and leave the model where SageMaker collects it."""
    arguments = _arguments()
    log_in()
    mlflow.set_experiment(os.environ["MLFLOW_EXPERIMENT_NAME"])
    mlflow.sklearn.autolog(log_models=False)  # as pickles, which run code when they are loaded; see _log_model
    with mlflow.start_run(run_name=os.environ.get("TRAINING_JOB_NAME", "train.py")) as run:
        mlflow.set_tag("trained_in", "sagemaker")
        model = train(trees=arguments.trees, max_depth=arguments.max_depth)
        predictions, rmse = measure(model)
        mlflow.log_metric("test_rmse", rmse)
        _log_model(model)
    joblib.dump(model, _folder("SM_MODEL_DIR") / "model.joblib")
    predictions.to_csv(_folder("SM_OUTPUT_DATA_DIR") / "predictions.csv", index=False)
    print(f"run {run.info.run_id}: test_rmse {rmse:.2f}")


def log_in() -> None:
    """Put the user and the password from Secrets Manager into this process's environment, and nowhere else.

    Without ``MLFLOW_CREDENTIALS_SECRET`` nothing is fetched: then requests are signed, or nobody asks.
    """
    secret_id = os.environ.get("MLFLOW_CREDENTIALS_SECRET")
    if not secret_id:
        return
    answer = boto3.client("secretsmanager").get_secret_value(SecretId=secret_id)
    secret = json.loads(answer["SecretString"])
    os.environ["MLFLOW_TRACKING_USERNAME"] = secret["username"]
    os.environ["MLFLOW_TRACKING_PASSWORD"] = secret["password"]


def train(*, trees: int, max_depth: int) -> Any:
    """The model."""
    features, target = _read("SM_CHANNEL_TRAIN")
    return RandomForestRegressor(n_estimators=trees, max_depth=max_depth, random_state=SEED).fit(features, target)


def measure(model: Any) -> tuple[Any, float]:
    """What *model* says about the test data, and by how much that is wrong."""
    features, target = _read("SM_CHANNEL_TEST")
    predicted = model.predict(features)
    return pd.DataFrame({TARGET: target, "predicted": predicted}), float(root_mean_squared_error(target, predicted))


def _log_model(model: Any) -> None:
    features, _ = _read("SM_CHANNEL_TEST")
    mlflow.sklearn.log_model(
        model,
        name="model",
        signature=infer_signature(features, model.predict(features)),
        pip_requirements=str(Path(__file__).with_name("requirements.txt")),
        skops_trusted_types=["sklearn.tree._tree.Tree"],
    )


def _read(variable: str) -> tuple[Any, Any]:
    [file] = Path(os.environ[variable]).glob("*.csv")
    table = pd.read_csv(file)
    return table.drop(columns=TARGET), table[TARGET]


def _folder(variable: str) -> Path:
    folder = Path(os.environ[variable])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--max-depth", type=int, default=6)
    return parser.parse_args()


if __name__ == "__main__":
    main()

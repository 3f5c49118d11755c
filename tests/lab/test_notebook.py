"""The notebook's cells that need no SageMaker, executed by a real kernel against the real data plane."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.lab.conftest import LAB, LAB_PYTHON, PREFIX, Account
from tests.lab.notebook_file import NOTEBOOK, Cell, cells

_RUNNER = Path(__file__).with_name("notebook_runner.py")
_LIMIT_SECONDS = 300
MODEL = f"{PREFIX}-lab"


def execute(notebook: Path, account: Account) -> Mapping[str, Cell]:
    """The cells of *notebook* by their id, after a kernel has executed them."""
    executed = notebook.with_name("executed.ipynb")
    done = subprocess.run(
        [LAB_PYTHON, _RUNNER, notebook, executed],
        env=dict(account.variables),
        cwd=notebook.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {cell.id: cell for cell in cells(executed)}


def ask(account: Account, path: str, **parameters: str) -> Any:
    plane = account.plane
    url = f"{plane.url}/api/2.0/mlflow/{path}"
    return requests.get(url, params=parameters, auth=(plane.username, plane.password), timeout=30).json()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab as it lies in the user's home."""
    return shutil.copytree(LAB, tmp_path_factory.mktemp("home") / "lab")


@pytest.fixture(scope="module")
def executed(account: Account, folder: Path) -> Mapping[str, Cell]:
    return execute(folder / NOTEBOOK.name, account)


def expected(id: str) -> str:
    [source] = [cell.source for cell in cells() if cell.id == id]
    return source


def test_every_cell_has_run(executed: Mapping[str, Cell]) -> None:
    code = [cell for cell in executed.values() if cell.kind == "code"]
    assert len(code) > 9
    assert all(cell.execution_count for cell in code)


def test_nothing_is_shown_that_looks_like_a_failure(executed: Mapping[str, Cell]) -> None:
    shown = "".join(cell.shown for cell in executed.values())
    assert "Traceback" not in shown


def test_the_data_are_as_many_as_the_text_says(executed: Mapping[str, Cell]) -> None:
    assert executed["load"].shown.strip() in expected("data")


def test_the_measures_are_those_that_the_text_promises(executed: Mapping[str, Cell]) -> None:
    lines = executed["runs"].shown.splitlines()
    measured = [line for line in lines if line.startswith("depth ")]
    assert len(measured) == 3
    assert [line for line in measured if line not in expected("train")] == []


def test_the_runs_are_compared_the_best_one_first(executed: Mapping[str, Cell]) -> None:
    rows = [line.split()[-1] for line in executed["table"].shown.splitlines()[1:]]
    assert len(rows) == 3
    assert [float(row) for row in rows] == sorted(float(row) for row in rows)


def test_each_run_has_parameters_measures_and_a_model(executed: Mapping[str, Cell], account: Account) -> None:
    assert executed
    experiment = ask(account, "experiments/get-by-name", experiment_name="lab")["experiment"]["experiment_id"]
    plane = account.plane
    url = f"{plane.url}/api/2.0/mlflow/runs/search"
    found = requests.post(
        url, json={"experiment_ids": [experiment]}, auth=(plane.username, plane.password), timeout=30
    ).json()["runs"]
    mine = [run for run in found if run["info"]["run_name"].startswith("here, ")]
    assert {run["info"]["run_name"] for run in mine} == {"here, depth 1", "here, depth 3", "here, depth 12"}
    for run in mine:
        assert {entry["key"] for entry in run["data"]["params"]} >= {"n_estimators", "max_depth", "random_state"}
        assert {entry["key"] for entry in run["data"]["metrics"]} >= {"test_rmse", "training_r2_score"}
        assert [entry for entry in run["outputs"]["model_outputs"] if entry["model_id"]] != []


def test_the_best_run_is_the_champion(executed: Mapping[str, Cell], account: Account) -> None:
    assert f"version 1 of {MODEL} is the champion" in executed["champion"].shown.splitlines()
    version = ask(account, "registered-models/alias", name=MODEL, alias="champion")["model_version"]
    run = ask(account, "runs/get", run_id=version["run_id"])["run"]
    assert run["info"]["run_name"] == "here, depth 3"


def test_the_champion_predicts(executed: Mapping[str, Cell]) -> None:
    rows = executed["predict"].shown.splitlines()
    assert rows[0].split() == ["target", "predicted"]
    assert len(rows) == 6
    assert all(25 <= float(row.split()[2]) <= 346 for row in rows[1:])


def test_the_data_lie_where_the_training_job_takes_them_from(executed: Mapping[str, Cell], folder: Path) -> None:
    assert executed
    for name, rows in (("train", 353), ("test", 89)):
        lines = (folder / "data" / f"{name}.csv").read_text("utf-8").splitlines()
        assert lines[0].split(",")[-1] == "target"
        assert len(lines) == rows + 1


def test_what_it_made_in_mlflow_goes_if_asked_to(executed: Mapping[str, Cell], folder: Path, account: Account) -> None:
    assert executed
    notebook = json.loads((folder / NOTEBOOK.name).read_text("utf-8"))
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] in {"imports", "forget"}]
    last = notebook["cells"][-1]
    last["source"] = [
        line.replace("DELETE_FROM_MLFLOW = False", "DELETE_FROM_MLFLOW = True") for line in last["source"]
    ]
    (folder / "forget.ipynb").write_text(json.dumps(notebook), "utf-8")
    execute(folder / "forget.ipynb", account)
    assert ask(account, "experiments/get-by-name", experiment_name="lab")["experiment"]["lifecycle_stage"] == "deleted"
    assert ask(account, "registered-models/get", name=MODEL)["error_code"] == "RESOURCE_DOES_NOT_EXIST"

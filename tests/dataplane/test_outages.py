"""What clients and the load balancer see while a part of the running platform is down, through nginx."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests

from dataplane.mariadb import MariaDb
from dataplane.plane import DataPlane
from tests.terraform.half_applied import descendants
from tests.waiting import PATIENCE_SECONDS, eventually

# Of a request: MLflow waits 20 for the answer on an old connection, and 20 more for a new one.
LIMIT_SECONDS = 90.0


def create(plane: DataPlane, experiment: str) -> requests.Response:
    url, login = f"{plane.url}/api/2.0/mlflow/experiments/create", (plane.username, plane.password)
    return requests.post(url, json={"name": experiment}, auth=login, timeout=LIMIT_SECONDS)


def find(plane: DataPlane, experiment: str) -> requests.Response:
    url, login = f"{plane.url}/api/2.0/mlflow/experiments/get-by-name", (plane.username, plane.password)
    return requests.get(url, params={"experiment_name": experiment}, auth=login, timeout=LIMIT_SECONDS)


def elb_status(plane: DataPlane) -> int:
    return requests.get(f"{plane.url}/elb-status", timeout=LIMIT_SECONDS).status_code


def the_task_stays_healthy(plane: DataPlane) -> None:
    # A busy machine may fail a check, as it may on AWS, where it takes several in a row to replace a task.
    eventually(lambda: elb_status(plane) == 200, "the task is healthy, and would not be replaced")


@contextmanager
def killed(database: MariaDb) -> Iterator[None]:
    database.process.kill()
    try:
        yield
    finally:
        database.start()


@contextmanager
def hung(database: MariaDb) -> Iterator[None]:
    """It accepts connections, and answers nothing."""
    database.process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        database.process.signal(signal.SIGCONT)


@contextmanager
def without_a_restart(plane: DataPlane) -> Iterator[None]:
    """MLflow's processes are the same afterwards."""
    before = descendants(plane.mlflow.pid)
    yield
    assert (plane.mlflow.exit_code, descendants(plane.mlflow.pid)) == (None, before)


def test_a_killed_database_is_an_error_until_it_runs_again(plane: DataPlane) -> None:
    assert create(plane, "before").status_code == 200
    with without_a_restart(plane):
        with killed(plane.database):
            assert (find(plane, "before").status_code, create(plane, "meanwhile").status_code) == (503, 503)
            the_task_stays_healthy(plane)
        assert (find(plane, "before").status_code, create(plane, "after").status_code) == (200, 200)
        assert find(plane, "meanwhile").status_code == 404


def test_a_database_that_hangs_is_an_error_and_not_a_hanging_request(plane: DataPlane) -> None:
    assert create(plane, "before it hung").status_code == 200
    with without_a_restart(plane):
        with hung(plane.database), ThreadPoolExecutor() as pool:
            request = pool.submit(find, plane, "before it hung")
            the_task_stays_healthy(plane)
            assert request.result().status_code == 503
            the_task_stays_healthy(plane)
        assert (find(plane, "before it hung").status_code, create(plane, "after it hung").status_code) == (200, 200)


def test_an_outage_does_not_write_the_databases_password_into_the_log(plane: DataPlane) -> None:
    with killed(plane.database):
        assert find(plane, "any").status_code == 503
    password = urlsplit(plane.backend_store_uri).password
    assert password is not None
    assert "Can't connect to MySQL server" in plane.mlflow.output()
    assert password not in plane.mlflow.output()


# The last one, since it leaves the plane without MLflow.
def test_when_mlflows_server_is_killed_its_container_fails_and_nginx_says_so(plane: DataPlane) -> None:
    [_, uvicorn] = descendants(plane.mlflow.pid)
    os.kill(uvicorn, signal.SIGKILL)
    assert plane.mlflow.wait(seconds=PATIENCE_SECONDS) == 128 + signal.SIGKILL
    assert (elb_status(plane), find(plane, "any").status_code) == (503, 502)

"""All of the data plane together: database, S3, MLflow, nginx."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from dataplane.containers import answers, start_mlflow, start_nginx
from dataplane.mariadb import MariaDb
from dataplane.object_store import ObjectStore
from dataplane.process import LOOPBACK, Process, free_port
from deployment.progress import Display

USERNAME = "mlflow"
_DATABASE = "mlflow"
_START_SECONDS = 180.0  # as much as ECS's health checks grant


class DataPlane:
    """Everything behind the gateway, on loopback, as long as the ``with`` block lasts; its data is kept in *folder*.

    *port* is nginx's; None takes a free one. *mlflow* and *nginx* are variables for one of the two containers, besides
    or instead of the ones it gets anyway. The passwords are new each time.
    """

    def __init__(
        self,
        folder: Path,
        display: Display,
        *,
        port: int | None = None,
        mlflow: Mapping[str, str] | None = None,
        nginx: Mapping[str, str] | None = None,
    ) -> None:
        self.username = USERNAME
        self.password = secrets.token_urlsafe(24)
        self.port = port or free_port()
        self.mlflow_port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.database = MariaDb(folder / "database")
        self.objects = ObjectStore(folder / "artifacts.sqlite")
        self._database_password = secrets.token_urlsafe(24)
        self._folder = folder
        self._display = display
        self._mlflow = mlflow or {}
        self._nginx = nginx or {}
        self._cleanup = ExitStack()

    def __enter__(self) -> DataPlane:
        with ExitStack() as stack:
            with self._display.step("local", "database"):
                stack.enter_context(self.database)
            with self._display.step("local", "S3"):
                stack.enter_context(self.objects)
            with self._display.step("local", "mlflow") as step:
                self.mlflow = stack.enter_context(self._start_mlflow())
                self.seconds_to_healthy = step.elapsed
            with self._display.step("local", "nginx"):
                self.nginx = stack.enter_context(self._start_nginx())
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cleanup.close()

    @property
    def processes(self) -> tuple[Process, ...]:
        """Those that must run."""
        return (self.database.process, self.mlflow, self.nginx)

    @property
    def backend_store_uri(self) -> str:
        """Where MLflow keeps runs, for its own commands such as ``mlflow gc``."""
        user = f"{USERNAME}:{self._database_password}"  # letters, digits, - and _: safe in a URL
        return f"mysql+pymysql://{user}@{LOOPBACK}:{self.database.port}/{_DATABASE}"

    def _start_mlflow(self) -> Process:
        self.database.create_database(_DATABASE, user=USERNAME, password=self._database_password)
        environment = {
            **self.objects.environment,
            "DATABASE_HOST": LOOPBACK,
            "DATABASE_PORT": str(self.database.port),
            "DATABASE_NAME": _DATABASE,
            "DATABASE_USERNAME": USERNAME,
            "DATABASE_PASSWORD": self._database_password,
            "DATABASE_TLS": "off",
            "ARTIFACTS_URI": self.objects.uri,
            "MLFLOW_PORT": str(self.mlflow_port),
            **self._mlflow,
        }
        return _ready(start_mlflow(environment, self._folder / "mlflow"), self.mlflow_port, "/health")

    def _start_nginx(self) -> Process:
        environment = {
            "AUTH_MODE": "basic",
            "AUTH_USERNAME": self.username,
            "AUTH_PASSWORD": self.password,
            "MLFLOW_PORT": str(self.mlflow_port),
            "NGINX_LISTEN": f"{LOOPBACK}:{self.port}",
            **self._nginx,
        }
        return _ready(start_nginx(environment, self._folder / "nginx"), self.port, "/elb-status")


def _ready(process: Process, port: int, path: str) -> Process:
    try:
        process.wait_until(lambda: answers(port, path), seconds=_START_SECONDS)
    except BaseException:
        process.stop()
        raise
    return process

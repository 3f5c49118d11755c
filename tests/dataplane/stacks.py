"""The platform as it is synthesised: what the data plane's tests take from it."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import main
from settings import Settings
from tests.dataplane.http_api import HttpApi
from tests.unit.synthesis import Terraform

_ENVIRONMENT = "test"
_GIVEN_BY_THE_PLANE = {"MLFLOW_PORT"}


class Stacks:
    """The stacks with *settings*, written below *outdir*."""

    def __init__(self, outdir: Path, **settings: Any) -> None:
        self.settings = Settings(project="mlflow", environment=_ENVIRONMENT, region="us-west-2", **settings)
        self._outdir = outdir
        main.synthesise([self.settings], outdir)

    @cached_property
    def api(self) -> HttpApi:
        """The public endpoint."""
        return HttpApi.of(Terraform.read(self._outdir, f"{_ENVIRONMENT}-http-api-gateway"))

    @property
    def folder(self) -> Path:
        """What file names in the endpoint's stack are relative to."""
        return self._outdir / "stacks" / f"{_ENVIRONMENT}-http-api-gateway"

    @cached_property
    def nginx(self) -> dict[str, str]:
        """The variables of nginx's container, but for the secret ones and the ports of this machine."""
        task = Terraform.read(self._outdir, f"{_ENVIRONMENT}-mlflow-vpclink").one("aws_ecs_task_definition")
        [nginx] = [each for each in task.json("container_definitions") if each["name"] == "nginx"]
        variables = {each["name"]: each["value"] for each in nginx["environment"]}
        assert "${" not in json.dumps(variables), variables
        return {name: value for name, value in variables.items() if name not in _GIVEN_BY_THE_PLANE}

"""``terraform validate``, with the AWS provider's own schemas, of every stack there is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import main
from deployment.toolchain import terraform_environment
from settings import Settings

ENVIRONMENTS = ("dev", "prod")
PLATFORM = ("mlflow-vpclink", "http-api-gateway", "sagemaker-notebook")


@pytest.fixture(scope="module")
def synthesised(environments: Mapping[str, Settings], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a synthesis for every kind of state."""
    folder = tmp_path_factory.mktemp("synthesised")
    settings = [environments[name] for name in ENVIRONMENTS]
    main.synthesise(settings, folder / "platform-s3")
    for one in settings:
        main.synthesise_state_backend(one, folder / f"{one.environment}-backend-s3", local_state=False)
        main.synthesise_state_backend(one, folder / f"{one.environment}-backend-local", local_state=True)
    local = environments["dev"].state.model_copy(update={"backend": "local"})
    main.synthesise([environments["dev"].model_copy(update={"state": local})], folder / "platform-local")
    # AWS's names have limits, and ours are made of this one: settings refuse any longer.
    main.synthesise([Settings(project="p" * 12, environment="e" * 11)], folder / "platform-longest-name")
    return folder


@pytest.mark.parametrize(
    "stack",
    [
        *(f"platform-s3/stacks/{environment}-{name}" for environment in ENVIRONMENTS for name in PLATFORM),
        *(f"platform-local/stacks/dev-{name}" for name in PLATFORM),
        *(f"platform-longest-name/stacks/{'e' * 11}-{name}" for name in PLATFORM),
        *(
            f"{environment}-backend-{state}/stacks/{environment}-state-backend"
            for environment in ENVIRONMENTS
            for state in ("s3", "local")
        ),
    ],
)
def test_is_valid_without_a_warning(synthesised: Path, stack: str) -> None:
    report = validate(synthesised / stack)
    assert [text(diagnostic) for diagnostic in report["diagnostics"] if not known(diagnostic)] == []
    assert report["valid"] is True


def test_every_synthesised_stack_is_validated(synthesised: Path) -> None:
    assert len(list(synthesised.glob("*/stacks/*"))) == 4 * len(PLATFORM) + 2 * len(ENVIRONMENTS)


def test_an_invalid_stack_is_told(synthesised: Path, tmp_path: Path) -> None:
    stack = json.loads((synthesised / "dev-backend-s3/stacks/dev-state-backend/cdk.tf.json").read_text())
    stack["resource"]["aws_s3_bucket"]["state"]["buckett"] = "a typing mistake"
    (tmp_path / "cdk.tf.json").write_text(json.dumps(stack))
    report = validate(tmp_path)
    assert report["valid"] is False
    assert "buckett" in json.dumps(report["diagnostics"])


def validate(folder: Path) -> dict[str, Any]:
    environment = terraform_environment()
    terraform = environment["TERRAFORM_BINARY_NAME"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [terraform, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    prepared = run("init", "-backend=false", "-no-color")
    assert prepared.returncode == 0, prepared.stdout + prepared.stderr
    report: dict[str, Any] = json.loads(run("validate", "-json").stdout)
    return report


def known(diagnostic: dict[str, Any]) -> bool:
    """Terraform prefers the lock file in S3 to the table; ``state.lock`` lets the user choose either."""
    return diagnostic["severity"] == "warning" and '"dynamodb_table" is deprecated' in diagnostic.get("detail", "")


def text(diagnostic: dict[str, Any]) -> str:
    return f"{diagnostic['severity']}: {diagnostic['summary']}: {diagnostic.get('detail', '')}"

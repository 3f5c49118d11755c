from __future__ import annotations

import base64
import re
import subprocess
import sys
from typing import Any

import pytest

from constructs_lib.network import Network
from constructs_lib.notebook import Notebook, NotebookInstance
from tests.unit.synthesis import NETWORK, Resource, Terraform, Workbench, allow

HOST = f"internal-{'m' * 32}-1234567890.ap-southeast-2.elb.amazonaws.com"
SECRET = f"arn:aws:secretsmanager:ap-southeast-2:012345678901:secret:{'m' * 24}/mlflow-credentials-{'0' * 26}-AbCdEf"


def _synthesise(stack: Workbench, **changes: Any) -> Terraform:
    arguments = {
        "name_prefix": "test",
        "network": NETWORK,
        "instance": NotebookInstance(),
        "environment": {"MLFLOW_TRACKING_URI": stack.load_balancer.url, "MLFLOW_CREDENTIALS_SECRET": SECRET},
        "artifacts": stack.artifacts,
        "encryption_key": stack.key,
    }
    Notebook(stack, "notebook", **{**arguments, **changes})
    return stack.synthesise()


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    return _synthesise(stack)


@pytest.fixture
def instance(terraform: Terraform) -> Resource:
    return terraform.one("aws_sagemaker_notebook_instance")


@pytest.fixture
def script(terraform: Terraform) -> str:
    """What Terraform makes of the on-start script, as a template."""
    [(name, template)] = terraform.document["locals"].items()
    encoded = terraform.one("aws_sagemaker_notebook_instance_lifecycle_configuration")["on_start"]
    assert encoded == f"${{base64encode(local.{name})}}"
    rendered = str(template).replace(terraform.one("aws_lb").ref("dns_name"), HOST)
    assert not re.search(r"(?<!\$)\$\{|%\{", rendered)
    return rendered.replace("$${", "${")


# --- the instance ---


def test_it_stands_in_a_private_subnet_without_an_internet_address(terraform: Terraform, instance: Resource) -> None:
    assert instance["direct_internet_access"] == "Disabled"
    assert instance["subnet_id"] == NETWORK.private_subnet_ids[0]
    own = terraform.one("aws_security_group", tags={"Name": "test-notebook"})
    assert instance["security_groups"] == [own.ref("id")]


def test_its_disk_is_encrypted_with_the_key(terraform: Terraform, instance: Resource) -> None:
    assert instance["kms_key_id"] == terraform.one("aws_kms_key").ref("arn")


def test_its_metadata_answers_to_imdsv2_only(instance: Resource) -> None:
    assert instance["instance_metadata_service_configuration"] == {"minimum_instance_metadata_service_version": "2"}


def test_its_users_are_not_root_by_default(instance: Resource) -> None:
    assert instance["root_access"] == "Disabled"


def test_size_subnet_and_root_access_are_those_asked_for(stack: Workbench) -> None:
    asked = NotebookInstance(instance_type="ml.m5.large", volume_size_gb=100, root_access=True, subnet_index=1)
    instance = _synthesise(stack, instance=asked).one("aws_sagemaker_notebook_instance")

    assert (instance["instance_type"], instance["volume_size"]) == ("ml.m5.large", 100)
    assert (instance["root_access"], instance["subnet_id"]) == ("Enabled", NETWORK.private_subnet_ids[1])


# --- what it may do ---


def test_it_reaches_aws_by_https_and_nobody_reaches_it(terraform: Terraform) -> None:
    assert terraform.connections("egress") == {("notebook", "0.0.0.0/0", 443)}
    assert terraform.connections("ingress") == set()


def test_it_may_use_the_interface_endpoints_where_there_are_any(stack: Workbench) -> None:
    network = Network(stack, "network", name_prefix="test", interface_endpoints=["logs"])

    assert ("notebook", "endpoints", 443) in _synthesise(stack, network=network).connections("ingress")


def test_its_role_uses_the_artifacts_and_writes_its_logs(terraform: Terraform) -> None:
    bucket, key = terraform.one("aws_s3_bucket").ref("arn"), terraform.one("aws_kms_key").ref("arn")
    permissions = terraform.permissions(terraform.one("aws_iam_role"))

    assert {name: statement["Resource"] for name, statement in permissions.items()} == {
        "list-artifacts": [bucket],
        "read-write-artifacts": [f"{bucket}/*"],
        "use-key": [key],
        "write-notebook-logs": [_log_groups(terraform)],
    }
    assert permissions["write-notebook-logs"] == allow(
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        on=[_log_groups(terraform)],
    )


def test_sagemaker_takes_the_role(terraform: Terraform, instance: Resource) -> None:
    role = terraform.one("aws_iam_role")

    [trust] = role.json("assume_role_policy")["Statement"]
    assert trust == {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
    }
    assert instance["role_arn"] == role.ref("arn")


# --- the script that runs when it starts ---


def test_terminals_get_the_address_and_the_name_of_the_secret(script: str) -> None:
    profile = _heredoc(script, "PROFILE")

    shell = f'{profile}\nprintf "%s %s" "$MLFLOW_TRACKING_URI" "$MLFLOW_CREDENTIALS_SECRET"'
    assert _output(["bash", "-c", shell]) == f"http://{HOST} {SECRET}"


def test_kernels_get_the_address_and_the_name_of_the_secret(script: str) -> None:
    kernel = (
        f"{_heredoc(script, 'STARTUP')}\nprint(*map(os.getenv, ['MLFLOW_TRACKING_URI', 'MLFLOW_CREDENTIALS_SECRET']))"
    )

    assert _output([sys.executable, "-c", kernel]) == f"http://{HOST} {SECRET}\n"


def test_the_script_holds_no_credential(script: str) -> None:
    assert not re.search(r"password|token|ephemeral", script, re.IGNORECASE)


def test_the_script_is_valid_bash_that_stops_at_the_first_mistake(script: str) -> None:
    assert _output(["bash", "-n", "-c", script]) == ""
    assert "set -euo pipefail" in script


def test_the_script_fits_what_sagemaker_takes(script: str) -> None:
    # CreateNotebookInstanceLifecycleConfig: 16,384 characters of base64.
    assert len(base64.b64encode(script.encode())) <= 16_384


def _heredoc(script: str, mark: str) -> str:
    return script.split(f"<<'{mark}'\n", 1)[1].split(f"\n{mark}\n", 1)[0]


def _output(command: list[str]) -> str:
    return subprocess.run(command, env={}, capture_output=True, text=True, check=True).stdout


def _log_groups(terraform: Terraform) -> str:
    partition, region = terraform.data("aws_partition").ref("partition"), terraform.data("aws_region").ref("name")
    account = terraform.data("aws_caller_identity").ref("account_id")
    return f"arn:{partition}:logs:{region}:{account}:log-group:/aws/sagemaker/NotebookInstances*"

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest

from constructs_lib import notebook
from constructs_lib.bucket_files import BucketFiles
from constructs_lib.network import Network
from constructs_lib.notebook import Notebook, NotebookInstance, NotebookStart
from constructs_lib.notebook_role import NotebookRole
from tests.unit.synthesis import NETWORK, Resource, Terraform, Workbench

EVENTS = ("on_create", "on_start")
LONGEST = 16_384
"""Characters of base64: CreateNotebookInstanceLifecycleConfig."""


@pytest.fixture
def files(stack: Workbench, tmp_path: Path) -> BucketFiles:
    (tmp_path / "setup").mkdir()
    (tmp_path / "setup" / "setup.sh").write_text("echo", encoding="utf-8")
    return BucketFiles(stack, "files", bucket=stack.artifacts, prefix="notebook", folders={"setup": tmp_path / "setup"})


def _synthesise(stack: Workbench, files: BucketFiles, **changes: Any) -> Terraform:
    arguments = {
        "name_prefix": "test",
        "network": NETWORK,
        "instance": NotebookInstance(),
        "role": NotebookRole(stack, "role", name_prefix="test", artifacts=stack.artifacts),
        "start": NotebookStart({"MLFLOW_TRACKING_URI": stack.load_balancer.url, "LAB_PREFIX": "test"}, files),
        "encryption_key": stack.key,
    }
    Notebook(stack, "notebook", **{**arguments, **changes})
    return stack.synthesise()


@pytest.fixture
def terraform(stack: Workbench, files: BucketFiles) -> Terraform:
    return _synthesise(stack, files)


@pytest.fixture
def instance(terraform: Terraform) -> Resource:
    return terraform.one("aws_sagemaker_notebook_instance")


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with scripts that stand in for ours."""
    for event in EVENTS:
        file = tmp_path / f"{event}.sh"
        file.write_text(f"cat <<'SETTINGS'\n@SETTINGS@\nSETTINGS\necho {event} ${{HOME}} %{{x}}\n", encoding="utf-8")
        monkeypatch.setitem(notebook._SCRIPTS, event, file)
    return tmp_path


def _template(terraform: Terraform, event: str) -> str:
    """What Terraform encodes for *event*, as a template."""
    encoded = terraform.one("aws_sagemaker_notebook_instance_lifecycle_configuration")[event]
    [template] = [
        text for name, text in terraform.document["locals"].items() if encoded == f"${{base64encode(local.{name})}}"
    ]
    return str(template)


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


def test_size_subnet_and_root_access_are_those_asked_for(stack: Workbench, files: BucketFiles) -> None:
    asked = NotebookInstance(instance_type="ml.m5.large", volume_size_gb=100, root_access=True, subnet_index=1)
    instance = _synthesise(stack, files, instance=asked).one("aws_sagemaker_notebook_instance")

    assert (instance["instance_type"], instance["volume_size"]) == ("ml.m5.large", 100)
    assert (instance["root_access"], instance["subnet_id"]) == ("Enabled", NETWORK.private_subnet_ids[1])


# --- what it may do, and is ---


def test_it_reaches_aws_by_https_and_nobody_reaches_it(terraform: Terraform) -> None:
    assert terraform.connections("egress") == {("notebook", "0.0.0.0/0", 443)}
    assert terraform.connections("ingress") == set()


def test_it_may_use_the_interface_endpoints_where_there_are_any(stack: Workbench, files: BucketFiles) -> None:
    network = Network(stack, "network", name_prefix="test", interface_endpoints=["logs"])

    assert ("notebook", "endpoints", 443) in _synthesise(stack, files, network=network).connections("ingress")


def test_it_works_in_its_role(terraform: Terraform, instance: Resource) -> None:
    assert instance["role_arn"] == terraform.one("aws_iam_role").ref("arn")


def test_it_waits_for_the_files_that_its_first_start_fetches(terraform: Terraform, instance: Resource) -> None:
    assert instance["depends_on"] == [terraform.one("aws_s3_object").address]


# --- the scripts ---


@pytest.mark.usefixtures("scripts")
@pytest.mark.parametrize("event", EVENTS)
def test_each_script_gets_the_settings_and_is_else_as_it_was_written(
    stack: Workbench, files: BucketFiles, event: str
) -> None:
    terraform = _synthesise(stack, files)

    bucket, balancer = terraform.one("aws_s3_bucket").ref("id"), terraform.one("aws_lb").ref("dns_name")
    assert _template(terraform, event).splitlines() == [
        "cat <<'SETTINGS'",
        "NOTEBOOK_NAME='test'",
        f"NOTEBOOK_FILES='s3://{bucket}/notebook'",
        f"NOTEBOOK_FILES_SHA256='{files.sha256}'",
        f"MLFLOW_TRACKING_URI='http://{balancer}'",
        "LAB_PREFIX='test'",
        "SETTINGS",
        f"echo {event} $${{HOME}} %%{{x}}",
    ]


@pytest.mark.parametrize("event", EVENTS)
def test_our_scripts_are_bash_and_fit_what_sagemaker_takes(terraform: Terraform, event: str) -> None:
    script = _template(terraform, event).replace("$${", "${").replace("%%{", "%{")

    subprocess.run(["bash", "-n", "-c", script], check=True)
    assert len(base64.b64encode(script.encode())) <= LONGEST


def test_our_start_script_tells_the_settings(terraform: Terraform) -> None:
    assert "\nLAB_PREFIX='test'\n" in _template(terraform, "on_start")


@pytest.mark.parametrize("event", EVENTS)
def test_refuses_a_script_that_is_too_long_before_anything_is_deployed(
    stack: Workbench, files: BucketFiles, scripts: Path, event: str
) -> None:
    (scripts / f"{event}.sh").write_text("#" * (LONGEST // 4 * 3 + 1), encoding="utf-8")

    told = f"{event}.sh has up to {LONGEST + 4} characters in base64, and SageMaker takes {LONGEST}: move some of it"
    with pytest.raises(ValueError, match=told):
        _synthesise(stack, files)


def test_the_longest_script_is_taken(stack: Workbench, files: BucketFiles, scripts: Path) -> None:
    longest = "#" * (LONGEST // 4 * 3)
    (scripts / "on_start.sh").write_text(longest, encoding="utf-8")

    assert _template(_synthesise(stack, files), "on_start") == longest


@pytest.mark.usefixtures("scripts")
def test_the_length_allows_for_what_only_terraform_knows(stack: Workbench, files: BucketFiles) -> None:
    settings = {f"ARN_{number}": stack.key.arn for number in range(64)}

    with pytest.raises(ValueError, match=r"on_create\.sh has up to \d+ characters in base64"):
        _synthesise(stack, files, start=NotebookStart(settings, files))


@pytest.mark.usefixtures("scripts")
@pytest.mark.parametrize("value", ["it's", "two\nlines"])
def test_refuses_a_setting_that_would_end_its_quotes(stack: Workbench, files: BucketFiles, value: str) -> None:
    with pytest.raises(ValueError, match=r"NAME = .* would end its quotes in a shell: give a value without"):
        _synthesise(stack, files, start=NotebookStart({"NAME": value}, files))

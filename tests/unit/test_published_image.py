from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from constructs_lib.image_repository import ImageRepository
from constructs_lib.published_image import PublishedImage
from tests.unit.synthesis import Terraform, Workbench

NAME = "nginx"


@pytest.fixture
def image(stack: Workbench) -> PublishedImage:
    repository = ImageRepository(stack, "nginx-repository", name="test/nginx", encryption_key=stack.key)
    return PublishedImage(
        stack,
        "nginx-image",
        name=NAME,
        repository=repository,
        tag="0123456789abcdef",
        architecture="x86_64",
        base_registry="mirror.example/library",
    )


def _command(terraform: Terraform) -> str:
    command: str = terraform.one("terraform_data")["provisioner"]["local-exec"]["command"]
    return command


def _ran(command: str, folder: Path, **variables: str) -> list[str]:
    """What *command* would run from *folder*, as Terraform's shell sees it: the program, its folder, its arguments."""
    note = folder / "program"
    note.write_text('#!/bin/sh\necho "$0"; pwd; for argument; do echo "$argument"; done\n')
    note.chmod(0o755)
    (folder / "python3").unlink(missing_ok=True)
    (folder / "python3").symlink_to(note)
    environment = {"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin", **variables}
    place = folder / "cdktf.out" / "stacks" / "dev"
    place.mkdir(parents=True)
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=place, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_its_uri_is_the_tag_in_the_repository(stack: Workbench, image: PublishedImage) -> None:
    stack.add_override("output.image.value", image.uri)
    terraform = stack.synthesise()

    url = terraform.one("aws_ecr_repository").ref("repository_url")
    assert terraform.document["output"]["image"]["value"] == f"{url}:0123456789abcdef"


def test_it_is_published_again_when_the_tag_or_the_repository_is_new(stack: Workbench, image: PublishedImage) -> None:
    terraform = stack.synthesise()

    published = terraform.one("terraform_data")
    url = terraform.one("aws_ecr_repository").ref("repository_url")
    assert published["triggers_replace"] == [url, "0123456789abcdef"]
    assert image.depends_on == (published.address,)


def test_nothing_runs_when_it_is_destroyed(stack: Workbench, image: PublishedImage) -> None:
    assert image
    [provisioner] = stack.synthesise().one("terraform_data")["provisioner"].values()

    assert provisioner.keys() == {"command"}  # without `when`, at creation only


def test_terraform_runs_the_project_with_what_was_planned(
    stack: Workbench, image: PublishedImage, tmp_path: Path
) -> None:
    assert image
    terraform = stack.synthesise()

    # What Terraform does to a command before a shell gets it.
    command = _command(terraform).replace("$${", "${")
    region, url = terraform.data("aws_region").ref("name"), terraform.one("aws_ecr_repository").ref("repository_url")
    command = command.replace(region, "us-west-2").replace(url, "registry/test/nginx")
    assert _ran(command, tmp_path) == [
        str(tmp_path / "python3"),
        str(tmp_path),
        *("-m", "images.publish", NAME, "--repository", "registry/test/nginx", "--region", "us-west-2"),
        *("--architecture", "x86_64", "--base-registry", "mirror.example/library", "--tag", "0123456789abcdef"),
    ]


def test_the_project_and_its_python_may_be_elsewhere(stack: Workbench, image: PublishedImage, tmp_path: Path) -> None:
    assert image
    command = _command(stack.synthesise()).replace("$${", "${").replace("${aws", "$").replace("${data", "$")
    program, place, *_ = _ran(
        command, tmp_path, PROJECT_ROOT=str(tmp_path / "cdktf.out"), PROJECT_PYTHON=str(tmp_path / "program")
    )
    assert (program, place) == (str(tmp_path / "program"), str(tmp_path / "cdktf.out"))


def test_no_path_of_this_machine_is_in_the_configuration(stack: Workbench, image: PublishedImage) -> None:
    assert image
    command = _command(stack.synthesise())

    assert str(Path(__file__).parents[2]) not in command
    assert command.startswith('cd "$${PROJECT_ROOT:-../../..}" && exec "$${PROJECT_PYTHON:-python3}" -m images.publish')


def test_a_grant_is_to_pull_from_its_repository(stack: Workbench, image: PublishedImage) -> None:
    image.grant_pull(stack.role)
    terraform = stack.synthesise()

    permissions = terraform.permissions(terraform.one("aws_iam_role"))
    assert permissions["pull-nginx-repository"]["Resource"] == [terraform.one("aws_ecr_repository").ref("arn")]

from __future__ import annotations

import pytest

from constructs_lib.registry_image import RegistryImage
from tests.unit.synthesis import Workbench, allow


def test_it_is_used_as_it_is_and_nothing_has_to_put_it_there(stack: Workbench) -> None:
    image = RegistryImage(stack, "nginx-image", uri="public.ecr.aws/nginx/nginx:1.28")

    assert (image.uri, image.depends_on) == ("public.ecr.aws/nginx/nginx:1.28", ())
    assert stack.synthesise().types == set()


@pytest.mark.parametrize(
    ("uri", "repository"),
    [
        (
            "012345678901.dkr.ecr.eu-west-1.amazonaws.com/team/nginx:1.28",
            "eu-west-1:012345678901:repository/team/nginx",
        ),
        (
            f"012345678901.dkr.ecr.cn-north-1.amazonaws.com.cn/nginx@sha256:{'0' * 64}",
            "cn-north-1:012345678901:repository/nginx",
        ),
    ],
)
def test_a_grant_is_to_pull_from_its_repository_if_that_is_in_ecr(stack: Workbench, uri: str, repository: str) -> None:
    RegistryImage(stack, "nginx-image", uri=uri).grant_pull(stack.role)
    terraform = stack.synthesise()

    partition = terraform.data("aws_partition").ref("partition")
    assert terraform.permissions(terraform.one("aws_iam_role")) == {
        "pull-nginx-image": allow(
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
            on=[f"arn:{partition}:ecr:{repository}"],
        ),
        "log-in-to-registry": allow("ecr:GetAuthorizationToken", on=["*"]),
    }


@pytest.mark.parametrize("uri", ["public.ecr.aws/nginx/nginx:1.28", "ghcr.io/mlflow/mlflow:v3"])
def test_an_image_of_another_registry_takes_no_permission(stack: Workbench, uri: str) -> None:
    RegistryImage(stack, "nginx-image", uri=uri).grant_pull(stack.role)
    terraform = stack.synthesise()

    assert terraform.permissions(terraform.one("aws_iam_role")) == {}

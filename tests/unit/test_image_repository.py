from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.image_repository import ImageRepository
from tests.unit.synthesis import Resource, Terraform, Workbench, allow


def _repository(stack: Workbench, id: str = "nginx-repository", **arguments: Any) -> ImageRepository:
    return ImageRepository(stack, id, name=f"test/{id}", encryption_key=stack.key, **arguments)


def test_tags_never_move_and_pushed_images_are_scanned(stack: Workbench) -> None:
    _repository(stack)
    repository = stack.synthesise().one("aws_ecr_repository")

    assert repository["image_tag_mutability"] == "IMMUTABLE"
    assert repository["image_scanning_configuration"] == {"scan_on_push": True}


def test_images_are_encrypted_with_the_key(stack: Workbench) -> None:
    _repository(stack)
    terraform = stack.synthesise()

    [encryption] = terraform.one("aws_ecr_repository")["encryption_configuration"]
    assert encryption == {"encryption_type": "KMS", "kms_key": terraform.one("aws_kms_key").ref("arn")}


@pytest.mark.parametrize(("arguments", "forced"), [({}, False), ({"force_delete": True}, True)])
def test_images_are_deleted_with_the_repository_only_if_asked(
    stack: Workbench, arguments: dict[str, Any], forced: bool
) -> None:
    _repository(stack, **arguments)

    assert stack.synthesise().one("aws_ecr_repository")["force_delete"] is forced


def test_untagged_images_go_after_a_week_and_the_newest_50_stay(stack: Workbench) -> None:
    _repository(stack)
    terraform = stack.synthesise()

    policy = terraform.one("aws_ecr_lifecycle_policy", repository=terraform.one("aws_ecr_repository").ref("name"))
    assert [(rule["selection"], rule["action"]) for rule in _in_order(policy)] == [
        (
            {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7},
            {"type": "expire"},
        ),
        ({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 50}, {"type": "expire"}),
    ]


def test_an_image_is_named_by_its_tag(stack: Workbench) -> None:
    stack.add_override("output.image.value", _repository(stack).image("v1"))
    terraform = stack.synthesise()

    url = terraform.one("aws_ecr_repository").ref("repository_url")
    assert terraform.document["output"]["image"]["value"] == f"{url}:v1"


def test_a_grant_is_to_pull_from_these_repositories_and_to_log_in_once(stack: Workbench) -> None:
    for id in ("nginx-repository", "mlflow-repository"):
        _repository(stack, id).grant_pull(stack.role)
    terraform = stack.synthesise()

    assert terraform.permissions(terraform.one("aws_iam_role")) == {
        "pull-nginx-repository": _pull(terraform, "test/nginx-repository"),
        "pull-mlflow-repository": _pull(terraform, "test/mlflow-repository"),
        "log-in-to-registry": allow("ecr:GetAuthorizationToken", on=["*"]),
    }


def _in_order(policy: Resource) -> list[dict[str, object]]:
    return sorted(policy.json("policy")["rules"], key=lambda rule: int(rule["rulePriority"]))


def _pull(terraform: Terraform, name: str) -> dict[str, object]:
    return allow(
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        on=[terraform.one("aws_ecr_repository", name=name).ref("arn")],
    )

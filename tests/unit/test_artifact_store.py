from __future__ import annotations

from typing import Any

import pytest

from tests.unit.synthesis import Terraform, Workbench, allow

BUCKET = "aws_s3_bucket"


def _rules(terraform: Terraform) -> dict[str, dict[str, Any]]:
    """The lifecycle rules by their id; each is enabled and for all objects."""
    everything = {"status": "Enabled", "filter": [{"prefix": ""}]}
    rules = terraform.one("aws_s3_bucket_lifecycle_configuration")["rule"]
    assert all(everything.items() <= rule.items() for rule in rules)
    return {rule["id"]: {key: rule[key] for key in rule.keys() - {"id", *everything}} for rule in rules}


def test_the_bucket_is_private_and_encrypted_with_the_key(stack: Workbench) -> None:
    stack.make_artifacts()
    terraform = stack.synthesise()

    bucket = terraform.one(BUCKET)
    assert bucket["bucket_prefix"] == "test-artifacts-"
    assert terraform.one("aws_s3_bucket_public_access_block")["bucket"] == bucket.ref("id")
    [rule] = terraform.one("aws_s3_bucket_server_side_encryption_configuration")["rule"]
    assert rule["apply_server_side_encryption_by_default"] == {
        "sse_algorithm": "aws:kms",
        "kms_master_key_id": terraform.one("aws_kms_key").ref("arn"),
    }


def test_old_versions_and_unfinished_uploads_expire_and_the_rest_is_tiered(stack: Workbench) -> None:
    stack.make_artifacts(noncurrent_days=14)

    assert _rules(stack.synthesise()) == {
        "abort-incomplete-uploads": {"abort_incomplete_multipart_upload": [{"days_after_initiation": 7}]},
        "expire-noncurrent-versions": {
            "noncurrent_version_expiration": [{"noncurrent_days": 14}],
            "expiration": [{"expired_object_delete_marker": True}],
        },
        "intelligent-tiering": {"transition": [{"days": 0, "storage_class": "INTELLIGENT_TIERING"}]},
    }


def test_without_tiering_objects_stay_in_their_storage_class(stack: Workbench) -> None:
    stack.make_artifacts(tiering=False)

    assert _rules(stack.synthesise()).keys() == {"abort-incomplete-uploads", "expire-noncurrent-versions"}


def test_the_lifecycle_waits_for_the_versioning(stack: Workbench) -> None:
    stack.make_artifacts()
    terraform = stack.synthesise()

    waits_for = terraform.one("aws_s3_bucket_lifecycle_configuration").get("depends_on")
    assert waits_for == [terraform.one("aws_s3_bucket_versioning").address]


@pytest.mark.parametrize(("versioning", "status"), [(True, "Enabled"), (False, "Suspended")])
def test_versioning_can_be_turned_off(stack: Workbench, versioning: bool, status: str) -> None:
    stack.make_artifacts(versioning=versioning)

    assert stack.synthesise().one("aws_s3_bucket_versioning")["versioning_configuration"] == {"status": status}


@pytest.mark.parametrize("asked", [False, True])
def test_artifacts_are_lost_only_when_that_is_asked_for(stack: Workbench, asked: bool) -> None:
    stack.make_artifacts(**({"protect": False, "force_destroy": True} if asked else {}))
    bucket = stack.synthesise().one(BUCKET)

    assert (bucket["force_destroy"], bucket["lifecycle"]["prevent_destroy"]) == (asked, not asked)


def test_a_grant_is_the_bucket_its_objects_and_the_key_and_nothing_else(stack: Workbench) -> None:
    stack.artifacts.grant_read_write(stack.role)
    terraform = stack.synthesise()

    bucket = terraform.one(BUCKET).ref("arn")
    assert terraform.permissions(terraform.one("aws_iam_role")) == {
        "list-artifacts": allow("s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads", on=[bucket]),
        "read-write-artifacts": allow(
            "s3:GetObject",
            "s3:PutObject",
            "s3:DeleteObject",
            "s3:AbortMultipartUpload",
            "s3:ListMultipartUploadParts",
            on=[f"{bucket}/*"],
        ),
        "use-key": allow("kms:Decrypt", "kms:GenerateDataKey", on=[terraform.one("aws_kms_key").ref("arn")]),
    }

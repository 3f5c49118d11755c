from __future__ import annotations

import pytest
from cdktf_cdktf_provider_aws.s3_bucket import S3Bucket

from constructs_lib.private_bucket import make_private
from tests.unit.synthesis import Terraform, Workbench

KEY = "arn:aws:kms:us-west-2:012345678901:key/some-key"


def _synthesise(stack: Workbench, *, kms_key_arn: str | None = KEY, versioning: bool = True) -> Terraform:
    bucket = S3Bucket(stack, "bucket")
    make_private(bucket, bucket, kms_key_arn=kms_key_arn, versioning=versioning)
    return stack.synthesise()


def test_everything_is_about_the_one_bucket(stack: Workbench) -> None:
    terraform = _synthesise(stack)

    parts = [part for type in terraform.types - {"aws_s3_bucket"} for part in terraform.all(type)]
    assert len(parts) == 5
    assert {part["bucket"] for part in parts} == {terraform.one("aws_s3_bucket").ref("id")}


def test_public_access_is_blocked_in_all_four_ways(stack: Workbench) -> None:
    block = _synthesise(stack).one("aws_s3_bucket_public_access_block")

    ways = {"block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"}
    assert {way: block[way] for way in ways} == dict.fromkeys(ways, True)


def test_the_bucket_owner_owns_every_object(stack: Workbench) -> None:
    ownership = _synthesise(stack).one("aws_s3_bucket_ownership_controls")

    assert ownership["rule"] == {"object_ownership": "BucketOwnerEnforced"}


def test_requests_without_tls_are_refused(stack: Workbench) -> None:
    terraform = _synthesise(stack)

    bucket = terraform.one("aws_s3_bucket").ref("arn")
    assert terraform.one("aws_s3_bucket_policy").json("policy")["Statement"] == [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket, f"{bucket}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def test_the_policy_waits_for_the_block_since_s3_refuses_two_changes_at_once(stack: Workbench) -> None:
    terraform = _synthesise(stack)

    block = terraform.one("aws_s3_bucket_public_access_block").address
    assert terraform.one("aws_s3_bucket_policy")["depends_on"] == [block]


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        (
            KEY,
            {
                "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": KEY},
                "bucket_key_enabled": True,
            },
        ),
        (None, {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}),
    ],
)
def test_objects_are_encrypted_with_the_key_or_with_those_of_s3(
    stack: Workbench, key: str | None, rule: dict[str, object]
) -> None:
    encryption = _synthesise(stack, kms_key_arn=key).one("aws_s3_bucket_server_side_encryption_configuration")

    assert encryption["rule"] == [rule]


@pytest.mark.parametrize(("versioning", "status"), [(True, "Enabled"), (False, "Suspended")])
def test_versioning_is_on_or_suspended(stack: Workbench, versioning: bool, status: str) -> None:
    terraform = _synthesise(stack, versioning=versioning)

    assert terraform.one("aws_s3_bucket_versioning")["versioning_configuration"] == {"status": status}

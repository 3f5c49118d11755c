from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cdktf import App
from cdktf_cdktf_provider_aws.s3_bucket import S3Bucket
from constructs import Construct

from settings import Settings
from stacks.platform_stack import PlatformStack
from tests.unit.synthesis import Terraform

Build = Callable[[PlatformStack], object]


def _buckets(*paths: str) -> Build:
    """Makes a resource at each of *paths*."""

    def build(stack: PlatformStack) -> None:
        scopes: dict[str, Construct] = {"": stack}
        for parent, _, name in (path.rpartition("/") for path in paths):
            if parent not in scopes:
                scopes[parent] = Construct(stack, parent)
            S3Bucket(scopes[parent], name)

    return build


@pytest.fixture
def synthesise(tmp_path: Path) -> Callable[..., Terraform]:
    def synthesise_stack(build: Build | None = None, **changes: Any) -> Terraform:
        settings = Settings(**{"project": "mlflow", "environment": "test", "region": "eu-west-1", **changes})
        app = App(outdir=str(tmp_path))
        stack = PlatformStack(app, "parts", settings=settings)
        if build:
            build(stack)
        app.synth()
        return Terraform.read(tmp_path, "test-parts")

    return synthesise_stack


def _provider(terraform: Terraform) -> dict[str, Any]:
    [provider] = terraform.document["provider"]["aws"]
    return dict(provider)


def _default_tags(terraform: Terraform) -> dict[str, str]:
    [default_tags] = _provider(terraform)["default_tags"]
    return dict(default_tags["tags"])


# --- addresses ---


def test_addresses_are_the_construct_paths(synthesise: Callable[..., Terraform]) -> None:
    terraform = synthesise(_buckets("artifacts/Resource", "artifacts/access-logs", "state"))

    addresses = [bucket.address for bucket in terraform.all("aws_s3_bucket")]
    assert sorted(addresses) == [
        "aws_s3_bucket.artifacts",
        "aws_s3_bucket.artifacts_access_logs",
        "aws_s3_bucket.state",
    ]


@pytest.mark.parametrize(
    ("one", "other"), [("a/b", "a-b"), ("a.b", "a_b"), ("artifacts/Resource", "Artifacts"), ("Logs", "logs")]
)
def test_refuses_two_resources_of_one_address_and_names_both_paths(
    synthesise: Callable[..., Terraform], one: str, other: str
) -> None:
    with pytest.raises(
        RuntimeError, match=rf"test-parts/{other} and test-parts/{one} would both be .*rename one of them"
    ):
        synthesise(_buckets(one, other))


def test_refuses_a_path_that_gives_no_address(synthesise: Callable[..., Terraform]) -> None:
    with pytest.raises(RuntimeError, match="construct path '0' gives no Terraform name"):
        synthesise(_buckets("0"))


# --- provider ---


def test_the_provider_refuses_every_account_but_the_one_named(synthesise: Callable[..., Terraform]) -> None:
    assert _provider(synthesise(account_id="012345678901"))["allowed_account_ids"] == ["012345678901"]


def test_any_account_is_accepted_if_none_is_named(synthesise: Callable[..., Terraform]) -> None:
    assert "allowed_account_ids" not in _provider(synthesise())


def test_the_provider_works_in_the_region_of_the_settings(synthesise: Callable[..., Terraform]) -> None:
    assert _provider(synthesise())["region"] == "eu-west-1"


def test_every_resource_is_tagged_with_its_origin_and_the_tags_of_the_settings(
    synthesise: Callable[..., Terraform],
) -> None:
    assert _default_tags(synthesise(tags={"Team": "ml"})) == {
        "project": "mlflow",
        "environment": "test",
        "managed-by": "terraform",
        "Team": "ml",
    }


@pytest.mark.parametrize("key", ["environment", "Environment"])
def test_a_tag_of_the_settings_replaces_ours_since_iam_takes_no_keys_that_differ_in_case_only(
    synthesise: Callable[..., Terraform], key: str
) -> None:
    assert _default_tags(synthesise(tags={key: "staging"})) == {
        "project": "mlflow",
        "managed-by": "terraform",
        key: "staging",
    }


def test_terraform_must_know_write_only_arguments(synthesise: Callable[..., Terraform]) -> None:
    assert synthesise().document["terraform"]["required_version"] == ">= 1.11"


# --- state ---


def test_the_state_is_encrypted_in_the_bucket_under_the_stacks_name(synthesise: Callable[..., Terraform]) -> None:
    assert synthesise().document["terraform"]["backend"] == {
        "s3": {
            "bucket": "mlflow-test-tfstate",
            "key": "mlflow/test/parts.tfstate",
            "region": "eu-west-1",
            "encrypt": True,
            "dynamodb_table": "mlflow-test-tfstate-lock",
        }
    }


@pytest.mark.parametrize(
    ("lock", "arguments"),
    [
        ("dynamodb", {"dynamodb_table": "mlflow-test-tfstate-lock"}),
        ("s3", {"use_lockfile": True}),
        ("both", {"dynamodb_table": "mlflow-test-tfstate-lock", "use_lockfile": True}),
    ],
)
def test_the_lock_is_a_table_or_a_file_or_both(
    synthesise: Callable[..., Terraform], lock: str, arguments: dict[str, object]
) -> None:
    backend = synthesise(state={"lock": lock}).document["terraform"]["backend"]["s3"]

    assert {key: backend[key] for key in backend.keys() & {"dynamodb_table", "use_lockfile"}} == arguments


def test_the_state_may_have_a_key_of_its_own(synthesise: Callable[..., Terraform]) -> None:
    key = "arn:aws:kms:eu-west-1:012345678901:key/some-key"
    backend = synthesise(state={"kms_key_id": key}).document["terraform"]["backend"]["s3"]

    assert backend["kms_key_id"] == key


def test_a_local_state_is_outside_of_the_folder_that_is_synthesised(synthesise: Callable[..., Terraform]) -> None:
    backend = synthesise(state={"backend": "local", "lock": "both"}).document["terraform"]["backend"]

    assert backend == {"local": {"path": "../../../.state/mlflow/test/parts.tfstate"}}


# --- outputs ---


def test_an_output_keeps_its_name_and_says_what_it_is(synthesise: Callable[..., Terraform]) -> None:
    terraform = synthesise(lambda stack: stack.output("bucket_name", "some-bucket", "Some bucket"))

    assert terraform.document["output"] == {"bucket_name": {"value": "some-bucket", "description": "Some bucket"}}

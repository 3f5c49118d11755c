"""What must be true before Terraform is started: credentials, the right account, a place for the state.

Checked here because Terraform would say it late, once per stack, and in its own words. Everything goes through boto3,
so AWS_ENDPOINT_URL, AWS_PROFILE and the rest of the usual variables count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore import exceptions
from botocore.config import Config

from errors import UserError
from images import certificates
from images.context import NAMES, Build
from images.engine import find_engine
from images.publish import is_published

if TYPE_CHECKING:
    from settings import Settings

# One question and one repetition; boto3's defaults would keep a user without network waiting for minutes.
_CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 2})

_VERSIONS = ("Versions", "DeleteMarkers")
_LOG_IN = (
    "Log in (`aws sso login`, or `aws configure`) and set AWS_PROFILE, or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY "
    "and, for temporary credentials, AWS_SESSION_TOKEN."
)


def check(settings: Settings) -> str:
    """Check everything and return the account's number; raises ``UserError`` for the first thing that is wrong."""
    account = check_account(settings)
    check_state(settings)
    return account


def check_account(settings: Settings) -> str:
    """Return the number of the account that the credentials belong to.

    Raises ``UserError`` without valid credentials, or when the settings ask for another account.
    """
    with _readable(settings):
        sts = boto3.client("sts", region_name=settings.region, config=_CONFIG)
        account: str = sts.get_caller_identity()["Account"]
    if settings.account_id not in (None, account):
        raise UserError(
            f"wrong AWS account: the credentials belong to {account}, but account_id in {_file(settings)} is "
            f"{settings.account_id}. Use credentials of {settings.account_id}, or correct account_id."
        )
    return account


def check_state(settings: Settings) -> None:
    """Check that the bucket of the remote state exists, and the lock table if there is one; raises ``UserError``."""
    state = settings.state
    if state.backend == "local":
        return
    remedy = (
        f"Create it with `make bootstrap ENV={settings.environment}`."
        if state.create
        else f"Create it, or let `make bootstrap` do it with state.create = true in {_file(settings)}."
    )
    found = find_bucket(settings)
    if found == "missing":
        raise UserError(f"the state bucket {state.bucket} does not exist (region {settings.region}). {remedy}")
    if found == "foreign":
        raise UserError(
            f"the state bucket {state.bucket} exists, but these credentials may not use it: it belongs to another "
            f"account, or s3:ListBucket is not allowed. Correct state.bucket in {_file(settings)}, or use other "
            "credentials."
        )
    if state.locks_by_table and not _table_exists(settings):
        raise UserError(f"the lock table {state.table} does not exist (region {settings.region}). {remedy}")


def builds(settings: Settings) -> tuple[Build, ...]:
    """The images that are built here; none if they come from a registry."""
    if settings.images.source == "registry":
        return ()
    return tuple(Build(name, settings.service.architecture, settings.images.base_registry) for name in NAMES)


def check_images(settings: Settings) -> None:
    """Check that the images can be built and pushed, as far as they are not there, and that MLflow's one will work.

    Raises ``UserError`` without a container engine, and for a region whose databases the image could not verify.
    """
    wanted = builds(settings)
    if not wanted:
        return
    if settings.region not in certificates.covered_regions():
        raise UserError(
            f"images/mlflow/{certificates.BUNDLE.name} has no CA of RDS in {settings.region}, so MLflow could not "
            f"connect to its database there. Replace the file by Amazon's own: {certificates.SOURCE}"
        )
    with _readable(settings):
        ecr = boto3.client("ecr", region_name=settings.region, config=_CONFIG)
        missing = [build for build in wanted if not _is_published(ecr, settings, build)]
    if missing:
        find_engine().check()


def find_bucket(settings: Settings) -> Literal["ours", "missing", "foreign"]:
    """Say whether the state bucket can be used; raises ``UserError`` when it is in another region."""
    with _readable(settings):
        s3 = boto3.client("s3", region_name=settings.region, config=_CONFIG)
        try:
            region = s3.head_bucket(Bucket=settings.state.bucket).get("BucketRegion", settings.region)
        except exceptions.ClientError as error:
            match error.response["ResponseMetadata"]["HTTPStatusCode"]:
                case 404:
                    return "missing"
                case 403:
                    return "foreign"
            raise
    if region != settings.region:
        raise UserError(
            f"the state bucket {settings.state.bucket} is in {region}, but region in {_file(settings)} is "
            f"{settings.region}. Choose another name with state.bucket, or correct region."
        )
    return "ours"


def state_object_exists(settings: Settings, key: str) -> bool:
    """Say whether there is an object *key* in the state bucket, which must exist."""
    with _readable(settings):
        s3 = boto3.client("s3", region_name=settings.region, config=_CONFIG)
        try:
            s3.head_object(Bucket=settings.state.bucket, Key=key)
        except exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
    return True


def check_is_empty(settings: Settings, bucket: str, *, but: Collection[str] = ()) -> None:
    """Raise ``UserError`` if *bucket* holds anything, old versions included: a destroy would stop there half-way.

    The keys *but* may be there: they go with the stacks.
    """
    with _readable(settings):
        s3 = boto3.client("s3", config=_CONFIG, region_name=settings.region)
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        found = (entry["Key"] for page in pages for kind in _VERSIONS for entry in page.get(kind, ()))
        is_empty = all(key in but for key in found)  # the first other one ends it
    if not is_empty:
        raise UserError(
            f"the bucket {bucket} is not empty, so nothing was destroyed. Copy what is worth keeping; then empty it, "
            f"or set artifacts.force_destroy = true in {_file(settings)} and `make deploy` that."
        )


def _table_exists(settings: Settings) -> bool:
    with _readable(settings):
        dynamodb = boto3.client("dynamodb", region_name=settings.region, config=_CONFIG)
        try:
            dynamodb.describe_table(TableName=settings.state.table)
        except dynamodb.exceptions.ResourceNotFoundException:
            return False
    return True


def _is_published(ecr: Any, settings: Settings, build: Build) -> bool:
    with suppress(ecr.exceptions.RepositoryNotFoundException):  # the deployment will make it
        return is_published(ecr, settings.repository_name(build.name), build.tag())
    return False


@contextmanager
def _readable(settings: Settings) -> Iterator[None]:
    """Turn what boto3 raises into one sentence and a remedy."""
    try:
        yield
    except (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
    ) as error:
        raise UserError(f"no AWS credentials: {error}. {_LOG_IN}") from error
    except exceptions.ProfileNotFound as error:
        raise UserError(f"no AWS credentials: {error}. Correct AWS_PROFILE, or run `aws configure`.") from error
    except (exceptions.SSOError, exceptions.TokenRetrievalError) as error:
        raise UserError(f"the AWS credentials have expired: {error}. {_LOG_IN}") from error
    except exceptions.ClientError as error:
        raise UserError(_refusal(error, settings)) from error
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise UserError(
            f"AWS cannot be reached: {error}. Check the network, AWS_ENDPOINT_URL, and region = {settings.region} in "
            f"{_file(settings)}."
        ) from error
    except exceptions.BotoCoreError as error:
        raise UserError(f"AWS cannot be asked: {error}") from error


def _refusal(error: exceptions.ClientError, settings: Settings) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    match code:
        case "ExpiredToken" | "ExpiredTokenException" | "RequestExpired":
            return f"the AWS credentials have expired ({code}). {_LOG_IN}"
        case "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" | "SignatureDoesNotMatch":
            return (
                f"AWS does not accept the credentials ({code}). They are wrong or deleted, or the region "
                f"{settings.region} is not enabled in the account. {_LOG_IN}"
            )
    return f"AWS refused {error.operation_name} ({code}): {message}"


def _file(settings: Settings) -> str:
    return f"environments/{settings.environment}.tfvars"

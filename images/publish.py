"""``python -m images.publish``: builds an image and pushes it to its ECR repository, unless it is there already.

Terraform runs it between the repository and the task definition; people may as well. The AWS credentials are those
of the environment.
"""

from __future__ import annotations

import argparse
import base64
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config

from errors import UserError, exit_on_user_error
from images.context import BASE_REGISTRY, NAMES, PLATFORMS, Build
from images.engine import Engine, find_engine

_CONFIG = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 3})


class Repository:
    """An ECR repository by its *url*: ``<account>.dkr.ecr.<region>.amazonaws.com/<name>``.

    Everything raises ``UserError`` when AWS refuses or cannot be reached.
    """

    def __init__(self, url: str, region: str) -> None:
        self.registry, _, self.name = url.partition("/")
        self._account = self.registry.partition(".")[0]
        self._ecr = boto3.client("ecr", region_name=region, config=_CONFIG)

    def has(self, tag: str) -> bool:
        """Whether an image with *tag* is in it."""
        try:
            return is_published(self._ecr, self.name, tag, registryId=self._account)
        except self._ecr.exceptions.RepositoryNotFoundException as error:
            raise UserError(f"there is no ECR repository {self.name}: `make deploy` makes it.") from error
        except (exceptions.ClientError, exceptions.BotoCoreError) as error:
            raise UserError(f"ECR cannot be asked for {self.name}: {error}") from error

    def credentials(self) -> tuple[str, str]:
        """User and password for pushing, valid for 12 hours."""
        try:
            [authorization] = self._ecr.get_authorization_token()["authorizationData"]
        except (exceptions.ClientError, exceptions.BotoCoreError) as error:
            raise UserError(f"ECR gives no password to push with: {error}") from error
        user, _, password = base64.b64decode(authorization["authorizationToken"]).decode().partition(":")
        return user, password


def is_published(ecr: Any, repository: str, tag: str, **where: str) -> bool:
    """Whether *repository* has an image with *tag*; *ecr* is a boto3 client, whose exceptions are not changed."""
    with suppress(ecr.exceptions.ImageNotFoundException):
        ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}], **where)
        return True
    return False


def publish(build: Build, repository: Repository, image: str) -> None:
    """Have *image*, which ends with the build's tag, in *repository*; says what it does and how long it took."""
    tag = build.tag()
    if repository.has(tag):
        _say(f"{build.name}: {image} is there already; nothing to do")
        return
    engine = find_engine()
    engine.check()
    engine.log_in(repository.registry, *repository.credentials())
    build_image(engine, build, image)
    started = time.monotonic()
    try:
        engine.push(image, _say)
    except UserError:
        # Tags never move, so whoever pushed this one meanwhile pushed the same content.
        if not repository.has(tag):
            raise
        _say(f"{build.name}: another run has pushed {image} meanwhile")
    else:
        _say(f"{build.name}: pushed {image} in {_seconds_since(started)}")


def build_image(engine: Engine, build: Build, image: str) -> None:
    """Build *image* on this machine, unless it is there already: its tag stands for its content."""
    if engine.has(image):
        _say(f"{build.name}: {image} is built already")
        return
    started = time.monotonic()
    _say(f"{build.name}: {engine.name} builds {image} for {build.platform}")
    engine.build(build, image, _say)
    _say(f"{build.name}: built in {_seconds_since(started)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Publish one image; raises ``UserError``."""
    options = _parse(arguments)
    build = Build(options.name, options.architecture, options.base_registry)
    tag = build.tag()
    if options.tag not in (None, tag):
        raise UserError(
            f"images/{build.name} has changed since the plan was made: its tag is {tag} now and was {options.tag}. "
            "Nothing was pushed. Plan again, and apply that: `make deploy`."
        )
    publish(build, Repository(options.repository, options.region), f"{options.repository}:{tag}")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m images.publish", description=__doc__)
    parser.add_argument("name", choices=NAMES, help="the image: a folder of images/")
    parser.add_argument("--repository", required=True, help="URL of the ECR repository")
    parser.add_argument("--region", required=True, help="AWS region of the repository")
    parser.add_argument("--architecture", required=True, choices=PLATFORMS, help="processor to build for")
    parser.add_argument(
        "--base-registry", default=BASE_REGISTRY, help="where the official base image comes from (default: %(default)s)"
    )
    parser.add_argument("--tag", help="the tag that was planned; anything else is refused")
    return parser.parse_args(arguments)


def _seconds_since(started: float) -> str:
    return f"{time.monotonic() - started:.0f} s"


def _say(line: str) -> None:
    print(line, flush=True)  # Terraform shows it at once


if __name__ == "__main__":
    exit_on_user_error(main)

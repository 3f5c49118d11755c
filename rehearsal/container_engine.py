"""A stand-in for docker in a rehearsal: it builds nothing, and pushes a manifest without layers to the emulator's ECR.

It is a program of its own, as docker is, and knows those of docker's commands that images/engine.py uses. What a push
leaves in the repository is what Terraform and the tests can see of an image: its tag.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import sys
from pathlib import Path

COMMAND = shlex.join([sys.executable, "-I", str(Path(__file__).resolve())])
"""The value of CONTAINER_ENGINE."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command; exits with 1 and a message when docker would."""
    options = _parse(arguments)
    options.run(options)


def _version(_options: argparse.Namespace) -> None:
    print("stand-in for docker")


def _inspect(options: argparse.Namespace) -> None:
    sys.exit(f"no such image: {options.image}")  # nothing is ever kept


def _login(_options: argparse.Namespace) -> None:
    if not sys.stdin.read():
        sys.exit("no password on standard input")
    print("Login Succeeded")


def _build(options: argparse.Namespace) -> None:
    if not (options.context / "Dockerfile").is_file():
        sys.exit(f"no Dockerfile in {options.context}")
    print(f"not built, since this is a rehearsal: {options.tag} for {options.platform}")


def _push(options: argparse.Namespace) -> None:
    import boto3

    registry, _, rest = options.image.partition("/")
    repository, _, tag = rest.rpartition(":")
    region = registry.split(".")[3]
    manifest = _manifest(options.image)
    boto3.client("ecr", region_name=region).put_image(
        repositoryName=repository, imageTag=tag, imageManifest=manifest, imageDigest=_digest(manifest)
    )
    print(f"pushed {options.image}")


def _manifest(image: str) -> str:
    """A manifest of no layers, and of another configuration for each *image*."""
    media_type = "application/vnd.docker.distribution.manifest.v2+json"
    config = {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "size": len(image),
        "digest": _digest(image),
    }
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": []})


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="container engine of a rehearsal", description=__doc__)
    commands = parser.add_subparsers(required=True)
    commands.add_parser("version").set_defaults(run=_version)
    inspect = commands.add_parser("image").add_subparsers(required=True).add_parser("inspect")
    inspect.set_defaults(run=_inspect)
    inspect.add_argument("image")
    login = commands.add_parser("login")
    login.set_defaults(run=_login)
    login.add_argument("--username", required=True)
    login.add_argument("--password-stdin", action="store_true", required=True)
    login.add_argument("registry")
    build = commands.add_parser("build")
    build.set_defaults(run=_build)
    build.add_argument("--platform", required=True)
    build.add_argument("--build-arg", action="append")
    build.add_argument("--tag", required=True)
    build.add_argument("context", type=Path)
    push = commands.add_parser("push")
    push.set_defaults(run=_push)
    push.add_argument("image")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

"""Every stack of every environment as reviewed; ``pytest tests/snapshot --snapshot-update`` accepts a change."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

import main
from deployment.preflight import builds
from settings import CiSettings, Settings
from tests.conftest import ENVIRONMENTS
from tests.modes import ENDPOINT, MODES, STUDIO, changed
from tests.unit.synthesis import Terraform

STACKS = ("state-backend", "mlflow-vpclink", "http-api-gateway", "sagemaker-notebook")
CHANGES = {**MODES, "endpoint": ENDPOINT, "studio": STUDIO}
CHANGED_STACKS = {
    **dict.fromkeys(MODES, ("http-api-gateway", "sagemaker-notebook")),
    "endpoint": ("mlflow-vpclink", "http-api-gateway"),
    "studio": ("sagemaker-notebook",),
}


@pytest.mark.parametrize("name", [f"{environment}-{stack}" for environment in ENVIRONMENTS for stack in STACKS])
def test_the_stack_is_as_reviewed(
    platform: Mapping[str, Terraform], tags: frozenset[str], name: str, snapshot: SnapshotAssertion
) -> None:
    assert _reviewable(platform[name].document, tags) == snapshot(extension_class=JSONSnapshotExtension)


@pytest.mark.parametrize("change", CHANGES)
def test_changed_stacks_are_as_reviewed(
    environments: Mapping[str, Settings], tags: frozenset[str], tmp_path: Path, change: str, snapshot: SnapshotAssertion
) -> None:
    main.synthesise([changed(environments["dev"], CHANGES[change])], tmp_path)
    for stack in CHANGED_STACKS[change]:
        document = Terraform.read(tmp_path, f"dev-{stack}").document
        assert _reviewable(document, tags) == snapshot(name=stack, extension_class=JSONSnapshotExtension)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_roles_of_a_continuous_integration_are_as_reviewed(
    environments: Mapping[str, Settings],
    tags: frozenset[str],
    tmp_path: Path,
    environment: str,
    snapshot: SnapshotAssertion,
) -> None:
    settings = changed(environments[environment], {"ci": CiSettings(repository="octo-org/octo-repo")})
    main.synthesise_ci_roles(settings, tmp_path)
    document = Terraform.read(tmp_path, f"{environment}-ci-roles").document
    assert _reviewable(document, tags) == snapshot(extension_class=JSONSnapshotExtension)


@pytest.fixture(scope="module")
def tags(environments: Mapping[str, Settings]) -> frozenset[str]:
    """The images' tags, which change with every change in images/."""
    return frozenset(build.tag() for settings in environments.values() for build in builds(settings))


def test_no_stack_is_left_unreviewed(platform: Mapping[str, Terraform]) -> None:
    assert platform.keys() == {f"{environment}-{stack}" for environment in ENVIRONMENTS for stack in STACKS}


def _reviewable(value: Any, tags: frozenset[str]) -> Any:
    """Without *tags*, hashes of code and the provider's version, which change apart from it; strings laid open."""
    if isinstance(value, dict):
        provider = {"source", "version"} == value.keys()
        code = {"filename", "source_code_hash", "notebook_files_contents", "notebook_on_create"}
        apart = {"version"} if provider else code
        return {key: _reviewable(each, tags) for key, each in value.items() if key not in apart}
    if isinstance(value, list):
        return [_reviewable(each, tags) for each in value]
    if isinstance(value, str) and value.startswith(("{", "[")):
        return _reviewable(json.loads(value), tags)
    if isinstance(value, str) and (settings := re.search("<<'SETTINGS'\n(.*?)\nSETTINGS\n", value, flags=re.S)):
        return [line for line in settings[1].splitlines() if not line.startswith("NOTEBOOK_FILES_SHA256=")]
    if isinstance(value, str):
        return re.sub("|".join(tags), "<tag>", value)
    return value

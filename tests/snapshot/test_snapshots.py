"""Every stack of every environment as reviewed; ``pytest tests/snapshot --snapshot-update`` accepts a change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from tests.conftest import ENVIRONMENTS
from tests.unit.synthesis import Terraform

STACKS = ("state-backend", "mlflow-vpclink", "http-api-gateway", "sagemaker-notebook")


@pytest.mark.parametrize("name", [f"{environment}-{stack}" for environment in ENVIRONMENTS for stack in STACKS])
def test_the_stack_is_as_reviewed(platform: Mapping[str, Terraform], name: str, snapshot: SnapshotAssertion) -> None:
    assert _reviewable(platform[name].document) == snapshot(extension_class=JSONSnapshotExtension)


def test_no_stack_is_left_unreviewed(platform: Mapping[str, Terraform]) -> None:
    assert platform.keys() == {f"{environment}-{stack}" for environment in ENVIRONMENTS for stack in STACKS}


def _reviewable(value: Any) -> Any:
    """Without the provider's version, which changes apart from us; JSON inside strings, such as policies, laid open."""
    if isinstance(value, dict):
        provider = {"source", "version"} == value.keys()
        return {key: _reviewable(each) for key, each in value.items() if not (provider and key == "version")}
    if isinstance(value, list):
        return [_reviewable(each) for each in value]
    if isinstance(value, str) and value.startswith(("{", "[")):
        return _reviewable(json.loads(value))
    return value

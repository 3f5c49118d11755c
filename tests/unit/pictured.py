"""Synthesised stacks to draw: every way to configure them, as the JSON that pictures are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import main
from deployment.lifecycle import load_stacks
from pictures import Configuration
from settings import ExistingNetwork, ImageSettings, NetworkSettings, Settings, load
from tests.modes import ENDPOINT, MODES, STUDIO, STUDIO_ELSEWHERE, changed

VPC = "vpc-0123456789abcdef0"
SUBNETS = tuple(f"subnet-0123456789abcdef{number}" for number in range(4))

_EXISTING = NetworkSettings(
    existing=ExistingNetwork(vpc_id=VPC, private_subnet_ids=SUBNETS[:2], isolated_subnet_ids=SUBNETS[2:])
)
_SHARED = NetworkSettings(existing=ExistingNetwork(vpc_id=VPC, private_subnet_ids=SUBNETS[:2]))
_IMAGES = ImageSettings(source="registry", nginx="example.com/team/nginx:1", mlflow="example.com/team/mlflow:2")

VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "dev": ("dev", {}),
    "prod": ("prod", {}),
    **{name: ("dev", changes) for name, changes in MODES.items()},
    "endpoint": ("prod", ENDPOINT),
    "endpoint-in-dev": ("dev", ENDPOINT),
    "studio": ("dev", STUDIO),
    "studio-elsewhere": ("dev", STUDIO_ELSEWHERE),
    "existing-network": ("dev", {"network": _EXISTING}),
    "existing-subnets-for-all": ("dev", {"network": _SHARED}),
    "images-from-elsewhere": ("dev", {"images": _IMAGES}),
}
"""The environment whose settings are changed, and how."""


def synthesised(variant: str, folder: Path) -> Mapping[str, Configuration]:
    """The stacks of *variant* by their names, in the order in which they are deployed."""
    environment, changes = VARIANTS[variant]
    settings: Settings = changed(load(environment), changes)
    main.synthesise([settings], folder)
    return {stack.name: stack.configuration() for stack in load_stacks(folder)}

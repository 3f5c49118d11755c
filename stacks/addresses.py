"""Terraform names from construct paths: ``network/public-0`` becomes ``network_public_0``."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAIN_RESOURCE = "Resource"  # the id of a construct's main L1, left out of names as the AWS CDK does


def terraform_name(path: Iterable[str]) -> str:
    """The snake_case name of the element whose ids below its stack are *path*.

    Raises ValueError if the ids give no Terraform identifier (it starts with a letter or an underscore).
    """
    parts = [part for part in path if part != MAIN_RESOURCE]
    name = re.sub(r"[^a-z0-9]+", "_", "_".join(parts).lower()).strip("_")
    if not re.match(r"[a-z]", name):
        raise ValueError(f"construct path {'/'.join(path)!r} gives no Terraform name: start its first id with a letter")
    return name

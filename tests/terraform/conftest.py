"""What the tests with real Terraform share."""

from __future__ import annotations

import pytest

# The longest first: pytest-xdist hands out files in this order, and a short one fills any gap.
_LONGEST = (
    "test_access_modes",
    "test_ci_roles",
    "test_review_plans",
    "test_rehearsal_prod",
    "test_rehearsal_dev",
    "test_interrupted_apply",
    "test_killed_apply",
    "test_cdktf_cli",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files that wait for the provider's sleeps to the front, and leave the others as they are."""
    items.sort(key=lambda item: _LONGEST.index(item.path.stem) if item.path.stem in _LONGEST else len(_LONGEST))

"""Waiting for what other processes do, but not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_SECONDS = 300.0  # until a test gives up; nothing takes as long when all is well
_POLL_SECONDS = 0.1


def eventually(condition: Callable[[], object], claim: str) -> None:
    """Wait until *condition* holds; fails with *claim* when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"never came true: {claim}"
        time.sleep(_POLL_SECONDS)

"""SIGTERM for process 1, which ignores every signal that it has no handler for."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .messages import say

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def exit_on_termination() -> None:
    """Let SIGTERM and Ctrl-C end this process at once, with the exit code that a shell would show (143, 130)."""
    for number in _SIGNALS:
        signal.signal(number, _exit)


@contextmanager
def postponed(work: str) -> Iterator[None]:
    """Finish *work* before a signal takes effect."""
    received: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        say(f"{signal.Signals(number).name}: finishing {work} first")

    for number in _SIGNALS:
        signal.signal(number, remember)
    try:
        yield
    finally:
        exit_on_termination()
    if received:
        _exit(received[0], None)


def _exit(number: int, _frame: FrameType | None) -> None:
    say(f"stopped by {signal.Signals(number).name}")
    raise SystemExit(128 + number)

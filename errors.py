"""How a program ends for people: a message that says what is wrong and what to do, and an exit code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType


class UserError(Exception):
    """A mistake or a missing thing that the user can mend; the message is all that is printed."""


def exit_on_user_error(command: Callable[[], None], *, interrupted: str = "interrupted") -> None:
    """Run *command*; a ``UserError`` becomes its message on standard error and exit code 1.

    Ctrl-C and SIGTERM raise ``KeyboardInterrupt`` in it, so that it can clean up; then the text *interrupted* is
    printed and the exit code is 130.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        command()
    except UserError as error:
        _exit(f"error: {error}", 1)
    except KeyboardInterrupt:
        _exit(interrupted, 130)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _exit(message: str, code: int) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(code) from None

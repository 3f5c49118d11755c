"""The one kind of error that people see: a message that says what is wrong, where, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn


class UserError(Exception):
    """A mistake or a missing thing that the user can mend; the message is all that is printed."""


def exit_on_user_error(command: Callable[[], None]) -> None:
    """Run *command*; a ``UserError`` becomes its message on standard error and exit code 1."""
    try:
        command()
    except UserError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(1)

"""How a completion changes moto's classes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Method = Callable[..., Any]


def wrap(owner: type, name: str, replacement: Method) -> None:
    """Put *replacement* in place of a method; it is called with the original first, then as the method was."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return replacement(original, self, *args, **kwargs)

    setattr(owner, name, method)


def add(owner: type, **members: Any) -> None:
    """Give *owner* these methods and properties, in place of those of the same names."""
    for name, member in members.items():
        setattr(owner, name, member)

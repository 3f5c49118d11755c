"""Values of a plan, once they are redacted: found by a path, compared, and shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from review.plan_json.redaction import UNKNOWN, Hidden, Json, Script, Unknown

_STEP = re.compile(r"([\w-]+)(?:\[([^\]]*)\])?")
IDENTITIES = ("name", "Name", "Sid", "key", "Key", "id", "Id", "route_key", "capacity_provider", "container_name")
"""What elements of a list are told apart by, if all of them have it."""


def values_at(tree: Any, path: str) -> list[Any]:
    """Every value at *path*, through lists of blocks: ``rule.status``, ``parameter[slow_query_log].value``.

    What is not known, or secret, on the way there is taken for the value.
    """
    found = [tree]
    for name, identity in _STEP.findall(path):
        found = list(_step(found, name))
        if identity:
            found = [each for each in _elements(found) if _is_opaque(each) or _is_called(each, identity)]
    return [each for each in found if each is not None]


def _step(values: list[Any], name: str) -> Iterator[Any]:
    for value in _elements(values):
        if _is_opaque(value):
            yield value
        elif isinstance(value, Mapping) and name in value:
            yield value[name]


def _is_opaque(value: Any) -> bool:
    return isinstance(value, Unknown | Hidden)


def value_at(tree: Any, path: str) -> Any:
    """The first value at *path*; None if there is none."""
    return next(iter(values_at(tree, path)), None)


def _elements(values: list[Any]) -> Iterator[Any]:
    for value in values:
        inside = value.value if isinstance(value, Json) else value
        if isinstance(inside, list):
            yield from _elements(inside)
        else:
            yield inside


def _is_called(element: Any, identity: str) -> bool:
    return isinstance(element, Mapping) and any(element.get(key) == identity for key in IDENTITIES)


def is_empty(value: Any) -> bool:
    """Whether *value* is what Terraform and AWS take for "not set"."""
    return value is None or value == "" or value == [] or value == {}


def as_list(value: Any) -> list[Any]:
    """*value*, which may be one or a list of them."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def canonical(value: Any) -> str:
    """A text that is the same for equal values, secrets included, whatever the order of keys."""
    return json.dumps(value, sort_keys=True, default=_fingerprint)


def _fingerprint(value: Any) -> Any:
    if isinstance(value, Json):
        return {"json": value.value}
    return f"hidden {value.fingerprint}" if isinstance(value, Hidden) else repr(value)


def shown(value: Any) -> str | None:
    """*value* in words for people; None where there is none."""
    if value is None:
        return None
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, Hidden | Script):
        return str(value)
    if isinstance(value, Unknown):
        return repr(UNKNOWN)
    plain = value.value if isinstance(value, Json) else value
    return json.dumps(plain, ensure_ascii=False, default=_word)


def _word(value: Any) -> Any:
    return value.value if isinstance(value, Json) else repr(value) if isinstance(value, Unknown) else str(value)

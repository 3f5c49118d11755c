"""Which construct of the code a resource belongs to, from what CDKTF writes beside each resource."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_MAIN = "Resource"  # the id of a construct's main resource; see stacks/addresses.py


class Constructs:
    """The constructs of one stack, by its synthesised JSON and, for what is gone from it, by that of before."""

    def __init__(self, after: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> None:
        self._after = after
        self._paths: dict[tuple[str, str], str] = {}
        for configuration in (before or {}, after):
            self._paths.update(_paths(configuration))
        known = {
            "/".join(path.split("/")[:end]) for path in self._paths.values() for end in range(1, path.count("/") + 2)
        }
        self._by_name = {_terraform_name(path): path for path in sorted(known)}

    def of(self, type: str, name: str) -> str | None:
        """The path below the stack, such as ``network/nat-0``; None where nobody knows it."""
        known = self._paths.get((type, name)) or self._by_name.get(self._longest(name) or "")
        # What an override made, such as terraform_data, has no path beside it: its name is its construct's.
        return known or (name.replace("_", "-") if block(self._after, type, name) is not None else None)

    def _longest(self, name: str) -> str | None:
        """The longest known name that *name* begins with, word by word."""
        words = name.split("_")
        names = ("_".join(words[:end]) for end in range(len(words), 0, -1))
        return next((each for each in names if each in self._by_name), None)


def block(configuration: Mapping[str, Any], type: str, name: str) -> Mapping[str, Any] | None:
    """The synthesised block of a resource, or None."""
    found = configuration.get("resource", {}).get(type, {}).get(name)
    return found if isinstance(found, Mapping) else None


def _paths(configuration: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    for type, blocks in configuration.get("resource", {}).items():
        for name, each in blocks.items():
            path = each.get("//", {}).get("metadata", {}).get("path")
            if path:
                yield (type, name), path.partition("/")[2].removesuffix(f"/{_MAIN}")


def _terraform_name(path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", path.lower()).strip("_")

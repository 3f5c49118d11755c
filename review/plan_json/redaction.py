"""Takes secrets out of a plan before anything else reads it: by Terraform's marks, and by names that sound like one.

What is left is safe to show. A secret becomes ``Hidden``, a value that only an apply will know becomes ``UNKNOWN``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_KEY = secrets.token_bytes(16)  # of this process: a fingerprint says whether a secret changes, and nothing else
_DEEPEST = 60

_SECRET = re.compile(
    r"pass(word|wd|phrase|code)|secret|token|credential|authorization|private_?key|api_?key|access_?key|auth_?key"
    r"|signing_?key|session_?key|shared_?key|account_?key|license_?key|connection_?string",
    re.IGNORECASE,
)
# What such a name may end with and still be no secret: AUTH_TOKEN_URL, secret_arn, authorization_type.
_ABOUT = re.compile(
    r"(policy|policies|arn|arns|ids?|version|versions|names?|prefix|length|validity|units|revocation|enabled|disabled"
    r"|types?|scopes?|days|rotation|urls?|uri|endpoint|region|file|path|status|users?|usernames?|key_id|in_use"
    r"|expiration|audience|issuer|source|format|header)$",
    re.IGNORECASE,
)
# Below these no name counts: Cognito's access_token = "minutes", and what a policy's conditions compare.
_READABLE = frozenset({"token_validity_units", "Condition"})
# Where a secret lies, and what stands for a value: both are for the reader.
_REFERENCE = re.compile(r"arn:[\w-]*:[^\s\"]+|\$\{[^{}]*\}\S*|\$(context|request|stageVariables)\.\S+")
_IN_URL = re.compile(r"(?<=://)([^\s/@:\"']*):([^\s/@\"']+)@")
_IN_TEXT = re.compile(
    rf"(?P<name>(?:{_SECRET.pattern})[\w-]{{0,40}})=(?P<value>'[^']*'|\"[^\"]*\"|[^\s;&|\"'$]+)", re.IGNORECASE
)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_SHORTEST_SCRIPT = 24
_SHOWN = "(sensitive)"


@dataclass(frozen=True)
class Hidden:
    """Stands where a secret was. Two of them are equal if the secrets were."""

    fingerprint: str = field(repr=False)

    def __str__(self) -> str:
        return _SHOWN


class Unknown:
    """Stands where only an apply will know the value."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Json:
    """A text that holds JSON, such as a policy, parsed."""

    value: Any

    def __str__(self) -> str:
        return json.dumps(self.value, default=str)


@dataclass(frozen=True)
class Script:
    """A text that was wrapped in base64, such as a script that runs when a machine starts."""

    text: str

    def __str__(self) -> str:
        return self.text


def redacted(value: Any, sensitive: Any = False, unknown: Any = False) -> Any:
    """*value* of a plan without its secrets; *sensitive* and *unknown* are Terraform's masks of the same shape."""
    return _redacted(value, sensitive, unknown, 0)


def clean(text: str) -> str:
    """*text* without the half characters that JSON can hold and no file can."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether something of this name is likely a secret itself, rather than about one."""
    return bool(_SECRET.search(name)) and not _ABOUT.search(name)


def _redacted(value: Any, sensitive: Any, unknown: Any, depth: int, by_name: bool = True) -> Any:
    if unknown is True:
        return UNKNOWN
    if sensitive is True:
        return value if value is None or value == "" else _hidden(value)
    if depth > _DEEPEST:
        return _hidden(value)
    if isinstance(value, str):
        return _text(value, depth)
    if isinstance(value, Mapping) or (value is None and isinstance(unknown, Mapping) and unknown):
        return _map(value or {}, sensitive, unknown, depth, by_name)
    if isinstance(value, list) or (value is None and isinstance(unknown, list) and unknown):
        return _list(value or [], sensitive, unknown, depth, by_name)
    return value


def _map(values: Mapping[str, Any], sensitive: Any, unknown: Any, depth: int, by_name: bool) -> dict[str, Any]:
    masks = sensitive if isinstance(sensitive, Mapping) else {}
    unknowns = unknown if isinstance(unknown, Mapping) else {}
    found = {}
    for key in dict.fromkeys((*values, *(key for key, mask in unknowns.items() if mask))):
        inside = by_name and key not in _READABLE
        member = _redacted(values.get(key), masks.get(key, False), unknowns.get(key, False), depth + 1, inside)
        found[clean(key)] = _hide_leaves(member) if inside and is_secret_name(key) else member
    return _hide_named(found)


def _list(values: list[Any], sensitive: Any, unknown: Any, depth: int, by_name: bool) -> list[Any]:
    masks = sensitive if isinstance(sensitive, list) else []
    unknowns = unknown if isinstance(unknown, list) else []
    return [
        _redacted(_at(values, index, None), _at(masks, index, False), _at(unknowns, index, False), depth + 1, by_name)
        for index in range(max(len(values), len(unknowns)))
    ]


def _at(values: list[Any], index: int, default: Any) -> Any:
    return values[index] if index < len(values) else default


def _hide_named(values: dict[str, Any]) -> dict[str, Any]:
    """Hide the value of a pair such as a container's ``{name = "DB_PASSWORD", value = "..."}``."""
    name = next((values[key] for key in ("name", "Name", "key", "Key") if isinstance(values.get(key), str)), None)
    if name is not None and is_secret_name(name):
        for key in ("value", "Value", "values", "string_value"):
            if key in values:
                values[key] = _hide_leaves(values[key])
    return values


def _hide_leaves(value: Any) -> Any:
    """Hide what a secret's name holds: a text, or texts in a list or map; blocks have names of their own."""
    if isinstance(value, list):
        return [each if isinstance(each, dict) else _hide_leaves(each) for each in value]
    if isinstance(value, dict):
        return {key: _hide_leaves(each) for key, each in value.items()}
    if isinstance(value, Json):
        return Json(_hide_leaves(value.value))
    if value is None or value == "" or isinstance(value, bool | Hidden | Unknown):
        return value
    if isinstance(value, str) and _REFERENCE.fullmatch(value):
        return value
    return _hidden(value)


def _text(value: str, depth: int) -> str | Json | Script:
    """A text without the secrets inside: of JSON, of a URL with a password, of ``PASSWORD=...``."""
    text = clean(value)
    if text[:1] in ("{", "[") and text[-1:] in ("}", "]"):
        try:
            return Json(_redacted(json.loads(text), False, False, depth + 1))
        except (ValueError, RecursionError):
            pass
    if len(text) >= _SHORTEST_SCRIPT and _BASE64.fullmatch(text) and (inside := _decoded(text)):
        return Script(_plain(inside))
    return _plain(text)


def _decoded(text: str) -> str | None:
    """The text in base64, if it is one of several words; a hash or a key is none."""
    try:
        inside = base64.b64decode(text, validate=True).decode("utf-8")
    except ValueError:
        return None
    return (
        inside if " " in inside and inside.replace("\n", "").replace("\t", "").replace("\r", "").isprintable() else None
    )


def _plain(text: str) -> str:
    if "://" in text:
        text = _IN_URL.sub(rf"\1:{_SHOWN}@", text)
    return _IN_TEXT.sub(_hide_assignment, text) if "=" in text else text


def _hide_assignment(found: re.Match[str]) -> str:
    readable = not is_secret_name(found["name"]) or _REFERENCE.fullmatch(found["value"].strip("'\""))
    return found[0] if readable else f"{found['name']}={_SHOWN}"


def _hidden(value: Any) -> Hidden:
    text = json.dumps(value, sort_keys=True, default=repr) if not isinstance(value, str) else value
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), key=_KEY, digest_size=8)
    return Hidden(digest.hexdigest())

"""What a pull request says is meant: ``environments/allowed.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from errors import UserError
from review.checks.rules import RULES
from review.model import Allowance

LONGEST = timedelta(days=90)
"""How far ahead the end of an allowance may lie."""

_ADDRESS = re.compile(r"(?P<stack>[A-Za-z0-9_-]+): \S.*")


class Allowed(BaseModel):
    """One rule that may be broken at one address, in one environment, up to and including the day *expires*."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    environment: str = Field(min_length=1)
    address: str = Field(min_length=1)
    rule: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    expires: date

    @property
    def allowance(self) -> Allowance:
        """What a finding shows of it."""
        return Allowance(self.reason, self.expires)


@dataclass(frozen=True)
class Allowances:
    """Those of one environment; *file* is for messages."""

    file: str = "environments/allowed.toml"
    entries: tuple[Allowed, ...] = ()


NONE = Allowances()


def read_allowances(file: Path, environment: str, *, today: date | None = None) -> Allowances:
    """Read those of *environment*; a missing file allows nothing.

    The whole file is checked, whatever the environment. Raises ``UserError`` with every mistake in it: a key or rule
    that does not exist, no reason, an end more than ``LONGEST`` ahead of *today* (by default the day in UTC).
    """
    where = str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return NONE
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{where}: this is not TOML: {error}; correct it there.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: byte {error.start} is not UTF-8; save the file as UTF-8.") from None
    except OSError as error:
        raise UserError(f"{where}: cannot be read ({error.strerror}); put a readable file there.") from None
    entries, mistakes = _checked(document, today or datetime.now(UTC).date())
    if mistakes:
        raise UserError("\n".join(f"{where}: {mistake}" for mistake in mistakes))
    return Allowances(where, tuple(entry for entry in entries if entry.environment == environment))


def _checked(document: dict[str, Any], today: date) -> tuple[list[Allowed], list[str]]:
    mistakes = [
        f"{key}: there is no such key; the tables are called [[allowed]]" for key in document if key != "allowed"
    ]
    found, entries = document.get("allowed", []), []
    if not isinstance(found, list):
        return [], [*mistakes, "allowed: this is one table; write [[allowed]], in double brackets"]
    for index, each in enumerate(found):
        place = f"allowed[{index}]"
        try:
            entry = Allowed.model_validate(each)
        except ValidationError as error:
            mistakes += [_mistake(place, details) for details in error.errors()]
        else:
            entries.append(entry)
            mistakes += [f"{place}.{text}" for text in _contradictions(entry, today)]
    return entries, mistakes


_KINDS = {
    "environment": 'a name, such as "dev"',
    "address": 'a stack and a resource, such as "dev-mlflow-vpclink: aws_s3_bucket.artifacts"',
    "rule": "the name of a rule, as the report has it",
    "reason": "why this is meant, in words",
    "expires": "a day without quotes, such as 2027-01-31",
}


def _mistake(place: str, details: Any) -> str:
    """One of pydantic's complaints in our words."""
    if not details["loc"]:
        return f"{place} = {details['input']!r}: this is no table; write [[allowed]] and its keys below"
    key = str(details["loc"][0])
    if details["type"] == "extra_forbidden":
        close = get_close_matches(key, _KINDS, n=1)
        return f"{place}.{key}: there is no such key; " + (
            f"did you mean {close[0]}?" if close else f"the keys are {', '.join(_KINDS)}"
        )
    if details["type"] == "missing":
        return f"{place}.{key}: missing; set {_KINDS[key]}"
    return f"{place}.{key} = {_shown(details['input'])}: set {_KINDS[key]}"


def _contradictions(entry: Allowed, today: date) -> Iterator[str]:
    address = _ADDRESS.fullmatch(entry.address)
    if address is None:
        yield f"address = {_shown(entry.address)}: set {_KINDS['address']}"
    elif not address["stack"].startswith(f"{entry.environment}-"):
        yield f"address = {_shown(entry.address)}: this stack is not of {entry.environment}; set one that is"
    if entry.rule not in RULES:
        close = get_close_matches(entry.rule, RULES, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"the rules are {', '.join(RULES)}"
        yield f"rule = {_shown(entry.rule)}: there is no such rule; {remedy}"
    if not entry.reason.strip():
        yield f"reason = {_shown(entry.reason)}: set {_KINDS['reason']}"
    if entry.expires > today + LONGEST:
        yield (
            f"expires = {entry.expires.isoformat()}: an allowance lasts {LONGEST.days} days at most; "
            f"set {(today + LONGEST).isoformat()} or earlier"
        )


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)

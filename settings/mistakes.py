"""How the mistakes of a file are worded: where, the key and its value, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic_core import ErrorDetails

from settings.fields import allowed_at, keys, known_place
from settings.tfvars import KeyPath, Tfvars, dotted, hcl, shortened
from settings.values import either


def complaints(where: str, file: Tfvars, errors: Iterable[ErrorDetails]) -> list[str]:
    """A line for each mistake of *file*, found by the parser or by pydantic, in the order of its lines."""
    found = [
        *(_unreadable(where, file, place) for place in file.mistakes),
        *(_invalid(where, file, details) for details in errors if not _is_on_record(details, file)),
    ]
    return [text for _, text in sorted(found)]


def _is_on_record(details: ErrorDetails, file: Tfvars) -> bool:
    """Whether the error only follows from a value that could not be read, or from another error."""
    place = details["loc"]
    follows = any(place[: len(mistaken)] == mistaken for mistaken in file.mistakes)
    return follows or details["type"] == "default_factory_not_called"


def _unreadable(where: str, file: Tfvars, place: KeyPath) -> tuple[int, str]:
    mistake = file.mistakes[place]
    value = f" = {shortened(mistake.source)}" if mistake.source else ""
    return _complaint(where, file, place, f"{value}: {mistake.remedy}")


def _invalid(where: str, file: Tfvars, details: ErrorDetails) -> tuple[int, str]:
    place = details["loc"]
    if place == ("environment",):
        return 0, f"{where}: the file's name, {hcl(details['input'])}: {_remedy(details)}; rename the file"
    if place == ("region",) and "region" not in file.values:
        text = f"the environment variable AWS_REGION = {hcl(details['input'])}: {_remedy(details)}, there or as region"
        return 0, f"{where}: {text}"
    if place[-1] == "[key]":
        return _complaint(where, file, place[:-1], f": {_remedy(details)}")
    value = "" if details["type"] == "missing" else f" = {hcl(details['input'])}"
    return _complaint(where, file, place, f"{value}: {_remedy(details)}")


def _complaint(where: str, file: Tfvars, place: KeyPath, text: str) -> tuple[int, str]:
    """The line of the key, to sort by, and one line of message."""
    line = next((file.lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in file.lines), 0)
    return line, f"{where}{f':{line}' if line else ''}: {dotted(place)}{text}"


def _remedy(details: ErrorDetails) -> str:
    """What is allowed and what to do, in our words instead of pydantic's."""
    kind, place = details["type"], details["loc"]
    if kind == "extra_forbidden":
        return f"there is no such key; {_nearest(place)}"
    if kind == "contradiction":
        return str(details["ctx"]["why"])
    if kind == "value_error" and str(details["ctx"]["error"]):
        return str(details["ctx"]["error"])
    quoted = kind in ("int_type", "float_type", "bool_type") and isinstance(details["input"], str)
    missing = "missing; " if kind == "missing" else ""
    return f"{missing}set {allowed_at(place)}{', without quotes' if quoted else ''}"


def _nearest(place: KeyPath) -> str:
    """The known key that is most like the unknown one, here or in another group."""
    group, key = place[:-1], str(place[-1])
    siblings = [str(known[-1]) for known in keys() if known[:-1] == known_place(group)]
    if close := get_close_matches(key, siblings, n=1):
        return f"did you mean {dotted((*group, close[0]))}?"
    if elsewhere := [dotted(known) for known in keys() if known[-1] == key]:
        return f"did you mean {either(elsewhere)}?"
    return f"set one of these: {', '.join(siblings)}"

"""infracost's figure beside ours, where its program is on PATH.

It looks prices up on a server of its own, for which it wants INFRACOST_API_KEY; it knows nothing of our assumptions.
The JSON is that of ``infracost breakdown --format json`` (github.com/infracost/infracost, internal/output/output.go).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

_PROGRAM = "infracost"
_TIMEOUT_SECONDS = 120
"""For one plan: it asks a server for every price."""

_LONGEST_NOTE = 200
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class InfracostFigure:
    """USD by month before and after by infracost; *note* is its version, or why it gave no figure."""

    before: float | None
    after: float | None
    note: str


class _NoFigureError(Exception):
    """Why infracost gave none, in a line."""


def infracost_figure(plans: Mapping[str, Path]) -> InfracostFigure | None:
    """What infracost makes of *plans*, files with plan JSON by their stacks; None without the program on PATH.

    A side is None if infracost does not have it for every plan. No failure is an error: it is the figure's note.
    """
    if shutil.which(_PROGRAM) is None:
        return None
    try:
        sums = [_of_plan(stack, file) for stack, file in plans.items()]
        note = _run("--version", what="version").strip()
    except _NoFigureError as failure:
        return InfracostFigure(None, None, str(failure))
    before, after = (_sum(side) for side in zip(*sums, strict=True)) if sums else (0.0, 0.0)
    return InfracostFigure(before, after, _line(note))


def _of_plan(stack: str, file: Path) -> tuple[Decimal | None, Decimal | None]:
    output = _run("breakdown", "--path", str(file), "--format", "json", "--no-color", what=stack)
    try:
        root = json.loads(output)
        sides = root["pastTotalMonthlyCost"], root["totalMonthlyCost"]
        currency = root.get("currency") or "USD"
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _NoFigureError(f"{stack}: infracost gave no JSON with totals") from None
    if currency != "USD":
        raise _NoFigureError(f"{stack}: infracost counts in {_line(str(currency))}, not in USD")
    before, after = (_decimal(stack, side) for side in sides)
    return before, after


def _decimal(stack: str, value: object) -> Decimal | None:
    """infracost writes decimals as text."""
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise _NoFigureError(f"{stack}: infracost gave {_line(str(value))} for a total")
    return number


def _sum(side: tuple[Decimal | None, ...]) -> float | None:
    known = [value for value in side if value is not None]
    return round(float(sum(known, Decimal(0))), 2) if len(known) == len(side) else None


def _run(*arguments: str, what: str) -> str:
    try:
        done = subprocess.run(
            [_PROGRAM, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _NoFigureError(f"{what}: infracost gave no answer within {_TIMEOUT_SECONDS} seconds") from None
    except OSError as error:
        raise _NoFigureError(f"{what}: infracost could not be run: {error.strerror}") from None
    if done.returncode != 0:
        message = _line(done.stderr) or _line(done.stdout) or f"exit code {done.returncode}"
        raise _NoFigureError(f"{what}: {message}")
    return done.stdout


def _line(text: str) -> str:
    """The first line of *text* that says something, without colours and not too long."""
    lines = [line.strip() for line in _COLOURS.sub("", text).splitlines()]
    first = next((line for line in lines if line), "")
    shortened = first if len(first) <= _LONGEST_NOTE else f"{first[: _LONGEST_NOTE - 1]}\N{HORIZONTAL ELLIPSIS}"
    return "".join(character for character in shortened if character.isprintable())

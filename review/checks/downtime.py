"""What stops working while a plan is applied: the table ``downtime.toml``, asked for each change."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from review.checks.drafts import Examined
from review.model import Action, Downtime
from review.plan_json.reading import ResourceChange

_TABLE = Path(__file__).with_name("downtime.toml")


@dataclass(frozen=True)
class Row:
    """One row of the table; no *attributes*: the change as such."""

    types: frozenset[str]
    actions: frozenset[Action]
    attributes: tuple[str, ...]
    what: str
    how_long: str
    source: str


@cache
def table() -> tuple[Row, ...]:
    """The rows, in the order of the file."""
    rows = tomllib.loads(_TABLE.read_text(encoding="utf-8"))["downtime"]
    return tuple(
        Row(
            types=frozenset(row["types"]),
            actions=frozenset(map(Action, row["actions"])),
            attributes=tuple(row.get("attributes", ())),
            what=row["what"],
            how_long=row["how_long"],
            source=row["source"],
        )
        for row in rows
    )


def downtimes(plans: Iterable[Examined]) -> Iterator[Downtime]:
    """What stops, each cause once."""
    told: set[str] = set()
    for examined in plans:
        for change in examined.plan.changes:
            for row in table():
                if _fits(row, examined, change) and row.what not in told:
                    told.add(row.what)
                    yield Downtime(change.address, row.what, row.how_long, row.source)


def _fits(row: Row, examined: Examined, change: ResourceChange) -> bool:
    if change.type not in row.types or change.action not in row.actions:
        return False
    paths = {each.path.replace("[", ".").split(".")[0] for each in examined.of(change)}
    return not row.attributes or bool(paths & set(row.attributes))

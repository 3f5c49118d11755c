"""Estimates and prices as tables of the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from string import ascii_lowercase

from cost.model import Estimate
from cost.prices import ANYWHERE, Price, PriceTable, RegionPrice

_SMALLEST_PART = 8
"""USD by month: below that a component is no large part."""


def bill_table(estimate: Estimate) -> str:
    """Every line with its arithmetic, and the sum."""
    rows = [f"| {line.item} | {line.assumption} | {line.arithmetic} | {_usd(line.usd)} |" for line in estimate.lines]
    head = ["| item | what is assumed | arithmetic | USD |", "|---|---|---|---:|"]
    return "\n".join([*head, *rows, f"| **all** | | | **{estimate.total:.2f}** |"])


def summary_table(estimates: Mapping[str, Estimate]) -> str:
    """The largest components of environments side by side, and the sums."""
    components = list(dict.fromkeys(line.component for each in estimates.values() for line in each.lines))
    parts = {component: [_part(each, component) for each in estimates.values()] for component in components}
    largest = sorted(
        (name for name in components if max(parts[name]) >= _SMALLEST_PART), key=lambda name: -max(parts[name])
    )
    rows = [f"| {name} | {' | '.join(f'{usd:.2f}' for usd in parts[name])} |" for name in largest]
    sums = " | ".join(f"**{each.total:.2f}**" for each in estimates.values())
    head = [f"| | {' | '.join(estimates)} |", f"|---|{'---:|' * len(estimates)}"]
    return "\n".join([*head, *rows, f"| **all, with the small ones** | {sums} |"])


def price_tables(table: PriceTable) -> str:
    """The prices by region, what else is assumed by the model, and the sources by letters."""
    letters = dict(zip(table.sources, _letters(), strict=False))
    regions = list(
        dict.fromkeys(region for each in table.prices.values() for region in each.regions if region != ANYWHERE)
    )
    rows = [
        f"| {each.what}, {each.unit} | {' | '.join(_cell(each, region, letters) for region in regions)} |"
        for each in table.prices.values()
    ]
    quantities = [
        f"| {each.what} | {each.value}{_mark(verified=each.verified)} ({letters[each.source]}) |"
        for each in table.quantities.values()
    ]
    sources = [
        f"| {letters[key]} | {f'[{each.title}]({each.url})' if each.url else each.title} | {each.date} |"
        for key, each in table.sources.items()
    ]
    return "\n".join(
        [
            f"| price, USD by | {' | '.join(regions)} |",
            f"|---|{'---:|' * len(regions)}",
            *rows,
            "",
            "| number | |",
            "|---|---:|",
            *quantities,
            "",
            "| | source | date |",
            "|---|---|---|",
            *sources,
        ]
    )


def _part(estimate: Estimate, component: str) -> float:
    return sum(line.usd or 0 for line in estimate.lines if line.component == component)


def _usd(usd: float | None) -> str:
    return "unknown" if usd is None else f"{usd:.2f}"


def _cell(price: Price, region: str, letters: Mapping[str, str]) -> str:
    entry, usd = price.in_region(region), price.usd(region)
    if entry is None or usd is None:
        return "unknown"
    return f"{usd}{_mark(verified=entry.verified)} ({_origin(entry, letters)})"


def _origin(entry: RegionPrice, letters: Mapping[str, str]) -> str:
    return f"as {entry.like}" if entry.like else letters[entry.source or ""]


def _mark(*, verified: bool) -> str:
    return "" if verified else "?"


def _letters() -> list[str]:
    """a to z, then aa, ab ..."""
    return [*ascii_lowercase, *map("".join, product(ascii_lowercase, repeat=2))]

"""The price table: ``prices.toml``, checked, and asked by region."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from cost.arithmetic import Amount, number, price, unknown
from errors import UserError

PRICES = Path(__file__).resolve().parent / "prices.toml"

ANYWHERE = "anywhere"
"""Stands for every region: of services that have one price all over the world."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Strict):
    """Where prices were read: *date* is that of the text, or the day on which an undated one was read."""

    title: Annotated[str, Field(min_length=1)]
    url: str | None = None
    date: date


class RegionPrice(_Strict):
    """USD in one region, and the source that says so; or *like* another region, which nobody has looked up."""

    usd: Annotated[Decimal, Field(ge=0)] | None = None
    source: str | None = None
    verified: bool = False
    like: str | None = None

    @model_validator(mode="after")
    def _say_one_thing(self) -> Self:
        if (self.like is None) == (self.usd is None) or (self.usd is None) != (self.source is None):
            raise ValueError("give usd with its source, or like with another region")
        if self.like is not None and self.verified:
            raise ValueError("a price taken from another region is not verified; remove verified, or give usd")
        return self


class Price(_Strict):
    """*what* costs something by *unit*, in each region."""

    what: Annotated[str, Field(min_length=1)]
    unit: Annotated[str, Field(min_length=1)]
    regions: Annotated[dict[str, RegionPrice], Field(min_length=1)]

    @model_validator(mode="after")
    def _know_the_other_region(self) -> Self:
        for region, entry in self.regions.items():
            if entry.like is not None and getattr(self.regions.get(entry.like), "usd", None) is None:
                raise ValueError(f'{region} is like "{entry.like}", which has no usd; give it one, or name another')
        return self

    def in_region(self, region: str) -> RegionPrice | None:
        """What is said of *region*: by itself, or for anywhere; None if nothing is."""
        return self.regions.get(region) or self.regions.get(ANYWHERE)

    def usd(self, region: str) -> Decimal | None:
        """USD by unit in *region*; None: unknown."""
        entry = self.in_region(region)
        if entry is None:
            return None
        return entry.usd if entry.like is None else self.regions[entry.like].usd


class Quantity(_Strict):
    """A number that is no price: how many metrics AWS bills, which part Spot costs."""

    what: Annotated[str, Field(min_length=1)]
    value: Annotated[Decimal, Field(ge=0)]
    source: str
    verified: bool = False


class PriceTable(_Strict):
    """All prices as of a day, by their keys."""

    as_of: date
    sources: dict[str, Source]
    prices: dict[str, Price]
    quantities: dict[str, Quantity]

    @model_validator(mode="after")
    def _know_the_sources(self) -> Self:
        named = {entry.source: key for key, each in self.prices.items() for entry in each.regions.values()}
        named |= {quantity.source: key for key, quantity in self.quantities.items()}
        for source, key in named.items():
            if source is not None and source not in self.sources:
                raise ValueError(f'{key} names the source "{source}"; add it to sources')
        if unused := self.sources.keys() - named.keys():
            raise ValueError(f"no price names the sources {', '.join(sorted(unused))}; remove them")
        return self

    def of(self, region: str) -> RegionalPrices:
        """The prices in *region*; a region that the table does not know has unknown ones."""
        return RegionalPrices(self, region)


@dataclass(frozen=True)
class RegionalPrices:
    """The table as one region sees it."""

    table: PriceTable
    region: str

    def price(self, key: str) -> Amount:
        """USD by unit; unknown where the table has none for the region, or not even the key."""
        entry = self.table.prices.get(key)
        usd = entry.usd(self.region) if entry else None
        return unknown(f"cost/prices.toml has no price of {key} in {self.region}") if usd is None else price(usd)

    def quantity(self, key: str) -> Amount:
        """A number that is the same everywhere."""
        return number(self.table.quantities[key].value)

    def count(self, key: str) -> int:
        """The same as a whole number."""
        return int(self.table.quantities[key].value)


@cache
def price_table() -> PriceTable:
    """The table of this repository."""
    return read_price_table(PRICES)


def read_price_table(path: Path) -> PriceTable:
    """The table in *path*; ``UserError`` names the key and what is wrong with it."""
    try:
        document: Mapping[str, object] = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path.name}: cannot be read as TOML: {error}") from None
    try:
        return PriceTable.model_validate(document)
    except ValidationError as error:
        raise UserError("\n".join(f"{path.name}: {_complaint(each)}" for each in error.errors())) from None


def _complaint(details: ErrorDetails) -> str:
    where = ".".join(map(str, details["loc"])) or "the table"
    value = details["input"]
    shown = "" if isinstance(value, dict) else f" = {value}"
    return f"{where}{shown}: {details['msg'].removeprefix('Value error, ')}"

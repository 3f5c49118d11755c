"""The price table: what it says of regions, and what it refuses to be."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from cost.arithmetic import beyond, number, price, product, quotient, total, unknown
from cost.markdown import price_tables
from cost.prices import PRICES, price_table, read_price_table
from errors import UserError
from tests.unit.arithmetic import evaluated

GOOD = """\
as_of = 2026-11-24
[sources.page]
title = "A page"
url = "https://example.com/prices"
date = 2026-11-01
[prices.hour]
what = "thing"
unit = "hour"
[prices.hour.regions]
us-east-1 = { usd = 0.10, source = "page", verified = true }
us-west-2 = { like = "us-east-1" }
[prices.zone]
what = "zone"
unit = "month"
[prices.zone.regions]
anywhere = { usd = 0.50, source = "page" }
[quantities.part]
what = "part"
value = 0.3
source = "page"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_a_price_is_of_the_region_or_like_another_or_of_anywhere(file: Path) -> None:
    table = read_price_table(file)
    assert table.as_of == date(2026, 11, 24)
    east, west, north = (table.of(region) for region in ("us-east-1", "us-west-2", "eu-north-1"))
    assert east.price("hour").text == west.price("hour").text == "0.10"
    assert [each.price("zone").value for each in (east, west, north)] == [Decimal("0.50")] * 3
    assert north.quantity("part").value == Decimal("0.3")


def test_a_price_that_the_table_lacks_is_unknown_with_the_reason(file: Path) -> None:
    regional = read_price_table(file).of("eu-north-1")
    for key in ("hour", "day"):
        assert regional.price(key).value is None
        assert regional.price(key).why_unknown == (f"cost/prices.toml has no price of {key} in eu-north-1",)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("usd = 0.10", "usd = -0.10", r"prices\.hour\.regions\.us-east-1\.usd = -0\.10: .*greater than or equal to 0"),
        ('like = "us-east-1"', 'like = "mars"', r'hour: us-west-2 is like "mars", which has no usd; give it one'),
        ('like = "us-east-1"', 'like = "us-west-2"', r'us-west-2 is like "us-west-2", which has no usd'),
        ('like = "us-east-1"', 'like = "us-east-1", verified = true', r"not verified; remove verified, or give usd"),
        ('like = "us-east-1"', "verified = false", r"give usd with its source, or like with another region"),
        (', source = "page", verified = true', "", r"give usd with its source, or like with another region"),
        ('0.10, source = "page"', '0.10, source = "pag"', r'the table: hour names the source "pag"; add it to sources'),
        ("[prices.hour]", "[sources.other]\ntitle = 'b'\ndate = 2026-01-01\n[prices.hour]", r"no price names .* other"),
        ("as_of = 2026-11-24", "", r"as_of: Field required"),
        ('unit = "hour"', 'unit = "hour"\ncolour = "red"', r"hour\.colour = red: Extra inputs are not permitted"),
        ("[sources.page]", "[sources", r"cannot be read as TOML"),
    ],
)  # fmt: skip
def test_refuses_a_table_that_does_not_say_where_a_price_is_from(
    file: Path, old: str, new: str, complaint: str
) -> None:
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=rf"prices\.toml: .*{complaint}"):
        read_price_table(file)


def test_refuses_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.toml: cannot be read"):
        read_price_table(tmp_path / "nothing.toml")


def test_our_table_knows_two_regions_wholly_and_a_source_for_each_price() -> None:
    table = price_table()
    for region in ("us-west-2", "us-east-1"):
        assert [key for key, each in table.prices.items() if each.usd(region) is None] == []
    assert all(source.date <= table.as_of for source in table.sources.values())


def test_keys_that_the_model_asks_for_are_in_our_table() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in PRICES.parent.glob("*.py"))
    asked = set(re.findall(r'price\("([a-z0-9_]+)"\)', code))
    assert len(asked) > 25
    assert asked <= price_table().prices.keys()
    computed = {key for key in price_table().prices if re.match(r"(notebook|fargate|lambda)[._]", key)}
    assert price_table().prices.keys() == asked | computed
    quantities = set(re.findall(r'prices\.(?:quantity|count)\("([a-z0-9_]+)"\)', code))
    assert quantities == price_table().quantities.keys()


def test_the_documented_table_marks_what_nobody_verified(file: Path) -> None:
    text = price_tables(read_price_table(file))
    assert "| thing, hour | 0.10 (a) | 0.10? (as us-east-1) |" in text
    assert "| zone, month | 0.50? (a) | 0.50? (a) |" in text
    assert "| part | 0.3? (a) |" in text
    assert "| a | [A page](https://example.com/prices) | 2026-11-01 |" in text


def test_more_sources_than_letters_have_names_of_their_own(file: Path) -> None:
    sources = [f'[sources.s{n}]\ntitle = "t{n}"\ndate = 2026-11-01\n' for n in range(40)]
    prices = [
        f'[prices.p{n}]\nwhat = "w{n}"\nunit = "u"\n[prices.p{n}.regions]\nr = {{ usd = 1.00, source = "s{n}" }}\n'
        for n in range(40)
    ]
    file.write_text(GOOD + "".join(sources + prices), encoding="utf-8")
    rows = re.findall(r"^\| ([a-z]+) \| \[?(?:A page|t\d+)", price_tables(read_price_table(file)), flags=re.M)
    assert len(rows) == len(set(rows)) == 41


# --- Arithmetic -------------------------------------------------------------------------------------------------------


def test_an_amount_is_written_as_it_is_computed() -> None:
    amount = product(3, total(product(0.5, price(Decimal("0.03238"))), price(Decimal("1"))), quotient(number(8), 4))
    assert amount.value == Decimal("6.09714")
    assert evaluated(amount.text) == pytest.approx(6.09714)
    assert amount.text.endswith(" + 1.00) \N{MULTIPLICATION SIGN} 8 / 4")


def test_half_a_cent_is_rounded_up() -> None:
    assert product(730, price(Decimal("0.0225"))).cents == 16.43


def test_small_and_large_numbers_have_no_exponent() -> None:
    assert [number(value).text for value in (0.0000001, 10_000_000, 1e12, 176.0)] == [
        "0.0000001",
        "10000000",
        "1000000000000",
        "176",
    ]


def test_what_is_free_is_taken_off_and_never_more_than_there_is() -> None:
    assert beyond(300, 100).value == 200
    assert evaluated(product(beyond(300, 100), 2).text) == 400
    assert beyond(99, 100).value == 0


def test_what_is_unknown_stays_unknown_and_keeps_its_reasons() -> None:
    amount = total(product(2, unknown("first")), quotient(unknown("second"), 2), beyond(unknown("first"), 1))
    assert (amount.value, amount.cents) == (None, None)
    assert amount.why_unknown == ("first", "second")

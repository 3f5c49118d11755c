"""Bills as tables of the documentation."""

from __future__ import annotations

from datetime import date

from cost import Estimate, Line
from cost.markdown import bill_table, summary_table


def bill(*lines: Line) -> Estimate:
    return Estimate("us-west-2", date(2026, 11, 24), lines)


SMALL = bill(Line("NAT gateways", "NAT", "1", "1 * 2", 2.0))
LARGE = bill(
    Line("NAT gateways", "NAT", "9", "9 * 2", 18.0),
    Line("NAT gateways", "NAT, data", "unknown: why", "?", None),
    Line("Logs", "Logs", "a few", "1 * 1", 1.0),
    Line("Aurora", "Aurora", "large", "5 * 10", 50.0),
)


def test_every_line_is_in_the_table_and_an_unknown_price_is_said() -> None:
    assert bill_table(LARGE).splitlines()[2:] == [
        "| NAT | 9 | 9 * 2 | 18.00 |",
        "| NAT, data | unknown: why | ? | unknown |",
        "| Logs | a few | 1 * 1 | 1.00 |",
        "| Aurora | large | 5 * 10 | 50.00 |",
        "| **all** | | | **69.00** |",
    ]


def test_the_summary_has_the_large_parts_first_and_no_small_ones() -> None:
    assert summary_table({"dev": SMALL, "prod": LARGE}).splitlines() == [
        "| | dev | prod |",
        "|---|---:|---:|",
        "| Aurora | 0.00 | 50.00 |",
        "| NAT gateways | 2.00 | 18.00 |",
        "| **all, with the small ones** | **2.00** | **69.00** |",
    ]

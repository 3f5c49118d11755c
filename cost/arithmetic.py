"""Numbers that remember how they were computed, and that may be unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

Number = int | float | Decimal

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Amount:
    """A number with its arithmetic as text; without a *value* it is unknown, for the reasons in *why_unknown*."""

    text: str
    value: Decimal | None
    why_unknown: tuple[str, ...] = ()
    is_sum: bool = False

    @property
    def cents(self) -> float | None:
        """The value as USD, rounded to cents as on a bill."""
        return None if self.value is None else float(self.value.quantize(_CENT, ROUND_HALF_UP))


def number(value: Number) -> Amount:
    """A quantity: 730, 0.5."""
    exact = exactly(value)
    return Amount(plain(exact), exact)


def price(value: Decimal) -> Amount:
    """USD, with the digits that the price has, and two after the point at least: 1.00, 0.0225."""
    digits = plain(value)
    whole, _, fraction = digits.partition(".")
    return Amount(f"{whole}.{fraction:0<2}", value)


def unknown(why: str) -> Amount:
    """A number that nobody knows."""
    return Amount("?", None, (why,))


def product(*factors: Amount | Number) -> Amount:
    """The product of *factors*; a sum among them is put in brackets."""
    amounts = [_amount(factor) for factor in factors]
    text = " \N{MULTIPLICATION SIGN} ".join(f"({each.text})" if each.is_sum else each.text for each in amounts)
    value: Decimal | None = Decimal(1)
    for each in amounts:
        value = None if value is None or each.value is None else value * each.value
    return Amount(text, value, _reasons(amounts))


def total(*terms: Amount | Number) -> Amount:
    """The sum of *terms*."""
    amounts = [_amount(term) for term in terms]
    values = [each.value for each in amounts if each.value is not None]
    value = sum(values, Decimal(0)) if len(values) == len(amounts) else None
    text = " + ".join(each.text for each in amounts)
    return Amount(text, value, _reasons(amounts), is_sum=len(amounts) > 1)


def beyond(quantity: Amount | Number, free: Amount | Number) -> Amount:
    """What of *quantity* is left when *free* is taken off; nothing if it is all free."""
    all_of_it, off = _amount(quantity), _amount(free)
    if all_of_it.value is None or off.value is None:
        return Amount(f"{all_of_it.text} - {off.text}", None, _reasons([all_of_it, off]), is_sum=True)
    if all_of_it.value <= off.value:
        return number(0)
    return Amount(f"{all_of_it.text} - {off.text}", all_of_it.value - off.value, is_sum=True)


def quotient(amount: Amount, divisor: int) -> Amount:
    """*amount*, which is no sum, by *divisor*."""
    value = None if amount.value is None else amount.value / divisor
    return Amount(f"{amount.text} / {divisor}", value, amount.why_unknown)


def exactly(value: Number) -> Decimal:
    """*value* as people write it: 0.1 is a tenth."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def plain(value: Number) -> str:
    """*value* without an exponent and without zeros at the end."""
    text = format(exactly(value), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _amount(value: Amount | Number) -> Amount:
    return value if isinstance(value, Amount) else number(value)


def _reasons(amounts: Iterable[Amount]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason for amount in amounts for reason in amount.why_unknown))

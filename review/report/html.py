"""A review as one HTML page that needs nothing else: no script, no font, no request.

Every value is escaped by the templates, and the page's policy forbids the browser to run or fetch anything.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pictures.svg import to_svg
from review.model import Action, Address, Change, Review
from review.report import text

UNFOLDED = 12
"""So many lines of a construct are shown without a fold."""

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Shown:
    """A change and its *anchor*, the name by which findings point to it; None for what they do not point to."""

    change: Change
    anchor: str | None = None


@dataclass(frozen=True)
class Construct:
    """The changes of one construct; *label* is None where nobody knows it."""

    label: str | None
    counted: str
    changes: Sequence[Shown]

    @property
    def short(self) -> bool:
        """Whether it need not be folded."""
        return sum(1 + len(shown.change.differences) for shown in self.changes) <= UNFOLDED


@dataclass(frozen=True)
class Stack:
    """The changes of one stack."""

    name: str
    counted: str
    constructs: Sequence[Construct]


def to_html(review: Review, *, generated: str) -> str:
    """Return the page; *generated* says when it was made.

    Raises ``UserError`` if there is a picture to draw, and the programs that draw it are not installed.
    """
    anchors = _anchors(review)
    return (
        _environment()
        .get_template("report.html")
        .render(
            review=review,
            generated=generated,
            words=text.VERDICTS,
            verdict=text.VERDICTS[review.verdict],
            is_empty=text.is_empty(review),
            verdict_sentence=text.verdict_sentence(review),
            counts_sentence=text.counts_sentence(review),
            cost_sentence=text.cost_sentence(review),
            dangerous=text.dangerous(review),
            looks=text.looks(review),
            changes=list(_stacks(text.own(review), anchors)),
            pending=list(_stacks(text.pending(review))),
            pending_counted=text.counted(text.pending(review)),
            drift=list(_stacks(review.plan.drift)),
            # Labels are escaped where the picture is drawn, which makes SVG and nothing else.
            picture=Markup(to_svg([review.picture])[0]) if review.picture is not None else None,  # noqa: S704
            how_to_allow=text.HOW_TO_ALLOW,
            toml=text.allowances_toml(review.environment, text.dangerous(review)),
            anchors=anchors,
            removed=text.REMOVED,
            sections=_sections(review),
        )
    )


def _sections(review: Review) -> Sequence[tuple[str, str, object]]:
    """The sections to choose from: anchor, title, and whether it is there."""
    plan, mine, waiting = review.plan, text.own(review), text.pending(review)
    danger, looks = text.dangerous(review), text.looks(review)
    added = text.usd(review.cost.difference, sign=True) if review.cost and review.cost.difference else ""
    return (
        ("dangerous", f"{len(danger)} dangerous", danger),
        ("looks", f"{len(looks)} to look at", looks),
        ("settings", text.plural(len(review.settings_changes), "setting"), review.settings_changes),
        ("changes", text.plural(len(mine), "change"), mine),
        ("pending", f"{len(waiting)} waiting already", waiting),
        ("drift", f"{len(plan.drift)} drifted", plan.drift),
        ("downtime", "What stops", plan.downtimes),
        ("cost", f"{added} USD a month" if added else "Cost", review.cost or review.infracost),
        ("picture", "Picture", review.picture),
        ("unplanned", f"{len(review.unplanned)} not planned", review.unplanned),
        ("notes", text.plural(len(plan.notes), "note"), plan.notes),
    )


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "pieces": text.pieces,
        "plural": text.plural,
        "usd": text.usd,
        "visible": lambda value: text.visible(value, keep="\n"),
        "line": lambda value: text.visible(value),
        "shortened": text.shortened,
    }
    environment.tests |= {"long": lambda value: len(value) > text.VALUE_LENGTH, "link": text.is_link}
    environment.globals |= {"columns": _columns, "action": lambda change: text.ACTIONS[change.action]}
    return environment


def _stacks(changes: Sequence[Change], anchors: Mapping[Address, str] | None = None) -> Iterator[Stack]:
    unused = dict(anchors or {})  # an address can have two changes, as one with a deposed object has
    for name, constructs in text.by_construct(changes).items():
        every = [change for group in constructs.values() for change in group]
        yield Stack(name, text.counted(every), [_construct(*each, unused) for each in constructs.items()])


def _construct(label: str, changes: Sequence[Change], unused: dict[Address, str]) -> Construct:
    return Construct(
        None if label == text.REMOVED else label,
        text.counted(changes),
        [Shown(change, unused.pop(change.address, None)) for change in changes],
    )


def _columns(change: Change) -> Sequence[tuple[str, str]]:
    """The columns of a change's table: their names, and the fields of a ``Difference``."""
    before, after = ("before", "before"), ("after", "after")
    only = {Action.CREATE: [("value", "after")], Action.DELETE: [("value before", "before")]}
    return only.get(change.action, [before, after])


def _anchors(review: Review) -> dict[Address, str]:
    """The name by which a finding points to its resource on the page."""
    addresses = (change.address for change in text.own(review))
    return {address: f"resource-{number}" for number, address in enumerate(dict.fromkeys(addresses), start=1)}

"""A review as Markdown, for a comment at a pull request.

Whoever opens a pull request chooses what stands in its plan. So every value is shown as code, which Markdown, GitHub
and GitLab read nothing into: no element, link, picture, mention or reference. Sentences are language as far as they are
plain words, and code otherwise.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

from cost import Comparison, ComponentCost
from pictures.mermaid import to_mermaid
from review.model import Action, Change, Difference, Downtime, Finding, Review, Unplanned, Verdict
from review.report import text

LIMIT = 65_536
"""Characters that GitHub takes in a comment."""
SMALLEST = 4_000
"""No review is cut down further than that."""
UNFOLDED = 12
"""So many lines are shown without a fold."""
LEGEND = "`+` added · `~` changed or replaced · `-` removed; all else stays as it is."

_NAME = 40
"""Characters of a name that is not an address: an environment, a base."""


@dataclass(frozen=True)
class Detail:
    """How much is said; what a rung of the ladder takes away is False."""

    picture: bool = True
    updates: bool = True
    pending: bool = True
    differences: bool = True
    resources: bool = True
    looks: bool = True
    sections: bool = True
    sentences: bool = True
    addresses: bool = True

    def differences_of(self, change: Change) -> tuple[Difference, ...]:
        """What is shown of *change*."""
        shown = self.differences and (self.updates or change.action is not Action.UPDATE)
        return change.differences if shown else ()


@dataclass(frozen=True)
class Rung:
    """What is left out next when the text is too long: its field of ``Detail``, its words, whether it is there."""

    field: str
    words: str
    there: Callable[[Review], bool]


LADDER = (
    Rung("picture", "the picture", lambda review: review.picture is not None),
    Rung("updates", "the differences of what changes in place", lambda review: text.differences(review, in_place=True)),
    Rung("pending", "the changes that wait already", lambda review: bool(text.pending(review))),
    Rung("differences", "all other differences", lambda review: text.differences(review, in_place=False)),
    Rung("resources", "the single resources", lambda review: bool(review.plan.changes or review.plan.drift)),
    Rung("looks", "the findings that need only a look", lambda review: bool(text.looks(review))),
    Rung("sections", "everything but the verdict and the dangerous findings", lambda _: True),
    Rung("sentences", "what is said of each finding", lambda review: bool(text.dangerous(review))),
    Rung("addresses", "the addresses of the findings", lambda review: bool(text.dangerous(review))),
)
"""In this order parts are left out, until the rest fits. The verdict never is."""


def to_markdown(review: Review, *, limit: int = LIMIT) -> str:
    """Return the report in at most *limit* characters, ``SMALLEST`` at least.

    Its first line is the marker by which a comment is found again: ``<!-- mlflow-on-aws plan review: dev -->``.
    """
    if limit < SMALLEST:
        raise ValueError(f"limit = {limit}: a review takes up to {SMALLEST} characters")
    detail, left_out = Detail(), list[str]()
    report = _report(review, detail, left_out)
    for rung in LADDER:
        if len(report) <= limit:
            break
        if rung.there(review):
            detail = replace(detail, **{rung.field: False})
            left_out.append(rung.words)
            report = _report(review, detail, left_out)
    prose.cache_clear()
    _differences.cache_clear()
    return report


def marker(environment: str) -> str:
    """Return the first line of a report, by which the comment of an environment is found again."""
    return f"<!-- mlflow-on-aws plan review: {re.sub(r'[^A-Za-z0-9._]+', '-', environment)[:_NAME]} -->"


def code(value: str, *, cell: bool = False, length: int = text.VALUE_LENGTH) -> str:
    """*value* as a code span that ends where it ends; in a table's *cell* its bars do not end that either."""
    shown = text.visible(text.shortened(value, length)) or '""'
    ticks = _longer_than_in(shown)
    if shown[0] in "` " or shown[-1] in "` ":
        shown = f" {shown} " if shown.strip(" ") else shown  # one space is taken off, but not of blanks alone
    span = f"{ticks}{shown}{ticks}"
    # The parser takes one backslash off before each bar, however many there are, before it looks for code.
    return span.replace("|", "\\|") if cell else span


@functools.lru_cache(maxsize=4096)  # a rule says the same of many resources
def prose(sentence: str, *, cell: bool = False) -> str:
    """A sentence: plain words as they are, all else as code."""
    length = text.PROSE_LENGTH * 12  # cut already, and written out since
    parts = (code(each.text, cell=cell, length=length) if each.code else each.text for each in text.pieces(sentence))
    return "".join(parts).strip() or "—"


def _report(review: Review, detail: Detail, left_out: Sequence[str]) -> str:
    blocks = [
        marker(review.environment),
        f"## Plan review: {code(review.environment, length=_NAME)}",
        *_head(review, left_out),
        *_danger(review, detail),
    ]
    if detail.sections:
        blocks += _sections(review, detail)
    return "\n\n".join([*blocks, *_foot(review)]) + "\n"


def _sections(review: Review, detail: Detail) -> Iterator[str]:
    """All that may be left out as a whole."""
    if detail.looks:
        yield from _looks(text.looks(review))
    yield from _settings(review.settings_changes)
    if not text.is_empty(review):
        yield from _effects(review, detail)
    yield from _notes(review.plan.notes)
    if not text.is_empty(review):
        yield from _how_to(review)


def _effects(review: Review, detail: Detail) -> Iterator[str]:
    """What the plan does, what that stops and costs, and where it is."""
    yield from _changes("Changes", text.own(review), detail)
    yield from _pending(review, detail)
    yield from _drift(review, detail)
    yield from _downtimes(review.plan.downtimes)
    yield from _cost(review)
    if review.picture is not None and detail.picture:
        mermaid = _fenced("mermaid", to_mermaid(review.picture))
        yield _fold("Picture of what changes", f"{LEGEND}\n\n{mermaid}")
    yield from _unplanned(review.unplanned)


def _head(review: Review, left_out: Sequence[str]) -> Iterator[str]:
    words = text.VERDICTS[review.verdict]
    yield f"{words.sign} **{words.word}.** {text.verdict_sentence(review)}"
    if not text.is_empty(review):
        numbers = f"{text.counts_sentence(review)} {text.cost_sentence(review)}".strip()
        yield f"{numbers} Region {code(review.region, length=_NAME)}."
    if left_out:
        yield f"*Too long for a comment, so this is left out: {', '.join(left_out)}. The HTML report has all of it.*"


def _danger(review: Review, detail: Detail) -> Iterator[str]:
    findings = text.dangerous(review)
    if not findings or not detail.addresses:
        return
    yield f"### {text.VERDICTS[Verdict.DANGEROUS].sign} Dangerous"
    yield "\n".join(_finding(finding, sentences=detail.sentences) for finding in findings)


def _looks(findings: Sequence[Finding]) -> Iterator[str]:
    if not findings:
        return
    lines = "\n".join(_finding(finding) for finding in findings)
    title = f"{text.VERDICTS[Verdict.LOOK].sign} To look at"
    if len(findings) > UNFOLDED:
        yield f"### {title}"
        yield _fold(text.plural(len(findings), "finding"), lines)
    else:
        yield f"### {title}"
        yield lines


def _finding(finding: Finding, *, sentences: bool = True) -> str:
    """One item of a list; what to do, and who allowed it, begin a line of their own."""
    item = f"- **{code(text.address_of(finding.address))}** ({code(finding.rule)})"
    if not sentences:
        return item
    lines = [f"{item}: {prose(finding.what)}"]
    if finding.remedy:
        lines.append(f"→ {prose(finding.remedy)}")
    if finding.allowed:
        lines.append(f"Allowed until {finding.allowed.expires.isoformat()}: {prose(finding.allowed.reason)}")
    return "<br>".join(lines)


def _settings(changes: Sequence[tuple[str, str | None, str | None]]) -> Iterator[str]:
    if not changes:
        return
    yield "### Settings"
    rows = [(code(key, cell=True), _value(before), _value(after)) for key, before, after in changes]
    table = _table(("key", "before", "after"), rows)
    yield _fold(text.plural(len(rows), "key"), table) if len(rows) > UNFOLDED else table


def _changes(title: str, changes: Sequence[Change], detail: Detail) -> Iterator[str]:
    if not changes:
        return
    yield f"### {title}"
    lines = sum(1 + len(detail.differences_of(change)) for change in changes)
    yield from _by_construct(changes, detail, unfolded=lines <= UNFOLDED)


def _by_construct(changes: Sequence[Change], detail: Detail, *, unfolded: bool = False) -> Iterator[str]:
    for stack, constructs in text.by_construct(changes).items():
        yield f"**{code(stack)}**: {text.counted(change for group in constructs.values() for change in group)}"
        if not detail.resources:
            yield "\n".join(f"- {_construct(name)}: {text.counted(group)}" for name, group in constructs.items())
            continue
        for name, group in constructs.items():
            summary = f"{_construct_html(name)}: {text.counted(group)}"
            yield _fold(summary, "\n\n".join(_lines(group, detail)), unfolded=unfolded, markup=True)


def _construct(name: str) -> str:
    return f"*{name}*" if name == text.REMOVED else code(name)


def _construct_html(name: str) -> str:
    """The same inside of a fold's summary, which is HTML and not Markdown."""
    return f"<i>{name}</i>" if name == text.REMOVED else f"<code>{escape(_shown(name))}</code>"


def _lines(changes: Iterable[Change], detail: Detail) -> Iterator[str]:
    """Lists and tables; neighbours that have no table share a list."""
    items: list[str] = []
    for change in changes:
        words = text.ACTIONS[change.action]
        items.append(f"- {code(words.symbol)} **{words.verb}** {code(change.address.resource)}")
        if differences := detail.differences_of(change):
            yield "\n".join(items)
            yield _differences(change.action, differences)
            items = []
    if items:
        yield "\n".join(items)


@functools.lru_cache(maxsize=4096)  # each rung of the ladder shows most of the same
def _differences(action: Action, differences: tuple[Difference, ...]) -> str:
    """What was not there before, or is not afterwards, needs one column only."""
    names = {Action.CREATE: ("attribute", "value"), Action.DELETE: ("attribute", "value before")}
    head = names.get(action, ("attribute", "before", "after"))
    return _table(head, [_row(action, difference) for difference in differences])


def _row(action: Action, difference: Difference) -> tuple[str, ...]:
    path = code(difference.path, cell=True) + (" **forces replacement**" if difference.forces_replacement else "")
    before, after = _value(difference.before), _value(difference.after)
    if action is Action.CREATE:
        return path, after
    return (path, before) if action is Action.DELETE else (path, before, after)


def _pending(review: Review, detail: Detail) -> Iterator[str]:
    if detail.pending and (changes := text.pending(review)):
        yield "### Waiting already"
        inside = "\n\n".join(_by_construct(changes, detail))
        yield _fold(f"The base would make these changes as well: {text.counted(changes)}", inside)


def _drift(review: Review, detail: Detail) -> Iterator[str]:
    if changes := review.plan.drift:
        yield "### Drift"
        yield "Somebody changed these since the last deployment, and not by Terraform."
        yield from _by_construct(changes, detail)


def _downtimes(downtimes: Sequence[Downtime]) -> Iterator[str]:
    if not downtimes:
        return
    yield "### What stops meanwhile"
    rows = [
        (
            code(text.address_of(each.address), cell=True),
            prose(each.what, cell=True),
            prose(each.how_long, cell=True),
            _source(each.source),
        )
        for each in downtimes
    ]
    table = _table(("resource", "what", "how long", "source"), rows)
    yield _fold(text.plural(len(rows), "resource"), table) if len(rows) > UNFOLDED else table


def _source(source: str) -> str:
    """A link if it is a plain address of a page; a file of this repository otherwise."""
    return f"[{source.split('/')[2]}](<{source}>)" if text.is_link(source) else code(source, cell=True)


def _cost(review: Review) -> Iterator[str]:
    if review.cost is None and review.infracost is None:
        return
    yield "### Cost by month"
    if review.cost is not None:
        yield from _comparison(review.cost)
    if review.infracost is not None:
        figure = review.infracost
        known = figure.before is not None or figure.after is not None
        amounts = f"{text.usd(figure.before)} → {text.usd(figure.after)} USD" if known else "no figure"
        yield f"infracost: {amounts} ({code(figure.note)})"


def _comparison(cost: Comparison) -> Iterator[str]:
    changed = [component for component in cost.components if component.difference != 0]
    same = [component for component in cost.components if component.difference == 0]
    totals = text.usd(cost.before.total), text.usd(cost.after.total), text.usd(cost.difference, sign=True)
    yield _costs([*map(_cost_row, changed), ("**all that has a known price**", *(f"**{each}**" for each in totals))])
    if cost.unknown:
        yield f"Price unknown, so in no sum: {', '.join(map(code, cost.unknown))}."
    if same:
        yield _fold(f"{text.plural(len(same), 'component')} as before", _costs(map(_cost_row, same)))
    yield (
        f"USD, list prices of {code(cost.after.region, length=_NAME)} as of {cost.after.as_of.isoformat()}; "
        "how much is used is assumed by `usage` in the settings."
    )


def _cost_row(component: ComponentCost) -> tuple[str, ...]:
    difference = "unknown" if component.difference is None else text.usd(component.difference, sign=True)
    return code(component.component, cell=True), text.usd(component.before), text.usd(component.after), difference


def _costs(rows: Iterable[Sequence[str]]) -> str:
    return _table(("component", "before", "after", "difference"), rows, numbers=True)


def _unplanned(stacks: Sequence[Unplanned]) -> Iterator[str]:
    if stacks:
        yield "### Not planned"
        yield "\n".join(f"- {code(each.stack)}: {_waits(each.waits_for)}" for each in stacks)


def _waits(waits_for: Sequence[str]) -> str:
    if not waits_for:
        return "no plan was given, so nobody knows what would change."
    return f"it reads outputs of {', '.join(map(code, waits_for))}, which must be deployed before."


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield "### Notes"
        lines = "\n".join(f"- {prose(note)}" for note in notes)
        yield _fold(text.plural(len(notes), "note"), lines) if len(notes) > UNFOLDED else lines


def _how_to(review: Review) -> Iterator[str]:
    yield _fold("How to read this", "\n".join(_meanings()))
    if findings := text.dangerous(review):
        toml = _fenced("toml", text.allowances_toml(review.environment, findings))
        yield _fold("How to allow what is dangerous", f"{text.HOW_TO_ALLOW}\n\n{toml}")


def _meanings() -> Iterator[str]:
    for words in text.VERDICTS.values():
        yield f"- {words.sign} **{words.word}**: {words.meaning}"


def _foot(review: Review) -> Iterator[str]:
    parts = [
        f"Base {code(review.base, length=_NAME)}" if review.base else "",
        f"Digest of the plan {code(review.digest, length=_NAME)}" if review.digest else "",
    ]
    if any(parts):
        yield " · ".join(filter(None, parts))


def _value(value: str | None) -> str:
    return "—" if value is None else code(value, cell=True)


def _shown(value: str) -> str:
    return text.visible(text.shortened(value))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = False) -> str:
    """A table; in one of *numbers* all columns but the first end at the right."""
    line = ["---", *("---:" if numbers else "---" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, line, *rows))


def _fold(summary: str, inside: str, *, unfolded: bool = False, markup: bool = False) -> str:
    """What a reader opens; *summary* is HTML if it is *markup* already."""
    start = "<details open>" if unfolded else "<details>"
    title = summary if markup else escape(summary)
    return f"{start}\n<summary>{title}</summary>\n\n{inside}\n\n</details>"


def _fenced(language: str, content: str) -> str:
    """A block of code with a fence that *content* cannot close."""
    fence = _longer_than_in(content, least=3)
    return f"{fence}{language}\n{content.rstrip()}\n{fence}"


def _longer_than_in(content: str, *, least: int = 1) -> str:
    """Backticks, one more than follow one another anywhere in *content*."""
    return "`" * max(least, max(map(len, re.findall("`+", content)), default=0) + 1) if "`" in content else "`" * least

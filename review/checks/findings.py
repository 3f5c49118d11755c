"""What a reviewer must see, from all the checks: merged, weighed, and compared with what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from review.checks.allowances import Allowances, Allowed
from review.checks.calling import callers
from review.checks.drafts import Draft, Examined
from review.checks.losing import losses, rotation
from review.checks.opening import openings
from review.checks.rules import RULES
from review.model import Address, Finding, Verdict

# Said once: where a value of a resource is dangerous, that it changes is no news.
_SAID_BY_WORSE = ("data-changed", "permissions-changed", "network-changed")


def find(plans: Sequence[Examined], pending: frozenset[str]) -> tuple[Finding, ...]:
    """Every finding, the worst first; *pending* are addresses of changes that the base would make too."""
    drafts = [draft for examined in plans for check in (losses, openings) for draft in check(examined)]
    merged = _merged([*drafts, *callers(plans), *rotation(plans)])
    dangerous = {str(draft.address) for draft in merged if RULES[draft.rule].verdict is Verdict.DANGEROUS}
    findings = [
        _finding(draft, is_pending=str(draft.address) in pending)
        for draft in merged
        if not (draft.rule in _SAID_BY_WORSE and str(draft.address) in dangerous)
    ]
    return tuple(sorted(findings, key=lambda finding: -finding.verdict))


def allow(findings: Iterable[Finding], allowances: Allowances, today: date) -> Iterator[Finding]:
    """The findings, those that somebody says are meant with that word; one that has expired allows nothing."""
    entries = {(entry.address, entry.rule): entry for entry in allowances.entries}
    for finding in findings:
        entry = entries.get((str(finding.address), finding.rule))
        yield finding if entry is None else _allowed(finding, entry, allowances.file, today)


def unused(findings: Sequence[Finding], allowances: Allowances) -> Iterator[str]:
    """Notes about allowances that no finding needs."""
    found = {(str(finding.address), finding.rule) for finding in findings}
    for entry in allowances.entries:
        if (entry.address, entry.rule) not in found:
            yield f"{allowances.file}: nothing needs the allowance of {entry.rule} for {entry.address}; it can go."


def _allowed(finding: Finding, entry: Allowed, file: str, today: date) -> Finding:
    if entry.expires >= today:
        return _with(finding, finding.what, entry)
    return _with(finding, f"{finding.what} {file} allowed it until {entry.expires.isoformat()}, which is over.", None)


def _with(finding: Finding, what: str, entry: Allowed | None) -> Finding:
    allowed = entry.allowance if entry else None
    return Finding(finding.verdict, finding.rule, finding.address, what, finding.remedy, allowed)


def _merged(drafts: list[Draft]) -> list[Draft]:
    """One draft for each rule at an address, with everything that is to be said there."""
    clauses: dict[tuple[str, Address], list[str]] = {}
    for draft in drafts:
        known = clauses.setdefault((draft.rule, draft.address), [])
        if draft.what not in known:
            known.append(draft.what)
    return [Draft(rule, address, "; ".join(found)) for (rule, address), found in clauses.items()]


def _finding(draft: Draft, *, is_pending: bool) -> Finding:
    rule = RULES[draft.rule]
    what = f"{draft.what[0].upper()}{draft.what[1:]}."
    if is_pending:
        what += " The base would do so too."
    return Finding(rule.verdict, draft.rule, draft.address, what, rule.remedy)

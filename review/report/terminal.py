"""A review in a few lines, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from review.model import Finding, Review, Verdict
from review.report import text

LOOKS = 10
"""So many findings that need only a look are shown."""

_STYLES = {Verdict.SAFE: "bold green", Verdict.LOOK: "bold yellow", Verdict.DANGEROUS: "bold red"}


def to_terminal(review: Review, console: Console) -> None:
    """Print the verdict, the findings, and what changes and costs in numbers."""
    words = text.VERDICTS[review.verdict]
    environment = text.visible(text.shortened(review.environment))
    console.print(
        Text.assemble(f"{environment}: ", (words.word, _STYLES[review.verdict]), f": {text.verdict_sentence(review)}"),
        soft_wrap=True,
    )
    for line in _lines(review):
        console.print(line, soft_wrap=True)


def _lines(review: Review) -> Iterator[Text]:
    looks = text.looks(review)
    for finding in (*text.dangerous(review), *looks[:LOOKS]):
        yield from _finding(finding)
    if len(looks) > LOOKS:
        yield Text(f"  and {len(looks) - LOOKS:,} more to look at")
    if not text.is_empty(review):
        yield Text(f"  {text.counts_sentence(review)} {text.cost_sentence(review)}".rstrip())
    if review.digest:
        yield Text(f"  Digest of the plan: {text.visible(text.shortened(review.digest))}")


def _finding(finding: Finding) -> Iterator[Text]:
    weight = finding.weight
    address, rule = (text.visible(text.shortened(each)) for each in (str(finding.address), finding.rule))
    yield Text.assemble("  ", (str(weight), _STYLES[weight]), f"  {address} ({rule}): {_line(finding.what)}")
    if finding.remedy:
        yield Text(f"      {_line(finding.remedy)}")
    if finding.allowed:
        yield Text(f"      Allowed until {finding.allowed.expires.isoformat()}: {_line(finding.allowed.reason)}")


def _line(sentence: str) -> str:
    return text.visible(" ".join(text.shortened(sentence, text.PROSE_LENGTH).split()))

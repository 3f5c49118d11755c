"""The words that the report has in all its forms, and how what comes from a plan becomes text that is safe to show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from review.model import Action, Address, Change, Finding, Review, Verdict

VALUE_LENGTH = 200
"""Characters of a value that are shown; a longer one is shortened in its middle."""
PROSE_LENGTH = 1_000
"""The same for sentences, which quote values."""
REMOVED = "no longer in the code"
"""Stands for the construct of a resource whose construct nobody knows."""
HOW_TO_ALLOW = (
    "Is it meant? Then add this to `environments/allowed.toml` in the same pull request, with a reason and a day. "
    "The finding then weighs as one to look at, until that day."
)


@dataclass(frozen=True)
class VerdictWords:
    """A verdict's sign, its word, and what it means."""

    sign: str
    word: str
    meaning: str


@dataclass(frozen=True)
class ActionWords:
    """An action's symbol, as in Terraform's plans where it has one, its verb, and how much of a reader it needs."""

    symbol: str
    verb: str
    weight: int


@dataclass(frozen=True)
class Piece:
    """A part of a sentence; *code* is what must not be read as language: names, numbers with units, anything odd."""

    text: str
    code: bool


VERDICTS: Mapping[Verdict, VerdictWords] = {
    Verdict.SAFE: VerdictWords("✅", "Safe", "No rule found anything. Read the change as any other."),
    Verdict.LOOK: VerdictWords(
        "👀",
        "Look",
        "Somebody must read what is listed: it can be meant, and it can be a mistake. A dangerous finding that is "
        "allowed, drift, and a stack that cannot be planned count as this.",
    ),
    Verdict.DANGEROUS: VerdictWords(
        "⛔",
        "Dangerous",
        "Data, a protection, encryption or access is at stake, and nobody has allowed it. The check fails until each "
        "finding is gone or allowed.",
    ),
}
ACTIONS: Mapping[Action, ActionWords] = {
    Action.CREATE: ActionWords("+", "add", 1),
    Action.UPDATE: ActionWords("~", "change", 2),
    Action.REPLACE: ActionWords("-/+", "replace", 5),
    Action.DELETE: ActionWords("-", "destroy", 4),
    Action.FORGET: ActionWords("x", "forget", 3),
    Action.MOVE: ActionWords("→", "move", 0),
    Action.IMPORT: ActionWords("&", "import", 0),
}

# What neither Markdown nor GitHub gives a meaning: words, short names as S3, numbers. What has a hyphen before a digit
# may be a reference to an issue elsewhere, and seven hexadecimal digits the name of a commit.
_WORD = r"[^\W\d_]+(?:[-'\u2019/][^\W\d_]+)*"
_PLAIN = re.compile(
    rf"[(\"'“]*(?:{_WORD}|[^\W_]{{1,6}}|\d{{1,6}}(?:[.,]\d{{1,6}})*%?)[)\"'”]*[.,;:?!]?|[\u2013\u2014\u2192\u00d7]"
)
_COMMIT = re.compile(r"[\W_]*[0-9a-f]{7,40}[\W_]*")
_LIST_MARKER = re.compile(r"\d+[.)]+")
_AROUND = re.compile(r"([(\"'“]*)(.*?)([)\"'”]*[.,;:?!]?)")
_LINK = re.compile(r"https://[a-z0-9.-]+(?:/[A-Za-z0-9._~/%#?=+-]*)?")
_QUOTED = re.compile(r"`([^`]*[^`\s][^`]*)`")


def visible(text: str, *, keep: str = "") -> str:
    r"""*text* without characters that hide, turn round or end something: each is written out, as ``\u202e``.

    A new line becomes ↵. Those in *keep* stay.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else _written_out(each) for each in text)


def shortened(text: str, length: int = VALUE_LENGTH) -> str:
    """*text* with the middle left out, and its length said, if it has more than *length* characters."""
    if len(text) <= length:
        return text
    head, tail = length * 2 // 3, length // 3
    return f"{text[:head]} … {len(text):,} characters … {text[-tail:]}"


def pieces(text: str) -> list[Piece]:
    """*text*, a sentence, cut into language and code; pairs of backticks in it mean code, as in Markdown."""
    found: list[Piece] = []
    for number, part in enumerate(_QUOTED.split(shortened(text, PROSE_LENGTH))):
        if number % 2:
            _append(found, Piece(visible(" ".join(part.split())), code=True))
        else:
            for token in re.findall(r"\s+|\S+", part):
                for piece in _token(token, first=not found):
                    _append(found, piece)
    return found


def address_of(address: Address) -> str:
    """Its text, in one line, and not too long."""
    return shortened(str(address))


def counted(changes: Iterable[Change]) -> str:
    """How many resources get which action: ``1 to replace, 2 to change``; what needs most attention first."""
    counts = Counter(change.action for change in changes)
    order = sorted(counts, key=lambda action: -ACTIONS[action].weight)
    return ", ".join(f"{counts[action]:,} to {ACTIONS[action].verb}" for action in order)


def is_link(source: str) -> bool:
    """Whether *source* is the plain address of a page, in which nothing can hide."""
    return len(source) <= VALUE_LENGTH and _LINK.fullmatch(source) is not None


def plural(count: int, noun: str) -> str:
    """``1 finding``, ``2 findings``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def by_construct(changes: Iterable[Change]) -> dict[str, dict[str, list[Change]]]:
    """Stack -> construct -> changes; stacks as they come, constructs and changes by the attention that they need.

    A construct is one that the stack itself makes, as ``network``; what is inside of it counts to it.
    """
    stacks: dict[str, dict[str, list[Change]]] = {}
    for change in changes:
        constructs = stacks.setdefault(change.address.stack, {})
        constructs.setdefault(_construct(change), []).append(change)
    return {
        stack: {name: sorted(group, key=_attention) for name, group in sorted(constructs.items(), key=_most_attention)}
        for stack, constructs in stacks.items()
    }


def dangerous(review: Review) -> list[Finding]:
    """The findings that nobody has allowed."""
    return [finding for finding in review.plan.findings if finding.weight is Verdict.DANGEROUS]


def looks(review: Review) -> list[Finding]:
    """All other findings, those first that are dangerous but allowed."""
    rest = [finding for finding in review.plan.findings if finding.weight is not Verdict.DANGEROUS]
    return sorted(rest, key=lambda finding: -finding.verdict)


def own(review: Review) -> list[Change]:
    """The changes that this pull request makes."""
    return [change for change in review.plan.changes if not change.pending]


def pending(review: Review) -> list[Change]:
    """The changes that the base would make as well."""
    return [change for change in review.plan.changes if change.pending]


def differences(review: Review, *, in_place: bool) -> bool:
    """Whether any difference is of an update in place, or else of any other change, drift included."""
    changes = (*review.plan.changes, *review.plan.drift)
    return any(each.differences for each in changes if (each.action is Action.UPDATE) == in_place)


def is_empty(review: Review) -> bool:
    """Whether there is nothing that anybody would have to read."""
    plan = review.plan
    return not (plan.changes or plan.drift or plan.findings or plan.downtimes or review.unplanned)


def verdict_sentence(review: Review) -> str:
    """Why the verdict is as it is, in one sentence."""
    if is_empty(review):
        return "Terraform would change nothing."
    danger, rest = len(dangerous(review)), looks(review)
    if danger:
        also = f", and {len(rest):,} to look at" if rest else ""
        return f"{plural(danger, 'finding')} that nobody has allowed{also}."
    if review.verdict is Verdict.SAFE:
        return "No rule found anything."
    allowed = sum(finding.allowed is not None for finding in rest)
    reasons = (
        plural(len(rest), "finding") + (f", {allowed:,} of them allowed" if allowed else "") if rest else "",
        f"{plural(len(review.plan.drift), 'resource')} changed by somebody else" if review.plan.drift else "",
        f"{plural(len(review.unplanned), 'stack')} without a plan" if review.unplanned else "",
    )
    return f"To look at: {'; '.join(filter(None, reasons))}."


def counts_sentence(review: Review) -> str:
    """What Terraform would do, in numbers."""
    mine, waiting = counted(own(review)), counted(pending(review))
    if not mine and not waiting:
        return "No resource changes."
    text = f"Resources: {mine or 'none by this pull request'}"
    return f"{text}; waiting already: {waiting}." if waiting else f"{text}."


def cost_sentence(review: Review) -> str:
    """What the plan adds to the bill; the empty text without a comparison."""
    if review.cost is None:
        return ""
    before, after = review.cost.before.total, review.cost.after.total
    difference = usd(review.cost.difference, sign=True)
    text = f"Cost: {usd(after)} USD a month, "
    text += "as before" if difference == usd(0) else f"{difference} from {usd(before)}"
    unknown = len(review.cost.unknown)
    return f"{text}, and {plural(unknown, 'price')} unknown." if unknown else f"{text}."


def usd(amount: float | None, *, sign: bool = False) -> str:
    """*amount* in dollars and cents; None is a price that nobody knows, never 0."""
    if amount is None:
        return "price unknown"
    rounded = round(amount, 2) + 0.0  # no -0.00
    return f"{rounded:+,.2f}" if sign and rounded else f"{rounded:,.2f}"


def allowances_toml(environment: str, findings: Iterable[Finding]) -> str:
    """What allows *findings*, to be pasted into the file of allowances; reason and day are left to a person."""
    distinct = dict.fromkeys((str(finding.address), finding.rule) for finding in findings)
    return "\n".join(
        "[[allowed]]\n"
        f"environment = {_toml(environment)}\n"
        f"address = {_toml(address)}\n"
        f"rule = {_toml(rule)}\n"
        'reason = "" # why this is meant\n'
        "expires = 1970-01-01 # the last day that it counts, 90 days ahead at most\n"
        for address, rule in distinct
    )


def _token(token: str, *, first: bool) -> list[Piece]:
    if token.isspace():
        return [Piece(" ", code=False)]
    if _PLAIN.fullmatch(token) and not _COMMIT.fullmatch(token) and not (first and _LIST_MARKER.fullmatch(token)):
        return [Piece(token, code=False)]
    match = _AROUND.fullmatch(token)
    before, core, after = match.groups() if match else ("", token, "")
    if not core:  # punctuation alone, as around what is code already
        return [Piece(token, code=False)]
    around = Piece(before, code=False), Piece(visible(core), code=True), Piece(after, code=False)
    return [piece for piece in around if piece.text]


def _append(found: list[Piece], piece: Piece) -> None:
    """Keep code apart from code, and join language with language."""
    if found and found[-1].code and piece.code:
        found.append(Piece(" ", code=False))
    if found and not found[-1].code and not piece.code:
        found[-1] = Piece(found[-1].text + piece.text, code=False)
    else:
        found.append(piece)


def _written_out(character: str) -> str:
    if character == "\n":
        return "↵"
    number = ord(character)
    return {"\r": "\\r", "\t": "\\t"}.get(character) or (f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}")


def _construct(change: Change) -> str:
    """The construct of the stack that it is in, however deep: as one reads the stack, and few enough to overlook."""
    return REMOVED if change.address.top is None else change.address.top


def _attention(change: Change) -> int:
    return -ACTIONS[change.action].weight


def _most_attention(group: tuple[str, list[Change]]) -> tuple[int, bool]:
    name, changes = group
    return min(map(_attention, changes)), name == REMOVED


def _toml(text: str) -> str:
    """A basic string of TOML, in which only printable ASCII stands for itself."""
    return (
        '"' + "".join(each if " " <= each <= "~" and each not in '"\\' else _toml_escape(each) for each in text) + '"'
    )


def _toml_escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    number = ord(character)
    if 0xD800 <= number < 0xE000:  # half a character: TOML has no way to write it
        number = 0xFFFD
    return f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"

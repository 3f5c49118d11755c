"""What a review says. Everything here is safe to show: values that Terraform calls sensitive never get this far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum, IntEnum

from cost import Comparison
from cost.infracost import InfracostFigure
from pictures.model import Diagram


class Verdict(IntEnum):
    """How much attention a plan needs; the higher of two counts."""

    SAFE = 0
    LOOK = 1
    DANGEROUS = 2

    def __str__(self) -> str:
        return self.name.lower()


class Action(Enum):
    """What Terraform would do with one resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "destroy"
    FORGET = "forget"
    MOVE = "move"
    IMPORT = "import"


@dataclass(frozen=True)
class Address:
    """Where a resource stands: the stack's name, Terraform's address in it, its type, and the path of its construct.

    The construct is named as in the code, below the stack: ``network/nat-0``; None where nobody knows it.
    """

    stack: str
    resource: str
    type: str
    construct: str | None = None

    @property
    def top(self) -> str | None:
        """The construct right below the stack that it belongs to; None where nobody knows it."""
        return self.construct and self.construct.partition("/")[0]

    def __str__(self) -> str:
        return f"{self.stack}: {self.resource}"


@dataclass(frozen=True)
class Difference:
    """One attribute that changes; None: it is not there. Sensitive values are words about them instead."""

    path: str
    before: str | None
    after: str | None
    forces_replacement: bool = False


@dataclass(frozen=True)
class Change:
    """One resource that changes. *pending*: the base's own plan has the same change, so it is not of this request."""

    address: Address
    action: Action
    differences: tuple[Difference, ...] = ()
    pending: bool = False


@dataclass(frozen=True)
class Allowance:
    """Somebody's word that a finding is meant: why, and until which day."""

    reason: str
    expires: date


@dataclass(frozen=True)
class Finding:
    """Something that a reviewer must see. A DANGEROUS one that is *allowed* weighs as LOOK."""

    verdict: Verdict
    rule: str
    address: Address
    what: str
    remedy: str = ""
    allowed: Allowance | None = None

    @property
    def weight(self) -> Verdict:
        """The verdict, once what is allowed is taken into account."""
        return min(self.verdict, Verdict.LOOK) if self.allowed else self.verdict


@dataclass(frozen=True)
class Downtime:
    """What stops working while a change is applied, for how long, and where that is written."""

    address: Address
    what: str
    how_long: str
    source: str


@dataclass(frozen=True)
class Unplanned:
    """A stack that cannot be planned yet, since it needs outputs of stacks that are not deployed."""

    stack: str
    waits_for: tuple[str, ...]


@dataclass(frozen=True)
class PlanReview:
    """What the plans alone say, of all stacks of one environment."""

    changes: tuple[Change, ...] = ()
    drift: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    downtimes: tuple[Downtime, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Review:
    """One environment's report. *settings_changes* are (key, before, after); *base* is a revision, if one was given."""

    environment: str
    region: str
    plan: PlanReview
    base: str | None = None
    unplanned: tuple[Unplanned, ...] = ()
    settings_changes: tuple[tuple[str, str | None, str | None], ...] = ()
    cost: Comparison | None = None
    infracost: InfracostFigure | None = None
    picture: Diagram | None = None
    digest: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings; a stack that nobody could plan, or drift, needs a look at least."""
        worst = max((finding.weight for finding in self.plan.findings), default=Verdict.SAFE)
        return max(worst, Verdict.LOOK) if self.unplanned or self.plan.drift else worst

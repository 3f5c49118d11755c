"""The rules of a review: why something is worth a reviewer's time, how much, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from review.model import Verdict


@dataclass(frozen=True)
class Rule:
    """Why something is worth a reviewer's time, how much, and what to do about it."""

    verdict: Verdict
    why: str
    remedy: str


RULES: Mapping[str, Rule] = {
    "data-lost": Rule(
        Verdict.DANGEROUS,
        "What holds data is destroyed, and the data with it.",
        "If this is meant, save first what is in it, and allow it; else see what forces it, and take that back.",
    ),
    "protection-off": Rule(
        Verdict.DANGEROUS,
        "Something that kept data from being lost is taken off.",
        "If this is meant, allow it; else set it again.",
    ),
    "audit-off": Rule(
        Verdict.DANGEROUS,
        "What happens is no longer written down.",
        "If this is meant, allow it; else set it again.",
    ),
    "encryption-off": Rule(
        Verdict.DANGEROUS,
        "Data would lie or travel unencrypted, or by a weaker key.",
        "If this is meant, allow it; else set it again.",
    ),
    "open-to-the-world": Rule(
        Verdict.DANGEROUS,
        "Something that was reachable from inside is reachable from everywhere.",
        "If this is meant, allow it; else let in a security group by its name, or nobody.",
    ),
    "public-principal": Rule(
        Verdict.DANGEROUS,
        "A policy lets in everybody.",
        "If this is meant, allow it; else name the principal, or add a condition such as aws:SourceAccount.",
    ),
    "route-unchecked": Rule(
        Verdict.DANGEROUS,
        "API Gateway passes requests on that nobody checks afterwards.",
        "If this is meant, allow it; else give the route its authorizer again.",
    ),
    "access-none": Rule(
        Verdict.DANGEROUS,
        "Nobody checks who calls.",
        "If this is meant, allow it; else choose another access.type.",
    ),
    "addresses-open": Rule(
        Verdict.DANGEROUS,
        "Callers from every address are let in.",
        "If this is meant, allow it; else set api.allowed_cidrs again.",
    ),
    "firewall-off": Rule(
        Verdict.DANGEROUS,
        "The web firewall is gone, or refuses less.",
        "If this is meant, allow it; else set load_balancer.waf again.",
    ),
    "iam-wildcard": Rule(
        Verdict.DANGEROUS,
        "A policy gives more than anybody can have thought of.",
        "If this is meant, allow it; else name the actions and the resources.",
    ),
    "iam-admin": Rule(
        Verdict.DANGEROUS,
        "A role may do everything, or everything of a service.",
        "If this is meant, allow it; else give the actions that are needed.",
    ),
    "boundary-off": Rule(
        Verdict.DANGEROUS,
        "What a role can at most be given is no longer limited.",
        "If this is meant, allow it; else set the permissions boundary again.",
    ),
    "destroyed": Rule(Verdict.LOOK, "Something goes.", "See that nothing needs it any more."),
    "replaced": Rule(
        Verdict.LOOK, "Something is destroyed and made anew.", "See what forces it, and what stops meanwhile."
    ),
    "forgotten": Rule(
        Verdict.LOOK,
        "Terraform lets go of something that stays in the account, and costs.",
        "See who looks after it from now on.",
    ),
    "data-changed": Rule(Verdict.LOOK, "What holds data changes.", "See that the data can take it."),
    "permissions-changed": Rule(Verdict.LOOK, "Somebody may do more, or less.", "Read the policies in the changes."),
    "network-changed": Rule(
        Verdict.LOOK, "Others may connect than before.", "Read the rules of the security groups in the changes."
    ),
    "policy-unknown": Rule(
        Verdict.LOOK, "A policy is known only after the apply.", "Read it in the code, or in the account afterwards."
    ),
    "access-changed": Rule(
        Verdict.LOOK, "Callers prove in another way who they are.", "Tell the callers: see docs/access.md."
    ),
    "output-changed": Rule(Verdict.LOOK, "An output that people use changes.", "Tell those who use it."),
    "passwords-rotated": Rule(
        Verdict.LOOK,
        "All passwords are made anew.",
        "Do it when few people work, and give the callers the new password: docs/runbooks/rotate-secrets.md.",
    ),
    "loosened": Rule(Verdict.LOOK, "Something is less strict than before.", "See that this is meant."),
}

"""Which runs of a continuous integration may plan an environment, and which may deploy it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic import StringConstraints as Text

from settings.access_values import IssuerUrl
from settings.group import Group, Mistake
from settings.tfvars import hcl
from settings.values import Allowed, apart

GITHUB = "https://token.actions.githubusercontent.com"

_OWNER = "[A-Za-z0-9]+(-[A-Za-z0-9]+)*"
_NAME = "[A-Za-z0-9._-]{1,100}"


def _branch(value: str) -> str:
    """See git-check-ref-format(1)."""
    if re.search(r"\.\.|//|@\{|\.lock(/|$)|(^|/)\.|[./]$", value):
        raise ValueError("git refuses such a name for a branch (git-check-ref-format); set the name of a branch")
    return value


def _planning(value: tuple[str, ...]) -> tuple[str, ...]:
    for subject in value:
        if re.search(r"[*?]", ":".join(subject.split(":")[:2])):
            raise ValueError(
                f"{hcl(subject)} has a * or ? before its second colon, and so does not say which repository; name it"
            )
    return apart(value)


def _deploying(value: tuple[str, ...]) -> tuple[str, ...]:
    for subject in value:
        if re.search(r"[*?]", subject):
            raise ValueError(f"{hcl(subject)} has a * or ?, and who may deploy is said in full; write it out")
    return apart(value)


# Without $, which begins IAM's policy variables.
_Subject = Annotated[str, Text(pattern=r"^[\x21-\x23\x25-\x7E]+$", max_length=1024)]

Repository = Annotated[
    str,
    Text(pattern=rf"^({_OWNER}/{_NAME}|{_OWNER}@[0-9]+/{_NAME}@[0-9]+)$"),
    Allowed(
        '"owner/name", or with both numbers "owner@123456/name@456789", as the "sub" of the repository\'s tokens has it'
    ),
]
Branch = Annotated[
    str,
    Text(pattern=r"^[A-Za-z0-9._/@+#%=,-]{1,200}$"),
    AfterValidator(_branch),
    Allowed('the name of a branch, such as "main"'),
]
OidcProviderArn = Annotated[
    str,
    Text(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/[A-Za-z0-9._~/-]+$"),
    Allowed(
        "the ARN of an OIDC provider of IAM, such as "
        '"arn:aws:iam::012345678901:oidc-provider/token.actions.githubusercontent.com"'
    ),
]
Audience = Annotated[
    str,
    Text(pattern=r"^[\x21-\x7E]+$", max_length=255),
    Allowed('an "aud" without spaces, such as "sts.amazonaws.com"'),
]
PlanSubjects = Annotated[
    tuple[_Subject, ...],
    Field(max_length=20),
    AfterValidator(_planning),
    Allowed('20 subjects at most, such as ["project_path:group/name:ref_type:branch:ref:*"]'),
]
DeploySubjects = Annotated[
    tuple[_Subject, ...],
    Field(max_length=20),
    AfterValidator(_deploying),
    Allowed('20 subjects at most, without * and ?, such as ["project_path:group/name:ref_type:branch:ref:main"]'),
]


class CiSettings(Group):
    """Who gets the two roles that ``make ci-roles`` makes: by the "sub" of the token that a run brings.

    What GitHub writes there is in its OpenID Connect reference, Example subject claims; repositories that were made
    after 15 July 2026 have numbers in it (Immutable subject claims).
    """

    repository: Repository | None = Field(
        default=None,
        description="The GitHub repository, as its tokens write it. Its pull requests and its `branch` may plan, jobs "
        "in its GitHub environment called like this environment may deploy. Repositories made after 15 July 2026 have "
        "numbers: `owner@123456/name@456789` ([how to find them](runbooks/ci-roles.md)).",
    )
    branch: Branch = Field(default="main", description="The branch whose runs may plan, beside pull requests.")
    oidc_provider_arn: OidcProviderArn | None = Field(
        default=None,
        description="The account's OIDC provider for `issuer`, if there is one: an account has one at most. Else it is "
        "made.",
    )
    issuer: IssuerUrl = Field(
        default=GITHUB, description="Who signs the tokens; another one than GitHub takes both lists of subjects."
    )
    audience: Audience = Field(default="sts.amazonaws.com", description='The "aud" of the tokens.')
    plan_subjects: PlanSubjects = Field(
        default=(),
        description='The "sub" of runs that may plan, instead of those that follow from `repository`. A `*` behind '
        "the first `/` stands for anything.",
    )
    deploy_subjects: DeploySubjects = Field(
        default=(), description='The "sub" of runs that may deploy, instead of those that follow from `repository`.'
    )

    def who_plans(self) -> tuple[str, ...]:
        """The subjects that may plan; a ``*`` in one stands for anything."""
        return self.plan_subjects or (
            f"repo:{self.repository}:pull_request",
            f"repo:{self.repository}:ref:refs/heads/{self.branch}",
        )

    def who_deploys(self, environment: str) -> tuple[str, ...]:
        """The subjects that may deploy *environment*."""
        return self.deploy_subjects or (f"repo:{self.repository}:environment:{environment}",)

    def contradictions(self) -> Iterator[Mistake]:
        """See the base class."""
        missing = [key for key in ("plan_subjects", "deploy_subjects") if not getattr(self, key)]
        if self.issuer != GITHUB:
            if self.repository:
                yield "repository", f"says nothing of the tokens of {self.issuer}; remove it, and set both subjects"
            for key in missing:
                yield key, f"issuer = {hcl(self.issuer)} needs both plan_subjects and deploy_subjects; set {key}"
        elif not self.repository and missing:
            yield "repository", "missing; set it, or both plan_subjects and deploy_subjects"
        if "branch" in self.keys_set() and not self.repository:
            yield "branch", "is a branch of repository; set that, or remove branch"
        provider = self.issuer.removeprefix("https://").rstrip("/")
        if self.oidc_provider_arn and self.oidc_provider_arn.partition("/")[2] != provider:
            yield (
                "oidc_provider_arn",
                f"is not the provider of {self.issuer}; its ARN ends with oidc-provider/{provider}",
            )

"""IAM roles for programs outside AWS that bring a token of an identity provider."""

from __future__ import annotations

from collections.abc import Sequence

from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy import IamRolePolicy
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment
from constructs import Construct

from constructs_lib.managed_policy import ManagedPolicy
from constructs_lib.oidc_provider import TokenIssuer
from constructs_lib.role import policy_document


class WebIdentityRole(Construct):
    """The role *name*, for whoever brings a token of *issuer* for *audience* whose "sub" is one of *subjects*.

    A ``*`` or ``?`` in a subject stands for anything; without one, subjects are compared as they are. A session lasts
    *session_hours* at most (IAM: 1 to 12). Permissions come by managed policies, of which a role takes 10 of 6,144
    characters each.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        description: str,
        issuer: TokenIssuer,
        audience: str,
        subjects: Sequence[str],
        session_hours: int = 1,
    ) -> None:
        super().__init__(scope, id)
        if not subjects:
            raise ValueError(f"{name}: without a subject everybody with a token of {issuer.host} would be let in")
        self.role = IamRole(
            self,
            "Resource",
            name=name,
            description=description,
            assume_role_policy=policy_document([_trust(issuer, audience, subjects)]),
            max_session_duration=session_hours * 3600,
        )
        self.arn: str = self.role.arn
        self.name: str = self.role.name

    def attach(self, id: str, policy: ManagedPolicy) -> None:
        """Give it the permissions of *policy*; *id* is in kebab case."""
        IamRolePolicyAttachment(self, id, role=self.name, policy_arn=policy.arn)

    def deny(self, id: str, *, actions: Sequence[str], resources: Sequence[str]) -> None:
        """Refuse *actions* on *resources*, whatever else allows them."""
        statement = {"Effect": "Deny", "Action": list(actions), "Resource": list(resources)}
        IamRolePolicy(self, id, name=id, role=self.name, policy=policy_document([statement]))


def _trust(issuer: TokenIssuer, audience: str, subjects: Sequence[str]) -> dict[str, object]:
    operator = "StringLike" if any(set("*?") & set(subject) for subject in subjects) else "StringEquals"
    conditions: dict[str, dict[str, object]] = {"StringEquals": {f"{issuer.host}:aud": audience}}
    conditions.setdefault(operator, {})[f"{issuer.host}:sub"] = list(subjects)
    return {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": issuer.arn},
        "Condition": conditions,
    }

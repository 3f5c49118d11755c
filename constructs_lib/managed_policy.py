"""Permissions for people and programs that are not ours."""

from __future__ import annotations

from collections.abc import Sequence

from cdktf_cdktf_provider_aws.iam_policy import IamPolicy
from constructs import Construct

from constructs_lib.role import Conditions, policy_document


class ManagedPolicy(Construct):
    """An IAM policy to be attached to users and roles outside this project; it is granted to as roles are."""

    def __init__(self, scope: Construct, id: str, *, name_prefix: str, description: str) -> None:
        super().__init__(scope, id)
        self._statements: dict[str, dict[str, object]] = {}
        self.policy = IamPolicy(
            self, "Resource", name_prefix=f"{name_prefix}-", description=description, policy=policy_document([])
        )
        self.arn: str = self.policy.arn

    def allow(
        self, id: str, *, actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None
    ) -> None:
        """Add a statement; *id*, in kebab case, becomes its Sid. The same one twice is added once."""
        sid = id.title().replace("-", "")
        statement: dict[str, object] = {
            "Sid": sid,
            "Effect": "Allow",
            "Action": list(actions),
            "Resource": list(resources),
        }
        if conditions:
            statement["Condition"] = conditions
        if self._statements.setdefault(sid, statement) != statement:
            raise ValueError(f"permission {id!r} is already granted with other actions or resources: choose another id")
        self.policy.policy = policy_document(list(self._statements.values()))

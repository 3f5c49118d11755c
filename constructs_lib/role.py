"""IAM roles that AWS services assume, and what they are allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Protocol

from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy import IamRolePolicy
from constructs import Construct

from constructs_lib.aws_account import AwsAccount

Conditions = Mapping[str, Mapping[str, str]]


class Grantable(Protocol):
    """Something that can be given permissions."""

    def allow(
        self, id: str, *, actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None
    ) -> None:
        """Let it do *actions* on *resources* (ARNs)."""


class Role(Construct):
    """A role for one AWS service; every permission is an inline policy of its own, so that a plan names it.

    *same_account_only* refuses the service when it acts for another account (the confused deputy); not every service
    sends the account, SageMaker notebook instances among them.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        service: str,
        description: str,
        same_account_only: bool = True,
    ) -> None:
        super().__init__(scope, id)
        statement: dict[str, object] = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": service},
        }
        if same_account_only:
            statement["Condition"] = {"StringEquals": {"aws:SourceAccount": AwsAccount.of(self).account_id}}
        self.role = IamRole(
            self,
            "Resource",
            name_prefix=f"{name_prefix}-",
            description=description,
            assume_role_policy=policy_document([statement]),
        )
        self.arn: str = self.role.arn
        self._name: str = self.role.id
        self._documents: dict[str, str] = {}

    def allow(
        self, id: str, *, actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None
    ) -> None:
        """Add the inline policy *id*, in kebab case; the same permission twice (one key, two secrets) is added once.

        Raises ValueError if *id* stands for another permission already.
        """
        statement: dict[str, object] = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
        if conditions:
            statement["Condition"] = conditions
        document = policy_document([statement])
        if id not in self._documents:
            IamRolePolicy(self, id, name=id, role=self._name, policy=document)
        elif self._documents[id] != document:
            raise ValueError(f"permission {id!r} is already granted with other actions or resources: choose another id")
        self._documents[id] = document


def policy_document(statements: Sequence[Mapping[str, object]]) -> str:
    """An IAM policy document as JSON; tokens inside resolve at synthesis."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

"""The policies of a continuous integration's roles as IAM gets them: out of the synthesised stack, tokens filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import main
from settings import Settings
from tests.iam_needs import ACCOUNT
from tests.iam_policies import Permissions
from tests.unit.synthesis import Resource, Terraform

_TOKENS = {
    "data.aws_caller_identity.aws_account_identity.account_id": ACCOUNT,
    "data.aws_partition.aws_account_partition.partition": "aws",
}
Document = Mapping[str, Any]


@dataclass(frozen=True)
class CiRoles:
    """The stack, and what it makes."""

    terraform: Terraform
    region: str

    def role(self, name: str) -> Resource:
        """The role that plans, or the one that deploys."""
        return next(role for role in self.terraform.all("aws_iam_role") if role["name"].endswith(f"-ci-{name}"))

    def documents(self, name: str) -> dict[str, Document]:
        """The policies of a role by their resources' names, managed and inline."""
        managed = {policy.ref("arn"): policy for policy in self.terraform.all("aws_iam_policy")}
        role = self.role(name)
        attached = self.terraform.all("aws_iam_role_policy_attachment", role=role.ref("name"))
        policies = [managed[each["policy_arn"]] for each in attached]
        inline = self.terraform.all("aws_iam_role_policy", role=role.ref("name"))
        return {policy.address.partition(".")[2]: self.filled_in(policy) for policy in (*policies, *inline)}

    def permissions(self, name: str) -> Permissions:
        """What a role may do."""
        return Permissions.of(self.documents(name).values())

    def boundary(self) -> Permissions:
        """What the roles that it makes may do at most."""
        [policy] = [each for each in self.terraform.all("aws_iam_policy") if "name" in each]
        return Permissions.of([self.filled_in(policy)])

    def filled_in(self, policy: Resource) -> Document:
        """A policy's document."""
        tokens = {**_TOKENS, "data.aws_region.aws_account_region.name": self.region}
        document: Document = json.loads(re.sub(r"\$\{([\w.]+)\}", lambda token: tokens[token[1]], policy["policy"]))
        return document


def synthesised(settings: Settings, outdir: Path) -> CiRoles:
    """The roles that *settings* ask for."""
    main.synthesise_ci_roles(settings, outdir)
    return CiRoles(Terraform.read(outdir, f"{settings.environment}-ci-roles"), settings.region)

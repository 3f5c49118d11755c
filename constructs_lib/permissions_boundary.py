"""The most that a role may be allowed."""

from __future__ import annotations

from constructs import Construct

from constructs_lib.managed_policy import ManagedPolicy


class PermissionsBoundary(ManagedPolicy):
    """The policy *name*, granted to as roles are; a role bounded by it may do what both of them allow, and no more.

    Its name has no suffix, so that other stacks can bound their roles by it without reading this one's state.
    """

    def __init__(self, scope: Construct, id: str, *, name: str, description: str) -> None:
        super().__init__(scope, id, name_prefix=name, description=description)
        self.policy.reset_name_prefix()
        self.policy.name = name

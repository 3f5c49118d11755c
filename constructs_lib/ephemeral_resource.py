"""Terraform's ephemeral resources, for which CDKTF has no class."""

from __future__ import annotations

from collections.abc import Mapping

from cdktf import TerraformStack
from constructs import Construct


class EphemeralResource(Construct):
    """A value that exists only while Terraform runs: it is in no plan and no state.

    Only write-only arguments (``*_wo``) and other ephemeral resources may refer to it. Needs Terraform >= 1.11.
    """

    def __init__(self, scope: Construct, id: str, *, type: str, config: Mapping[str, object]) -> None:
        super().__init__(scope, id)
        stack = TerraformStack.of(self)
        self._address = f"ephemeral.{type}.{stack.get_logical_id(self.node)}"
        stack.add_override(self._address, dict(config))

    def reference(self, attribute: str) -> str:
        """The Terraform expression for *attribute*, to be written inside ``${...}``.

        Not a CDKTF token, so not for the arguments of ``Fn``: they quote it.
        """
        return f"{self._address}.{attribute}"

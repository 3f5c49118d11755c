"""Terraform's ephemeral resources, for which CDKTF has no class."""

from __future__ import annotations

from collections.abc import Mapping

from cdktf import TerraformStack
from constructs import Construct

from constructs_lib.addresses import terraform_name


class EphemeralResource(Construct):
    """A value that exists only while Terraform runs: it is in no plan and no state.

    Only write-only arguments (``*_wo``) and other ephemeral resources may refer to it. Needs Terraform >= 1.11.
    """

    def __init__(self, scope: Construct, id: str, *, type: str, config: Mapping[str, object]) -> None:
        super().__init__(scope, id)
        stack = TerraformStack.of(self)
        name = terraform_name(self.node.path.removeprefix(stack.node.path + "/").split("/"))
        self._address = f"ephemeral.{type}.{name}"
        stack.add_override(self._address, dict(config))

    def reference(self, attribute: str) -> str:
        """The Terraform expression for *attribute*, to be written inside ``${...}``.

        Not a CDKTF token, so not for the arguments of ``Fn``: they quote it.
        """
        return f"{self._address}.{attribute}"

"""What nginx in the task asks of those who call it: variables of its container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from constructs_lib.generated_secret import GeneratedSecret
from constructs_lib.role import Grantable


class CallerCheck(Protocol):
    """How nginx tells those who may from those who may not."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables of nginx's container."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """Those whose values ECS reads from Secrets Manager."""

    def grant_read(self, grantee: Grantable) -> None:
        """Let *grantee* read these secrets."""


@dataclass(frozen=True)
class PasswordCheck:
    """nginx asks for the user and password in *credentials*, or for one of *users* and a password derived from it."""

    credentials: GeneratedSecret
    users: tuple[str, ...] = ()

    @property
    def environment(self) -> Mapping[str, str]:
        """See the Protocol."""
        return {"AUTH_MODE": "basic", **({"AUTH_USERS": " ".join(self.users)} if self.users else {})}

    @property
    def secrets(self) -> Mapping[str, str]:
        """See the Protocol."""
        return {
            "AUTH_USERNAME": self.credentials.container_secret("username"),
            "AUTH_PASSWORD": self.credentials.container_secret("password"),
        }

    def grant_read(self, grantee: Grantable) -> None:
        """See the Protocol."""
        self.credentials.grant_read(grantee)


@dataclass(frozen=True)
class GatewayCheck:
    """API Gateway has checked the caller by the scheme *access*; nginx answers to nobody else.

    With *trust_direct_clients* it also answers those inside the VPC whom the load balancer's security group lets in.
    """

    access: str
    trust_direct_clients: bool = False

    @property
    def environment(self) -> Mapping[str, str]:
        """See the Protocol."""
        trusted = {"DIRECT_CLIENTS": "trusted"} if self.trust_direct_clients else {}
        return {"AUTH_MODE": "gateway", "GATEWAY_ACCESS": self.access, **trusted}

    @property
    def secrets(self) -> Mapping[str, str]:
        """See the Protocol."""
        return {}

    def grant_read(self, grantee: Grantable) -> None:
        """There is nothing to read."""

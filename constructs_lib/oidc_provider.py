"""Whose tokens the account takes in place of AWS credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cdktf_cdktf_provider_aws.iam_openid_connect_provider import IamOpenidConnectProvider
from constructs import Construct


class TokenIssuer(Protocol):
    """An OIDC provider of the account."""

    @property
    def arn(self) -> str:
        """Its ARN."""

    @property
    def host(self) -> str:
        """The issuer without ``https://``: what IAM's condition keys for its tokens begin with."""


@dataclass(frozen=True)
class ExistingOidcProvider:
    """A provider that somebody else looks after."""

    arn: str

    @property
    def host(self) -> str:
        """The issuer without ``https://``, which its ARN ends with."""
        return self.arn.partition("/")[2]


class OidcProvider(Construct):
    """A provider for the tokens of *issuer*, an https URL, made for *audience*; an account has one for each issuer.

    It has no thumbprint: IAM trusts the issuer's certificate by the authorities that it trusts anyway, and asks for a
    thumbprint only elsewhere (IAM User Guide, Obtain the thumbprint for an OpenID Connect identity provider).
    """

    def __init__(self, scope: Construct, id: str, *, issuer: str, audience: str) -> None:
        super().__init__(scope, id)
        self.provider = IamOpenidConnectProvider(self, "Resource", url=issuer, client_id_list=[audience])
        self.arn: str = self.provider.arn
        self.host = issuer.removeprefix("https://").rstrip("/")

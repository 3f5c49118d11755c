"""The settings of who may use the HTTP API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from settings.access_values import (
    Audiences,
    CallbackUrls,
    DomainPrefix,
    FunctionArn,
    IssuerUrl,
    Scopes,
    UserNames,
)
from settings.group import Group, Mistake
from settings.tfvars import KeyPath, hcl
from settings.values import either

_TYPES_OF_KEYS = {
    "users": ("basic", "lambda"),
    "issuer": ("jwt",),
    "audiences": ("jwt",),
    "scopes": ("jwt",),
    "cognito": ("jwt",),
    "function_arn": ("lambda",),
    "cache_seconds": ("lambda",),
    "i_know_this_is_public": ("none",),
}
_RESOURCE_SERVER = "mlflow"  # the identifier that begins every scope of our user pool
_LONGEST_USERS = 3500


class CognitoSettings(Group):
    """A user pool of our own."""

    domain_prefix: DomainPrefix = Field(
        description="Begins the address of the sign-in page, `<domain_prefix>.auth.<region>.amazoncognito.com`; unique "
        "among all accounts of the region."
    )
    callback_urls: CallbackUrls = Field(
        default=(), description="Where the sign-in page may send people back to, with a code that buys tokens."
    )


class AccessSettings(Group):
    """Who may use the HTTP API, and who checks it: one type, and the keys of that type alone."""

    type: Literal["basic", "jwt", "iam", "lambda", "none"] = Field(
        default="basic",
        description="Who checks a request. `basic`: nginx, by user names and generated passwords. `jwt`: API Gateway, "
        "by tokens of an identity provider. `iam`: API Gateway, by signatures with AWS credentials. `lambda`: a "
        "function that API Gateway asks, ours (by the passwords of `basic`) or yours. `none`: nobody.",
    )
    users: UserNames = Field(
        default=(),
        description="More users beside the first one, `mlflow`; with `basic`, and with `lambda` without "
        "`function_arn`. The password of each follows from the name and the one in the secret.",
    )
    issuer: IssuerUrl | None = Field(
        default=None, description='`jwt`: whose tokens count; exactly their "iss" (OpenID Connect Discovery 1.0).'
    )
    audiences: Audiences = Field(
        default=(), description='`jwt`: a token must be meant for one of these, by "aud" or "client_id".'
    )
    scopes: Scopes = Field(
        default=(),
        description="`jwt`: a token must have one of these, unless `api.routes` says otherwise; empty: it needs none.",
    )
    cognito: CognitoSettings | None = Field(
        default=None, description="`jwt`: make a Cognito user pool, instead of `issuer` and `audiences` of another."
    )
    function_arn: FunctionArn | None = Field(
        default=None,
        description="`lambda`: your function, in place of ours; payload format 2.0 with simple responses.",
    )
    cache_seconds: int = Field(
        default=300,
        ge=0,
        le=3600,
        description="`lambda`: how long API Gateway keeps an answer for the same `Authorization` header; 0 asks anew "
        "each time.",
    )
    i_know_this_is_public: bool = Field(
        default=False, description="`none`: must be true, since anybody may then read, change and delete everything."
    )

    @property
    def has_login_page(self) -> bool:
        """Whether our function answers "GET /", to have browsers ask for a password."""
        return self.type == "lambda" and self.function_arn is None

    def contradictions(self) -> Iterator[Mistake]:
        """See the base class."""
        strangers = [key for key, types in _TYPES_OF_KEYS.items() if key in self.keys_set() and self.type not in types]
        for key in strangers:
            types = either(map(hcl, _TYPES_OF_KEYS[key]))
            yield key, f"belongs to access.type = {types}, not {hcl(self.type)}; remove {key}, or set type = {types}"
        if self.type == "jwt":
            yield from self._tokens_of_nobody()
        if self.type == "lambda":
            yield from self._users_of_the_function()
        if self.type == "none" and not self.i_know_this_is_public:
            yield (
                "type",
                "lets anybody on the internet read, change and delete everything; set another type, or "
                "i_know_this_is_public = true beside it",
            )

    def impossible_scopes(self, scopes: Sequence[str]) -> Iterator[tuple[KeyPath, str]]:
        """Which of *scopes* no token of our user pool can have: where in them, and why with the remedy.

        See docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html.
        """
        if self.cognito is None:
            return
        if scopes and not self.cognito.callback_urls:
            yield (), "only the sign-in page gives tokens scopes; set access.cognito.callback_urls, or remove scopes"
        for index, scope in enumerate(scopes):
            server, _, name = scope.partition("/")
            if server != _RESOURCE_SERVER or not name or "/" in name:
                yield (index,), 'scopes of the user pool are "mlflow/" and a name; set "mlflow/write", for instance'

    def _tokens_of_nobody(self) -> Iterator[Mistake]:
        if self.cognito:
            for key in ("issuer", "audiences"):
                if key in self.keys_set():
                    yield key, f"access.cognito brings its own; remove {key}, or remove cognito"
            for place, why in self.impossible_scopes(self.scopes):
                yield ("scopes", *place), why
        elif missing := [key for key in ("issuer", "audiences") if not getattr(self, key)]:
            keys = " and ".join(missing)
            yield "type", f"needs to know whose tokens count; set {keys}, or cognito for a user pool of our own"

    def _users_of_the_function(self) -> Iterator[Mistake]:
        if self.function_arn and "users" in self.keys_set():
            yield "users", "your function knows its own users; remove users, or remove function_arn"
        elif len(" ".join(self.users)) > _LONGEST_USERS:
            yield (
                "users",
                f"a function's environment variables have 4 KB (Lambda quotas), which leaves {_LONGEST_USERS} letters "
                'for the names; set fewer, or type = "basic"',
            )

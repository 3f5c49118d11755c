"""The types of single values that say who may use the HTTP API: see ``settings.values``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic import StringConstraints as Text

from settings.values import Allowed, apart

FIRST_USER = "mlflow"
"""The user that every environment has; its password is the one in the secret."""

_HOST = r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?"
_PATH = r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*"
_CALLBACK = f"^(https://{_HOST}|http://localhost(:[0-9]{{1,5}})?){_PATH}$"
_DISCOVERY = "/.well-known/openid-configuration"


def _user_names(value: tuple[str, ...]) -> tuple[str, ...]:
    if FIRST_USER in value:
        raise ValueError(f'"{FIRST_USER}" is the first user anyway; remove it')
    return apart(value)


def _issuer(value: str) -> str:
    """See openid.net/specs/openid-connect-discovery-1_0.html, section 3; API Gateway adds the path of the discovery."""
    address = value.removeprefix("https://")
    if address == value:
        raise ValueError  # no words of its own: `Allowed` says it
    if "?" in address or "#" in address:
        raise ValueError("an issuer has no query and no fragment (OpenID Connect Discovery 1.0); remove it")
    if "@" in address.partition("/")[0]:
        raise ValueError("an issuer has no user name or password in it; remove what stands before the @")
    if value.rstrip("/").endswith(_DISCOVERY):
        raise ValueError(f"this is the address of its description; remove {_DISCOVERY}")
    if not re.fullmatch(_HOST + _PATH, address):
        raise ValueError
    return value


def _domain_prefix(value: str) -> str:
    if reserved := [word for word in ("aws", "amazon", "cognito") if word in value]:
        raise ValueError(f'Cognito refuses "{reserved[0]}" in it (Developer Guide, prefix domain); set another')
    return value


UserNames = Annotated[
    tuple[Annotated[str, Text(pattern="^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")], ...],
    Field(
        max_length=500
    ),  # ECS takes task definitions of 64 KiB: docs.aws.amazon.com/general/latest/gr/ecs-service.html
    AfterValidator(_user_names),
    Allowed(
        "500 names at most, each of 1 to 64 letters, digits and . _ @ - that begins with a letter or digit, such as "
        '["alice", "bob"]'
    ),
]
IssuerUrl = Annotated[
    str,
    Text(max_length=2048),  # of the API's JWTConfiguration
    AfterValidator(_issuer),
    Allowed('the https URL of an issuer, such as "https://login.example.com/tenant/v2.0"'),
]
Audiences = Annotated[
    tuple[Annotated[str, Text(pattern=r"^[\x21-\x7E]+$", max_length=512)], ...],
    Field(max_length=50),
    AfterValidator(apart),
    Allowed('50 audiences at most (HTTP API quotas), without spaces, such as ["mlflow"]'),
]
Scopes = Annotated[
    tuple[Annotated[str, Text(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$", max_length=256)], ...],
    Field(max_length=10),
    AfterValidator(apart),
    Allowed(
        "10 scopes at most (HTTP API quotas), of printable ASCII without spaces, quotes and backslashes (RFC 6749), "
        'such as ["mlflow/write"]'
    ),
]
DomainPrefix = Annotated[
    str,
    Text(pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
    AfterValidator(_domain_prefix),
    Allowed("1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends"),
]
CallbackUrls = Annotated[
    tuple[Annotated[str, Text(pattern=_CALLBACK, max_length=1024)], ...],
    Field(max_length=100),
    AfterValidator(apart),
    Allowed(
        "100 URLs at most, of https, or of http on localhost (Cognito, CreateUserPoolClient), such as "
        '["http://localhost:8400/callback"]'
    ),
]
FunctionArn = Annotated[
    str,
    Text(
        pattern="^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}"
        r"(:(\$LATEST|[A-Za-z0-9_-]{1,128}))?$"
    ),
    Allowed('the ARN of a function, such as "arn:aws:lambda:us-west-2:012345678901:function:authorizer"'),
]

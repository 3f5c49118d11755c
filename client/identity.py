"""How a caller proves who it is, for each access type. No secret is printed, or on a command line."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import boto3
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from requests.auth import AuthBase

from client.auth import Anonymous, Bearer, Password, Signature
from client.target import Login, LoginSource, Target
from errors import UserError

_TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 - the variable's name
_USERNAME, _PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
_LOG_IN = "Log in (`aws sso login`, or `aws configure`) and set AWS_PROFILE."


class Identity(Protocol):
    """A caller; ``str`` says who it is, without a secret."""

    @property
    def auth(self) -> AuthBase:
        """What makes a request of ``requests`` the caller's."""

    @property
    def impostor(self) -> AuthBase:
        """The same with something wrong about it, which must be refused."""

    @property
    def variables(self) -> Mapping[str, str]:
        """What makes the MLflow client the caller: environment variables."""

    def renew(self) -> bool:
        """Look for newer credentials, after a refusal; say whether there are any."""


class Nobody:
    """A caller who need not prove anything."""

    auth: AuthBase = Anonymous()
    impostor: AuthBase = Anonymous()
    variables: Mapping[str, str] = {}

    def renew(self) -> bool:
        """See the base class."""
        return False

    def __str__(self) -> str:
        return "nobody in particular"


class PasswordIdentity:
    """A user with a password, read from *source*."""

    def __init__(self, source: LoginSource) -> None:
        self._source = source
        self._login = source.read()

    @property
    def auth(self) -> AuthBase:
        """See the base class."""
        return Password(self._login.username, self._login.password)

    @property
    def impostor(self) -> AuthBase:
        """The right user with a wrong password."""
        return Password(self._login.username, self._login.password[::-1] + "x")

    @property
    def variables(self) -> Mapping[str, str]:
        """See the base class."""
        return {_USERNAME: self._login.username, _PASSWORD: self._login.password}

    def renew(self) -> bool:
        """See the base class."""
        before, self._login = self._login, self._source.read()
        return before != self._login

    def __str__(self) -> str:
        return f"user {self._login.username}; {self._source}"


@dataclass(frozen=True)
class TokenIdentity:
    """The bearer of a token, which nobody here can renew."""

    token: str = field(repr=False)

    @property
    def auth(self) -> AuthBase:
        """See the base class."""
        return Bearer(self.token)

    @property
    def impostor(self) -> AuthBase:
        """The same token with one letter of its signature, its last part, changed."""
        content, dot, signature = self.token.rpartition(".")
        return Bearer(f"{content}{dot}{'B' if signature[:1] == 'A' else 'A'}{signature[1:]}")

    @property
    def variables(self) -> Mapping[str, str]:
        """See the base class."""
        return {_TOKEN: self.token}

    def renew(self) -> bool:
        """See the base class."""
        return False

    def __str__(self) -> str:
        return f"the bearer of {_TOKEN}"


@dataclass(frozen=True)
class AwsIdentity:
    """A user or role of AWS, who signs requests (Signature Version 4); botocore renews what expires."""

    credentials: Credentials = field(repr=False)
    region: str

    @property
    def auth(self) -> AuthBase:
        """See the base class."""
        return Signature(self._frozen, self.region)

    @property
    def impostor(self) -> AuthBase:
        """The same access key, with a secret key that is not its own."""
        real = self._frozen
        return Signature(real._replace(secret_key=str(real.secret_key)[::-1] + "x"), self.region)

    @property
    def variables(self) -> Mapping[str, str]:
        """See the base class.

        The signer that MLflow uses cannot sign a file's content (mlflow issue 15051), so an artifact that goes through
        MLflow fails. In parts, which go to S3 by URLs that MLflow has signed, it needs no signature of the caller's.
        """
        real = self._frozen
        variables = {
            "MLFLOW_TRACKING_AWS_SIGV4": "true",
            "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
            "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "0",
            "AWS_ACCESS_KEY_ID": str(real.access_key),
            "AWS_SECRET_ACCESS_KEY": str(real.secret_key),
            "AWS_DEFAULT_REGION": self.region,
        }
        return variables | ({"AWS_SESSION_TOKEN": real.token} if real.token else {})

    def renew(self) -> bool:
        """See the base class: botocore has done so before it signed."""
        return False

    @property
    def _frozen(self) -> ReadOnlyCredentials:
        try:
            return self.credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise UserError(f"the AWS credentials cannot be renewed: {error}. {_LOG_IN}") from error

    def __str__(self) -> str:
        return f"AWS access key {self.credentials.access_key}"


def identify(target: Target, environment: Mapping[str, str] = os.environ) -> Identity:
    """The caller as *target* wants to know it; raises ``UserError`` if the shell lacks what that takes."""
    if target.logins is not None:
        return PasswordIdentity(target.logins)
    if target.access == "none":
        return Nobody()
    if target.access == "iam":
        return AwsIdentity(_aws_credentials(), target.region)
    if target.access == "lambda" and environment.get(_USERNAME) and environment.get(_PASSWORD):
        return PasswordIdentity(_Shell(environment))
    token = environment.get(_TOKEN, "").strip()
    if not token:
        raise UserError(f"{_TOKEN} is not set: {_how_to_get_one(target)}; then `export {_TOKEN}=...`.")
    if target.access == "jwt":
        _check_token(token)
    return TokenIdentity(token)


@dataclass(frozen=True)
class _Shell:
    """A login in the variables of the MLflow client."""

    environment: Mapping[str, str] = field(repr=False)

    def read(self) -> Login:
        return Login(self.environment[_USERNAME], self.environment[_PASSWORD])

    def __str__(self) -> str:
        return f"the password is in {_PASSWORD}"


def _aws_credentials() -> Credentials:
    try:
        credentials: Credentials | None = boto3.Session().get_credentials()
    except BotoCoreError as error:
        raise UserError(f"no AWS credentials: {error}. {_LOG_IN}") from error
    if credentials is None:
        raise UserError(f"no AWS credentials, and this API wants signed requests. {_LOG_IN}")
    return credentials


def _how_to_get_one(target: Target) -> str:
    outputs = target.outputs
    if target.access == "basic":
        return "there is no secret with passwords among the outputs: `make deploy` first"
    if target.access == "lambda":
        return f"the API asks a function of your own. Set what it wants, {_USERNAME} and {_PASSWORD}, or a token"
    if "user_pool_client_id" not in outputs:
        return "the API wants a token (JWT). Get one from your identity provider, for one of access.audiences"
    pool, client = outputs.get("user_pool_id", "POOL"), outputs["user_pool_client_id"]
    sign_in = f", or sign in at {outputs['sign_in_url']}" if outputs.get("sign_in_url") else ""
    return (
        "the API wants an access token of its Cognito user pool. Get one by `aws cognito-idp admin-initiate-auth "
        f"--user-pool-id {pool} --client-id {client} --auth-flow ADMIN_USER_PASSWORD_AUTH "
        f"--auth-parameters file://login.json --query AuthenticationResult.AccessToken`{sign_in}"
    )


def _check_token(token: str) -> None:
    """Refuse what no API could accept, so that nobody looks for the fault elsewhere; the API checks the rest."""
    try:
        _, payload, _ = token.split(".")
        expires = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("exp")
    except (ValueError, AttributeError):
        raise UserError(f"{_TOKEN} is not a JWT, which has three parts with dots between them: set it anew.") from None
    if isinstance(expires, int | float) and expires < datetime.now(UTC).timestamp():
        when = datetime.fromtimestamp(expires, UTC).isoformat()
        raise UserError(f"{_TOKEN} expired at {when}: get a new one, and `export {_TOKEN}=...`.")

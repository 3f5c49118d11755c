"""Runs in AWS Lambda, as the only file there: says whether a caller is a user, to API Gateway and to browsers.

API Gateway calls it for two things (payload format 2.0 in both cases):

- as the authorizer of a route, where the answer is simple: allowed or not;
- as the login page, ``GET /`` without an authorizer. API Gateway's own 401 has no ``WWW-Authenticate``, so no browser
  asks for a password. This one does, and sends a user on to the page.

The first user and its password are in the secret ``SECRET_ARN``. The password of each other one, in ``USERS``, is the
SHA-256 of ``NAME:PASSWORD`` in hexadecimal. A caller sends name and password (Basic), or the password alone (Bearer).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

LIFETIME_SECONDS = 300.0
"""How long a copy of the secret is good."""

PAUSE_SECONDS = 5.0
"""Between two readings, whatever happens: wrong passwords must not become as many calls of Secrets Manager."""

_LONGEST_HEADER = 4096
_LOGIN = 'Basic realm="MLflow", charset="UTF-8"'
# Twice at most, so that an answer comes before API Gateway gives up, after ten seconds.
_CLIENT = Config(connect_timeout=2, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})


class RefusedError(Exception):
    """The caller is no user; the message says why, and holds nothing that the caller sent."""


class UnavailableError(Exception):
    """Nobody can say who is a user; the message says why, and holds nothing of the secret."""


class Credentials(NamedTuple):
    """What a caller sent; *user* is None with a token, which says so itself."""

    user: bytes | None
    password: bytes


class Passwords:
    """Every user's password, from a copy of the secret that is read again when it is old, or when nobody fits."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:  # others may stand still in a frozen function
        self._clock = clock
        self._client: Any = None
        self._copy: Mapping[bytes, bytes] = {}
        self._read_at = self._tried_at = -float("inf")
        self._error = ""

    def user(self, credentials: Credentials) -> str:
        """The name of the user whose *credentials* these are; raises ``RefusedError`` or ``UnavailableError``."""
        if self._age(self._read_at) >= LIFETIME_SECONDS:
            self._read()
            return self._match(credentials)
        try:
            return self._match(credentials)
        except RefusedError:
            if self._age(self._tried_at) < PAUSE_SECONDS:
                raise
            self._read()  # the secret may have been rotated
            return self._match(credentials)

    def _match(self, credentials: Credentials) -> str:
        """Compares with every user, so that the time it takes tells nothing about any."""
        found = None
        for name, password in self._copy.items():
            right_user = credentials.user is None or hmac.compare_digest(name, credentials.user)
            right_password = hmac.compare_digest(password, credentials.password)
            if right_user & right_password:
                found = name
        if found is None:
            raise RefusedError("wrong user or password")
        return found.decode()

    def _age(self, since: float) -> float:
        return self._clock() - since

    def _read(self) -> None:
        if self._age(self._tried_at) < PAUSE_SECONDS:
            raise UnavailableError(self._error)
        self._tried_at = self._clock()
        try:
            self._copy = _all_passwords(self._secret())
        except Exception as error:  # whatever it is, it must not become an answer, and its text may hold the secret
            code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
            self._error = f"cannot read the secret: {code or type(error).__name__}"
            raise UnavailableError(self._error) from None
        self._read_at = self._tried_at

    def _secret(self) -> str:
        if self._client is None:
            self._client = boto3.client("secretsmanager", config=_CLIENT)
        answer = self._client.get_secret_value(SecretId=os.environ["SECRET_ARN"])
        return str(answer["SecretString"])


def _all_passwords(secret: str) -> dict[bytes, bytes]:
    """By the users' names; raises whatever fits what is wrong with *secret*."""
    fields = json.loads(secret)
    first, password = fields["username"], fields["password"]
    if not (isinstance(first, str) and isinstance(password, str) and first and password):
        raise ValueError("username and password must be texts that are not empty")
    others = os.environ.get("USERS", "").encode().split()
    derived = {name: hashlib.sha256(name + b":" + password.encode()).hexdigest().encode() for name in others}
    return {**derived, first.encode(): password.encode()}


def _credentials(event: Mapping[str, Any]) -> Credentials:
    """Those of the header Authorization, whose scheme is in any case of letters (RFC 9110, 11.1)."""
    scheme, _, value = _authorization(event).strip(" ").partition(" ")
    value = value.strip(" ")
    if scheme.lower() not in ("basic", "bearer"):
        raise RefusedError("unknown scheme")
    try:
        if scheme.lower() == "bearer":
            return Credentials(None, value.encode())
        user, colon, password = base64.b64decode(value, validate=True).partition(b":")
    except ValueError:  # of base64, or of text that is none in UTF-8
        raise RefusedError("malformed credentials") from None
    if not colon:
        raise RefusedError("malformed credentials")
    return Credentials(user, password)


def _authorization(event: Mapping[str, Any]) -> str:
    """The header; API Gateway writes its name in lower case, and joins several by commas, which then fit nobody."""
    headers = event.get("headers")
    value = headers.get("authorization") if isinstance(headers, Mapping) else None
    if not isinstance(value, str) or not value.strip():
        raise RefusedError("no credentials")
    if len(value) > _LONGEST_HEADER:
        raise RefusedError("credentials too long")
    return value


def _page(status: int, text: str, **headers: str) -> dict[str, Any]:
    always = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"statusCode": status, "headers": {**always, **named}, "body": f"{text}\n"}


def _log(outcome: str, **more: str) -> None:
    """One line for each event; nothing that the caller sent is in it but the name of a user who has proved to be it."""
    print(json.dumps({"outcome": outcome, **more}), flush=True)


_passwords = Passwords()


def handler(event: Any, _context: object) -> dict[str, Any]:
    """Answer *event*; raises nothing, since API Gateway would answer 500 and Lambda log the event's traceback."""
    known: Mapping[str, Any] = event if isinstance(event, Mapping) else {}
    is_authorizer = known.get("type") == "REQUEST"
    try:
        user = _passwords.user(_credentials(known))
    except RefusedError as refused:
        _log("refused", reason=str(refused))
        page = _page(401, "Log in with your user name and password.", www_authenticate=_LOGIN)
    except Exception as error:  # ours, or what nobody thought of
        _log("unavailable", reason=str(error) if isinstance(error, UnavailableError) else type(error).__name__)
        page = _page(503, "Logging in does not work at the moment. Try again in a minute.", retry_after="30")
    else:
        _log("allowed", user=user)
        page = _page(302, "The page is /ui.", location="/ui")
        if is_authorizer:
            return {"isAuthorized": True, "context": {"user": user}}
    return {"isAuthorized": False} if is_authorizer else page

"""How a caller proves who it is: what is sent, what must be refused, what the MLflow client is told."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
import requests
from botocore.credentials import Credentials
from requests.auth import AuthBase

from client.identity import AwsIdentity, Identity, PasswordIdentity, TokenIdentity, identify
from client.target import AccessType, Login, Target
from errors import UserError

URL = "https://api.example.com"
SECRET = "s3cret-word"  # noqa: S105
USER_POOL = {"user_pool_id": "us-west-2_pool", "user_pool_client_id": "client1", "sign_in_url": "https://sign.in/here"}


@dataclass
class Source:
    """Where a password is that is changed meanwhile."""

    logins: Iterator[Login]

    def read(self) -> Login:
        return next(self.logins)

    def __str__(self) -> str:
        return "somewhere"


def password(*passwords: str) -> PasswordIdentity:
    return PasswordIdentity(Source(Login("mlflow", one) for one in passwords))


def token(expires: float = 4_000_000_000) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{claims}.c2lnbmF0dXJl"


def aws(session: str | None = None) -> AwsIdentity:
    return AwsIdentity(Credentials("AKIDEXAMPLE", SECRET, session), "us-west-2")


def prepared(auth: AuthBase, *, url: str = URL, **more: object) -> requests.PreparedRequest:
    return requests.Request("POST", url, auth=auth, **more).prepare()


def authorization(auth: AuthBase, **more: object) -> str:
    return str(prepared(auth, **more).headers["Authorization"])  # type: ignore[arg-type]


def target(access: AccessType, outputs: dict[str, str] | None = None) -> Target:
    return Target("dev", URL, access, "us-west-2", outputs=outputs or {})


def test_a_user_name_and_a_password_are_sent_in_utf_8() -> None:
    assert authorization(password("größer").auth) == "Basic " + base64.b64encode("mlflow:größer".encode()).decode()


def test_the_mlflow_client_gets_the_same_user() -> None:
    assert password(SECRET).variables == {
        "MLFLOW_TRACKING_USERNAME": "mlflow",
        "MLFLOW_TRACKING_PASSWORD": SECRET,
    }


def test_a_password_is_read_again_and_only_a_new_one_is_worth_another_try() -> None:
    user = password("old", "old", "new")
    assert (user.renew(), user.renew()) == (False, True)
    assert "new" in user.variables.values()


def test_a_token_is_sent_as_it_is() -> None:
    bearer = TokenIdentity(token())
    assert authorization(bearer.auth) == f"Bearer {token()}"
    assert bearer.variables == {"MLFLOW_TRACKING_TOKEN": token()}


def test_the_wrong_token_says_the_same_and_has_another_signature() -> None:
    right, wrong = token().split("."), authorization(TokenIdentity(token()).impostor).removeprefix("Bearer ").split(".")
    assert (wrong[:2], len(wrong[2])) == (right[:2], len(right[2]))
    assert base64.urlsafe_b64decode(wrong[2]) != base64.urlsafe_b64decode(right[2])


def test_a_signature_names_the_service_and_the_region() -> None:
    signed = prepared(aws("session").auth)
    assert "/us-west-2/execute-api/aws4_request" in signed.headers["Authorization"]
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token" in signed.headers["Authorization"]
    assert (signed.headers["Host"], signed.headers["X-Amz-Security-Token"]) == ("api.example.com", "session")


@pytest.mark.parametrize(
    "more", [{"url": f"{URL}/x"}, {"url": f"{URL}?a=1"}, {"data": b"x"}, {"data": io.BytesIO(b"x")}]
)
def test_a_signature_is_of_path_query_and_body(more: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime(2030, 1, 1))
    assert authorization(aws().auth) == authorization(aws().auth)
    assert authorization(aws().auth, **more) != authorization(aws().auth)


def test_a_file_is_signed_and_then_sent_from_its_beginning() -> None:
    body = io.BytesIO(b"content")
    prepared(aws().auth, data=body)
    assert body.read() == b"content"


def test_a_space_in_a_query_is_sent_as_it_is_signed() -> None:
    assert prepared(aws().auth, params={"filter": "name = 'a+b'"}).url == f"{URL}/?filter=name%20%3D%20%27a%2Bb%27"


def test_the_wrong_signature_is_of_the_same_access_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime(2030, 1, 1))
    right, wrong = authorization(aws().auth), authorization(aws().impostor)
    assert right.split("Signature=")[0] == wrong.split("Signature=")[0]
    assert right != wrong


@pytest.mark.parametrize(("session", "given"), [(None, {}), ("session", {"AWS_SESSION_TOKEN": "session"})])
def test_the_mlflow_client_signs_with_the_same_credentials(session: str | None, given: dict[str, str]) -> None:
    variables = aws(session).variables
    assert variables["MLFLOW_TRACKING_AWS_SIGV4"] == "true"
    assert (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]) == ("AKIDEXAMPLE", SECRET)
    assert variables["AWS_DEFAULT_REGION"] == "us-west-2"
    assert {key: value for key, value in variables.items() if "SESSION" in key} == given


def test_nothing_is_sent_where_nothing_is_asked() -> None:
    nobody = identify(target("none"), {})
    assert "Authorization" not in prepared(nobody.auth).headers
    assert nobody.variables == {}


@pytest.mark.parametrize(
    ("outputs", "hint"),
    [
        ({}, "from your identity provider, for one of access.audiences"),
        (USER_POOL, "admin-initiate-auth --user-pool-id us-west-2_pool --client-id client1 .* https://sign.in/here"),
    ],
)
def test_a_missing_token_is_explained(outputs: dict[str, str], hint: str) -> None:
    with pytest.raises(UserError, match=f"^MLFLOW_TRACKING_TOKEN is not set: .*{hint}"):
        identify(target("jwt", outputs), {})


@pytest.mark.parametrize(
    ("value", "mistake"),
    [("abc", "is not a JWT"), ("a.b.c", "is not a JWT"), (token(1_700_000_000), "expired at 2023-11-14T22:13:20")],
)
def test_refuses_what_no_api_would_accept_without_showing_it(value: str, mistake: str) -> None:
    with pytest.raises(UserError, match=mistake) as refused:
        identify(target("jwt"), {"MLFLOW_TRACKING_TOKEN": value})
    assert value not in str(refused.value)


def test_a_function_of_ones_own_gets_what_the_shell_has() -> None:
    login = {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": SECRET}
    assert identify(target("lambda"), login).variables == login
    assert identify(target("lambda"), {"MLFLOW_TRACKING_TOKEN": "t"}).variables == {"MLFLOW_TRACKING_TOKEN": "t"}
    with pytest.raises(UserError, match="a function of your own"):
        identify(target("lambda"), {})


def test_signing_needs_aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boto3.Session.get_credentials", lambda _: None)
    with pytest.raises(UserError, match=r"^no AWS credentials.*AWS_PROFILE"):
        identify(target("iam"), {})


@pytest.mark.parametrize("caller", [password(SECRET), TokenIdentity(SECRET), aws(SECRET)], ids=str)
def test_nobody_shows_a_secret(caller: Identity) -> None:
    assert SECRET not in f"{caller} {caller!r}"

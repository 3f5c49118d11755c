"""Tokens of an OpenID Connect issuer, checked by the gateway."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests
from requests.auth import AuthBase

from tests.dataplane.access_claims import SEARCH, AccessCheckedByTheGateway
from tests.dataplane.conftest import Client
from tests.dataplane.gateway import Gateway, Surroundings
from tests.dataplane.oidc import KID, Issuer, make_key, oidc
from tests.dataplane.stacks import Stacks

ISSUER = "https://login.example.com/realms/ml"
YESTERDAY, TOMORROW = int(time.time()) - 86_400, int(time.time()) + 86_400
USE, WRITE = "mlflow/use", "mlflow/write"
LOG_BATCH = "/api/2.0/mlflow/runs/log-batch"
OTHER_SPELLINGS = (
    "/api/2.0/mlflow/runs/log%2Dbatch",
    "/api/2.0/mlflow/runs/log-b%61tch",
    "/%61pi/2.0/mlflow/runs/log-batch",
    "/api/2.0/mlflow/runs//log-batch",
    "//api/2.0/mlflow/runs/log-batch",
    "/api/2.0/mlflow/runs/./log-batch",
    "/api/2.0/mlflow/x/../runs/log-batch",
    "/api/2.0/mlflow/runs/log-batch/",
    "/api/2.0/mlflow/runs%2Flog-batch",
    "/api/2.0/mlflow/runs/log-batch;x",
    "/API/2.0/mlflow/runs/log-batch",
)


class Bearer(AuthBase):
    """Sends *token*."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with oidc(ISSUER) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def access() -> Mapping[str, Any]:
    return {"type": "jwt", "issuer": ISSUER, "audiences": ("mlflow", "notebooks"), "scopes": (USE,)}


@pytest.fixture(scope="module")
def routes() -> Mapping[str, Any]:
    return {f"POST {LOG_BATCH}": {"scopes": (WRITE,)}}


@pytest.fixture(scope="module")
def nginx(stacks: Stacks) -> Mapping[str, str]:
    return stacks.nginx


@pytest.fixture(scope="module")
def surroundings(issuer: Issuer) -> Surroundings:
    return Surroundings(issuers={ISSUER: issuer.url})


@pytest.fixture(scope="module")
def token(issuer: Issuer) -> str:
    return issuer.token(aud="mlflow", scope=f"openid {USE} {WRITE}")


@pytest.fixture(scope="module")
def credentials(token: str) -> Mapping[str, str]:
    return {"MLFLOW_TRACKING_TOKEN": token}


@pytest.fixture(scope="module")
def auth(token: str) -> AuthBase:
    return Bearer(token)


class TestAccess(AccessCheckedByTheGateway):
    """See the base classes."""


Refusal = Callable[[str], tuple[int, str]]


@pytest.fixture
def refusal(api: Gateway) -> Refusal:
    """The status of a search with a token, and the gateway's reason."""

    def search(token: str) -> tuple[int, str]:
        answer = requests.get(f"{api.url}{SEARCH}", auth=Bearer(token), timeout=60)
        if answer.status_code == 401:
            assert answer.json() == {"message": "Unauthorized"}
        return answer.status_code, answer.headers.get("WWW-Authenticate", "")

    return search


def test_a_request_without_a_token_is_refused(api: Gateway) -> None:
    answer = requests.get(f"{api.url}{SEARCH}", timeout=60)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")  # which no browser asks a password for


def test_the_token_may_come_without_its_scheme(api: Gateway, token: str) -> None:
    answer = requests.get(f"{api.url}{SEARCH}", headers={"Authorization": token}, timeout=60)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "notebooks", "scope": USE},
        {"aud": ["elsewhere", "mlflow"], "scope": USE},
        {"client_id": "mlflow", "scope": USE},  # a Cognito access token has no "aud"
        {"aud": "mlflow", "scp": ["openid", USE]},
    ],
)
def test_tokens_of_every_usual_shape_are_accepted(issuer: Issuer, refusal: Refusal, claims: dict[str, Any]) -> None:
    assert refusal(issuer.token(**claims)) == (200, "")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": YESTERDAY}, "expired"),
        ({"exp": None}, "exp"),
        ({"nbf": TOMORROW}, "not yet valid"),
        ({"iat": TOMORROW}, "future"),
        ({"aud": "elsewhere"}, "valid audience"),
        ({"aud": "elsewhere", "client_id": "mlflow"}, "valid audience"),
        ({"aud": None}, "valid audience"),
        ({"iss": "https://login.example.com/realms/other"}, "valid issuer"),
        ({"iss": f"{ISSUER}/"}, "valid issuer"),
        ({"iss": None}, "iss"),
    ],
)
def test_refuses_claims_that_do_not_hold(issuer: Issuer, refusal: Refusal, claims: dict[str, Any], reason: str) -> None:
    status, why = refusal(issuer.token(**{"aud": "mlflow", "scope": USE, **claims}))
    assert status == 401
    assert reason in why


def test_refuses_a_signature_of_another_key_of_the_same_name(issuer: Issuer, refusal: Refusal) -> None:
    status, why = refusal(issuer.token(aud="mlflow", scope=USE, signed_with=make_key()))
    assert status == 401
    assert "bad_signature" in why


@pytest.mark.parametrize("kid", ["another", None])
def test_refuses_a_key_that_the_issuer_does_not_publish(issuer: Issuer, refusal: Refusal, kid: str | None) -> None:
    status, why = refusal(issuer.token(aud="mlflow", scope=USE, kid=kid))
    assert status == 401
    assert "key" in why


def test_refuses_a_token_that_was_changed(issuer: Issuer, refusal: Refusal) -> None:
    reader = issuer.token(aud="elsewhere", scope=USE).split(".")
    other = issuer.token(aud="mlflow", scope=USE).split(".")
    assert refusal(".".join([other[0], other[1], reader[2]]))[0] == 401


def test_refuses_a_token_that_is_not_signed(token: str, refusal: Refusal) -> None:
    status, why = refusal(_forged(token, "none", lambda _text: b""))
    assert status == 401
    assert "unsupported_algorithm" in why


def test_refuses_a_signature_with_the_public_key_as_the_secret(issuer: Issuer, token: str, refusal: Refusal) -> None:
    public = issuer.key.as_pem(private=False)
    status, why = refusal(_forged(token, "HS256", lambda text: hmac.digest(public, text, "sha256")))
    assert status == 401
    assert "unsupported_algorithm" in why


def test_refuses_what_is_no_token(refusal: Refusal) -> None:
    assert refusal("letmein")[0] == 401


@pytest.mark.parametrize("scope", [None, "openid", "mlflow/us", f"{USE}r"])
def test_a_token_without_the_scope_is_forbidden_to_do_anything(
    issuer: Issuer, refusal: Refusal, scope: str | None
) -> None:
    status, why = refusal(issuer.token(aud="mlflow", scope=scope))
    assert status == 403
    assert 'error="insufficient_scope"' in why


# --- scopes of a route ---


@pytest.mark.parametrize("prefix", ["/api/", "/ajax-api/"])
def test_a_route_with_scopes_of_its_own_needs_one_of_those(api: Gateway, issuer: Issuer, prefix: str) -> None:
    path = LOG_BATCH.replace("/api/", prefix)
    reader, writer = (issuer.token(aud="mlflow", scope=scope) for scope in (USE, WRITE))
    assert _post(api, path, reader) == 403
    assert _post(api, path, writer) == 404  # MLflow knows no such run


def test_a_reader_reads_and_does_not_write(api: Gateway, user: Client, issuer: Issuer) -> None:
    reader = issuer.token(aud="mlflow", scope=USE)
    refused = user("refused_metric", "read-only", MLFLOW_TRACKING_TOKEN=reader)["refused"]
    assert "Forbidden" in refused
    assert requests.get(f"{api.url}{SEARCH}", auth=Bearer(reader), timeout=60).status_code == 200


@pytest.mark.parametrize("path", OTHER_SPELLINGS)
def test_no_other_spelling_of_the_path_gets_around_them(api: Gateway, issuer: Issuer, path: str) -> None:
    reader = issuer.token(aud="mlflow", scope=USE)
    answer = _post_as_is(api, path, reader)
    assert answer.status_code in (308, 400, 403, 404, 405), answer.text  # 308 leads back to the gateway
    assert "RESOURCE_DOES_NOT_EXIST" not in answer.text  # which MLflow's log-batch says of a run that it does not know


def _post(api: Gateway, path: str, token: str) -> int:
    return _post_as_is(api, path, token).status_code


def _post_as_is(api: Gateway, path: str, token: str) -> requests.Response:
    """requests itself would tidy the path up."""
    body = {"run_id": "0" * 32, "metrics": []}
    request = requests.Request("POST", api.url, json=body, auth=Bearer(token)).prepare()
    request.url = f"{api.url}{path}"
    with requests.Session() as session:
        return session.send(request, timeout=60, allow_redirects=False)


def _forged(token: str, alg: str, sign: Callable[[bytes], bytes]) -> str:
    """The same claims in a token that joserfc would not make."""
    header = _base64(json.dumps({"alg": alg, "kid": KID}).encode())
    text = f"{header}.{token.split('.')[1]}"
    return f"{text}.{_base64(sign(text.encode()))}"


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

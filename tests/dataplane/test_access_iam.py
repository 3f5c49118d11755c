"""Requests signed with AWS credentials, checked by the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests.auth import AuthBase

from tests.dataplane.access_claims import SEARCH, AccessCheckedByTheGateway
from tests.dataplane.conftest import Client
from tests.dataplane.gateway import Gateway, Surroundings
from tests.dataplane.stacks import Stacks

REGION = "us-west-2"
ALICE = Credentials("AKIDALICE", "secret-of-alice")
ROLE = Credentials("ASIDROLE", "secret-of-the-role", "token-of-the-role")  # a notebook's, for an hour
# What docs/access.md tells users with proxied artifacts to set: the library that MLflow signs with takes no files, so
# none goes through the gateway.
ALL_ARTIFACTS_BY_PRESIGNED_URL = {
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "0",
}
TOO_FAR = timedelta(minutes=10)  # from now, of which AWS allows five
ENCODED_NAMES = ("epoch=3-step=100.ckpt", "two words.txt", "größer.txt")


class Signed(AuthBase):
    """Signs as botocore does, for *service* in *region*, *ahead* of now."""

    def __init__(
        self,
        caller: Credentials = ALICE,
        *,
        region: str = REGION,
        service: str = "execute-api",
        ahead: timedelta = timedelta(),
    ) -> None:
        self._caller = caller
        self._region = region
        self._service = service
        self._ahead = ahead

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body.encode() if isinstance(request.body, str) else request.body
        claimed = {name: value for name, value in request.headers.items() if name.lower() == "x-amz-content-sha256"}
        copy = AWSRequest(request.method, request.url, claimed, body)
        signer = SigV4Auth(self._caller, self._service, self._region)
        copy.context["timestamp"] = (datetime.now(UTC) + self._ahead).strftime(SIGV4_TIMESTAMP)
        signer._modify_request_before_signing(copy)  # type: ignore[attr-defined] # add_auth signs for now only
        text = signer.string_to_sign(copy, signer.canonical_request(copy))
        signer._inject_signature_to_request(copy, signer.signature(text, copy))  # type: ignore[attr-defined]
        request.headers.update(copy.headers.items())
        return request


@pytest.fixture(scope="module")
def access() -> Mapping[str, Any]:
    return {"type": "iam"}


@pytest.fixture(scope="module")
def nginx(stacks: Stacks) -> Mapping[str, str]:
    return stacks.nginx


@pytest.fixture(scope="module")
def surroundings() -> Surroundings:
    return Surroundings(region=REGION, callers=[ALICE, ROLE])


@pytest.fixture(scope="module")
def credentials() -> Mapping[str, str]:
    return {**_environment(ALICE), **ALL_ARTIFACTS_BY_PRESIGNED_URL}


@pytest.fixture(scope="module")
def auth() -> AuthBase:
    return Signed()


def _environment(caller: Credentials) -> dict[str, str]:
    session = {"AWS_SESSION_TOKEN": caller.token} if caller.token else {}
    return {
        "MLFLOW_TRACKING_AWS_SIGV4": "true",
        "AWS_ACCESS_KEY_ID": caller.access_key,
        "AWS_SECRET_ACCESS_KEY": caller.secret_key,
        "AWS_DEFAULT_REGION": REGION,
        **session,
    }


class TestAccess(AccessCheckedByTheGateway):
    """See the base classes."""


def test_a_role_with_a_session_token_may_call(user: Client) -> None:
    assert user("refusal", "by-a-role", **_environment(ROLE)) == {"refused": ""}


def test_the_client_with_a_wrong_secret_is_refused(user: Client) -> None:
    wrong = Credentials(ALICE.access_key, "guessed")
    assert "Forbidden" in user("refusal", "x", **_environment(wrong))["refused"]


def test_without_those_variables_the_client_cannot_sign_an_artifact(user: Client, tmp_path: Path) -> None:
    file = tmp_path / "model.txt"
    file.write_text("weights")
    with pytest.raises(AssertionError, match="no attribute 'encode'"):
        user("artifact_there_and_back", "files", file, tmp_path, **_environment(ALICE))


@pytest.mark.parametrize("name", ENCODED_NAMES)
def test_the_client_signs_no_name_that_has_to_be_encoded(
    user: Client, credentials: Mapping[str, str], tmp_path: Path, name: str
) -> None:
    """Its library encodes paths once, where Signature Version 4 has them encoded twice (all services but S3)."""
    file = tmp_path / name
    file.write_text("weights")
    with pytest.raises(AssertionError, match="403 Client Error: Forbidden"):
        user("artifact_there_and_back", "names", file, tmp_path, **credentials)


@pytest.mark.parametrize("name", ["plain.txt", *ENCODED_NAMES])
def test_files_of_any_name_pass_when_they_are_signed_as_aws_does(api: Gateway, name: str) -> None:
    url = f"{api.url}/api/2.0/mlflow-artifacts/artifacts/0/{quote(name)}"
    assert requests.put(url, data=b"weights", auth=Signed(), timeout=60).status_code == 200
    assert requests.get(url, auth=Signed(), timeout=60).content == b"weights"


def _refused(request: requests.PreparedRequest) -> None:
    with requests.Session() as session:
        answer = session.send(request, timeout=60)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def _signed(api: Gateway, auth: AuthBase | None = None, **changes: Any) -> requests.PreparedRequest:
    search = {"method": "POST", "url": f"{api.url}/api/2.0/mlflow/experiments/search?a=1", "json": {"max_results": 1}}
    return requests.Request(**{**search, **changes}, auth=auth or Signed()).prepare()


def test_a_signed_request_is_answered(api: Gateway) -> None:
    with requests.Session() as session:
        assert session.send(_signed(api), timeout=60).status_code == 200


def test_refuses_a_request_that_is_not_signed(api: Gateway) -> None:
    answer = requests.get(f"{api.url}{SEARCH}", timeout=60)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize("header", ["Bearer abc", "Basic bWxmbG93OnB3", "AWS4-HMAC-SHA256 Credential=AKIDALICE"])
def test_refuses_any_other_authorization(api: Gateway, header: str) -> None:
    request = _signed(api)
    request.headers["Authorization"] = header
    _refused(request)


@pytest.mark.parametrize(
    "auth",
    [
        Signed(Credentials("AKIDNOBODY", "secret-of-alice")),
        Signed(Credentials("AKIDALICE", "secret-of-bob")),
        Signed(Credentials(ROLE.access_key, ROLE.secret_key)),
        Signed(Credentials(ROLE.access_key, ROLE.secret_key, "token-of-yesterday")),
        Signed(region="eu-central-1"),
        Signed(service="s3"),
        Signed(ahead=-TOO_FAR),
        Signed(ahead=TOO_FAR),
    ],
    ids=["unknown-key", "wrong-secret", "no-session-token", "old-session-token", "region", "service", "old", "future"],
)
def test_refuses_a_signature_that_is_not_the_callers_of_now(api: Gateway, auth: AuthBase) -> None:
    _refused(_signed(api, auth))


def test_refuses_another_body(api: Gateway) -> None:
    request = _signed(api)
    assert isinstance(request.body, bytes)
    request.body = request.body.replace(b"1", b"2")
    _refused(request)


def test_refuses_another_body_whose_digest_is_that_of_the_signed_one(api: Gateway) -> None:
    signed = _signed(api, headers={"X-Amz-Content-SHA256": "0" * 64})
    _refused(signed)


def test_refuses_another_query(api: Gateway) -> None:
    request = _signed(api)
    assert request.url
    request.url = request.url.replace("a=1", "a=2")
    _refused(request)


def test_refuses_another_path(api: Gateway) -> None:
    request = _signed(api)
    assert request.url
    request.url = request.url.replace("experiments", "runs")
    _refused(request)


def test_refuses_another_method(api: Gateway) -> None:
    request = _signed(api)
    request.method = "PUT"
    _refused(request)


def test_refuses_a_date_other_than_the_signed_one(api: Gateway) -> None:
    request = _signed(api, Signed(ahead=-TOO_FAR))
    request.headers["X-Amz-Date"] = datetime.now(UTC).strftime(SIGV4_TIMESTAMP)
    _refused(request)


def test_refuses_what_was_signed_for_another_host(api: Gateway) -> None:
    request = _signed(api, url="https://other.execute-api.us-west-2.amazonaws.com/api/2.0/mlflow/experiments/search")
    request.url = f"{api.url}/api/2.0/mlflow/experiments/search"
    _refused(request)
    request.headers["Host"] = "other.execute-api.us-west-2.amazonaws.com"
    _refused(request)  # the signature holds, but this API has another name


def test_refuses_a_signature_that_leaves_out_the_host(api: Gateway) -> None:
    request = _signed(api)
    authorization = request.headers["Authorization"]
    assert "SignedHeaders=host;x-amz-date" in authorization
    request.headers["Authorization"] = authorization.replace("host;", "")
    _refused(request)

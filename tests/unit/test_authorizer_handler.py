from __future__ import annotations

import ast
import base64
import contextlib
import hashlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constructs_lib import authorizer_handler
from constructs_lib.authorizer_handler import LIFETIME_SECONDS, PAUSE_SECONDS, Passwords, handler
from dataplane.process import free_port
from rehearsal.emulator import Emulator

FIRST = "mlflow"
PASSWORD = "Ab3" * 13 + "x"
ROTATED = "Yz9" * 13 + "w"
USERS = ("alice", "bob@example.com")
LOGIN = 'Basic realm="MLflow", charset="UTF-8"'


def derived(name: str, secret: str = PASSWORD) -> str:
    return hashlib.sha256(f"{name}:{secret}".encode()).hexdigest()


def basic(user: str, password: str, scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


EVERYBODY = {FIRST: PASSWORD, **{name: derived(name) for name in USERS}}


class Aws:
    """The secret in Secrets Manager, how often it was read, and the time, which only a test moves."""

    def __init__(self, emulator: Emulator) -> None:
        self.client = emulator.client("secretsmanager")
        self.arn: str = self.client.create_secret(Name="credentials", SecretString=content(PASSWORD))["ARN"]
        self.readings = 0
        self.now = 1_000_000.0

    def put(self, secret: str) -> None:
        self.client.put_secret_value(SecretId=self.arn, SecretString=secret)

    def delete(self) -> None:
        self.client.delete_secret(SecretId=self.arn, ForceDeleteWithoutRecovery=True)

    def counted(self, client: Any) -> Any:
        def count(**_: object) -> None:
            self.readings += 1

        client.meta.events.register("before-call.secretsmanager.GetSecretValue", count)
        return client


def content(password: object, username: object = FIRST) -> str:
    return json.dumps({"username": username, "password": password})


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def environment(emulator: Emulator) -> Iterator[None]:
    """What Lambda gives the function, and the emulator's address."""
    with pytest.MonkeyPatch.context() as shell:
        for name, value in emulator.environment.items():
            shell.setenv(name, value) if value else shell.delenv(name, raising=False)
        shell.setenv("USERS", " ".join(USERS))
        yield


@pytest.fixture(autouse=True)
def aws(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """A function that has just been started, and its secret."""
    aws, make = Aws(emulator), boto3.client
    monkeypatch.setenv("SECRET_ARN", aws.arn)
    monkeypatch.setattr(authorizer_handler, "_passwords", Passwords(lambda: aws.now))
    monkeypatch.setattr(boto3, "client", lambda *given, **options: aws.counted(make(*given, **options)))
    yield aws
    aws.delete()


def request(authorization: object = None, **more: object) -> dict[str, Any]:
    """What an authorizer gets, payload 2.0."""
    headers = {"host": "mlflow.example.com"} | ({} if authorization is None else {"authorization": authorization})
    identity = [authorization] if authorization else []
    common = {"version": "2.0", "routeKey": "ANY /{proxy+}", "rawPath": "/x", "headers": headers}
    return {**common, "type": "REQUEST", "identitySource": identity, **more}


def page(authorization: object = None) -> dict[str, Any]:
    """What the login page gets, payload 2.0."""
    event = request(authorization, routeKey="GET /", rawPath="/", isBase64Encoded=False)
    del event["type"], event["identitySource"]
    return event


def allowed(authorization: object) -> bool:
    answer = handler(request(authorization), None)
    assert answer["isAuthorized"] in (True, False)
    return bool(answer["isAuthorized"])


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "bAsIc  "])
@pytest.mark.parametrize("name", EVERYBODY)
def test_a_user_is_let_in_by_name_and_password(name: str, scheme: str) -> None:
    answer = handler(request(basic(name, EVERYBODY[name], scheme)), None)
    assert answer == {"isAuthorized": True, "context": {"user": name}}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER ", " Bearer"])
@pytest.mark.parametrize("name", EVERYBODY)
def test_a_password_alone_is_a_token(name: str, scheme: str) -> None:
    answer = handler(request(f"{scheme} {EVERYBODY[name]} "), None)
    assert answer == {"isAuthorized": True, "context": {"user": name}}


@pytest.mark.parametrize("authorization", [basic(*item) for item in EVERYBODY.items()] + [f"Bearer {PASSWORD}"])
def test_the_login_page_sends_a_user_on(authorization: str) -> None:
    answer = handler(page(authorization), None)
    assert answer["statusCode"] == 302
    assert (answer["headers"]["location"], answer["headers"]["cache-control"]) == ("/ui", "no-store")


def encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


RIGHT = encoded(f"{FIRST}:{PASSWORD}".encode())
WRONG: dict[str, object] = {
    "nothing": None,
    "an empty header": "",
    "blanks": "  ",
    "a scheme alone": "Basic",
    "an empty password": basic(FIRST, ""),
    "empty credentials": basic("", ""),
    "a wrong password": basic(FIRST, PASSWORD[:-1]),
    "one letter more": basic(FIRST, PASSWORD + "x"),
    "another case": basic(FIRST, PASSWORD.lower()),
    "another case of the name": basic("Alice", derived("alice")),
    "the first user's password": basic("alice", PASSWORD),
    "another user's password": basic("alice", derived("bob@example.com")),
    "a derived password for the first user": basic(FIRST, derived(FIRST)),
    "a password that is derived, but nobody's": basic("carol", derived("carol")),
    "an unknown user": basic("carol", PASSWORD),
    "no user": basic("", PASSWORD),
    "an unknown token": f"Bearer {derived('carol')}",
    "an empty token": "Bearer ",
    "a token of two words": f"Bearer {PASSWORD} {PASSWORD}",
    "no base64": f"Basic {FIRST}:{PASSWORD}",
    "base64 and more": f"Basic {RIGHT}!",
    "base64 without its end": f"Basic {RIGHT.rstrip('=')[:-1]}",
    "letters that are not ASCII": "Basic ß",
    "a token with half a letter": "Bearer \ud800",
    "no colon": f"Basic {encoded(PASSWORD.encode())}",
    "bytes that are no text": "Basic //46/w==",
    "a zero byte": basic(FIRST, f"{PASSWORD}\0"),
    "another scheme": f"Digest {RIGHT}",
    "no scheme": RIGHT,
    "a doubled header": f"Basic {RIGHT},Basic {RIGHT}",
    "a doubled token": f"Bearer {PASSWORD},Bearer {PASSWORD}",
    "a huge header": "Basic " + encoded(b"mlflow:" + b"x" * 1_000_000),
    "a huge token": "Bearer " + PASSWORD + " " * 10_000,
    "a list": [f"Basic {RIGHT}"],
    "a number": 1,
}


@pytest.mark.parametrize("authorization", WRONG.values(), ids=WRONG)
def test_refuses_what_proves_no_user(authorization: object) -> None:
    assert handler(request(authorization), None) == {"isAuthorized": False}
    answer = handler(page(authorization), None)
    assert answer["statusCode"] == 401
    assert (answer["headers"]["www-authenticate"], answer["headers"]["cache-control"]) == (LOGIN, "no-store")
    assert answer["headers"]["content-type"] == "text/plain; charset=utf-8"


def test_only_the_header_counts() -> None:
    event = request(None, identitySource=[basic(FIRST, PASSWORD)], queryStringParameters={"authorization": PASSWORD})
    assert handler(event, None) == {"isAuthorized": False}


@pytest.mark.parametrize("password", ["a:b::c", "pä✓", " x ", "x" * 256])
def test_any_password_that_the_secret_has_will_do(aws: Aws, password: str) -> None:
    aws.put(content(password, "Ü"))
    assert allowed(basic("Ü", password))
    assert allowed(basic("alice", derived("alice", password)))
    assert not allowed(basic(FIRST, password))


@pytest.mark.parametrize("users", ["", "  "])
def test_without_more_users_there_is_the_first(monkeypatch: pytest.MonkeyPatch, users: str) -> None:
    monkeypatch.setenv("USERS", users)
    assert allowed(basic(FIRST, PASSWORD))
    assert not allowed(basic("alice", derived("alice")))


def test_the_secret_is_read_once_for_many_requests(aws: Aws) -> None:
    assert [allowed(basic(FIRST, PASSWORD)) for _ in range(20)] == [True] * 20
    aws.now += LIFETIME_SECONDS - 1
    assert (allowed(basic(FIRST, PASSWORD)), aws.readings) == (True, 1)
    aws.now += 1
    assert (allowed(basic(FIRST, PASSWORD)), aws.readings) == (True, 2)


def test_a_new_password_works_seconds_after_a_rotation_and_the_old_one_no_more(aws: Aws) -> None:
    assert allowed(basic(FIRST, PASSWORD))
    aws.now += PAUSE_SECONDS
    aws.put(content(ROTATED))
    assert allowed(basic(FIRST, PASSWORD)), "the copy is still good"
    assert allowed(basic("alice", derived("alice", ROTATED)))
    assert not allowed(basic(FIRST, PASSWORD))
    assert (allowed(f"Bearer {ROTATED}"), aws.readings) == (True, 2)


def test_an_old_password_ends_with_the_copy(aws: Aws) -> None:
    assert allowed(basic(FIRST, PASSWORD))
    aws.put(content(ROTATED))
    aws.now += LIFETIME_SECONDS
    assert not allowed(basic(FIRST, PASSWORD))


def test_a_flood_of_wrong_passwords_is_none_of_readings(aws: Aws) -> None:
    for _ in range(200):
        assert not allowed(basic(FIRST, ROTATED))
        aws.now += PAUSE_SECONDS / 20
    assert aws.readings == 10
    assert allowed(basic(FIRST, PASSWORD))


def test_requests_without_credentials_read_nothing(aws: Aws) -> None:
    for wrong in (None, "Basic x", "Digest x", "Basic " + "x" * 10_000):
        assert not allowed(wrong)
        assert handler(page(wrong), None)["statusCode"] == 401
    assert aws.readings == 0


def assert_unavailable(authorization: str) -> None:
    assert handler(request(authorization), None) == {"isAuthorized": False}
    answer = handler(page(authorization), None)
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "30")
    assert answer["headers"]["content-type"].startswith("text/plain")


def test_a_secret_that_is_gone_lets_nobody_in_once_the_copy_is_old(aws: Aws) -> None:
    assert allowed(basic(FIRST, PASSWORD))
    aws.delete()
    aws.now += LIFETIME_SECONDS - 1
    assert allowed(basic(FIRST, PASSWORD))
    aws.now += 1
    for _ in range(5):
        assert_unavailable(basic(FIRST, PASSWORD))
    assert aws.readings == 2, "an outage is no reason for a flood either"


def test_a_secret_that_comes_back_lets_users_in_again(aws: Aws) -> None:
    aws.put("{}")
    assert_unavailable(basic(FIRST, PASSWORD))
    aws.put(content(PASSWORD))
    assert_unavailable(basic(FIRST, PASSWORD))
    aws.now += PAUSE_SECONDS
    assert allowed(basic(FIRST, PASSWORD))


BAD_SECRETS = {
    "no JSON": PASSWORD,
    "half of it": content(PASSWORD)[:-1],
    "a list": json.dumps([FIRST, PASSWORD]),
    "a text": json.dumps(PASSWORD),
    "null": "null",
    "other names": json.dumps({"user": FIRST, "pass": PASSWORD}),
    "no password": json.dumps({"username": FIRST}),
    "no user": json.dumps({"password": PASSWORD}),
    "an empty password": content(""),
    "an empty user": content(PASSWORD, ""),
    "a number": content(1),
    "null for a password": content(None),
    "a list for a password": content([PASSWORD]),
    "half a letter": content("\ud800"),
    "half a letter in the name": content(PASSWORD, "\ud800"),
    "too deep": "[" * 60_000,
}


@pytest.mark.parametrize("secret", BAD_SECRETS.values(), ids=BAD_SECRETS)
def test_a_secret_that_is_none_lets_nobody_in(aws: Aws, capfd: pytest.CaptureFixture[str], secret: str) -> None:
    aws.put(secret)
    for authorization in (basic(FIRST, PASSWORD), basic(FIRST, ""), basic("", ""), basic(FIRST, "None"), "Bearer x"):
        assert_unavailable(authorization)
    printed = "".join(capfd.readouterr())
    assert PASSWORD not in printed
    assert "cannot read the secret" in printed


def test_a_binary_secret_lets_nobody_in(aws: Aws) -> None:
    aws.client.put_secret_value(SecretId=aws.arn, SecretBinary=content(PASSWORD).encode())
    assert_unavailable(basic(FIRST, PASSWORD))


@pytest.mark.parametrize(
    ("name", "value"), [("SECRET_ARN", ""), ("SECRET_ARN", "no such secret"), ("AWS_ENDPOINT_URL", "refused")]
)
def test_a_function_that_cannot_read_lets_nobody_in(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}" if value == "refused" else value)
    assert_unavailable(basic(FIRST, PASSWORD))
    monkeypatch.delenv(name)


def test_without_a_region_or_a_secret_it_still_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_ARN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert_unavailable(basic(FIRST, PASSWORD))


def test_an_error_that_nobody_thought_of_lets_nobody_in_and_its_text_is_not_logged(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> float:
        raise RuntimeError(PASSWORD)

    monkeypatch.setattr(authorizer_handler, "_passwords", Passwords(fail))
    assert_unavailable(basic(FIRST, PASSWORD))
    line = {"outcome": "unavailable", "reason": "RuntimeError"}
    assert [json.loads(text) for text in capfd.readouterr().out.splitlines()] == [line, line]


def test_the_log_names_outcome_user_and_reason(aws: Aws, capfd: pytest.CaptureFixture[str]) -> None:
    for authorization in (basic("alice", derived("alice")), basic("carol", "hunter2"), None, "Basic hunter2"):
        handler(request(authorization), None)
    aws.delete()
    aws.now += LIFETIME_SECONDS
    handler(page(basic(FIRST, PASSWORD)), None)
    printed = capfd.readouterr()
    assert [json.loads(line) for line in printed.out.splitlines()] == [
        {"outcome": "allowed", "user": "alice"},
        {"outcome": "refused", "reason": "wrong user or password"},
        {"outcome": "refused", "reason": "no credentials"},
        {"outcome": "refused", "reason": "malformed credentials"},
        {"outcome": "unavailable", "reason": "cannot read the secret: ResourceNotFoundException"},
    ]
    assert printed.err == ""


def test_it_needs_nothing_that_lambda_does_not_have() -> None:
    tree = ast.parse(Path(authorizer_handler.__file__).read_text("utf-8"))
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    from_ = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in plain | from_} <= {*sys.stdlib_module_names, "boto3", "botocore"}


REASONS = {
    "no credentials",
    "malformed credentials",
    "credentials too long",
    "unknown scheme",
    "wrong user or password",
}
bounded = settings(
    deadline=None, max_examples=300, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
secrets = st.sampled_from([*EVERYBODY, *EVERYBODY.values(), "carol", ":", "", " ", ",", "\0", "é"])
tokens = st.lists(secrets | st.text(max_size=5), max_size=5).map("".join)
payloads = st.one_of(
    tokens,
    tokens.map(lambda text: base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()),
    st.binary(max_size=20).map(encoded),
)
authorizations = st.builds(
    "{}{}{}".format,
    st.sampled_from(["Basic", "bearer", "BEARER", "Digest", ""]),
    st.sampled_from([" ", "  ", "\t", ""]),
    payloads,
)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | authorizations,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "headers", "authorization", "Authorization"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=8,
)
events = st.one_of(
    documents,
    authorizations.map(request),
    authorizations.map(page),
    st.builds(
        lambda event, more: {**event, **more}, authorizations.map(request), st.dictionaries(st.text(), documents)
    ),
    st.builds(lambda headers, type_: {"type": type_, "headers": headers}, documents, st.just("REQUEST") | documents),
)


def proves(event: Any) -> str | None:
    """The user that *event* proves to be, told without the code under test."""
    header = event["headers"]["authorization"]
    scheme, value = header.split(maxsplit=1)
    if scheme.lower() == "bearer":
        [name] = [name for name, password in EVERYBODY.items() if password == value.strip(" ")]
        return name
    name, _, password = base64.b64decode(value).decode().partition(":")
    return name if scheme.lower() == "basic" and EVERYBODY[name] == password else None


@bounded
@given(events)
def test_whatever_comes_it_answers_and_tells_nobody_a_secret(event: Any) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        answer = handler(event, None)
    json.dumps(answer)
    [line] = map(json.loads, out.getvalue().splitlines())
    assert err.getvalue() == ""
    if answer.keys() == {"isAuthorized", "context"}:
        assert answer == {"isAuthorized": True, "context": {"user": proves(event)}}
    elif answer.keys() != {"isAuthorized"}:
        assert answer.keys() == {"statusCode", "headers", "body"}
        assert (answer["statusCode"], set(answer["headers"]) - {"content-type", "cache-control"}) in (
            (401, {"www-authenticate"}),
            (302, {"location"}),
        )
    else:
        assert answer == {"isAuthorized": False}
    if line["outcome"] == "allowed":
        assert line == {"outcome": "allowed", "user": proves(event)}
    else:
        assert (line.keys(), line["outcome"], line["reason"] in REASONS) == ({"outcome", "reason"}, "refused", True)


@bounded
@given(st.sampled_from(sorted(EVERYBODY)), st.sampled_from(["basic", "Bearer"]))
def test_every_user_is_let_in_every_time(name: str, scheme: str) -> None:
    password = EVERYBODY[name]
    assert allowed(basic(name, password) if scheme == "basic" else f"{scheme} {password}")

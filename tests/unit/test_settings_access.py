"""Who may use the HTTP API: one type of access at a time, with all that it needs."""

from __future__ import annotations

from typing import Any

import pytest

from settings import AccessSettings, Settings
from tests.unit.settings_file import loaded, refusal

FUNCTION = "arn:aws:lambda:us-west-2:012345678901:function:authorizer"
JWT = 'type = "jwt", issuer = "https://login.example.com/", audiences = ["mlflow"]'
TYPES = ("basic", "jwt", "iam", "lambda", "none")
VALUES: dict[str, tuple[str, ...]] = {
    'users = ["alice"]': ("basic", "lambda"),
    'issuer = "https://login.example.com"': ("jwt",),
    'audiences = ["mlflow"]': ("jwt",),
    'scopes = ["read"]': ("jwt",),
    'cognito = { domain_prefix = "mlflow" }': ("jwt",),
    f'function_arn = "{FUNCTION}"': ("lambda",),
    "cache_seconds = 300": ("lambda",),
    "i_know_this_is_public = false": ("none",),
}
"""A value of each key but the type, its default where it has one, and the types it belongs to."""


# --- what loads ---


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("", {"type": "basic", "users": ()}),
        ('users = ["alice", "bob@example.com", "A_1.b-c"]', {"users": ("alice", "bob@example.com", "A_1.b-c")}),
        (JWT, {"type": "jwt", "issuer": "https://login.example.com/", "audiences": ("mlflow",), "scopes": ()}),
        (JWT + ', scopes = ["api://mlflow/.default"]', {"scopes": ("api://mlflow/.default",)}),
        ('type = "iam"', {"type": "iam"}),
        ('type = "lambda"', {"function_arn": None, "cache_seconds": 300, "has_login_page": True}),
        ('type = "lambda", users = ["bob"], cache_seconds = 0', {"users": ("bob",), "cache_seconds": 0}),
        (f'type = "lambda", function_arn = "{FUNCTION}"', {"function_arn": FUNCTION, "has_login_page": False}),
        (f'type = "lambda", function_arn = "{FUNCTION}:live"', {"function_arn": f"{FUNCTION}:live"}),
        ('type = "none", i_know_this_is_public = true', {"type": "none", "has_login_page": False}),
        ('users = null, issuer = null, type = "iam"', {"type": "iam"}),
    ],
)
def test_accepts_each_type_with_its_keys(entry: str, expected: dict[str, Any]) -> None:
    access = loaded(f"access = {{ {entry} }}").access
    assert {key: getattr(access, key) for key in expected} == expected


def test_accepts_a_user_pool_of_our_own_in_place_of_issuer_and_audiences() -> None:
    access = loaded(
        'access = { type = "jwt", scopes = ["mlflow/read"], cognito = { domain_prefix = "our-mlflow", '
        'callback_urls = ["http://localhost:8400/callback", "https://app.example.com", "http://localhost"] } }'
    ).access
    assert access.cognito is not None
    assert (access.cognito.domain_prefix, len(access.cognito.callback_urls)) == ("our-mlflow", 3)


def test_python_callers_may_spell_out_that_a_key_is_not_set() -> None:
    assert AccessSettings(type="iam", issuer=None, cognito=None).type == "iam"


# --- one type at a time ---


@pytest.mark.parametrize(
    ("entry", "type"),
    [(entry, type) for entry, types in VALUES.items() for type in TYPES if type not in types],
)
def test_refuses_a_key_of_another_type_with_both_remedies(entry: str, type: str) -> None:
    message = refusal(f'access = {{\n  type = "{type}"\n  {entry}\n}}')
    key = entry.partition(" ")[0]
    owners = " or ".join(f'"{owner}"' for owner in VALUES[entry])
    assert f"dev.tfvars:3: access.{key} = " in message
    assert f': belongs to access.type = {owners}, not "{type}"; remove {key}, or set type = {owners}' in message


def test_a_key_without_its_type_is_refused_since_the_type_is_basic() -> None:
    assert refusal('access = { issuer = "https://login.example.com" }') == (
        'dev.tfvars:1: access.issuer = "https://login.example.com": belongs to access.type = "jwt", not "basic"; '
        'remove issuer, or set type = "jwt"'
    )


def test_reports_the_keys_of_several_types_at_once() -> None:
    message = refusal('access = {\n  type = "iam"\n  users = ["bob"]\n  issuer = "https://a.b"\n  cache_seconds = 1\n}')
    assert [line.partition(" = ")[0] for line in message.splitlines()] == [
        "dev.tfvars:3: access.users",
        "dev.tfvars:4: access.issuer",
        "dev.tfvars:5: access.cache_seconds",
    ]


# --- what a type needs ---


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('type = "jwt"', 'type = "jwt": needs to know whose tokens count; set issuer and audiences, or cognito'),
        ('type = "jwt", issuer = "https://a.b"', 'type = "jwt": needs to know whose tokens count; set audiences, or'),
        (
            'type = "jwt", issuer = "https://a.b", audiences = []',
            "set audiences, or cognito for a user pool of our own",
        ),
        ('type = "jwt", audiences = ["x"]', "needs to know whose tokens count; set issuer, or cognito"),
        (
            'type = "jwt", issuer = "https://a.b", cognito = { domain_prefix = "x" }',
            'issuer = "https://a.b": access.cognito brings its own; remove issuer, or remove cognito',
        ),
        (
            'type = "jwt", audiences = ["x"], cognito = { domain_prefix = "x" }',
            'audiences = ["x"]: access.cognito brings its own; remove audiences, or remove cognito',
        ),
        (
            'type = "jwt", cognito = {}',
            "cognito.domain_prefix: missing; set 1 to 63 lower-case letters",
        ),
        (
            'type = "jwt", scopes = ["mlflow/x"], cognito = { domain_prefix = "x" }',
            'scopes = ["mlflow/x"]: only the sign-in page gives tokens scopes; set access.cognito.callback_urls, or',
        ),
        (
            'type = "none"',
            'type = "none": lets anybody on the internet read, change and delete everything; set another type, or '
            "i_know_this_is_public = true beside it",
        ),
        ('type = "none", i_know_this_is_public = false', "i_know_this_is_public = true beside it"),
        (
            f'type = "lambda", function_arn = "{FUNCTION}", users = ["bob"]',
            'users = ["bob"]: your function knows its own users; remove users, or remove function_arn',
        ),
        (
            f'type = "lambda", function_arn = "{FUNCTION.replace("us-west-2", "eu-west-1")}"',
            ": the API is in us-west-2; set a function of that region",
        ),
        (
            'type = "lambda", users = [' + ", ".join(f'"{"u" * 60}{n:04}"' for n in range(60)) + "]",
            'Lambda quotas), which leaves 3500 letters for the names; set fewer, or type = "basic"',
        ),
    ],
)
def test_refuses_a_type_without_what_it_needs(entry: str, message: str) -> None:
    text = refusal(f"access = {{ {entry} }}")
    assert text.startswith("dev.tfvars:1: access.")
    assert message in text
    assert "\n" not in text


@pytest.mark.parametrize("scope", ["openid", "mlflow", "mlflow/", "mlflow/a/b", "other/read"])
def test_refuses_scopes_that_no_token_of_the_user_pool_has(scope: str) -> None:
    cognito = 'cognito = { domain_prefix = "x", callback_urls = ["https://a.b"] }'
    assert refusal(f'access = {{ type = "jwt", {cognito}, scopes = ["mlflow/read", "{scope}"] }}') == (
        f'dev.tfvars:1: access.scopes[1] = "{scope}": scopes of the user pool are "mlflow/" and a name; set '
        '"mlflow/write", for instance'
    )


# --- single values ---


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ('"http://login.example.com"', "set the https URL of an issuer, such as"),
        ('"login.example.com"', "set the https URL of an issuer, such as"),
        ('"https://"', "set the https URL of an issuer, such as"),
        ('"https://a b.c"', "set the https URL of an issuer, such as"),
        ('"https://a.b/x\\n"', "set the https URL of an issuer, such as"),
        ('"https://a.b/' + "x" * 2048 + '"', "set the https URL of an issuer, such as"),
        ('"https://a.b?tenant=1"', "an issuer has no query and no fragment (OpenID Connect Discovery 1.0); remove it"),
        ('"https://a.b/#x"', "an issuer has no query and no fragment (OpenID Connect Discovery 1.0); remove it"),
        ('"https://user:word@a.b"', "an issuer has no user name or password in it; remove what stands before the @"),
        ('"https://a.b/t/.well-known/openid-configuration"', "this is the address of its description; remove /.well"),
    ],
)
def test_refuses_an_issuer_that_is_none(value: str, remedy: str) -> None:
    message = refusal(f'access = {{\ntype = "jwt"\nissuer = {value}\naudiences = ["x"]\n}}')
    assert message.startswith("dev.tfvars:3: access.issuer = ")
    assert remedy in message
    assert "\n" not in message


@pytest.mark.parametrize("issuer", ["https://a.b/u@example.com", "https://a.b:8443", "https://a.b/%7Etenant/v2.0/"])
def test_accepts_an_issuer_as_the_tokens_have_it(issuer: str) -> None:
    assert loaded(f'access = {{ type = "jwt", issuer = "{issuer}", audiences = ["x"] }}').access.issuer == issuer


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("users", '["mlflow"]', '"mlflow" is the first user anyway; remove it'),
        ("users", '["bob", "bob"]', "listed more than once: bob; keep one of each"),
        ("users[0]", '["a:b"]', "set 500 names at most, each of 1 to 64 letters, digits and . _ @ -"),
        ("users[1]", '["bob", "a b"]', "set 500 names at most"),
        ("users[0]", '[""]', "set 500 names at most"),
        ("users[0]", '["-bob"]', "that begins with a letter or digit"),
        ("users[0]", '["müller"]', "set 500 names at most"),
        ("users[0]", '["bob\\n"]', "set 500 names at most"),
        ("users[0]", f'["{"a" * 65}"]', "set 500 names at most"),
        ("users", "[" + ", ".join(f'"u{n}"' for n in range(501)) + "]", "set 500 names at most"),
        ("audiences[0]", '["a b"]', "set 50 audiences at most (HTTP API quotas), without spaces"),
        ("audiences", '["a", "a"]', "listed more than once: a; keep one of each"),
        ("audiences", "[" + ", ".join(f'"a{n}"' for n in range(51)) + "]", "set 50 audiences at most"),
        ("scopes[0]", '["a b"]', "of printable ASCII without spaces, quotes and backslashes (RFC 6749)"),
        ("scopes[0]", "['\"']".replace("'\"'", '"a\\"b"'), "without spaces, quotes and backslashes (RFC 6749)"),
        ("scopes[0]", '["a\\\\b"]', "without spaces, quotes and backslashes (RFC 6749)"),
        ("scopes[0]", '["é"]', "of printable ASCII"),
        ("scopes[0]", '[""]', "of printable ASCII"),
        ("scopes", '["a", "a"]', "listed more than once: a; keep one of each"),
        ("scopes", "[" + ", ".join(f'"a{n}"' for n in range(11)) + "]", "set 10 scopes at most (HTTP API quotas)"),
        ("cognito.domain_prefix", '{ domain_prefix = "Mlflow" }', "set 1 to 63 lower-case letters"),
        ("cognito.domain_prefix", '{ domain_prefix = "mlflow-" }', "with a letter or digit at both ends"),
        ("cognito.domain_prefix", '{ domain_prefix = "our-aws" }', 'Cognito refuses "aws" in it'),
        ("cognito.domain_prefix", '{ domain_prefix = "mycognito" }', 'Cognito refuses "cognito" in it'),
        (
            "cognito.callback_urls[0]",
            '{ domain_prefix = "x", callback_urls = ["http://example.com"] }',
            "set 100 URLs at most, of https, or of http on localhost",
        ),
        (
            "cognito.callback_urls[0]",
            '{ domain_prefix = "x", callback_urls = ["http://localhost.example.com"] }',
            "set 100 URLs at most",
        ),
        (
            "cognito.callback_urls[0]",
            '{ domain_prefix = "x", callback_urls = ["https://a.b/#part"] }',
            "set 100 URLs at most",
        ),
        ("function_arn", '"authorizer"', "set the ARN of a function, such as"),
        ("function_arn", f'"{FUNCTION}/invocations"', "set the ARN of a function, such as"),
        ("cache_seconds", "-1", "set a whole number from 0 to 3600"),
    ],
)
def test_refuses_single_values(key: str, value: str, remedy: str) -> None:
    message = refusal(f"access = {{\n{key.split('.')[0].split('[')[0]} = {value}\n}}")
    assert message.startswith(f"dev.tfvars:2: access.{key} = ")
    assert remedy in message
    assert "\n" not in message


def test_settings_of_one_type_are_no_defaults_of_another() -> None:
    assert Settings(project="x", environment="dev").access == AccessSettings()

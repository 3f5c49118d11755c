from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest
from cdktf import TerraformOutput

from constructs_lib.user_pool import UserPool
from tests.unit.synthesis import Terraform, Workbench

CALLBACKS = ("https://notebook.example.com/callback", "http://localhost:8000")


def _make(stack: Workbench, **changes: Any) -> UserPool:
    return UserPool(stack, "users", **{"name_prefix": "test", "domain_prefix": "test-mlflow", **changes})


def _synthesise(stack: Workbench, **changes: Any) -> Terraform:
    _make(stack, **changes)
    return stack.synthesise()


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    return _synthesise(stack)


def test_only_administrators_create_users(terraform: Terraform) -> None:
    pool = terraform.one("aws_cognito_user_pool")

    assert pool["admin_create_user_config"] == {"allow_admin_create_user_only": True}


def test_passwords_are_long_and_mixed_and_a_second_factor_may_be_added(terraform: Terraform) -> None:
    pool = terraform.one("aws_cognito_user_pool")
    policy = pool["password_policy"]

    assert policy["minimum_length"] >= 14
    assert all(policy[f"require_{kind}"] for kind in ("lowercase", "uppercase", "numbers", "symbols"))
    assert (pool["mfa_configuration"], pool["software_token_mfa_configuration"]) == ("OPTIONAL", {"enabled": True})


def test_an_account_is_recovered_by_its_verified_address_alone(terraform: Terraform) -> None:
    recovery = terraform.one("aws_cognito_user_pool")["account_recovery_setting"]

    assert recovery == {"recovery_mechanism": [{"name": "verified_email", "priority": 1}]}


@pytest.mark.parametrize(("changes", "protection"), [({}, "ACTIVE"), ({"protect": False}, "INACTIVE")])
def test_it_can_be_deleted_only_if_unprotected(stack: Workbench, changes: dict[str, bool], protection: str) -> None:
    pool = _synthesise(stack, **changes).one("aws_cognito_user_pool")

    assert pool["deletion_protection"] == protection
    assert pool["lifecycle"] == {"prevent_destroy": protection == "ACTIVE"}


def test_the_client_has_no_secret_and_keeps_to_itself_who_exists(terraform: Terraform) -> None:
    client = terraform.one("aws_cognito_user_pool_client")

    assert client["generate_secret"] is False
    assert client["prevent_user_existence_errors"] == "ENABLED"


def test_programs_get_tokens_by_srp_or_with_iam_credentials_and_never_by_a_bare_password(terraform: Terraform) -> None:
    assert set(terraform.one("aws_cognito_user_pool_client")["explicit_auth_flows"]) == {
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
        "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    }


def test_tokens_last_an_hour(terraform: Terraform) -> None:
    client = terraform.one("aws_cognito_user_pool_client")

    assert (client["access_token_validity"], client["id_token_validity"]) == (1, 1)
    assert client["token_validity_units"] == [{"access_token": "hours", "id_token": "hours", "refresh_token": "days"}]


def test_without_callback_urls_nobody_signs_in_with_a_browser(stack: Workbench) -> None:
    users = _make(stack)
    client = stack.synthesise().one("aws_cognito_user_pool_client")

    assert users.sign_in_url is None
    assert client["allowed_oauth_flows_user_pool_client"] is False
    for emptied in ("allowed_oauth_flows", "allowed_oauth_scopes", "callback_urls", "supported_identity_providers"):
        assert client[emptied] == []


def test_with_callback_urls_people_sign_in_by_the_code_grant(stack: Workbench) -> None:
    client = _synthesise(stack, callback_urls=CALLBACKS, scopes=("mlflow/write", "email")).one(
        "aws_cognito_user_pool_client"
    )

    assert client["allowed_oauth_flows"] == ["code"]
    assert client["callback_urls"] == list(CALLBACKS)
    assert client["allowed_oauth_scopes"] == ["openid", "email", "mlflow/write"]


def test_the_sign_in_address_brings_people_back_with_a_code(stack: Workbench) -> None:
    users = _make(stack, callback_urls=CALLBACKS, scopes=("mlflow/write",))

    assert users.sign_in_url is not None
    address, _, query = users.sign_in_url.partition("?")
    assert address.startswith("https://")
    assert address.endswith(".amazoncognito.com/login")
    asked = parse_qs(query)
    assert asked.pop("client_id")
    assert asked == {
        "response_type": ["code"],
        "scope": ["openid email mlflow/write"],
        "redirect_uri": [CALLBACKS[0]],
    }


def test_scopes_of_mlflow_belong_to_a_resource_server_that_comes_before_the_client(stack: Workbench) -> None:
    terraform = _synthesise(stack, callback_urls=CALLBACKS, scopes=("mlflow/read", "profile", "mlflow/write"))

    server = terraform.one("aws_cognito_resource_server")
    assert server["identifier"] == "mlflow"
    assert [scope["scope_name"] for scope in server["scope"]] == ["read", "write"]
    assert terraform.one("aws_cognito_user_pool_client")["depends_on"] == [server.address]


def test_without_scopes_of_mlflow_there_is_no_resource_server(stack: Workbench) -> None:
    assert "aws_cognito_resource_server" not in _synthesise(stack, scopes=("openid",)).types


def test_everything_is_of_the_one_pool(stack: Workbench) -> None:
    terraform = _synthesise(stack, scopes=("mlflow/read",))
    pool = terraform.one("aws_cognito_user_pool").ref("id")

    for kind in ("aws_cognito_user_pool_domain", "aws_cognito_user_pool_client", "aws_cognito_resource_server"):
        assert terraform.one(kind)["user_pool_id"] == pool


def test_its_issuer_is_the_pool_s_endpoint(stack: Workbench) -> None:
    TerraformOutput(stack, "issuer", value=_make(stack).issuer)
    terraform = stack.synthesise()

    pool = terraform.one("aws_cognito_user_pool")
    assert terraform.document["output"]["issuer"]["value"] == f"https://{pool.ref('endpoint')}"

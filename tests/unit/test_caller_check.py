from __future__ import annotations

from constructs_lib.caller_check import GatewayCheck, PasswordCheck
from tests.unit.synthesis import Terraform, Workbench


def _permissions(terraform: Terraform) -> set[str]:
    return set(terraform.permissions(terraform.one("aws_iam_role")))


def test_passwords_are_those_of_the_secret_by_reference(stack: Workbench) -> None:
    check = PasswordCheck(stack.credentials)

    assert check.environment == {"AUTH_MODE": "basic"}
    assert check.secrets == {
        "AUTH_USERNAME": stack.credentials.container_secret("username"),
        "AUTH_PASSWORD": stack.credentials.container_secret("password"),
    }


def test_who_starts_nginx_may_read_the_secret(stack: Workbench) -> None:
    PasswordCheck(stack.credentials).grant_read(stack.role)

    assert _permissions(stack.synthesise()) == {"read-secret-credentials", "decrypt"}


def test_more_users_are_names_only_since_their_passwords_follow_from_the_secret(stack: Workbench) -> None:
    check = PasswordCheck(stack.credentials, users=("alice", "bob@example.com"))

    assert check.environment == {"AUTH_MODE": "basic", "AUTH_USERS": "alice bob@example.com"}
    assert check.secrets == PasswordCheck(stack.credentials).secrets


def test_a_gateway_that_checks_is_named_so_that_no_other_will_do(stack: Workbench) -> None:
    check = GatewayCheck("jwt")
    check.grant_read(stack.role)

    assert check.environment == {"AUTH_MODE": "gateway", "GATEWAY_ACCESS": "jwt"}
    assert check.secrets == {}
    assert _permissions(stack.synthesise()) == set()


def test_clients_inside_the_vpc_are_trusted_only_where_they_are_named() -> None:
    assert GatewayCheck("jwt", trust_direct_clients=True).environment["DIRECT_CLIENTS"] == "trusted"

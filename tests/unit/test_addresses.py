from __future__ import annotations

import pytest

from stacks.addresses import terraform_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("artifacts/Resource", "artifacts"),
        ("network/public-0", "network_public_0"),
        ("network/ecr.api-endpoint", "network_ecr_api_endpoint"),
        ("Task/Execution Role/Resource", "task_execution_role"),
    ],
)
def test_a_name_is_the_path_in_snake_case_without_the_main_resource(path: str, name: str) -> None:
    assert terraform_name(path.split("/")) == name


@pytest.mark.parametrize("path", ["0-artifacts", "Resource", "--/Resource"])
def test_refuses_a_path_that_gives_no_identifier(path: str) -> None:
    with pytest.raises(ValueError, match=rf"{path}.*start its first id with a letter"):
        terraform_name(path.split("/"))

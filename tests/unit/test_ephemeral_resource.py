from __future__ import annotations

from constructs import Construct

from constructs_lib.ephemeral_resource import EphemeralResource
from tests.unit.synthesis import Workbench

RANDOM = "aws_secretsmanager_random_password"


def test_it_is_written_below_ephemeral_and_referred_to_by_its_address(stack: Workbench) -> None:
    password = EphemeralResource(Construct(stack, "secret"), "password", type=RANDOM, config={"password_length": 40})
    ((name, config),) = stack.synthesise().document["ephemeral"][RANDOM].items()

    assert config == {"password_length": 40}
    assert name.startswith("secret_password")
    assert password.reference("random_password") == f"ephemeral.{RANDOM}.{name}.random_password"


def test_several_of_a_type_stand_side_by_side(stack: Workbench) -> None:
    for name in ("one", "two"):
        EphemeralResource(stack, name, type=RANDOM, config={"password_length": 40})

    assert len(stack.synthesise().document["ephemeral"][RANDOM]) == 2


def test_tokens_in_its_configuration_are_resolved(stack: Workbench) -> None:
    EphemeralResource(stack, "stored", type="aws_secretsmanager_secret_version", config={"secret_id": stack.key.arn})
    terraform = stack.synthesise()

    stored = terraform.ephemeral("aws_secretsmanager_secret_version")
    assert stored == {"secret_id": terraform.one("aws_kms_key").ref("arn")}

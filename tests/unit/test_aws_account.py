from __future__ import annotations

from constructs import Construct

from constructs_lib.aws_account import AwsAccount
from tests.unit.synthesis import Workbench


def test_a_stack_asks_aws_once_whoever_wants_to_know(stack: Workbench) -> None:
    assert AwsAccount.of(Construct(stack, "a")) is AwsAccount.of(Construct(stack, "b")) is AwsAccount.of(stack)
    terraform = stack.synthesise()

    assert terraform.document["data"].keys() == {"aws_caller_identity", "aws_partition", "aws_region"}
    assert all(len(blocks) == 1 for blocks in terraform.document["data"].values())


def test_an_arn_holds_in_every_partition_region_and_account(stack: Workbench) -> None:
    stack.add_override("output.arn.value", AwsAccount.of(stack).arn("logs", "log-group:*"))
    terraform = stack.synthesise()

    partition = terraform.data("aws_partition").ref("partition")
    region, account = terraform.data("aws_region").ref("name"), terraform.data("aws_caller_identity").ref("account_id")
    assert terraform.document["output"]["arn"]["value"] == f"arn:{partition}:logs:{region}:{account}:log-group:*"

from __future__ import annotations

import pytest

from constructs_lib.flow_logs import FlowLogs
from tests.unit.synthesis import Terraform, Workbench


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    FlowLogs(stack, "flow-logs", name_prefix="test", vpc_id="vpc-1", retention_days=90, encryption_key=stack.key)
    return stack.synthesise()


def test_all_traffic_of_the_vpc_is_recorded_in_an_encrypted_log_group(terraform: Terraform) -> None:
    group = terraform.one("aws_cloudwatch_log_group")

    assert group == {
        "name": "/test/flow-logs",
        "retention_in_days": 90,
        "kms_key_id": terraform.one("aws_kms_key").ref("arn"),
    }
    assert terraform.one("aws_flow_log") == {
        "vpc_id": "vpc-1",
        "traffic_type": "ALL",
        "log_destination": group.ref("arn"),
        "iam_role_arn": terraform.one("aws_iam_role").ref("arn"),
        "tags": {"Name": "test"},
    }


def test_only_the_flow_logs_service_takes_the_role(terraform: Terraform) -> None:
    trust = terraform.one("aws_iam_role").json("assume_role_policy")["Statement"]

    assert [statement["Principal"] for statement in trust] == [{"Service": "vpc-flow-logs.amazonaws.com"}]


def test_the_role_may_find_and_write_streams_of_its_log_group_and_nothing_else(terraform: Terraform) -> None:
    streams = f"{terraform.one('aws_cloudwatch_log_group').ref('arn')}:*"
    permissions = terraform.permissions(terraform.one("aws_iam_role")).values()

    # The least that the service needs, but for making the group (VPC User Guide, "IAM role for publishing flow logs").
    assert {action: each["Resource"] for each in permissions for action in each["Action"]} == {
        "logs:CreateLogStream": [streams],
        "logs:PutLogEvents": [streams],
        "logs:DescribeLogStreams": [streams],
        "logs:DescribeLogGroups": ["*"],
    }

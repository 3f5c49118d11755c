from __future__ import annotations

from tests.unit.synthesis import Workbench, allow


def test_logs_are_encrypted_with_the_key_and_forgotten_in_time(stack: Workbench) -> None:
    assert stack.logs
    terraform = stack.synthesise()

    assert terraform.one("aws_cloudwatch_log_group") == {
        "name": "/test",
        "retention_in_days": 7,
        "kms_key_id": terraform.one("aws_kms_key").ref("arn"),
    }


def test_a_grant_is_to_write_streams_of_this_group(stack: Workbench) -> None:
    stack.logs.grant_write(stack.role)
    terraform = stack.synthesise()

    group = terraform.one("aws_cloudwatch_log_group").ref("arn")
    assert terraform.permissions(terraform.one("aws_iam_role")) == {
        "write-logs": allow("logs:CreateLogStream", "logs:PutLogEvents", on=[f"{group}:*"])
    }

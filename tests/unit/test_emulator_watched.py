"""What the emulator tells of the requests that it gets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator import Emulator, Request


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def test_tells_service_operation_and_parameters_of_each_protocol(emulator: Emulator) -> None:
    seen: list[Request] = []
    with emulator.watched(seen.append):
        emulator.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
        emulator.client("logs").create_log_group(logGroupName="/a")
        emulator.client("rds").describe_db_clusters()
        api = emulator.client("apigatewayv2").create_api(Name="n", ProtocolType="HTTP")["ApiId"]
        emulator.client("apigatewayv2").get_api(ApiId=api)
        emulator.client("s3").create_bucket(
            Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
        )
        emulator.client("s3").put_object(Bucket="bucket", Key="k/l", Body=b"content")

    assert [request.name for request in seen] == [
        "ec2:CreateVpc",
        "logs:CreateLogGroup",
        "rds:DescribeDBClusters",
        "apigateway:CreateApi",
        "apigateway:GetApi",
        "s3:CreateBucket",
        "s3:PutObject",
    ]
    vpc, group, _, _, get, _, put = (request.parameters for request in seen)
    assert (vpc["CidrBlock"], group["logGroupName"], get["apiId"]) == ("10.0.0.0/16", "/a", api)
    assert (put["Bucket"], put["Key"], seen[-1].body) == ("bucket", "k/l", b"content")


def test_tells_before_it_answers(emulator: Emulator) -> None:
    kms = emulator.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    states: list[str] = []

    def look(_: Request) -> None:
        from moto.backends import get_backend

        states.append(get_backend("kms")[emulator.account_id]["us-west-2"].keys[key].key_state)

    with emulator.watched(look):
        kms.schedule_key_deletion(KeyId=key)
    assert states == ["Enabled"]
    kms.list_keys()
    assert states == ["Enabled"], "the block has ended"


def test_a_watcher_that_fails_fails_the_request(emulator: Emulator) -> None:
    def fail(request: Request) -> None:
        raise KeyError(request.operation)

    with emulator.watched(fail), pytest.raises(ClientError, match=r"sqs:ListQueues.*KeyError"):
        emulator.client("sqs").list_queues()

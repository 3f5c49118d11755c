import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from errors import UserError
from rehearsal.emulator import Emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(account_id="111122223333", region="eu-west-1") as running:
        yield running


def test_is_reached_on_loopback_only(emulator: Emulator) -> None:
    assert emulator.url.startswith("http://127.0.0.1:")


def test_answers_for_the_account_and_region_it_was_given(emulator: Emulator) -> None:
    assert emulator.client("sts").get_caller_identity()["Account"] == "111122223333"
    arn = emulator.client("ecs").create_cluster(clusterName="c")["cluster"]["clusterArn"]
    assert arn == "arn:aws:ecs:eu-west-1:111122223333:cluster/c"


def test_environment_alone_points_boto3_at_it(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "someone-else's")
    pointed = emulator.environ(os.environ)
    for name in set(os.environ) - set(pointed):
        monkeypatch.delenv(name)
    for name, value in pointed.items():
        monkeypatch.setenv(name, value)
    assert boto3.Session().client("sts").get_caller_identity()["Account"] == "111122223333"


def test_environ_keeps_the_rest_and_unsets_what_would_interfere(emulator: Emulator) -> None:
    pointed = emulator.environ({"PATH": "/bin", "EMPTY": "", "AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "x"})
    assert (pointed["PATH"], pointed["EMPTY"]) == ("/bin", "")
    assert "AWS_PROFILE" not in pointed
    assert "AWS_SESSION_TOKEN" not in pointed


def test_knows_the_policies_that_aws_manages(emulator: Emulator) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    assert emulator.client("iam").get_policy(PolicyArn=arn)["Policy"]["Arn"] == arn


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "name"),
    [
        pytest.param(
            "ecs", "stop_service_deployment", {"serviceDeploymentArn": "a"}, "ecs:StopServiceDeployment", id="json"
        ),
        pytest.param("rds", "modify_certificates", {}, "rds:ModifyCertificates", id="query-xml"),
        pytest.param("ec2", "describe_fast_launch_images", {}, "ec2:DescribeFastLaunchImages", id="ec2"),
        pytest.param(
            "apigatewayv2",
            "reset_authorizers_cache",
            {"ApiId": "a", "StageName": "s"},
            "apigateway:ResetAuthorizersCache",
            id="rest-json",
        ),
        pytest.param("s3", "get_bucket_abac", {"Bucket": "b"}, "s3:GetBucketAbac", id="rest-xml-s3"),
        pytest.param("route53", "list_cidr_collections", {}, "route53:ListCidrCollections", id="rest-xml"),
        pytest.param("apprunner", "list_services", {}, "apprunner:ListServices", id="unknown-service"),
    ],
)
def test_refuses_an_operation_it_lacks_at_once_and_names_it(
    emulator: Emulator, service: str, operation: str, arguments: dict[str, str], name: str
) -> None:
    with pytest.raises(ClientError, match=name) as refusal:
        getattr(emulator.client(service), operation)(**arguments)
    assert refusal.value.response["Error"]["Code"] == "OperationNotInEmulator"
    metadata = refusal.value.response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["RetryAttempts"]) == (400, 0)
    assert name in emulator.unsupported


def test_an_operation_is_listed_once_however_often_it_was_asked_for(emulator: Emulator) -> None:
    for _ in range(2):
        with pytest.raises(ClientError):
            emulator.client("rds").modify_certificates()
    assert emulator.unsupported.count("rds:ModifyCertificates") == 1


def test_a_failure_inside_moto_is_a_refusal_that_names_operation_and_exception(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("moto.kms.models.KmsBackend.list_keys", fail)
    with pytest.raises(ClientError, match=r"kms:ListKeys.*KeyError.*a bug") as refusal:
        emulator.client("kms").list_keys()
    assert refusal.value.response["Error"]["Code"] == "EmulatorFailed"
    assert refusal.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    assert "kms:ListKeys" in emulator.unsupported


def test_an_error_of_the_service_itself_is_passed_on(emulator: Emulator) -> None:
    before = emulator.unsupported
    with pytest.raises(ClientError) as answer:
        emulator.client("s3").get_object(Bucket="no-such-bucket", Key="k")
    assert answer.value.response["Error"]["Code"] == "NoSuchBucket"
    assert emulator.unsupported == before


def test_a_retry_after_a_lost_reply_gets_that_reply_and_does_nothing_again(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    group = ec2.create_security_group(GroupName="g", Description="d")["GroupId"]
    attempts: list[str] = []

    def lose_the_first_reply(request: Any, **_: object) -> None:
        attempts.append(request.headers["amz-sdk-invocation-id"])
        if len(attempts) == 1:
            sent = Request(request.url, request.body.encode(), dict(request.headers))  # noqa: S310 - loopback
            urlopen(sent, timeout=10).close()  # noqa: S310
            raise ConnectionClosedError(endpoint_url=request.url)

    ec2.meta.events.register("before-send.ec2.AuthorizeSecurityGroupIngress", lose_the_first_reply)
    permission: Any = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    rules = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])["SecurityGroupRules"]
    assert attempts == [attempts[0]] * 2
    there = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert [rule["SecurityGroupRuleId"] for rule in there if not rule["IsEgress"]] == [rules[0]["SecurityGroupRuleId"]]
    with pytest.raises(ClientError, match=r"InvalidPermission\.Duplicate"):  # asked for anew, it is a duplicate
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])


def test_refuses_a_second_emulator_in_the_same_process(emulator: Emulator) -> None:
    with pytest.raises(RuntimeError, match="another emulator"), Emulator():
        pass
    assert emulator.client("sts").get_caller_identity()["Account"] == "111122223333"


def test_refuses_a_taken_port_naming_it_and_the_remedy(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=rf"port {port} .*choose another port"), Emulator(port=port):
            pass
    assert capfd.readouterr() == ("", "")


def test_refuses_a_port_that_is_none_naming_it_and_the_remedy() -> None:
    with pytest.raises(UserError, match=r"port 70000 .*0-65535.*choose another port"), Emulator(port=70000):
        pass


def test_starts_empty_each_time_and_leaves_nothing_behind() -> None:
    """In a process of its own, as its first and only user: what it prints and what it leaves can be seen there."""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "AWS_PROFILE": "no-such-profile", "MOTO_ACCOUNT_ID": "9" * 12, "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", _TWO_LIVES], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


_TWO_LIVES = """
import os, socket
environment = dict(os.environ)
from rehearsal.emulator import Emulator

with Emulator() as first:
    assert first.client("sts").get_caller_identity()["Account"] == "123456789012"
    first.client("sqs").create_queue(QueueName="q")
    assert len(first.inventory()) == 1
    port = int(first.url.rpartition(":")[2])
second = Emulator(port=port)
try:
    with second:
        assert "QueueUrls" not in second.client("sqs").list_queues()
        assert second.inventory() == frozenset()
        raise KeyError("a failure in the block")
except KeyError:
    pass
with socket.socket() as probe:
    assert probe.connect_ex(("127.0.0.1", port)) != 0
from moto import settings
from moto.core.config import default_user_config
assert (settings.ACM_VALIDATION_WAIT, default_user_config["iam"]) == (60, {"load_aws_managed_policies": False})
assert dict(os.environ) == environment
"""


@pytest.mark.parametrize("attribute", ["url", "environment", "unsupported"])
def test_refuses_to_answer_before_it_was_started(attribute: str) -> None:
    with pytest.raises(RuntimeError, match="with"):
        getattr(Emulator(), attribute)

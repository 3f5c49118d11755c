"""Each test states what AWS does; without the completion of the same name moto does otherwise."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.completions import complete
from rehearsal.emulator import Emulator
from rehearsal.inventory import leftovers

TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "arn:aws:s3:::{bucket}/*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def bucket(emulator: Emulator, request: pytest.FixtureRequest) -> str:
    name: str = request.node.name.replace("_", "-")[:60]
    location = {"LocationConstraint": emulator.region}
    emulator.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=location)
    return name


@pytest.fixture
def service(emulator: Emulator, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A Fargate service with everything that an application of ours asks for."""
    ecs = emulator.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 64}])
    created: dict[str, Any] = ecs.create_service(
        cluster="c",
        serviceName=request.node.name,
        taskDefinition="f",
        desiredCount=2,
        capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}],
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        availabilityZoneRebalancing="ENABLED",
        enableExecuteCommand=True,
        healthCheckGracePeriodSeconds=120,
    )["service"]
    return created


def described(emulator: Emulator, service: dict[str, Any]) -> dict[str, Any]:
    answer = emulator.client("ecs").describe_services(cluster="c", services=[service["serviceName"]])
    found: dict[str, Any] = answer["services"][0]
    return found


def test_completing_twice_changes_nothing(emulator: Emulator) -> None:
    complete()
    complete()
    assert emulator.client("kms").create_key()["KeyMetadata"]["Enabled"]


def test_scalable_targets_have_tags(emulator: Emulator, service: dict[str, Any]) -> None:
    scaling = emulator.client("application-autoscaling")
    arn = scaling.register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/c/{service['serviceName']}",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=2,
        MaxCapacity=6,
        Tags={"a": "1", "b": "2"},
    )["ScalableTargetARN"]
    scaling.tag_resource(ResourceARN=arn, Tags={"c": "3"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2", "c": "3"}


def test_tags_of_a_scalable_target_that_does_not_exist_are_not_found(emulator: Emulator) -> None:
    arn = "arn:aws:application-autoscaling:us-west-2:123456789012:scalable-target/none"
    with pytest.raises(ClientError) as error:
        emulator.client("application-autoscaling").list_tags_for_resource(ResourceARN=arn)
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_deleting_a_vpc_leaves_no_network_acl(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"] == []


def test_deleting_a_nat_gateway_leaves_no_interface(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    before = emulator.inventory()
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    gateway = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    assert {item.collection for item in leftovers(before, emulator.inventory())} == {"enis", "nat_gateways"}
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert leftovers(before, emulator.inventory()) == []


def test_deleting_a_private_namespace_leaves_no_zone(emulator: Emulator) -> None:
    discovery = emulator.client("servicediscovery")
    vpc = emulator.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    before = emulator.inventory()
    created = discovery.create_private_dns_namespace(Name="p.internal", Vpc=vpc)["OperationId"]
    namespace = discovery.get_operation(OperationId=created)["Operation"]["Targets"]["NAMESPACE"]
    assert len(emulator.client("route53").list_hosted_zones()["HostedZones"]) == 1
    discovery.delete_namespace(Id=namespace)
    assert leftovers(before, emulator.inventory()) == []


def test_security_group_rules_between_groups_and_to_prefix_lists_have_descriptions(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    group = ec2.create_security_group(GroupName="g", Description="g")["GroupId"]
    prefix_list = ec2.describe_managed_prefix_lists()["PrefixLists"][0]["PrefixListId"]
    for source in (
        {"UserIdGroupPairs": [{"GroupId": group, "Description": "from a group"}]},
        {"PrefixListIds": [{"PrefixListId": prefix_list, "Description": "from a prefix list"}]},
        {"IpRanges": [{"CidrIp": "10.0.0.0/16", "Description": "from a range"}]},
    ):
        permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **source}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert {rule.get("Description") for rule in rules if not rule["IsEgress"]} == {
        "from a group",
        "from a prefix list",
        "from a range",
    }


def test_a_service_is_described_as_it_was_created(emulator: Emulator, service: dict[str, Any]) -> None:
    found = described(emulator, service)
    assert found["availabilityZoneRebalancing"] == "ENABLED"
    assert found["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
    assert found["deploymentConfiguration"]["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert found["enableExecuteCommand"] is True
    assert found["healthCheckGracePeriodSeconds"] == 120
    assert "launchType" not in found


def test_zone_rebalancing_is_disabled_where_it_was_not_asked_for(emulator: Emulator, service: dict[str, Any]) -> None:
    other = emulator.client("ecs").create_service(cluster="c", serviceName="plain", taskDefinition="f", desiredCount=0)
    assert other["service"]["availabilityZoneRebalancing"] == "DISABLED"
    assert described(emulator, service)["availabilityZoneRebalancing"] == "ENABLED"


def test_as_many_tasks_run_as_are_desired(emulator: Emulator, service: dict[str, Any]) -> None:
    found = described(emulator, service)
    assert (found["desiredCount"], found["runningCount"], found["pendingCount"]) == (2, 2, 0)
    updated = emulator.client("ecs").update_service(cluster="c", service=service["serviceName"], desiredCount=5)
    assert (updated["service"]["runningCount"], updated["service"]["pendingCount"]) == (5, 0)


def test_a_load_balancer_is_active_at_once(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"][:2]]
    created = emulator.client("elbv2").create_load_balancer(Name="l", Subnets=subnets, Scheme="internal")
    assert created["LoadBalancers"][0]["State"]["Code"] == "active"


def test_a_protected_load_balancer_stays_until_its_protection_is_lifted(emulator: Emulator) -> None:
    balancing = emulator.client("elbv2")
    subnets = [subnet["SubnetId"] for subnet in emulator.client("ec2").describe_subnets()["Subnets"][:2]]
    arn = balancing.create_load_balancer(Name="protected", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]

    def protect(value: str) -> None:
        attribute = {"Key": "deletion_protection.enabled", "Value": value}
        balancing.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[attribute])

    protect("true")
    with pytest.raises(ClientError, match="deletion protection is enabled") as error:
        balancing.delete_load_balancer(LoadBalancerArn=arn)
    assert error.value.response["Error"]["Code"] == "OperationNotPermitted"
    protect("false")
    balancing.delete_load_balancer(LoadBalancerArn=arn)


@pytest.mark.parametrize(("asked", "period"), [({}, 365), ({"RotationPeriodInDays": 90}, 90)])
def test_a_key_tells_its_rotation_period(emulator: Emulator, asked: dict[str, int], period: int) -> None:
    kms = emulator.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert "RotationPeriodInDays" not in kms.get_key_rotation_status(KeyId=key)
    kms.enable_key_rotation(KeyId=key, **asked)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == period


def test_a_cluster_without_serverless_v1_has_no_scaling_configuration(emulator: Emulator) -> None:
    cluster = create_cluster(emulator, "scaling")
    assert "ScalingConfigurationInfo" not in cluster
    assert cluster["ServerlessV2ScalingConfiguration"]["MaxCapacity"] == 4.0


def test_automated_snapshots_end_with_their_cluster(emulator: Emulator) -> None:
    rds = emulator.client("rds")
    before = emulator.inventory()
    for _ in range(2):  # moto names the snapshot by the minute: a second cluster of that name would be refused
        create_cluster(emulator, "snapshots")
        rds.delete_db_cluster(DBClusterIdentifier="snapshots", SkipFinalSnapshot=True)
    assert leftovers(before, emulator.inventory()) == []


def test_the_owner_of_a_bucket_pays_for_requests(emulator: Emulator, bucket: str) -> None:
    assert emulator.client("s3").get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"


def test_refuses_a_subresource_of_a_bucket_that_it_lacks_rather_than_deleting_the_bucket(
    emulator: Emulator, bucket: str
) -> None:
    s3 = emulator.client("s3")
    with pytest.raises(ClientError, match="s3:DeleteBucketAnalyticsConfiguration"):
        s3.delete_bucket_analytics_configuration(Bucket=bucket, Id="x")
    assert bucket in {found["Name"] for found in s3.list_buckets()["Buckets"]}


def test_a_tls_only_bucket_can_be_read_and_written(emulator: Emulator, bucket: str) -> None:
    s3 = emulator.client("s3")
    policy = {"Version": "2012-10-17", "Statement": [TLS_ONLY]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy).replace("{bucket}", bucket))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_a_denial_without_a_condition_denies(emulator: Emulator, bucket: str) -> None:
    s3 = emulator.client("s3")
    denial = {name: value for name, value in TLS_ONLY.items() if name != "Condition"}
    policy = {"Version": "2012-10-17", "Statement": denial}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy).replace("{bucket}", bucket))
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_bucket_can_be_emptied_after_its_versioning_was_suspended(emulator: Emulator, bucket: str) -> None:
    s3 = emulator.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    versions = [{"Key": "k", "VersionId": version}, {"Key": "k", "VersionId": marker}]
    assert len(s3.delete_objects(Bucket=bucket, Delete={"Objects": versions})["Deleted"]) == 2
    s3.delete_bucket(Bucket=bucket)


def test_lifecycle_configurations_have_tags(emulator: Emulator) -> None:
    sagemaker = emulator.client("sagemaker")
    arn = sagemaker.create_notebook_instance_lifecycle_config(
        NotebookInstanceLifecycleConfigName="tagged", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    )["NotebookInstanceLifecycleConfigArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "c", "Value": "3"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert [tag["Key"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]] == ["b", "c"]


def test_a_lifecycle_configuration_can_be_updated(emulator: Emulator) -> None:
    sagemaker = emulator.client("sagemaker")
    name = "updated"
    sagemaker.create_notebook_instance_lifecycle_config(
        NotebookInstanceLifecycleConfigName=name, OnStart=[{"Content": "b2xk"}]
    )
    sagemaker.update_notebook_instance_lifecycle_config(
        NotebookInstanceLifecycleConfigName=name, OnStart=[{"Content": "bmV3"}]
    )
    found = sagemaker.describe_notebook_instance_lifecycle_config(NotebookInstanceLifecycleConfigName=name)
    assert found["OnStart"] == [{"Content": "bmV3"}]


def test_a_notebook_instance_may_have_a_new_type(emulator: Emulator) -> None:
    arguments = {"NotebookInstanceName": "new-type", "RoleArn": "arn:aws:iam::123456789012:role/notebook"}
    sagemaker = emulator.client("sagemaker")
    with pytest.raises(ClientError, match="instanceType"):
        sagemaker.create_notebook_instance(**arguments, InstanceType="t3.medium")
    sagemaker.create_notebook_instance(**arguments, InstanceType="ml.m7i.large")
    assert sagemaker.describe_notebook_instance(NotebookInstanceName="new-type")["InstanceType"] == "ml.m7i.large"


def test_a_notebook_instance_is_described_as_it_was_created_and_updated_once_stopped(emulator: Emulator) -> None:
    sagemaker = emulator.client("sagemaker")
    notebook = {"NotebookInstanceName": "n"}
    sagemaker.create_notebook_instance(
        **notebook,
        InstanceType="ml.t3.medium",
        RoleArn="arn:aws:iam::123456789012:role/notebook",
        PlatformIdentifier="notebook-al2-v3",
        InstanceMetadataServiceConfiguration={"MinimumInstanceMetadataServiceVersion": "2"},
    )
    found = sagemaker.describe_notebook_instance(**notebook)
    assert found["PlatformIdentifier"] == "notebook-al2-v3"
    assert found["InstanceMetadataServiceConfiguration"] == {"MinimumInstanceMetadataServiceVersion": "2"}
    with pytest.raises(ClientError, match="not in"):
        sagemaker.update_notebook_instance(**notebook, InstanceType="ml.t3.large")
    sagemaker.stop_notebook_instance(**notebook)
    sagemaker.update_notebook_instance(**notebook, InstanceType="ml.t3.large")
    assert sagemaker.describe_notebook_instance(**notebook)["InstanceType"] == "ml.t3.large"


def create_cluster(emulator: Emulator, name: str) -> dict[str, Any]:
    cluster: dict[str, Any] = emulator.client("rds").create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-mysql",
        MasterUsername="u",
        MasterUserPassword="not-a-secret",
        ServerlessV2ScalingConfiguration={"MinCapacity": 0, "MaxCapacity": 4, "SecondsUntilAutoPause": 600},
    )["DBCluster"]
    return cluster

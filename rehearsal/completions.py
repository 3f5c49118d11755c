"""What moto lacks, or answers differently from AWS, completed for the operations that the stacks use.

One function per gap: its docstring says what AWS does, and what moto does instead. The changes are to moto's classes
and stay for the life of the process; what they remember is kept on moto's own objects, and is forgotten when those are.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable
from typing import Any

Method = Callable[..., Any]


@functools.cache
def complete() -> None:
    """Apply every completion, once in the life of the process."""
    for completion in (
        application_autoscaling_tags,
        ec2_nat_gateway_interfaces_end_with_them,
        ec2_network_acls_end_with_their_vpc,
        ec2_rules_between_groups_have_descriptions,
        ecs_service_keeps_what_it_was_given,
        ecs_services_run,
        elbv2_load_balancers_are_active,
        elbv2_protected_load_balancers_stay,
        kms_rotation_period,
        rds_automated_snapshots_end_with_their_cluster,
        rds_scaling_configuration_only_where_set,
        s3_bucket_subresources,
        s3_conditional_denials_do_not_deny_everything,
        s3_delete_markers_can_be_deleted,
        sagemaker_lifecycle_configuration_tags,
        sagemaker_lifecycle_configuration_update,
        sagemaker_notebook_instance_types,
        sagemaker_notebook_keeps_what_it_was_given,
        servicediscovery_zones_end_with_their_namespace,
    ):
        completion()


def application_autoscaling_tags() -> None:
    """AWS tags scalable targets, at registration and later; moto has no tag operation there and drops the tags.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ListTagsForResource.html
    """
    from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse as Response
    from moto.core.exceptions import JsonRESTError

    def tags_of(response: Any, arn: str) -> dict[str, str]:
        targets = response.applicationautoscaling_backend.targets
        target = next((t for by_id in targets.values() for t in by_id.values() if t.arn == arn), None)
        if target is None:
            raise JsonRESTError("ResourceNotFoundException", f"no scalable target has the ARN {arn}")
        tags: dict[str, str] = vars(target).setdefault("tags", {})
        return tags

    def register(original: Method, self: Any) -> str:
        answer: str = original(self)
        tags_of(self, json.loads(answer)["ScalableTargetARN"]).update(self._get_param("Tags") or {})
        return answer

    def list_tags(self: Any) -> str:
        return json.dumps({"Tags": tags_of(self, self._get_param("ResourceARN"))})

    def tag(self: Any) -> str:
        tags_of(self, self._get_param("ResourceARN")).update(self._get_param("Tags"))
        return "{}"

    def untag(self: Any) -> str:
        tags = tags_of(self, self._get_param("ResourceARN"))
        for key in self._get_param("TagKeys"):
            tags.pop(key, None)
        return "{}"

    _wrap(Response, "register_scalable_target", register)
    _add(Response, list_tags_for_resource=list_tags, tag_resource=tag, untag_resource=untag)


def ec2_nat_gateway_interfaces_end_with_them() -> None:
    """AWS deletes a NAT gateway's network interface with it; moto keeps it.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html
    """
    from moto.ec2.models import EC2Backend

    def delete(original: Method, self: Any, nat_gateway_id: str) -> Any:
        gateway = original(self, nat_gateway_id)
        self.enis.pop(gateway._eni.id, None)
        return gateway

    _wrap(EC2Backend, "delete_nat_gateway", delete)


def ec2_network_acls_end_with_their_vpc() -> None:
    """AWS deletes a VPC's network ACL with it; moto keeps it.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html
    """
    from moto.ec2.models import EC2Backend

    def delete(original: Method, self: Any, vpc_id: str) -> Any:
        vpc = original(self, vpc_id)
        for acl in [acl for acl in self.network_acls.values() if acl.vpc_id == vpc_id]:
            del self.network_acls[acl.id]
        return vpc

    _wrap(EC2Backend, "delete_vpc", delete)


def ec2_rules_between_groups_have_descriptions() -> None:
    """AWS keeps a description with every security group rule; moto only with those for an address range.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
    """
    from moto.ec2.models.security_groups import SecurityGroupRule

    def create(original: Method, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        arguments = signature.bind(self, *args, **kwargs).arguments
        self.prefix_list = arguments.get("prefix_list_id") or {}

    def description(rule: Any) -> Any:
        sources = (rule.ip_range, rule.source_group, rule.prefix_list)
        return next((source["Description"] for source in sources if "Description" in source), None)

    signature = inspect.signature(SecurityGroupRule.__init__)
    _wrap(SecurityGroupRule, "__init__", create)
    _add(SecurityGroupRule, description=property(description))


_ECS_SERVICE_FIELDS = {
    "availabilityZoneRebalancing": "availability_zone_rebalancing",
    "capacityProviderStrategy": "capacity_provider_strategy",
    "deploymentConfiguration": "deployment_configuration",
    "enableECSManagedTags": "enable_ecs_managed_tags",
    "enableExecuteCommand": "enable_execute_command",
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
}


def ecs_service_keeps_what_it_was_given() -> None:
    """AWS describes a service with everything it was created with; moto drops half of CreateService's members.

    availabilityZoneRebalancing is DISABLED where it was not asked for, and a service with a capacity provider strategy
    has no launch type; moto calls it EC2. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
    """
    from moto.ecs.responses import EC2ContainerServiceResponse as Response

    def create(original: Method, self: Any) -> Any:
        answer = original(self)
        service = answer.result["service"]
        service.availability_zone_rebalancing = "DISABLED"
        for member, attribute in _ECS_SERVICE_FIELDS.items():
            if self._get_param(member) is not None:
                setattr(service, attribute, self._get_param(member))
        if self._get_param("capacityProviderStrategy"):
            service.launch_type = None
        return answer

    _wrap(Response, "create_service", create)


def ecs_services_run() -> None:
    """AWS starts a service's tasks until as many run as are desired; in moto all stay pending for ever."""
    from moto.ecs.models import Service

    def desired(service: Any) -> int:
        count: int = service.desired_count
        return count

    def none(_service: Any) -> int:
        return 0

    def ignore(_service: Any, _count: int) -> None:
        """The counts follow from the desired count."""

    _add(Service, running_count=property(desired, ignore), pending_count=property(none, ignore))


def elbv2_load_balancers_are_active() -> None:
    """AWS's load balancers become active by themselves; moto's stay provisioning until they are described."""
    from moto.elbv2.models import FakeLoadBalancer

    def create(original: Method, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.activate()

    _wrap(FakeLoadBalancer, "__init__", create)


def kms_rotation_period() -> None:
    """AWS rotates a key every 365 days or at the period it was given, and tells which; moto only whether it rotates.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html
    """
    from moto.kms.responses import KmsResponse

    def key_of(response: Any) -> Any:
        backend = response.kms_backend
        return backend.keys[backend.get_key_id(response._get_param("KeyId"))]

    def enable(original: Method, self: Any) -> Any:
        answer = original(self)
        key_of(self).rotation_period_in_days = self._get_param("RotationPeriodInDays") or 365
        return answer

    def status(original: Method, self: Any) -> str:
        answer = json.loads(original(self))
        if answer["KeyRotationEnabled"]:
            answer["RotationPeriodInDays"] = key_of(self).rotation_period_in_days
        return json.dumps(answer)

    _wrap(KmsResponse, "enable_key_rotation", enable)
    _wrap(KmsResponse, "get_key_rotation_status", status)


def rds_scaling_configuration_only_where_set() -> None:
    """ScalingConfigurationInfo is of Serverless v1: AWS leaves it out elsewhere, moto gives one full of nulls.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ScalingConfigurationInfo.html
    """
    from moto.rds.models import DBCluster

    info: Any = vars(DBCluster)["scaling_configuration_info"]

    def info_where_set(cluster: Any) -> Any:
        return info.fget(cluster) if cluster.scaling_configuration else None

    _add(DBCluster, scaling_configuration_info=property(info_where_set))


def elbv2_protected_load_balancers_stay() -> None:
    """AWS refuses to delete a load balancer that has deletion protection; moto deletes it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html
    """
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend

    def delete(original: Method, self: Any, arn: str) -> Any:
        balancer = self.load_balancers.get(arn)
        if balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true":
            message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            raise ELBClientError("OperationNotPermitted", message)
        return original(self, arn)

    _wrap(ELBv2Backend, "delete_load_balancer", delete)


def rds_automated_snapshots_end_with_their_cluster() -> None:
    """AWS deletes a cluster's automated snapshots with it; moto keeps them, and then refuses a cluster of that name.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBCluster.html
    """
    from moto.rds.models import RDSBackend

    def delete(original: Method, self: Any, cluster_identifier: str, *args: Any, **kwargs: Any) -> Any:
        cluster = original(self, cluster_identifier, *args, **kwargs)
        for name, snapshot in list(self.cluster_snapshots.items()):
            of_cluster = snapshot.cluster.db_cluster_identifier == cluster.db_cluster_identifier
            if of_cluster and snapshot.snapshot_type == "automated":
                del self.cluster_snapshots[name]
        return cluster

    _wrap(RDSBackend, "delete_db_cluster", delete)


_S3_SUBRESOURCES_UNKNOWN_TO_MOTO = {
    "abac",
    "analytics",
    "intelligent-tiering",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "requestPayment",
    "session",
}


def s3_bucket_subresources() -> None:
    """AWS says who pays for a bucket's requests, which Terraform asks of every bucket; moto does not know.

    It takes a request for a subresource that it does not know for one to the bucket itself: a GET lists it, a PUT
    creates it, a DELETE deletes it. So any other unknown subresource is refused here.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketRequestPayment.html
    """
    from moto.s3.responses import S3Response

    def dispatch(original: Method, self: Any, request: Any, full_url: str) -> Any:
        match request.method, *_S3_SUBRESOURCES_UNKNOWN_TO_MOTO.intersection(request.args):
            case [_]:
                return original(self, request, full_url)
            case ["GET", "requestPayment"]:
                self.backend.get_bucket(self.bucket_name)
                return "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"
            case [_, *subresources]:
                raise NotImplementedError(f"moto does not know the subresource {subresources[0]}")

    _wrap(S3Response, "_bucket_response", dispatch)


def s3_conditional_denials_do_not_deny_everything() -> None:
    """AWS denies what meets a Deny statement's condition, e.g. a request without TLS; moto denies every request.

    moto knows nothing of what conditions ask about, and the emulator speaks HTTP where AWS would speak TLS: denials
    with a condition are stored and not enforced.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-HTTP-HTTPS
    """
    from moto.iam.access_control import IAMPolicy
    from moto.s3.models import FakeBucket

    def permission(original: Method, self: Any, action: str, resource: str) -> Any:
        if self.policy is None:
            return original(self, action, resource)
        policy = json.loads(self.policy)
        statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        enforced = [s for s in statements if not (s["Effect"] == "Deny" and s.get("Condition"))]
        return IAMPolicy(json.dumps({**policy, "Statement": enforced})).is_action_permitted(action, resource)

    _wrap(FakeBucket, "get_permission", permission)


def s3_delete_markers_can_be_deleted() -> None:
    """AWS deletes a delete marker like any version of an object; moto, once versioning is suspended, fails on it.

    That is what emptying a bucket comes to on destroy: Terraform suspends versioning first. (moto then drops all
    versions with the first, which here makes no difference.)
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManagingDelMarkers.html
    """
    from moto.s3.models import FakeDeleteMarker

    def dispose(_marker: Any, garbage: bool = False) -> None:
        """A marker has no content to let go of."""

    _add(FakeDeleteMarker, dispose=dispose)


def sagemaker_lifecycle_configuration_tags() -> None:
    """AWS tags notebook lifecycle configurations; moto drops the tags and fails when asked for them.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateNotebookInstanceLifecycleConfig.html
    """
    from moto.sagemaker.models import SageMakerModelBackend
    from moto.sagemaker.responses import SageMakerResponse

    def create(original: Method, self: Any) -> Any:
        answer = original(self)
        name = self._get_param("NotebookInstanceLifecycleConfigName")
        configuration = self.sagemaker_backend.notebook_instance_lifecycle_configurations[name]
        configuration.tags = self._get_param("Tags") or []
        return answer

    def find(original: Method, self: Any, arn: str) -> Any:
        kind, _, name = arn.rpartition(":")[2].partition("/")
        if kind == "notebook-instance-lifecycle-config":
            return self.notebook_instance_lifecycle_configurations[name]
        return original(self, arn)

    _wrap(SageMakerResponse, "create_notebook_instance_lifecycle_config", create)
    _wrap(SageMakerModelBackend, "_get_resource_from_arn", find)


def sagemaker_lifecycle_configuration_update() -> None:
    """AWS replaces a lifecycle configuration's scripts; moto lacks the operation.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateNotebookInstanceLifecycleConfig.html
    """
    from moto.core.responses import EmptyResult
    from moto.sagemaker.responses import SageMakerResponse

    def update(self: Any) -> Any:
        name = self._get_param("NotebookInstanceLifecycleConfigName")
        self.sagemaker_backend.describe_notebook_instance_lifecycle_config(name)  # raises if it does not exist
        configuration = self.sagemaker_backend.notebook_instance_lifecycle_configurations[name]
        configuration.on_create = self._get_param("OnCreate")
        configuration.on_start = self._get_param("OnStart")
        return EmptyResult()

    _add(SageMakerResponse, update_notebook_instance_lifecycle_config=update)


def sagemaker_notebook_instance_types() -> None:
    """AWS adds instance types all the time; moto refuses those that are younger than its own list.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateNotebookInstance.html
    """
    from moto.sagemaker.models import FakeSagemakerNotebookInstance

    def validate(original: Method, self: Any, instance_type: str) -> None:
        if not re.fullmatch(r"ml\.[a-z][a-z0-9-]*\.(medium|large|\d*xlarge)", instance_type):
            original(self, instance_type)

    _wrap(FakeSagemakerNotebookInstance, "validate_instance_type", validate)


def sagemaker_notebook_keeps_what_it_was_given() -> None:
    """AWS describes a notebook instance with its platform and metadata service version, and lets it be updated.

    moto drops the first two and lacks the update, which AWS takes of a stopped instance only.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateNotebookInstance.html
    """
    from moto.core.responses import EmptyResult
    from moto.sagemaker.exceptions import ValidationError
    from moto.sagemaker.models import FakeSagemakerNotebookInstance
    from moto.sagemaker.responses import SageMakerResponse

    dropped = ("PlatformIdentifier", "InstanceMetadataServiceConfiguration")
    updated = {
        "InstanceType": "instance_type",
        "LifecycleConfigName": "lifecycle_config_name",
        "RoleArn": "role_arn",
        "RootAccess": "root_access",
        "VolumeSizeInGB": "volume_size_in_gb",
    }

    def keep(response: Any, notebook: Any) -> None:
        kept = vars(notebook).setdefault("kept", {})
        kept.update({name: response._get_param(name) for name in dropped if response._get_param(name)})

    def create(original: Method, self: Any) -> Any:
        answer = original(self)
        keep(self, self.sagemaker_backend.get_notebook_instance(self._get_param("NotebookInstanceName")))
        return answer

    def update(self: Any) -> Any:
        notebook = self.sagemaker_backend.get_notebook_instance(self._get_param("NotebookInstanceName"))
        if notebook.status != "Stopped":
            raise ValidationError(f"Status ({notebook.status}) not in ([Stopped]).")
        for member, attribute in updated.items():
            if self._get_param(member) is not None:
                setattr(notebook, attribute, self._get_param(member))
        if self._get_param("DisassociateLifecycleConfig"):
            notebook.lifecycle_config_name = None
        keep(self, notebook)
        return EmptyResult()

    def describe(original: Method, self: Any) -> Any:
        return {**original(self), **vars(self).get("kept", {})}

    _wrap(SageMakerResponse, "create_notebook_instance", create)
    _wrap(FakeSagemakerNotebookInstance, "to_dict", describe)
    _add(SageMakerResponse, update_notebook_instance=update)


def servicediscovery_zones_end_with_their_namespace() -> None:
    """AWS deletes the hosted zone that it made for a DNS namespace with the namespace; moto keeps it.

    It keeps a delegation set too, which AWS makes only when asked for one that can be used again.
    https://docs.aws.amazon.com/cloud-map/latest/api/API_DeleteNamespace.html
    """
    from moto.route53.models import route53_backends
    from moto.servicediscovery.models import ServiceDiscoveryBackend

    def delete(original: Method, self: Any, namespace_id: str) -> Any:
        namespace = self.get_namespace(namespace_id)
        operation = original(self, namespace_id)
        route53 = route53_backends[self.account_id][self.partition]
        zone_id = str((namespace.dns_properties or {}).get("HostedZoneId")).rpartition("/")[2]
        zone = route53.zones.pop(zone_id, None)
        if zone is not None:
            sets = route53.delegation_sets
            for key in [key for key, value in sets.items() if value is zone.delegation_set]:
                del sets[key]
        return operation

    _wrap(ServiceDiscoveryBackend, "delete_namespace", delete)


def _wrap(owner: type, name: str, replacement: Method) -> None:
    """Put *replacement* in place of a method; it is called with the original first, then as the method was."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return replacement(original, self, *args, **kwargs)

    setattr(owner, name, method)


def _add(owner: type, **members: Any) -> None:
    for name, member in members.items():
        setattr(owner, name, member)

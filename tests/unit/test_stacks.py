"""The stacks as a whole: how the constructs are connected, and how settings reach them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import main
from images.context import NAMES, Build
from settings import Settings
from tests.conftest import ENVIRONMENTS
from tests.unit.synthesis import Resource, Terraform, merged

PLATFORM, API, NOTEBOOK = "mlflow-vpclink", "http-api-gateway", "sagemaker-notebook"
STATE_BACKEND = "state-backend"
STACKS = (PLATFORM, API, NOTEBOOK, STATE_BACKEND)
CHAIN = {
    ("vpc-link", "load-balancer", 80),
    ("notebook", "load-balancer", 80),
    ("load-balancer", "service", 8080),
    ("service", "database", 3306),
}
ENDPOINT_USERS = {("service", "endpoints", 443), ("notebook", "endpoints", 443)}
HTTPS_OUT = {("service", "0.0.0.0/0", 443), ("notebook", "0.0.0.0/0", 443)}

every_stack = pytest.mark.parametrize("name", [f"{env}-{stack}" for env in ENVIRONMENTS for stack in STACKS])
every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)

Synthesise = Callable[..., Mapping[str, Terraform]]


@pytest.fixture
def synthesise(tmp_path: Path) -> Synthesise:
    """The platform's stacks, by their names without the environment, with changed settings."""

    def stacks_with(**changes: Any) -> Mapping[str, Terraform]:
        main.synthesise([_settings(**changes)], tmp_path)
        return {stack: Terraform.read(tmp_path, f"test-{stack}") for stack in (PLATFORM, API, NOTEBOOK)}

    return stacks_with


@pytest.fixture
def state_backend(tmp_path: Path) -> Callable[..., Terraform]:
    def stack_with(*, local_state: bool = False, **state: Any) -> Terraform:
        main.synthesise_state_backend(_settings(state=state), tmp_path, local_state=local_state)
        return Terraform.read(tmp_path, f"test-{STATE_BACKEND}")

    return stack_with


def _settings(**changes: Any) -> Settings:
    return Settings(**{"project": "mlflow", "environment": "test", "region": "us-west-2", **changes})


def _environment(platform: Mapping[str, Terraform], environment: str) -> Terraform:
    """All resources of an environment, with the references between stacks resolved."""
    return merged(platform[f"{environment}-{stack}"] for stack in STACKS)


def _arguments(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Every scalar in Terraform JSON with the name of the argument that holds it; JSON in strings is read as well."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _arguments(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _arguments(each, name)
    elif isinstance(value, str) and re.match(r"[\[{]", value):
        yield from _arguments(json.loads(value), name)
    else:
        yield name, value


# --- who reaches whom ---


@every_environment
def test_who_may_connect_to_whom_is_the_chain_and_the_endpoints_where_there_are_any(
    platform: Mapping[str, Terraform], environments: Mapping[str, Settings], environment: str
) -> None:
    terraform = _environment(platform, environment)
    prefix = environments[environment].name_prefix
    endpoints = ENDPOINT_USERS if environments[environment].network.interface_endpoints else set()

    assert terraform.connections("ingress", prefix) == CHAIN | endpoints
    assert terraform.connections("egress", prefix) == CHAIN | endpoints | HTTPS_OUT


@every_stack
def test_no_security_group_lets_addresses_in_and_https_is_the_only_way_out_to_any(
    platform: Mapping[str, Terraform], name: str
) -> None:
    terraform = platform[name]

    for rule in terraform.all("aws_vpc_security_group_ingress_rule"):
        assert not {"cidr_ipv4", "cidr_ipv6", "prefix_list_id"} & rule.keys(), rule.address
        assert rule["referenced_security_group_id"], rule.address
    for rule in terraform.all("aws_vpc_security_group_egress_rule"):
        assert "referenced_security_group_id" in rule or (rule["from_port"], rule["to_port"]) == (443, 443)


@every_stack
def test_rules_are_resources_of_their_own_so_that_none_is_overlooked(
    platform: Mapping[str, Terraform], name: str
) -> None:
    terraform = platform[name]

    assert "aws_security_group_rule" not in terraform.types
    for type in ("aws_security_group", "aws_default_security_group"):
        assert not any({"ingress", "egress"} & group.keys() for group in terraform.all(type))


@every_environment
def test_nothing_but_nat_gateways_has_a_public_address(platform: Mapping[str, Terraform], environment: str) -> None:
    terraform = _environment(platform, environment)

    nat = {gateway["allocation_id"] for gateway in terraform.all("aws_nat_gateway")}
    assert {address.ref("allocation_id") for address in terraform.all("aws_eip")} == nat
    assert terraform.one("aws_lb")["internal"] is True
    assert terraform.one("aws_ecs_service")["network_configuration"]["assign_public_ip"] is False
    assert terraform.one("aws_sagemaker_notebook_instance")["direct_internet_access"] == "Disabled"
    assert terraform.one("aws_rds_cluster_instance")["publicly_accessible"] is False


# --- secrets ---


@every_stack
def test_no_argument_that_is_stored_holds_a_secret_value(platform: Mapping[str, Terraform], name: str) -> None:
    for argument, value in _arguments(platform[name].document.get("resource", {})):
        if re.search(r"password|secret_string", argument) and isinstance(value, str):
            assert argument.endswith("_wo"), argument
            assert "ephemeral." in value, argument


@every_stack
def test_ephemeral_values_go_into_write_only_arguments_only(platform: Mapping[str, Terraform], name: str) -> None:
    document = platform[name].document

    stored = [*_arguments(document.get("resource", {})), *_arguments(document.get("output", {}))]
    takers = {argument for argument, value in stored if isinstance(value, str) and "ephemeral." in value}
    assert takers <= {"secret_string_wo", "master_password_wo"}


@every_environment
def test_containers_get_secrets_by_reference_only(platform: Mapping[str, Terraform], environment: str) -> None:
    for container in _containers(platform[f"{environment}-{PLATFORM}"]).values():
        names = {variable["name"] for variable in container["environment"]}
        assert not [name for name in names if re.search("PASSWORD|SECRET|TOKEN", name)]
        for secret in container["secrets"]:
            assert secret["valueFrom"].startswith("${aws_secretsmanager_secret.")


@every_environment
def test_the_state_that_other_stacks_read_holds_identifiers_only(
    platform: Mapping[str, Terraform], environment: str
) -> None:
    outputs = platform[f"{environment}-{PLATFORM}"].document["output"]

    shared = {output["value"] for name, output in outputs.items() if name.startswith("cross_stack_output")}
    assert shared
    assert all(re.fullmatch(r"\$\{aws_\w+\.\w+\.(arn|id|dns_name)\}", value) for value in shared)


# --- permissions ---


@every_environment
def test_the_two_roles_of_a_task_may_do_this_and_no_more(platform: Mapping[str, Terraform], environment: str) -> None:
    terraform = platform[f"{environment}-{PLATFORM}"]
    roles = {kind: _role(terraform, kind) for kind in ("execution", "task")}

    assert terraform.permissions(roles["execution"]).keys() == {
        "decrypt",
        "log-in-to-registry",
        "pull-mlflow-repository",
        "pull-nginx-repository",
        "read-secret-database-credentials",
        "read-secret-mlflow-credentials",
        "write-mlflow-logs",
        "write-nginx-logs",
    }
    assert terraform.permissions(roles["task"]).keys() == {"list-artifacts", "read-write-artifacts", "use-key"}


@every_stack
def test_permissions_name_their_actions_and_resources(platform: Mapping[str, Terraform], name: str) -> None:
    terraform = platform[name]

    granted = [each for role in terraform.all("aws_iam_role") for each in terraform.permissions(role).values()]
    assert not [action for statement in granted for action in statement["Action"] if "*" in action]
    anywhere = {action for statement in granted if "*" in statement["Resource"] for action in statement["Action"]}
    # These know no narrower resource; of metrics a condition names the namespace.
    assert anywhere <= {"ecr:GetAuthorizationToken", "logs:DescribeLogGroups", "cloudwatch:PutMetricData"}


# --- outputs ---


@every_stack
def test_every_output_says_what_it_is(platform: Mapping[str, Terraform], name: str) -> None:
    for output, details in platform[name].document.get("output", {}).items():
        assert output.startswith("cross_stack_output_") or details.get("description"), output


@pytest.mark.parametrize(
    ("stack", "outputs"),
    [
        (
            PLATFORM,
            {
                "mlflow_credentials_secret_arn",
                "artifacts_bucket",
                "nginx_repository_url",
                "mlflow_repository_url",
                "database_endpoint",
                "database_credentials_secret_arn",
                "cluster_name",
                "service_name",
                "load_balancer_dns_name",
                "service_dns_name",
                "vpc_id",
            },
        ),
        (API, {"access", "endpoint"}),
        (NOTEBOOK, {"notebook_url"}),
        (STATE_BACKEND, {"state_bucket", "state_lock_table"}),
    ],
)
@every_environment
def test_a_stack_tells_what_its_user_needs(
    platform: Mapping[str, Terraform], environment: str, stack: str, outputs: set[str]
) -> None:
    found = platform[f"{environment}-{stack}"].document["output"].keys()

    assert {name for name in found if not name.startswith("cross_stack_output_")} == outputs


# --- settings ---


CHANGED: dict[str, dict[str, Any]] = {
    "network": {"cidr": "10.9.0.0/16", "flow_logs": True},
    "database": {
        "min_capacity": 1.0,
        "max_capacity": 2.0,
        "engine_version": "8.0.mysql_aurora.3.08.2",
        "backup_retention_days": 21,
    },
    "service": {"cpu": 1024, "memory": 4096, "min_tasks": 3, "max_tasks": 4, "exec": True},
    "artifacts": {"versioning": False, "mode": "direct"},
    "secrets": {"rotation": 5},
    "logs": {"retention_days": 90},
    "api": {"throttling_rate_limit": 5, "throttling_burst_limit": 7},
    "notebook": {"instance_type": "ml.m5.large", "volume_size_gb": 50, "root_access": True},
    "images": {"base_registry": "mirror.example/library"},
}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The platform with all settings CHANGED from their defaults."""
    outdir = tmp_path_factory.mktemp("changed")
    main.synthesise([_settings(**CHANGED)], outdir)
    return merged(Terraform.read(outdir, f"test-{stack}") for stack in (PLATFORM, API, NOTEBOOK))


@pytest.mark.parametrize(
    ("type", "arguments"),
    [
        ("aws_vpc", {"cidr_block": "10.9.0.0/16"}),
        ("aws_flow_log", {"traffic_type": "ALL"}),
        ("aws_rds_cluster", {"serverlessv2_scaling_configuration": {"min_capacity": 1, "max_capacity": 2}}),
        ("aws_rds_cluster", {"backup_retention_period": 21, "engine_version": "8.0.mysql_aurora.3.08.2"}),
        ("aws_rds_cluster_instance", {"auto_minor_version_upgrade": False}),
        ("aws_ecs_task_definition", {"cpu": "1024", "memory": "4096"}),
        ("aws_appautoscaling_target", {"min_capacity": 3, "max_capacity": 4}),
        ("aws_ecs_service", {"desired_count": 3, "enable_execute_command": True}),
        ("aws_s3_bucket_versioning", {"versioning_configuration": {"status": "Suspended"}}),
        (
            "aws_apigatewayv2_stage",
            {
                "default_route_settings": {
                    "throttling_rate_limit": 5,
                    "throttling_burst_limit": 7,
                    "detailed_metrics_enabled": True,
                }
            },
        ),
        (
            "aws_sagemaker_notebook_instance",
            {"instance_type": "ml.m5.large", "volume_size": 50, "root_access": "Enabled"},
        ),
    ],
)
def test_a_setting_reaches_its_resource(changed: Terraform, type: str, arguments: dict[str, Any]) -> None:
    resource = changed.one(type)

    assert {name: resource[name] for name in arguments} == arguments


def test_the_retention_of_logs_is_that_of_all_log_groups(changed: Terraform) -> None:
    groups = changed.all("aws_cloudwatch_log_group")

    assert len(groups) == 7  # nginx, mlflow, three of the database, flow logs, access log
    assert {group["retention_in_days"] for group in groups} == {90}


def test_a_rotation_makes_new_passwords_for_both_secrets_and_the_database(changed: Terraform) -> None:
    versions = changed.all("aws_secretsmanager_secret_version")

    assert [version["secret_string_wo_version"] for version in versions] == [5, 5]
    assert changed.one("aws_rds_cluster")["master_password_wo_version"] == 5


# --- images ---


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_tagged_by_what_it_is_built_from(changed: Terraform, name: str) -> None:
    repository = changed.one("aws_ecr_repository", name=f"mlflow-test/{name}")

    tag = Build(name, "arm64", "mirror.example/library").tag()
    assert _containers(changed)[name]["image"] == f"{repository.ref('repository_url')}:{tag}"


@every_environment
def test_tasks_wait_until_both_images_are_published(platform: Mapping[str, Terraform], environment: str) -> None:
    terraform = platform[f"{environment}-{PLATFORM}"]

    published = terraform.all("terraform_data")
    assert [image.address for image in published] == ["terraform_data.mlflow_image", "terraform_data.nginx_image"]
    task = terraform.one("aws_ecs_task_definition")
    assert set(task["depends_on"]) == {image.address for image in published}


def test_images_of_a_registry_are_taken_as_they_are_and_nothing_is_built(synthesise: Synthesise) -> None:
    ours = "012345678901.dkr.ecr.us-west-2.amazonaws.com/team/nginx:1.28"
    uris = {"nginx": ours, "mlflow": "public.ecr.aws/team/mlflow:3"}
    terraform = synthesise(images={"source": "registry", **uris})[PLATFORM]

    assert {name: container["image"] for name, container in _containers(terraform).items()} == uris
    assert not terraform.types & {"aws_ecr_repository", "terraform_data"}
    assert "depends_on" not in terraform.one("aws_ecs_task_definition")
    assert not [output for output in terraform.document["output"] if "repository" in output]
    pulls = [name for name in terraform.permissions(_role(terraform, "execution")) if name.startswith("pull")]
    assert pulls == ["pull-nginx-image"]


# --- artifacts ---


def test_clients_that_go_to_s3_get_a_policy_for_the_bucket_and_its_key(changed: Terraform) -> None:
    bucket, key = changed.one("aws_s3_bucket").ref("arn"), changed.one("aws_kms_key").ref("arn")

    statements = changed.one("aws_iam_policy").json("policy")["Statement"]
    assert {statement["Sid"]: statement["Resource"] for statement in statements} == {
        "ListArtifacts": [bucket],
        "ReadWriteArtifacts": [f"{bucket}/*"],
        "UseKey": [key],
    }
    assert {"name": "ARTIFACTS_MODE", "value": "direct"} in _containers(changed)["mlflow"]["environment"]


def test_the_clients_policy_is_an_output(synthesise: Synthesise) -> None:
    terraform = synthesise(artifacts={"mode": "direct"})[PLATFORM]

    assert terraform.document["output"]["artifacts_client_policy_arn"]["value"] == (
        terraform.one("aws_iam_policy").ref("arn")
    )


@every_environment
def test_clients_hold_no_rights_unless_asked_for(platform: Mapping[str, Terraform], environment: str) -> None:
    terraform = platform[f"{environment}-{PLATFORM}"]

    assert "aws_iam_policy" not in terraform.types
    assert "artifacts_client_policy_arn" not in terraform.document["output"]


def test_without_a_notebook_its_stack_is_empty_but_there(synthesise: Synthesise) -> None:
    terraform = synthesise(notebook={"enabled": False})[NOTEBOOK]

    assert terraform.types == set()
    assert "output" not in terraform.document


def test_in_an_existing_network_everything_stands_in_its_subnets_and_no_network_is_made(synthesise: Synthesise) -> None:
    private, isolated = ["subnet-0000000a", "subnet-0000000b"], ["subnet-0000000c", "subnet-0000000d"]
    existing = {
        "vpc_id": "vpc-0123456789abcdef0",
        "private_subnet_ids": tuple(private),
        "isolated_subnet_ids": tuple(isolated),
    }
    stacks = synthesise(network={"existing": existing})
    terraform = merged(stacks.values())

    assert not [type for type in terraform.types if re.match("aws_(vpc|subnet|route.*|nat_.*|eip|internet_.*)$", type)]
    assert terraform.one("aws_lb")["subnets"] == private
    assert terraform.one("aws_ecs_service")["network_configuration"]["subnets"] == private
    assert terraform.one("aws_apigatewayv2_vpc_link")["subnet_ids"] == private
    assert terraform.one("aws_sagemaker_notebook_instance")["subnet_id"] == private[0]
    assert terraform.one("aws_db_subnet_group")["subnet_ids"] == isolated
    assert {group["vpc_id"] for group in terraform.all("aws_security_group")} == {existing["vpc_id"]}


@pytest.mark.parametrize("protect", [False, True])
def test_data_is_protected_as_a_whole(synthesise: Synthesise, protect: bool) -> None:
    terraform = synthesise(protect_data=protect)[PLATFORM]

    kept = [terraform.one(type) for type in ("aws_rds_cluster", "aws_s3_bucket", "aws_kms_key")]
    assert [resource["lifecycle"]["prevent_destroy"] for resource in kept] == [protect] * 3
    assert terraform.one("aws_rds_cluster")["deletion_protection"] is protect
    assert terraform.one("aws_lb")["enable_deletion_protection"] is protect
    assert {repository["force_delete"] for repository in terraform.all("aws_ecr_repository")} == {not protect}


def test_unprotected_data_still_leaves_a_snapshot_a_full_bucket_and_secrets_to_recover(synthesise: Synthesise) -> None:
    terraform = synthesise(protect_data=False)[PLATFORM]

    assert terraform.one("aws_rds_cluster")["skip_final_snapshot"] is False
    assert terraform.one("aws_s3_bucket")["force_destroy"] is False
    assert {secret["recovery_window_in_days"] for secret in terraform.all("aws_secretsmanager_secret")} == {7}


def test_with_a_local_state_the_stacks_find_each_other_in_files(synthesise: Synthesise) -> None:
    stacks = synthesise(state={"backend": "local"})

    [remote] = stacks[API].document["data"]["terraform_remote_state"].values()
    assert {"backend": remote["backend"], "config": remote["config"]} == {
        "backend": "local",
        "config": stacks[PLATFORM].document["terraform"]["backend"]["local"],
    }


# --- the state backend ---


@pytest.mark.parametrize("lock", ["dynamodb", "s3", "both"])
def test_there_is_a_lock_table_unless_a_file_is_the_lock(state_backend: Callable[..., Terraform], lock: str) -> None:
    terraform = state_backend(lock=lock)

    assert ("aws_dynamodb_table" in terraform.types) is (lock != "s3")
    assert ("state_lock_table" in terraform.document["output"]) is (lock != "s3")


def test_the_lock_table_is_as_terraform_wants_it_and_can_be_brought_back(
    state_backend: Callable[..., Terraform],
) -> None:
    assert state_backend().one("aws_dynamodb_table") == {
        "name": "mlflow-test-tfstate-lock",
        "billing_mode": "PAY_PER_REQUEST",
        "hash_key": "LockID",
        "attribute": [{"name": "LockID", "type": "S"}],
        "point_in_time_recovery": {"enabled": True},
        "server_side_encryption": {"enabled": True},
        "deletion_protection_enabled": True,
        "lifecycle": {"prevent_destroy": True},
    }


@pytest.mark.parametrize("lock", ["dynamodb", "s3", "both"])
def test_the_state_bucket_is_private_versioned_and_never_destroyed(
    state_backend: Callable[..., Terraform], lock: str
) -> None:
    terraform = state_backend(lock=lock)

    bucket = terraform.one("aws_s3_bucket")
    assert bucket == {"bucket": "mlflow-test-tfstate", "lifecycle": {"prevent_destroy": True}}
    assert terraform.one("aws_s3_bucket_versioning")["versioning_configuration"] == {"status": "Enabled"}
    assert terraform.types - {"aws_dynamodb_table"} == {
        "aws_s3_bucket",
        "aws_s3_bucket_ownership_controls",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
    }


def test_a_key_of_ones_own_encrypts_bucket_and_table(state_backend: Callable[..., Terraform]) -> None:
    key = "arn:aws:kms:us-west-2:012345678901:key/some-key"
    terraform = state_backend(kms_key_id=key)

    assert terraform.one("aws_dynamodb_table")["server_side_encryption"] == {"enabled": True, "kms_key_arn": key}
    [rule] = terraform.one("aws_s3_bucket_server_side_encryption_configuration")["rule"]
    assert rule["apply_server_side_encryption_by_default"]["kms_master_key_id"] == key


@pytest.mark.parametrize("lock", ["dynamodb", "s3", "both"])
def test_the_state_of_the_state_backend_is_local_until_its_bucket_is_there(
    state_backend: Callable[..., Terraform], lock: str
) -> None:
    backend = state_backend(local_state=True, lock=lock).document["terraform"]["backend"]

    assert backend == {"local": {"path": "terraform.tfstate"}}


def test_the_state_of_the_state_backend_then_moves_into_its_bucket(state_backend: Callable[..., Terraform]) -> None:
    terraform = state_backend()

    backend = terraform.document["terraform"]["backend"]["s3"]
    assert (backend["bucket"], backend["key"]) == ("mlflow-test-tfstate", "mlflow/test/state-backend.tfstate")


def _containers(terraform: Terraform) -> dict[str, dict[str, Any]]:
    containers = terraform.one("aws_ecs_task_definition").json("container_definitions")
    return {container["name"]: container for container in containers}


def _role(terraform: Terraform, kind: str) -> Resource:
    [role] = [role for role in terraform.all("aws_iam_role") if role["name_prefix"].endswith(f"-{kind}-")]
    return role

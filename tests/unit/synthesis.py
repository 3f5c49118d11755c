"""Throw-away stacks for tests, and their Terraform JSON, asked by resource type."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from cdktf import App, TerraformStack
from cdktf_cdktf_provider_aws.provider import AwsProvider

from constructs_lib.artifact_store import ArtifactStore
from constructs_lib.caller_check import PasswordCheck
from constructs_lib.database import Database
from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.generated_secret import GeneratedSecret
from constructs_lib.load_balancer import LoadBalancer
from constructs_lib.log_group import LogGroup
from constructs_lib.mlflow_service import MlflowService
from constructs_lib.mlflow_task import Images, MlflowTask, TaskOptions
from constructs_lib.network import ExistingNetwork
from constructs_lib.registry_image import RegistryImage
from constructs_lib.role import Role
from constructs_lib.service_discovery import ServiceDiscovery
from constructs_lib.vpc_link import VpcLink

NETWORK = ExistingNetwork(
    vpc_id="vpc-1", private_subnet_ids=("private-a", "private-b"), isolated_subnet_ids=("isolated-a", "isolated-b")
)
PREFIX = "test"
Found = TypeVar("Found")
_REMOTE = re.compile(r"data\.terraform_remote_state\.\w+\.outputs\.(\w+)")


class Resource(dict[str, Any]):
    """The arguments of one Terraform block, and how others refer to it."""

    def __init__(self, address: str, arguments: dict[str, Any]) -> None:
        super().__init__(arguments)
        self.address = address

    def ref(self, attribute: str) -> str:
        """The Terraform expression of *attribute*."""
        return f"${{{self.address}.{attribute}}}"

    def json(self, argument: str) -> Any:
        """An argument that holds JSON, such as a policy."""
        return json.loads(self[argument])


class Terraform:
    """The Terraform JSON of a stack, without CDKTF's metadata."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    @classmethod
    def read(cls, outdir: Path, stack: str) -> Terraform:
        """What was synthesised for *stack* into *outdir*."""
        text = (outdir / "stacks" / stack / "cdk.tf.json").read_text(encoding="utf-8")
        return cls(json.loads(text, object_hook=_without_metadata))

    @property
    def types(self) -> set[str]:
        """The resource types that the stack holds."""
        return set(self.document.get("resource", {}))

    def all(self, type: str, **arguments: Any) -> list[Resource]:
        """The resources of *type* that have all of *arguments*."""
        return self._blocks(self.document.get("resource", {}), "", type, arguments)

    def one(self, type: str, **arguments: Any) -> Resource:
        """The only resource of *type* that has all of *arguments*."""
        return _only(self.all(type, **arguments))

    def data(self, type: str) -> Resource:
        """The only data source of *type*."""
        return _only(self._blocks(self.document.get("data", {}), "data.", type, {}))

    def ephemeral(self, type: str) -> Resource:
        """The only ephemeral resource of *type*."""
        return _only(self._blocks(self.document.get("ephemeral", {}), "ephemeral.", type, {}))

    def permissions(self, role: Resource) -> dict[str, dict[str, Any]]:
        """What *role* is allowed: the one statement of each of its inline policies, by the policy's name."""
        policies = self.all("aws_iam_role_policy", role=role.ref("id"))
        return {policy["name"]: _only(policy.json("policy")["Statement"]) for policy in policies}

    def connections(self, direction: Literal["ingress", "egress"], prefix: str = PREFIX) -> set[tuple[str, str, int]]:
        """Who may connect to whom on which TCP port; security groups by their names without *prefix*, or CIDRs."""
        names = {
            group.ref("id"): group["tags"]["Name"].removeprefix(f"{prefix}-")
            for group in self.all("aws_security_group")
        }
        found = set()
        for rule in self.all(f"aws_vpc_security_group_{direction}_rule"):
            assert (rule["ip_protocol"], rule["from_port"]) == ("tcp", rule["to_port"]), rule.address
            peer = names[rule["referenced_security_group_id"]] if "cidr_ipv4" not in rule else rule["cidr_ipv4"]
            own = names[rule["security_group_id"]]
            found.add((own, peer, rule["to_port"]) if direction == "egress" else (peer, own, rule["to_port"]))
        return found

    @staticmethod
    def _blocks(section: dict[str, Any], prefix: str, type: str, arguments: dict[str, Any]) -> list[Resource]:
        blocks = [Resource(f"{prefix}{type}.{name}", block) for name, block in section.get(type, {}).items()]
        return [block for block in blocks if all(block.get(key) == value for key, value in arguments.items())]


def merged(stacks: Iterable[Terraform]) -> Terraform:
    """The resources of all *stacks* as if they were one: references between stacks point at the resource itself."""
    documents = [stack.document for stack in stacks]
    outputs = {name: output["value"] for each in documents for name, output in each.get("output", {}).items()}
    resources: dict[str, dict[str, Any]] = {}
    for document in documents:
        text = _REMOTE.sub(lambda found: str(outputs[found[1]])[2:-1], json.dumps(document.get("resource", {})))
        for type, blocks in json.loads(text).items():
            known = resources.setdefault(type, {})
            assert known.keys().isdisjoint(blocks), f"{type}: two stacks use the same names"
            known.update(blocks)
    return Terraform({"resource": resources})


def allow(*actions: str, on: Iterable[str]) -> dict[str, Any]:
    """The statement of a permission without conditions."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(on)}


class Workbench(TerraformStack):
    """A plain CDKTF stack, and what constructs ask for.

    The properties are parts with plain arguments, each made on first use; ``make_*`` takes changes to the arguments.
    """

    def __init__(self, outdir: Path) -> None:
        self._outdir = outdir
        self._app = App(outdir=str(outdir))
        super().__init__(self._app, "workbench")
        AwsProvider(self, "aws")

    def synthesise(self) -> Terraform:
        """The stack as Terraform JSON."""
        self._app.synth()
        return Terraform.read(self._outdir, "workbench")

    def make_secret(self, id: str, **changes: Any) -> GeneratedSecret:
        plain = {"name_prefix": PREFIX, "description": id, "username": "somebody"}
        return GeneratedSecret(self, id, **self._filled(changes, plain, encryption_key="key"))

    def make_artifacts(self, **changes: Any) -> ArtifactStore:
        plain = {"name_prefix": PREFIX}
        return ArtifactStore(self, "artifacts", **self._filled(changes, plain, encryption_key="key"))

    def make_database(self, **changes: Any) -> Database:
        plain = {"name_prefix": PREFIX, "network": NETWORK}
        parts = {"encryption_key": "key", "credentials": "database_credentials"}
        return Database(self, "database", **self._filled(changes, plain, **parts))

    def make_load_balancer(self, **changes: Any) -> LoadBalancer:
        plain = {"name_prefix": PREFIX, "network": NETWORK, "target_port": 8080, "health_check_path": "/healthy"}
        return LoadBalancer(self, "load-balancer", **self._filled(changes, plain))

    def make_task(self, **changes: Any) -> MlflowTask:
        plain = {"name_prefix": PREFIX, "options": TaskOptions()}
        parts = {
            "images": "images",
            "encryption_key": "key",
            "database": "database",
            "caller_check": "caller_check",
            "artifacts": "artifacts",
        }
        return MlflowTask(self, "task", **self._filled(changes, plain, **parts))

    def make_service(self, **changes: Any) -> MlflowService:
        plain = {"name_prefix": PREFIX, "network": NETWORK}
        parts = {name: name for name in ("task", "load_balancer", "discovery")}
        return MlflowService(self, "service", **self._filled(changes, plain, **parts))

    def _filled(self, changes: dict[str, Any], plain: dict[str, Any], **parts: str) -> dict[str, Any]:
        """Arguments with *changes*; of the *parts* (argument to property) only those are made that are not given."""
        missing = {argument: getattr(self, part) for argument, part in parts.items() if argument not in changes}
        return {**plain, **missing, **changes}

    @cached_property
    def key(self) -> EncryptionKey:
        return EncryptionKey(self, "key", name_prefix=PREFIX, description="Test data")

    @cached_property
    def role(self) -> Role:
        return Role(self, "role", name_prefix=PREFIX, service="ec2.amazonaws.com", description="Somebody")

    @cached_property
    def logs(self) -> LogGroup:
        return LogGroup(self, "logs", name="/test", retention_days=7, encryption_key=self.key)

    @cached_property
    def credentials(self) -> GeneratedSecret:
        return self.make_secret("credentials")

    @cached_property
    def caller_check(self) -> PasswordCheck:
        return PasswordCheck(self.credentials)

    @cached_property
    def database_credentials(self) -> GeneratedSecret:
        return self.make_secret("database-credentials")

    @cached_property
    def artifacts(self) -> ArtifactStore:
        return self.make_artifacts()

    @cached_property
    def database(self) -> Database:
        return self.make_database()

    @cached_property
    def load_balancer(self) -> LoadBalancer:
        return self.make_load_balancer()

    @cached_property
    def discovery(self) -> ServiceDiscovery:
        return ServiceDiscovery(self, "discovery", vpc_id="vpc-1", namespace="test.internal", service="mlflow")

    @cached_property
    def images(self) -> Images:
        return Images(
            nginx=RegistryImage(self, "nginx-image", uri="example/nginx:1"),
            mlflow=RegistryImage(self, "mlflow-image", uri="example/mlflow:2"),
        )

    @cached_property
    def task(self) -> MlflowTask:
        return self.make_task()

    @cached_property
    def service(self) -> MlflowService:
        return self.make_service()

    @cached_property
    def vpc_link(self) -> VpcLink:
        return VpcLink(self, "vpc-link", name_prefix=PREFIX, network=NETWORK)


def _without_metadata(block: dict[str, Any]) -> dict[str, Any]:
    block.pop("//", None)
    return block


def _only(found: list[Found]) -> Found:
    assert len(found) == 1, f"expected one, found {len(found)}: {[getattr(each, 'address', each) for each in found]}"
    return found[0]

"""A small environment whose deploy is stopped half-way: what the tests of Ctrl-C and of a kill share."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployment.terraform import Terraform
from deployment.toolchain import terraform_environment
from rehearsal.emulator import Emulator
from rehearsal.inventory import Item, leftovers
from tests.terraform.project import Project
from tests.waiting import eventually

STACK = "dev-mlflow-vpclink"
_BUCKET, _TABLE, _STATE = "mlflow-dev-tfstate", "mlflow-dev-tfstate-lock", "mlflow/dev/mlflow-vpclink.tfstate"
_SETTINGS = """
project = "mlflow"
protect_data = false
database = {{ final_snapshot = false }}
artifacts = {{ force_destroy = true }}
secrets = {{ recovery_window_days = 0 }}
notebook = {{ enabled = false }}
network = {{ existing = {{
  vpc_id = "{vpc}", private_subnet_ids = {private}, isolated_subnet_ids = {isolated}
}} }}
"""


class HalfApplied:
    """The environment, in a project and an account of its own; bootstrapped, and not deployed yet."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator = emulator
        self.project = Project(folder / "project", {"dev": self._settings()})
        self.shell = {**emulator.environ(os.environ), "ENV": "dev"}
        self.output = folder / "output"
        self.run("bootstrap", "--yes")
        self._before = emulator.inventory()

    def _settings(self) -> str:
        """The settings, in a network that is there already: a third of the resources less to wait for."""
        ec2 = self.emulator.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=f"us-west-2{zone}")
            for number, zone in enumerate("abab")
        ]
        ids = [subnet["Subnet"]["SubnetId"] for subnet in subnets]
        return _SETTINGS.format(vpc=vpc, private=json.dumps(ids[:2]), isolated=json.dumps(ids[2:]))

    def run(self, *arguments: str) -> str:
        """Run ``python -m deployment`` to its end and return what it printed; fails if the command does."""
        done = self.try_to(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_to(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m deployment`` to its end."""
        return self.project.run("-m", "deployment", *arguments, environment=self.shell)

    @contextmanager
    def deploying(self) -> Iterator[subprocess.Popen[bytes]]:
        """A deploy under way; nothing of it is left after the block."""
        with self.project.start(
            "-m", "deployment", "deploy", "--yes", output=self.output, environment=self.shell
        ) as process:
            try:
                yield process
            finally:
                kill(process.pid)

    def wait(self, process: subprocess.Popen[bytes], condition: Callable[[], bool], what: str) -> None:
        """Wait until *condition* holds while *process* is still at it."""

        def holds() -> bool:
            assert process.poll() is None, f"ended before {what}: {self.output.read_text()}"
            return condition()

        eventually(holds, what)

    def load_balancers(self) -> list[str]:
        """The ARNs of the load balancers: the resource that takes longest."""
        answer = self.emulator.client("elbv2").describe_load_balancers()
        return [balancer["LoadBalancerArn"] for balancer in answer["LoadBalancers"]]

    def state(self) -> dict[str, Any]:
        """The resources in the stack's state, by address; none if there is no state yet."""
        s3 = self.emulator.client("s3")
        if not s3.list_objects_v2(Bucket=_BUCKET, Prefix=_STATE).get("Contents"):
            return {}
        state = json.loads(s3.get_object(Bucket=_BUCKET, Key=_STATE)["Body"].read())
        return {
            f"{resource['type']}.{resource['name']}": resource
            for resource in state["resources"]
            if resource["mode"] == "managed"
        }

    def locks(self) -> list[str]:
        """The locks that are held."""
        items = self.emulator.client("dynamodb").scan(TableName=_TABLE)["Items"]
        return [item["LockID"]["S"] for item in items if "Info" in item]

    def terraform(self) -> Terraform:
        """Terraform in the stack's folder."""
        environment = self.emulator.environ(terraform_environment())
        return Terraform(self.project.folder / "cdktf.out" / "stacks" / STACK, environment=environment)

    def orphans(self) -> list[Item]:
        """Destroy everything, and return what is left then without a reason."""
        self.run("destroy", "--yes")
        return leftovers(self._before, self.emulator.inventory())


@contextmanager
def half_applied(folder: Path) -> Iterator[HalfApplied]:
    """The environment on an emulator of its own."""
    with Emulator() as emulator:
        yield HalfApplied(emulator, folder)


def descendants(pid: int) -> list[int]:
    """The process *pid* and all that it started and that still live."""
    children: dict[int, list[int]] = {}
    for child, parent in processes().items():
        children.setdefault(parent, []).append(child)
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def processes() -> dict[int, int]:
    """Every process of this machine, and its parent."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, timeout=30, check=True)
    return {int(pid): int(parent) for pid, parent in map(str.split, listed.stdout.splitlines())}


def kill(pid: int) -> None:
    """End *pid* and all that it started, at once."""
    for one in descendants(pid):
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            continue

"""The synthesised stacks, and the steps over all of them in the order of their dependencies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployment.progress import Display
from deployment.terraform import Changes, Output, Plan, Terraform
from deployment.toolchain import terraform_environment
from errors import UserError


@dataclass(frozen=True)
class Stack:
    """One synthesised stack: its folder holds cdk.tf.json. *dependencies* are names of stacks."""

    name: str
    folder: Path
    dependencies: tuple[str, ...] = ()
    environment: str = ""

    def configuration(self) -> dict[str, Any]:
        """Return the stack's Terraform JSON."""
        configuration: dict[str, Any] = json.loads((self.folder / "cdk.tf.json").read_text())
        return configuration


@dataclass(frozen=True)
class StackPlan:
    """A stack's plan; or None and the stacks it *waits_for*, whose outputs it needs and which are not deployed yet."""

    stack: Stack
    terraform: Terraform
    plan: Plan | None
    waits_for: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.plan is None:
            verb = "is" if len(self.waits_for) == 1 else "are"
            return f"planned after {' and '.join(self.waits_for)} {verb} deployed"
        return str(self.plan)

    def text(self) -> str:
        """Return the plan as Terraform shows it to people."""
        return self.terraform.show_text(self.plan) if self.plan else str(self)


def load_stacks(outdir: Path, environments: Iterable[str] = ()) -> tuple[Stack, ...]:
    """Read what a synth left in *outdir*; a stack comes after those it depends on, else in the manifest's order.

    *environments* are the names that stacks may begin with; the longest that fits is a stack's environment.
    Raises ``UserError`` when nothing was synthesised there.
    """
    manifest = outdir / "manifest.json"
    if not manifest.is_file():
        raise UserError(f"{manifest} is missing: nothing was synthesised. Run `make synth`.")
    entries: dict[str, dict[str, Any]] = json.loads(manifest.read_text())["stacks"]
    ordered: dict[str, Stack] = {}

    def add(name: str) -> None:
        if name not in ordered:
            dependencies = tuple(entries[name]["dependencies"])
            for dependency in dependencies:
                add(dependency)
            fitting = [environment for environment in environments if name.startswith(f"{environment}-")]
            folder = outdir / entries[name]["workingDirectory"]
            ordered[name] = Stack(name, folder, dependencies, max(fitting, key=len, default=""))

    environments = tuple(environments)
    for name in entries:
        add(name)
    return tuple(ordered.values())


class Lifecycle:
    """Plan, deploy, destroy and read *stacks*, which are in the order of ``load_stacks``. Each is initialised once."""

    def __init__(
        self, stacks: Sequence[Stack], display: Display, *, environment: Mapping[str, str] | None = None
    ) -> None:
        self.stacks = {stack.name: stack for stack in stacks}
        self._display = display
        self._environment = terraform_environment() if environment is None else environment
        self._initialised: dict[str, Terraform] = {}

    def plan_all(self) -> tuple[StackPlan, ...]:
        """Plan every stack that can be planned; see ``StackPlan`` for those that cannot yet."""
        return tuple(self._plan(stack) for stack in self.stacks.values())

    def deploy(self, approve: Callable[[StackPlan], bool]) -> dict[str, Changes]:
        """Plan and apply one stack after the other; *approve* is asked before each apply that changes anything.

        Raises ``UserError`` when it says no; stacks before that one stay deployed.
        """
        done: dict[str, Changes] = {}
        for stack in self.stacks.values():
            planned = self._plan(stack)
            if planned.plan is None:
                raise UserError(f"{stack.name}: {planned}; deploy that first.")
            done[stack.name] = Changes()
            if planned.plan.is_empty:
                continue
            if not approve(planned):
                raise UserError(f"{stack.name} was not approved: it is as it was.")
            with self._display.step(stack.name, "apply") as step:
                done[stack.name] = planned.terraform.apply(planned.plan, on_progress=step.update)
                step.result = _past(done[stack.name])
        return done

    def destroy(self) -> dict[str, Changes]:
        """Destroy all stacks, the last deployed first. Nobody is asked: that is the caller's business."""
        done: dict[str, Changes] = {}
        for stack in reversed(self.stacks.values()):
            terraform = self.terraform(stack)
            with self._display.step(stack.name, "destroy") as step:
                # A stack that is gone must not be planned: what it reads of others may be gone as well.
                done[stack.name] = terraform.destroy(on_progress=step.update) if terraform.resources() else Changes()
                step.result = _past(done[stack.name])
        return done

    def protected(self) -> tuple[str, ...]:
        """Return what AWS would refuse to delete, as ``stack: address``."""
        return tuple(
            f"{stack.name}: {address}"
            for stack in self.stacks.values()
            for address in self.terraform(stack).protected_resources()
        )

    def buckets(self, environment: str) -> tuple[str, ...]:
        """Return the names of the S3 buckets of *environment* that can be deleted only when they are empty."""
        stacks = [stack for stack in self.stacks.values() if stack.environment == environment]
        return tuple(bucket for stack in stacks for bucket in self.terraform(stack).buckets())

    def objects(self, environment: str) -> frozenset[str]:
        """Return the keys of the S3 objects of *environment* that Terraform made; it deletes all their versions."""
        stacks = [stack for stack in self.stacks.values() if stack.environment == environment]
        return frozenset(key for stack in stacks for key in self.terraform(stack).objects())

    def outputs(self) -> dict[str, dict[str, Output]]:
        """Return each stack's outputs; none for a stack that is not deployed."""
        return {stack.name: self.terraform(stack).outputs() for stack in self.stacks.values()}

    def terraform(self, stack: Stack, *, reconfigure: bool = False, migrate_state: bool = False) -> Terraform:
        """Return Terraform for *stack*, initialised; the first call decides how, as in ``Terraform.init``."""
        if stack.name not in self._initialised:
            terraform = Terraform(stack.folder, environment=self._environment)
            with self._display.step(stack.name, "move state" if migrate_state else "init"):
                terraform.init(reconfigure=reconfigure, migrate_state=migrate_state)
            self._initialised[stack.name] = terraform
        return self._initialised[stack.name]

    def _plan(self, stack: Stack) -> StackPlan:
        terraform = self.terraform(stack)
        with self._display.step(stack.name, "plan") as step:
            waits_for = self._missing_dependencies(stack)
            plan = None if waits_for else terraform.plan(on_progress=step.update)
            planned = StackPlan(stack, terraform, plan, waits_for)
            step.result = str(planned)
        return planned

    def _missing_dependencies(self, stack: Stack) -> tuple[str, ...]:
        """The dependencies that declare an output which *stack* reads and which is not in their state."""
        read = set(re.findall(r"terraform_remote_state\.[\w-]+\.outputs\.([\w-]+)", json.dumps(stack.configuration())))
        missing = []
        for dependency in (self.stacks[name] for name in stack.dependencies):
            needed = read & set(dependency.configuration().get("output", {}))
            if needed - set(self.terraform(dependency).outputs()):
                missing.append(dependency.name)
        return tuple(missing)


def _past(changes: Changes) -> str:
    return f"{changes.add} added, {changes.change} changed, {changes.destroy} destroyed"

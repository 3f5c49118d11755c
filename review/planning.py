"""The plans that a review is made of: by Terraform against the account, or from files that somebody else made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployment.lifecycle import Lifecycle, Stack
from deployment.progress import Display
from errors import UserError
from review.model import Unplanned
from review.plan import read_plan


@dataclass(frozen=True)
class Planned:
    """Of each stack its synthesised JSON, and its plan in Terraform's JSON format as far as there is one."""

    configurations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plans: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unplanned: tuple[Unplanned, ...] = ()


def plan_deployment(lifecycle: Lifecycle) -> Planned:
    """Plan what a deployment would change; a stack that needs outputs of undeployed ones stays *unplanned*."""
    planned = lifecycle.plan_all()
    return Planned(
        configurations_of(lifecycle.stacks),
        {one.stack.name: one.terraform.show_json(one.plan) for one in planned if one.plan},
        tuple(Unplanned(one.stack.name, one.waits_for) for one in planned if one.plan is None),
    )


def plan_destruction(lifecycle: Lifecycle, display: Display) -> Planned:
    """Plan the destruction of every stack that is deployed.

    Raises ``UserError`` where ``protect_data`` forbids it.
    """
    plans = {}
    for stack in lifecycle.stacks.values():
        terraform = lifecycle.terraform(stack)
        if terraform.resources():
            with display.step(stack.name, "plan to destroy") as step:
                plan = terraform.plan(destroy=True, on_progress=step.update)
                step.result = str(plan)
                plans[stack.name] = terraform.show_json(plan)
    return Planned(configurations_of(lifecycle.stacks), plans)


def read_plans(files: Mapping[str, Path], stacks: Mapping[str, Stack]) -> Planned:
    """Read the plan of each stack from its file; stacks without one stay *unplanned*.

    Raises ``UserError`` for a stack that the settings do not have, and for a file that is no plan.
    """
    for name, file in files.items():
        if name not in stacks:
            raise UserError(f"--plan {name}={file}: there is no such stack; choose from {', '.join(stacks)}.")
    return Planned(
        configurations_of(stacks),
        {name: read_plan(file) for name, file in files.items()},
        tuple(Unplanned(name, ()) for name in stacks if name not in files),
    )


def configurations_of(stacks: Mapping[str, Stack]) -> dict[str, Mapping[str, Any]]:
    """Return the synthesised JSON of each stack, by its name."""
    return {name: stack.configuration() for name, stack in stacks.items()}

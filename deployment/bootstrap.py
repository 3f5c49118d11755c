"""Creates the bucket and the lock table that hold the state, and then moves their own state into them.

Idempotent, and safe to run again after it was killed anywhere: until the state is in the bucket it stays in the local
file, where the next run finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from deployment import preflight
from deployment.lifecycle import Lifecycle, Stack, StackPlan, load_stacks
from deployment.progress import Display
from errors import UserError

if TYPE_CHECKING:
    from settings import Settings


def bootstrap(settings: Settings, outdir: Path, display: Display, approve: Callable[[StackPlan], bool]) -> None:
    """Bring the state backend of one environment to what its settings say; *outdir* is where it is synthesised.

    Raises ``UserError`` when the bucket's name is taken, or when the bucket is there but was not made by this.
    """
    state = settings.state
    if state.backend == "local":
        display.say(f"{settings.environment}: the state is local; there is nothing to bootstrap.")
        return
    if not state.create:
        preflight.check_state(settings)
        display.say(f"{settings.environment}: {state.bucket} is there; state.create is false, so it is left as it is.")
        return
    bucket = preflight.find_bucket(settings)
    if bucket == "foreign":
        raise UserError(
            f"the bucket name {state.bucket} is taken by another account (or these credentials may not see it). "
            f"Choose another one with state.bucket in environments/{settings.environment}.tfvars."
        )
    if bucket == "ours" and preflight.state_object_exists(settings, state.key_of("state-backend")):
        lifecycle, stack = _synthesise(settings, outdir, display, local_state=False)
        # A run that was killed after the move left its local state, which Terraform would ask to move again.
        _remove_local_state(stack)
        lifecycle.terraform(stack, reconfigure=True)
        lifecycle.deploy(approve)
    else:
        _create(settings, outdir, display, approve, bucket_exists=bucket == "ours")
    display.say(f"{settings.environment}: the state is kept in the bucket {state.bucket}.")


def _create(
    settings: Settings,
    outdir: Path,
    display: Display,
    approve: Callable[[StackPlan], bool],
    *,
    bucket_exists: bool,
) -> None:
    lifecycle, stack = _synthesise(settings, outdir, display, local_state=True)
    # The folder may remember the bucket, if a run was killed during the move.
    terraform = lifecycle.terraform(stack, reconfigure=True)
    if bucket_exists and not terraform.resources():
        raise UserError(
            f"the bucket {settings.state.bucket} exists in this account, but was not made by this project: neither the "
            f"bucket nor this folder has a state of it. In environments/{settings.environment}.tfvars, set "
            "state.create = false to use it as it is, or choose another name with state.bucket."
        )
    lifecycle.deploy(approve)
    _move(settings, outdir, display)


def _move(settings: Settings, outdir: Path, display: Display) -> None:
    lifecycle, stack = _synthesise(settings, outdir, display, local_state=False)
    terraform = lifecycle.terraform(stack, migrate_state=True)
    if not terraform.resources():
        raise UserError(
            f"{stack.name}: its state did not arrive in {settings.state.bucket}; it still is in {stack.folder}."
        )
    _remove_local_state(stack)


def _remove_local_state(stack: Stack) -> None:
    for file in stack.folder.glob("terraform.tfstate*"):  # and its backup
        file.unlink()


def _synthesise(settings: Settings, outdir: Path, display: Display, *, local_state: bool) -> tuple[Lifecycle, Stack]:
    import main  # here, because it starts Node

    main.synthesise_state_backend(settings, outdir, local_state=local_state)
    stacks = load_stacks(outdir, [settings.environment])
    return Lifecycle(stacks, display), stacks[0]

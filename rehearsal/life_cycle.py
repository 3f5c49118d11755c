"""The whole life of an environment on the emulator: bootstrap, apply, plan again, destroy, and nothing left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import main
from deployment import preflight
from deployment.bootstrap import bootstrap
from deployment.lifecycle import Lifecycle, StackPlan, load_stacks
from deployment.progress import Display
from deployment.terraform import Changes, Output
from errors import UserError
from rehearsal.emulator import Emulator
from rehearsal.inventory import Item, kept, leftovers
from rehearsal.surroundings import make_surroundings
from settings import Settings

_STATE_BACKEND = "the state backend is never destroyed by Terraform: its bucket and table outlive the environments"


@dataclass
class Report:
    """What a rehearsal found; it raises before it gets here if anything is wrong."""

    applied: dict[str, Changes] = field(default_factory=dict)
    outputs: dict[str, dict[str, Output]] = field(default_factory=dict)
    kept: list[tuple[Item, str]] = field(default_factory=list)


class Rehearsal:
    """One environment's settings on *emulator*; everything it writes is below *folder*.

    What the settings say is there already, such as a hosted zone, is made first.
    Each step raises UserError when Terraform, the provider or the emulator disagrees. *on_plan* is shown every plan
    that changes something, just before it is applied.
    """

    def __init__(
        self,
        settings: Settings,
        emulator: Emulator,
        folder: Path,
        display: Display,
        *,
        on_plan: Callable[[StackPlan], None] = lambda _plan: None,
    ) -> None:
        self.outdir = folder / "cdktf.out"
        self._settings = settings
        self._emulator = emulator
        self._display = display
        self._on_plan = on_plan
        self.report = Report()
        shutil.rmtree(folder, ignore_errors=True)
        make_surroundings(settings, emulator)
        self._before = emulator.inventory()

    def deploy(self) -> None:
        """Bootstrap the state backend, apply every stack, and plan again: there must be nothing to do."""
        self.bootstrap()
        self._baseline = self._emulator.inventory()
        preflight.check_images(self._settings)
        lifecycle = self.synthesise(self._settings)
        self.report.applied = self.apply(lifecycle)
        self.report.outputs = lifecycle.outputs()

    def bootstrap(self) -> None:
        """Create the state backend, or change nothing if it is there."""
        bootstrap(self._settings, self.outdir / "bootstrap", self._display, self._approve)
        preflight.check(self._settings)

    def synthesise(self, settings: Settings) -> Lifecycle:
        """The stacks as *settings*, the environment's own or changed ones, would have them."""
        with self._display.step(settings.environment, "synth"):
            main.synthesise([settings], self.outdir)
        return Lifecycle(load_stacks(self.outdir, [settings.environment]), self._display)

    def apply(self, lifecycle: Lifecycle) -> dict[str, Changes]:
        """Apply what *lifecycle* plans, and plan again: there must be nothing to do."""
        applied = lifecycle.deploy(self._approve)
        self._fail_on_unsupported()
        for planned in lifecycle.plan_all():
            if planned.plan is None or not planned.plan.is_empty:
                raise UserError(f"{planned.stack.name}: the plan after the apply is not empty\n{planned.text()}")
        return applied

    def destroy(self, settings: Settings | None = None) -> None:
        """Destroy every stack; nothing may be left but what real AWS keeps too.

        *settings* are those that were applied last, if that was not the environment's own. An environment that protects
        its data refuses first. Then the protection is lifted as an operator would.
        """
        settings = settings or self._settings
        lifecycle = self.synthesise(settings)
        if settings.protect_data:
            self._expect_refusal(lifecycle)
            lifecycle = self.synthesise(without_protection(settings))
            lifecycle.deploy(self._approve)
        lifecycle.destroy()
        self._fail_on_unsupported()
        after = self._emulator.inventory()
        if left := leftovers(self._baseline, after):
            raise UserError("\n  ".join(["left over after destroy:", *map(str, left)]))
        state_backend = [(item, _STATE_BACKEND) for item in leftovers(self._before, self._baseline)]
        self.report.kept = kept(self._baseline, after) + state_backend

    def _approve(self, planned: StackPlan) -> bool:
        self._on_plan(planned)
        return True

    def _expect_refusal(self, lifecycle: Lifecycle) -> None:
        for stack in lifecycle.stacks.values():
            if '"prevent_destroy": true' not in (stack.folder / "cdk.tf.json").read_text(encoding="utf-8"):
                continue
            terraform = lifecycle.terraform(stack)
            with self._display.step(stack.name, "destroy, which must be refused") as step:
                try:
                    terraform.plan(destroy=True)
                except UserError as error:
                    if "prevent_destroy" not in str(error):
                        raise
                    step.result = "refused, since protect_data = true"
                    continue
            raise UserError(f"{stack.name}: protect_data = true, and yet Terraform would destroy it")

    def _fail_on_unsupported(self) -> None:
        if missing := self._emulator.unsupported:
            raise UserError("\n  ".join(["the emulator lacks operations that were asked for:", *missing]))


def without_protection(settings: Settings) -> Settings:
    """The settings of somebody who wants the environment and its data gone."""
    return settings.model_copy(
        update={
            "protect_data": False,
            "artifacts": settings.artifacts.model_copy(update={"force_destroy": True}),
        }
    )


@contextmanager
def pointed_at(emulator: Emulator) -> Iterator[None]:
    """This process and its children use *emulator* as AWS."""
    before = dict(os.environ)
    environment = emulator.environ(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)

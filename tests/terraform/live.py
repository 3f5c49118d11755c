"""One environment, really applied: what the tests that need a platform in the emulator share."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from deployment.lifecycle import Lifecycle, Stack, StackPlan
from deployment.progress import Display
from rehearsal.emulator import Emulator
from rehearsal.life_cycle import Rehearsal, pointed_at
from rehearsal.surroundings import make_surroundings
from settings import Settings


class Live:
    """An emulator of its own and a rehearsal of *settings* on it, not begun; everything written is below *folder*."""

    def __init__(self, settings: Settings, emulator: Emulator, folder: Path) -> None:
        self.settings = settings
        self.emulator = emulator
        self.folder = folder
        self.screen = io.StringIO()
        self.display = Display(Console(file=self.screen, width=200))
        self.plans = folder / "plans"
        self.plans.mkdir(parents=True)
        self.rehearsal = Rehearsal(settings, emulator, folder / "work", self.display, on_plan=self._keep)

    def _keep(self, planned: StackPlan) -> None:
        """Keep each plan in both forms: the next one takes its file."""
        assert planned.plan is not None
        name = f"{len(list(self.plans.glob('*.tfplan')))}-{planned.stack.name}"
        shutil.copy(planned.plan.file, self.plans / f"{name}.tfplan")
        (self.plans / f"{name}.json").write_text(json.dumps(planned.terraform.show_json(planned.plan)))

    def first_plans(self) -> dict[str, Path]:
        """The plan that created each stack, in Terraform's JSON format, by the stack's name."""
        numbered = sorted((int(number), name, file) for number, name, file in map(_numbered, self.plans.glob("*.json")))
        return {name: file for _, name, file in reversed(numbered)}

    def last_plans(self) -> dict[str, Path]:
        """The last plan that changed each stack, likewise."""
        numbered = sorted((int(number), name, file) for number, name, file in map(_numbered, self.plans.glob("*.json")))
        return {name: file for _, name, file in numbered}

    def stack(self, lifecycle: Lifecycle, name: str) -> Stack:
        """The stack *name* of this environment, e.g. ``mlflow-vpclink``."""
        return lifecycle.stacks[f"{self.settings.environment}-{name}"]

    def backend(self, service: str) -> Any:
        """moto's own model of a service, for what no request of AWS's shows or changes."""
        from moto.backends import get_backend

        return get_backend(service)[self.emulator.account_id][self.settings.region]  # type: ignore[call-overload]

    def state_objects(self) -> list[tuple[str, str, bytes]]:
        """Every version of every object in the state's bucket: key, version, content."""
        s3, bucket = self.emulator.client("s3"), self.settings.state.bucket
        return [
            (key, version, s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read())
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
            for key, version in ((entry["Key"], entry["VersionId"]) for entry in page.get("Versions", []))
        ]


@contextmanager
def live(settings: Settings, folder: Path, *, later: Iterable[Settings] = ()) -> Iterator[Live]:
    """An emulator that this process and its children take for AWS, as long as the block lasts.

    What the settings of *later* name in the account is there from the beginning.
    """
    emulator = Emulator(region=settings.region)
    with emulator, pointed_at(emulator):
        for changed in later:
            make_surroundings(changed, emulator)
        yield Live(settings, emulator, folder)


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below *folder* and, of archives such as saved plans, every file inside; no provider's program."""
    for place, folders, names in os.walk(folder, followlinks=False):
        if Path(place).name == ".terraform":
            folders.remove("providers")
        for name in names:
            path = Path(place, name)
            yield str(path), path.read_bytes()
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    for member in archive.namelist():
                        yield f"{path}!{member}", archive.read(member)


def _numbered(file: Path) -> tuple[int, str, Path]:
    number, _, name = file.stem.partition("-")
    return int(number), name, file

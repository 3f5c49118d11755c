"""What the pull request is compared with: its base, taken out of git, synthesised and planned by its own code."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployment.lifecycle import Lifecycle, load_stacks
from deployment.progress import Display
from deployment.toolchain import ROOT
from errors import UserError
from settings.tfvars import HclSyntaxError, KeyPath, dotted, hcl, parse

SettingChange = tuple[str, str | None, str | None]
"""A key of the settings, and its value before and after; None: not set."""


@dataclass(frozen=True)
class Base:
    """The commit that a branch started from, with its files in *folder*; *name* says which one."""

    name: str
    folder: Path

    def has(self, environment: str) -> bool:
        """Whether it knows *environment* at all."""
        return self.settings_file(environment).is_file()

    def settings_file(self, environment: str) -> Path:
        """Where its settings of *environment* are, if it has any."""
        return self.folder / "environments" / f"{environment}.tfvars"

    def synthesise(self, environment: str, display: Display) -> Lifecycle:
        """Have its own code write the stacks of *environment*; raises ``UserError`` if that code fails here."""
        outdir = self.folder / "cdktf.out"
        with display.step(environment, f"synth of {self.name}"):
            done = subprocess.run(
                [sys.executable, "main.py"],
                cwd=self.folder,
                env={**os.environ, "ENV": environment, "CDKTF_OUTDIR": str(outdir)},
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode != 0:
            raise UserError(
                f"the base {self.name} cannot be synthesised with what is installed here; review without BASE.\n"
                f"{done.stderr.strip()[-2000:]}"
            )
        return Lifecycle(load_stacks(outdir, [environment]), display)


@contextmanager
def taken_out(reference: str, *, root: Path = ROOT) -> Iterator[Base]:
    """The commit where this branch left *reference*, in a folder of its own as long as the block lasts.

    Raises ``UserError`` when git knows no such reference, or its history is cut off.
    """
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    if commit is None:
        raise UserError(
            f"BASE = {reference}: git knows no such commit here. Fetch it (`git fetch origin {reference}`), or name "
            "another."
        )
    fork = _git(root, "merge-base", "HEAD", commit.strip())
    if fork is None:
        raise UserError(
            f"BASE = {reference}: it has no commit in common with this branch. If the clone is shallow, fetch the "
            "history: `git fetch --unshallow`."
        )
    archive = subprocess.run(["git", "archive", fork.strip()], cwd=root, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory(prefix="review-base-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        yield Base(f"{reference} ({fork[:7]})", Path(folder))


def settings_changes(before: Path, after: Path) -> tuple[SettingChange, ...]:
    """What the pull request sets otherwise, in the order of the keys; a missing file sets nothing."""
    old, new = _values(before), _values(after)
    return tuple((key, old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key))


def _values(file: Path) -> dict[str, str]:
    """Every key of *file* down to the values; what is no settings file any more counts as empty."""
    try:
        values = parse(file.read_text(encoding="utf-8-sig")).values
    except (FileNotFoundError, UnicodeDecodeError, HclSyntaxError):
        return {}
    return dict(_flat(values, ()))


def _flat(values: object, path: KeyPath) -> Iterator[tuple[str, str]]:
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from _flat(value, (*path, key))
    elif path:
        yield dotted(path), hcl(values)


def _git(root: Path, *arguments: str) -> str | None:
    """What git answers; None if it says no."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None

"""The bucket, as the deployment fills it, and notebook instances that start with it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from constructs_lib import notebook
from constructs_lib.bucket_files import _digest
from deployment.toolchain import ROOT
from rehearsal.emulator import Emulator
from tests.notebook.instance import FAILED, Instance

BUCKET = "artifacts"
NAME = "mlflow-dev"
ADDRESS = "http://mlflow.example.com"
LAB = {"README.md": "# The lab\n", "lab.ipynb": "{}\n", "helpers/jobs.py": "JOBS = 1\n"}

# No package at all: most tests are not about packages.
NO_PACKAGES = ""

SETTINGS = {
    "NOTEBOOK_FILES": f"s3://{BUCKET}/notebook",
    "NOTEBOOK_NAME": NAME,
    "IDLE_MINUTES": "60",
    "MLFLOW_TRACKING_URI": ADDRESS,
    "MLFLOW_ACCESS": "none",
    "AWS_DEFAULT_REGION": "us-west-2",
}
"""What Terraform puts into the scripts."""


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def bucket(emulator: Emulator) -> Bucket:
    emulator.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": emulator.region}
    )
    return Bucket(emulator.client("s3"))


@dataclass
class Bucket:
    """What Terraform puts under ``notebook/`` of the bucket."""

    s3: Any

    def fill(self, *, requirements: str = NO_PACKAGES, lab: Mapping[str, str] = LAB) -> str:
        """Put the programs, with *requirements* in place of their own, and *lab*; returns the hash of it all."""
        self.clear()
        setup = {path.name: path.read_text("utf-8") for path in (ROOT / "notebook").iterdir() if path.is_file()}
        files = {f"setup/{name}": text for name, text in {**setup, "requirements.txt": requirements}.items()}
        files |= {f"lab/{name}": text for name, text in lab.items()}
        for name, text in files.items():
            self.s3.put_object(Bucket=BUCKET, Key=f"notebook/{name}", Body=text.encode())
        return _digest(files)

    def clear(self) -> None:
        for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
            self.s3.delete_object(Bucket=BUCKET, Key=item["Key"])


@dataclass
class Machines:
    """Notebook instances with one disk that lasts, each start below *folder*."""

    folder: Path
    emulator: Emulator
    _starts: int = field(default=0, init=False)

    @property
    def disk(self) -> Path:
        return self.folder / "SageMaker"

    def start(self, **options: Any) -> Instance:
        """The next start of the instance: to be used in a ``with`` statement."""
        self._starts += 1
        return Instance(self.folder / f"start-{self._starts}", self.disk, self.emulator, **options)


@pytest.fixture
def machines(tmp_path: Path, emulator: Emulator) -> Machines:
    """An instance that was never started."""
    return Machines(tmp_path, emulator)


@pytest.fixture(scope="module")
def used_disk(tmp_path_factory: pytest.TempPathFactory, emulator: Emulator, bucket: Bucket) -> Path:
    """What a good first start leaves behind, made once."""
    bucket.fill()
    machines = Machines(tmp_path_factory.mktemp("used"), emulator)
    with machines.start() as machine:
        start(machine, script("start"))
    assert not (machines.disk / FAILED).exists()
    return machines.disk


@pytest.fixture
def used(machines: Machines, bucket: Bucket, used_disk: Path) -> Machines:
    """An instance that was started once and stopped, and the bucket as it was then."""
    bucket.fill()
    subprocess.run(["cp", "-a", used_disk, machines.disk], check=True)
    return machines


def script(event: str, **settings: str) -> str:
    """What SageMaker runs on ``create`` or ``start``: the stack's template with the tests' settings and those given."""
    template = notebook.script(f"on_{event}", {**SETTINGS, **settings})
    return template.replace("$${", "${").replace("%%{", "%{")


def start(machine: Instance, text: str) -> str:
    """Run the script of a start, which never fails, and return the log of the setup."""
    done = machine.run_lifecycle(text)
    assert done.returncode == 0, done.stderr
    return machine.wait_for_setup()

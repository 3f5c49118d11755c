"""Runs scripts/grow-disk.sh, on this machine's devices or on stand-ins for those of an EC2 instance."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dataplane.process import SEARCH_PATH
from tests.scripts.ec2 import Ec2, serving, write_aws
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "grow-disk.sh"
_GIB = 1024**3
_FULL = 100  # bytes below the size of its device, of a file system that fills it


@dataclass(frozen=True)
class Done:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def commands(self) -> list[str]:
        """What it has run, or would have: the lines that begin with a plus."""
        return [line.removeprefix("+ ") for line in self.out.splitlines() if line.startswith("+ ")]


@dataclass(frozen=True)
class Layout:
    """The root disk of an instance: what lsblk lists, of whom findmnt says that / is on it, and the serial number."""

    lsblk: tuple[str, ...]
    number: str
    file_system: str
    serial: str = ""


def run(ec2: Ec2, bin_folder: Path, *arguments: str, path: str = "", **environment: str) -> Done:
    """Run the script with *bin_folder* before PATH, or *path* instead of it; sleeping takes no time."""
    bin_folder.mkdir(exist_ok=True)
    write_aws(bin_folder)
    write(bin_folder, "sleep", "exit 0")
    with serving(ec2):
        done = subprocess.run(
            [SCRIPT, *arguments],
            env={
                "PATH": path or f"{bin_folder}:{SEARCH_PATH}",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": ec2.url,
                "EC2_STAND_IN": f"{ec2.url}/aws",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    return Done(done.returncode, done.stdout, done.stderr)


def write(folder: Path, name: str, script: str) -> None:
    """Write the shell program *name*."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def write_devices(folder: Path, layout: Layout, *, gib: int, log: Path) -> None:
    """Stand-ins for a disk of *gib* GiB, full to its end; what would change it is written to *log*."""
    folder.mkdir(exist_ok=True)
    _write_answers(folder, "findmnt", {"*--mountpoint /": f"{layout.number} {layout.file_system}"})
    _write_answers(
        folder,
        "lsblk",
        {
            "-rnbo MAJ:MIN,KNAME,TYPE,PKNAME": "\n".join(layout.lsblk),
            "-dno SERIAL *": layout.serial,
            "-bdno SIZE *": str(gib * _GIB),
        },
    )
    filled = gib * _GIB - _FULL
    _write_answers(folder, "dumpe2fs", {"-h *": f"Block count: {filled}\nBlock size: 1"})
    _write_answers(folder, "xfs_info", {"*": f"data     =             bsize=1   blocks={filled}, imaxpct=25"})
    write(folder, "growpart", f'[ "$1" = --dry-run ] && exit 1; echo "growpart $*" >> {shlex.quote(str(log))}')
    for name in ("resize2fs", "xfs_growfs"):
        write(folder, name, f'echo "{name} $*" >> {shlex.quote(str(log))}')
    write(folder, "sudo", 'exec "$@"')


def _write_answers(folder: Path, name: str, answers: Mapping[str, str]) -> None:
    """A program that knows these command lines, and fails for others."""
    arms = [
        f"{pattern.replace(' ', chr(92) + ' ')}) echo {shlex.quote(answer)} ;;" for pattern, answer in answers.items()
    ]
    write(folder, name, "\n".join(['case "$*" in', *arms, '*) echo "$0: $*" >&2; exit 64 ;;', "esac"]))

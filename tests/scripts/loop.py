"""EBS volumes made of files: loop devices that grow when EC2 says so."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from dataplane.process import SEARCH_PATH
from tests.scripts.machine import write

_GIB = 1024**3
_CLONE_NEWNS = 0x20000  # unshare(2)
_CAP_SYS_RESOURCE = 24  # include/uapi/linux/capability.h; ext4 demands it of who resizes it while it is mounted


@dataclass(frozen=True)
class Disk:
    """A loop device with a file behind it, and where its file system is mounted."""

    image: Path
    device: str
    mount_point: Path

    def grow(self, gib: int) -> None:
        """What EBS does: the disk is larger, and nothing on it knows."""
        os.truncate(self.image, gib * _GIB)
        command("losetup", "--set-capacity", self.device)

    @property
    def bin(self) -> Path:
        """A folder for the test's stand-ins."""
        return self.image.parent / "bin"

    @property
    def gib(self) -> float:
        """The size of the disk."""
        return int(command("blockdev", "--getsize64", self.device)) / _GIB

    @property
    def usable_gib(self) -> float:
        """What the mounted file system has for files, used or not."""
        about = os.statvfs(self.mount_point)
        return about.f_blocks * about.f_frsize / _GIB


@contextmanager
def disk(folder: Path, *, file_system: str, table: str | None, gib: int = 1) -> Iterator[Disk]:
    """A disk with *file_system* in a partition by *table* (gpt or dos), or on all of it; gone after the block."""
    image, mount_point = folder / "volume", folder / "mounted"
    mount_point.mkdir()
    image.touch()
    os.truncate(image, gib * _GIB)
    with ExitStack() as stack:
        # One at a time on this machine: who lets go of a device and who takes it next would get in each other's way.
        control = stack.enter_context(Path("/dev/loop-control").open("rb"))
        fcntl.flock(control, fcntl.LOCK_EX)
        _mount_for_this_process_alone()
        device = command("losetup", "--find", "--show", "--partscan", str(image)).strip()
        stack.callback(command, "losetup", "--detach", device)
        target = device
        if table is not None:
            command("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", device, text=f"label: {table}\n,,L\n")
            # Not every kernel reads partition tables; each can be told what is in them.
            command("partx", "--update", device)
            stack.callback(command, "partx", "--delete", device)
            target = f"{device}p1"
        command(f"mkfs.{file_system}", "-q", target)
        command("mount", target, str(mount_point))
        stack.callback(command, "umount", str(mount_point))
        yield Disk(image, device, mount_point)


@cache
def _mount_for_this_process_alone() -> None:
    """Give this process mounts of its own from now on; raises ``OSError`` where it may not.

    Else whoever makes a container while a disk is mounted gets a copy of that mount, and keeps the device busy.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "cannot have mounts of its own")
    command("mount", "--make-rprivate", "/")


def write_unmounted_resize2fs(folder: Path, made: Disk) -> None:
    """Write a ``resize2fs`` that unmounts *made*, has the real one grow it, and mounts it again."""
    where = shlex.quote(str(made.mount_point))
    real = f"PATH={shlex.quote(SEARCH_PATH)}"
    steps = (f"umount {where}", 'e2fsck -fp "$1" || [ $? = 1 ]', 'resize2fs "$1"', f'mount "$1" {where}')
    write(folder, "resize2fs", "\n".join(["set -eu", real, *steps]))


def command(*arguments: str, text: str = "") -> str:
    """Run it and return what it prints; raises ``OSError`` when it fails."""
    environment = {"PATH": SEARCH_PATH, "LC_ALL": "C"}
    done = subprocess.run(arguments, input=text, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(arguments)}: exit code {done.returncode}: {done.stderr}")
    return done.stdout


@cache
def may_resize_mounted_ext4() -> bool:
    """Whether the kernel lets us: some sandboxes give root all capabilities but this one."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> _CAP_SYS_RESOURCE & 1)


@cache
def why_not() -> str:
    """Why this machine makes no such disks; empty when it does."""
    try:
        for file_system, table in (("ext4", "gpt"), ("xfs", None)):
            with TemporaryDirectory() as folder, disk(Path(folder), file_system=file_system, table=table):
                pass
    except OSError as error:
        return str(error)
    return ""

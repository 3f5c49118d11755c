"""What scripts/grow-disk.sh decides, on stand-ins for the disks that EC2 instances have."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from botocore import xform_name

from dataplane.process import free_port
from tests.scripts.ec2 import REGION, SERIAL, VOLUME, Ec2
from tests.scripts.machine import ROOT, SCRIPT, Done, Layout, run, write, write_devices

NVME = Layout(
    ("259:0 nvme0n1 disk", "259:1 nvme0n1p1 part nvme0n1", "259:2 nvme0n1p127 part nvme0n1"), "259:1", "xfs", SERIAL
)
NVME_SECOND = Layout(
    ("259:5 nvme1n1 disk", "259:0 nvme0n1 disk", "259:7 nvme1n1p1 part nvme1n1"), "259:7", "ext4", SERIAL
)
NVME_WHOLE = Layout(("259:0 nvme0n1 disk",), "259:0", "ext4", SERIAL)
XEN = Layout(("202:0 xvda disk", "202:1 xvda1 part xvda", "202:14 xvda14 part xvda"), "202:1", "ext4")
XEN_WHOLE = Layout(("202:1 xvda1 disk",), "202:1", "xfs")

MODIFY = f"aws ec2 modify-volume --volume-id {VOLUME} --size 50 --region {REGION} --output text --query "
MODIFY += "VolumeModification.ModificationState"


class Machine:
    """An instance with stand-ins for its devices."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.log = folder / "log"

    def run(self, layout: Layout, ec2: Ec2, *arguments: str, disk_gib: int | None = None, **environment: str) -> Done:
        write_devices(self.bin, layout, gib=disk_gib or ec2.size, log=self.log)
        return run(ec2, self.bin, *arguments, **environment)

    @property
    def changed(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def as_user(commands: list[str]) -> list[str]:
    """Without sudo, which whoever is root does not need."""
    return [command.removeprefix("sudo ") for command in commands]


@pytest.mark.parametrize(
    ("layout", "device", "commands"),
    [
        (NVME, "", ["growpart /dev/nvme0n1 1", "xfs_growfs -d /"]),
        (NVME_SECOND, "", ["growpart /dev/nvme1n1 1", "resize2fs /dev/nvme1n1p1"]),
        (NVME_WHOLE, "", ["resize2fs /dev/nvme0n1"]),
        (XEN, "/dev/xvda", ["growpart /dev/xvda 1", "resize2fs /dev/xvda1"]),
        (XEN, "/dev/sda1", ["growpart /dev/xvda 1", "resize2fs /dev/xvda1"]),
        (XEN_WHOLE, "/dev/sda1", ["xfs_growfs -d /"]),
    ],
    ids=["nvme-xfs", "second-nvme-ext4", "whole-nvme", "xvda", "xvda-attached-as-sda1", "whole-xvda1"],
)
def test_a_dry_run_prints_every_command_and_changes_nothing(
    machine: Machine, layout: Layout, device: str, commands: list[str]
) -> None:
    ec2 = Ec2(size=10, device=device)
    done = machine.run(layout, ec2, "--dry-run")
    assert (done.code, done.err) == (0, "")
    assert as_user(done.commands) == [MODIFY, *commands]
    assert "Nothing was changed: this was a dry run." in done.out
    assert (ec2.modified, machine.changed) == ([], [])


def test_nothing_is_to_do_where_the_volume_is_as_large_and_full(machine: Machine) -> None:
    for ec2 in (Ec2(size=50), Ec2(size=100)):  # the default is no wish for less
        done = machine.run(NVME, ec2)
        assert (done.code, done.commands) == (0, []), done.err
        assert done.out.startswith(f"Nothing to do: {VOLUME} has {ec2.size} GiB")
        assert (ec2.modified, machine.changed) == ([], [])


def test_refuses_a_smaller_size(machine: Machine) -> None:
    ec2 = Ec2(size=100)
    done = machine.run(NVME, ec2, "50")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"error: {VOLUME} has 100 GiB, and EBS volumes do not shrink to 50: give 100 or more\n"
    assert ec2.modified == []


@pytest.mark.parametrize("size", ["0", "-5", "1.5", "50G", "", "100000", "--force"])
def test_refuses_what_is_no_size(machine: Machine, size: str) -> None:
    done = machine.run(NVME, Ec2(size=10), size)
    assert done.code == 1
    assert done.err.startswith(f"error: '{size}' is no size: give a whole number of GiB")


def test_refuses_a_second_size(machine: Machine) -> None:
    assert "'60' is one argument too many" in machine.run(NVME, Ec2(size=10), "50", "60").err


def test_waits_for_the_modification_of_an_interrupted_run(machine: Machine) -> None:
    ec2 = Ec2(size=10, under_way=50, slow=3)
    done = machine.run(NVME, ec2, disk_gib=50)
    assert (done.code, ec2.size, ec2.modified) == (0, 50, []), done.err


def test_does_not_take_an_older_modification_for_its_own(machine: Machine) -> None:
    ec2 = Ec2(size=10, late=2)
    done = machine.run(NVME, ec2, disk_gib=50)
    assert (done.code, ec2.size) == (0, 50), done.err


@pytest.mark.parametrize(
    ("ec2", "message"),
    [
        (Ec2(size=10, slow=10**6), f"{VOLUME} is not modified after 10 minutes: run this again later"),
        (Ec2(size=10, under_way=50, slow=10**6), f"{VOLUME} is still being modified after 10 minutes"),
        (Ec2(size=10, outcome="failed"), f"AWS could not modify {VOLUME}; the EC2 console says why"),
        (Ec2(size=10), f"{VOLUME} has 50 GiB, but /dev/nvme0n1 does not: restart the machine"),
    ],
    ids=["too-slow", "an-older-one-too-slow", "failed", "unseen-by-the-kernel"],
)
def test_gives_up_when_the_volume_does_not_grow_and_leaves_the_partition_alone(
    machine: Machine, ec2: Ec2, message: str
) -> None:
    done = machine.run(NVME, ec2)
    assert done.code == 1
    assert f"error: {message}" in done.err
    assert machine.changed == []


@pytest.mark.parametrize("operation", ["DescribeVolumes", "DescribeVolumesModifications", "ModifyVolume"])
def test_says_which_permission_may_be_missing(machine: Machine, operation: str) -> None:
    done = machine.run(XEN, Ec2(size=10, refused=operation))
    assert done.code == 1
    assert "UnauthorizedOperation" in done.err
    assert f"aws ec2 {xform_name(operation, '-')} failed, for the reason above; docs/development-machine.md" in done.err
    assert machine.changed == []


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (Layout(NVME.lsblk, "259:1", "xfs", "AWS22AAAAAAAAAAAAAAA"), "is no EBS volume, and an instance store"),
        (Layout(NVME.lsblk, "259:1", "btrfs", SERIAL), "/ is btrfs, and only ext4 and xfs can be grown here"),
        (Layout(NVME.lsblk, "0:50", "overlay", SERIAL), "/ (overlay) is on no disk of this machine"),
        (Layout(("253:0 dm-0 lvm nvme0n1p2",), "253:0", "xfs"), "/ (xfs) is on lvm: only partitions and whole disks"),
    ],
    ids=["instance-store", "btrfs", "container", "lvm"],
)
def test_refuses_disks_that_it_cannot_grow(machine: Machine, layout: Layout, message: str) -> None:
    ec2 = Ec2(size=10)
    done = machine.run(layout, ec2)
    assert done.code == 1
    assert done.err.startswith("error: ")
    assert message in done.err
    assert ec2.modified == []


@pytest.mark.parametrize(
    "ec2", [Ec2(size=10, device="/dev/sdf"), Ec2(size=10, others=("vol-0abc",))], ids=["none", "two"]
)
def test_refuses_to_guess_which_volume_it_is(machine: Machine, ec2: Ec2) -> None:
    done = machine.run(XEN, ec2)
    assert done.code == 1
    assert "as /dev/xvda,/dev/sda,/dev/sda1,/dev/xvda1, but EC2 knows '" in done.err
    assert ec2.modified == []


def test_refuses_a_machine_without_instance_metadata(machine: Machine) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    done = machine.run(NVME, Ec2(size=10), AWS_EC2_METADATA_SERVICE_ENDPOINT=address)
    assert done.code == 1
    assert done.err.startswith(
        f"error: no instance metadata (IMDSv2) at {address}: run this on an EC2 or Cloud9 machine"
    )


def test_names_every_missing_program_with_its_package(machine: Machine, tmp_path: Path) -> None:
    ec2 = Ec2(size=10)
    write_devices(machine.bin, NVME, gib=10, log=machine.log)
    for name in ("growpart", "xfs_growfs"):
        (machine.bin / name).unlink()
    system = Path("/usr/bin")
    for name in ("bash", "curl", "awk", "tr"):
        (machine.bin / name).symlink_to(system / name)
    # The script looks in /usr/sbin too, where these may be: a bash that is told that they are not.
    hidden = tmp_path / "hide.sh"
    hidden.write_text('command() { case $2 in growpart | xfs_growfs) return 1 ;; esac; builtin command "$@"; }\n')
    done = run(ec2, machine.bin, path=str(machine.bin), BASH_ENV=str(hidden))
    assert done.err == (
        "error: not installed: growpart: package cloud-guest-utils of Debian and Ubuntu, cloud-utils-growpart of "
        "Amazon Linux; xfs_growfs: package xfsprogs of Debian and Ubuntu, xfsprogs of Amazon Linux\n"
    )
    assert (done.code, ec2.modified) == (1, [])


def test_a_partition_with_another_one_behind_it_is_no_failure(machine: Machine) -> None:
    # growpart's "cannot be grown" is its exit code 1, and what the run could do is done.
    ec2 = Ec2(size=10)
    done = machine.run(NVME, ec2, disk_gib=50)
    assert (done.code, ec2.modified, machine.changed) == (0, [50], []), done.err


def test_refuses_what_growpart_fails_for(machine: Machine) -> None:
    write_devices(machine.bin, NVME, gib=50, log=machine.log)
    write(machine.bin, "growpart", "echo FAILED: unreadable table >&2; exit 2")
    done = run(Ec2(size=50), machine.bin)
    assert done.code == 1
    assert "error: growpart cannot grow /dev/nvme0n1 1: FAILED: unreadable table" in done.err


def test_help_needs_no_machine(machine: Machine) -> None:
    done = run(Ec2(size=10), machine.bin, "--help")
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        "usage: scripts/grow-disk.sh [--dry-run] [--mount-point FOLDER] [GIB]",
    )


def test_the_documented_permissions_are_those_that_it_uses() -> None:
    page = (ROOT / "docs" / "development-machine.md").read_text(encoding="utf-8")
    policy = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert policy
    documented = {action for statement in json.loads(policy[1])["Statement"] for action in statement["Action"]}
    called = set(re.findall(r"\bec2 ((?:describe|modify)-[a-z-]+)", SCRIPT.read_text(encoding="utf-8")))
    assert {f"ec2:{''.join(map(str.capitalize, name.split('-')))}" for name in called} == documented


def test_every_script_is_clean_for_shellcheck() -> None:
    done = subprocess.run(["shellcheck", *SCRIPT.parent.glob("*.sh")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

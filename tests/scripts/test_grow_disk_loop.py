"""scripts/grow-disk.sh with the real growpart, resize2fs and xfs_growfs on mounted loop devices.

Where root may not resize a mounted ext4 (it lacks CAP_SYS_RESOURCE), the names of its tests say that they unmount it.
Where loop devices cannot be made (no root, most containers), the one test says so: test_grow_disk.py is all there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.ec2 import SERIAL, VOLUME, Ec2
from tests.scripts.loop import Disk, disk, may_resize_mounted_ext4, why_not, write_unmounted_resize2fs
from tests.scripts.machine import Done, Layout, run, write_devices

DATA = b"kept" * 1024 * 1024
UNMOUNTED = "" if may_resize_mounted_ext4() else "-unmounted-for-lack-of-CAP_SYS_RESOURCE"

if not why_not():

    @pytest.fixture(
        params=[("ext4", "gpt"), ("xfs", "gpt"), ("ext4", "dos"), ("xfs", "dos"), ("ext4", None), ("xfs", None)],
        ids=lambda kind: f"{kind[0]}-{kind[1] or 'whole-disk'}{UNMOUNTED if kind[0] == 'ext4' else ''}",
    )
    def volume(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Disk]:
        file_system, table = request.param
        with disk(tmp_path, file_system=file_system, table=table) as made:
            made.bin.mkdir()
            if file_system == "ext4" and UNMOUNTED:
                write_unmounted_resize2fs(made.bin, made)
            (made.mount_point / "data").write_bytes(DATA)
            yield made

    def test_grows_volume_partition_and_file_system_while_it_is_mounted(volume: Disk) -> None:
        ec2 = _ec2(volume)
        done = _grow(ec2, volume, "2")
        assert (done.code, ec2.modified, volume.gib) == (0, [2], 2), done.err
        assert volume.usable_gib > 1.8
        assert done.out.splitlines()[-1].startswith(f"Done: {VOLUME} has 2 GiB; {volume.mount_point} has ")
        assert (volume.mount_point / "data").read_bytes() == DATA

    def test_a_dry_run_shows_what_a_run_then_does_and_a_second_run_has_nothing_to_do(volume: Disk) -> None:
        ec2, before = _ec2(volume), volume.usable_gib
        shown = _grow(ec2, volume, "--dry-run", "2")
        assert (shown.code, ec2.modified, volume.gib, volume.usable_gib) == (0, [], 1, before), shown.err
        done = _grow(ec2, volume, "2")
        assert (done.code, done.commands) == (0, shown.commands), done.err
        for arguments in (["2"], ["--dry-run", "2"]):
            again = _grow(ec2, volume, *arguments)
            assert (again.code, again.commands) == (0, []), again.err
            assert again.out.startswith(f"Nothing to do: {VOLUME} has 2 GiB")
        assert ec2.modified == [2]

    def test_finishes_what_was_interrupted_after_the_volume_had_grown(volume: Disk) -> None:
        volume.grow(2)
        ec2 = _ec2(volume, size=2)
        done = _grow(ec2, volume, "2")
        assert (done.code, ec2.modified) == (0, []), done.err
        assert volume.usable_gib > 1.8
        assert (volume.mount_point / "data").read_bytes() == DATA

    def _ec2(volume: Disk, size: int = 1) -> Ec2:
        return Ec2(size=size, device=volume.device, on_growth=volume.grow)

    def _grow(ec2: Ec2, volume: Disk, *arguments: str) -> Done:
        return run(ec2, volume.bin, "--mount-point", str(volume.mount_point), *arguments)

else:

    def test_only_its_decisions_are_proved_as_this_machine_makes_no_loop_devices(tmp_path: Path) -> None:
        layout, log = (
            Layout(("259:0 nvme0n1 disk", "259:1 nvme0n1p1 part nvme0n1"), "259:1", "ext4", SERIAL),
            tmp_path / "log",
        )
        write_devices(tmp_path / "bin", layout, gib=2, log=log)
        ec2 = Ec2(size=1)
        done = run(ec2, tmp_path / "bin", "--dry-run", "2")
        assert (done.code, ec2.modified, log.exists()) == (0, [], False), f"{done.err}; loop devices: {why_not()}"
        assert [command.split()[-2:] for command in done.commands[1:]] == [
            ["/dev/nvme0n1", "1"],
            ["resize2fs", "/dev/nvme0n1p1"],
        ]

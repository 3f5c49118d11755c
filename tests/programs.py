"""The programs that the tests run and that PyPI and npm do not have; ``make test`` runs this before anything else.

Installed where that is possible without asking, which is as root on Debian; elsewhere a missing one is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from dataplane.process import PACKAGES as SERVERS
from dataplane.process import SEARCH_PATH
from errors import UserError, exit_on_user_error

PACKAGES = {
    **SERVERS,
    "buildah": "buildah",
    "chromium": "chromium",
    "curl": "curl",
    "debootstrap": "debootstrap",
    "docker-registry": "docker-registry",
    "growpart": "cloud-guest-utils",
    "losetup": "mount",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    "openssl": "openssl",
    "sfdisk": "fdisk",
    "shellcheck": "shellcheck",
    "unshare": "util-linux",
}
"""The Debian package of each program."""


def missing() -> list[str]:
    """The packages whose programs are not there."""
    return sorted({package for name, package in PACKAGES.items() if shutil.which(name, path=SEARCH_PATH) is None})


def main() -> None:
    """Install what is missing; raises ``UserError`` where that is not possible."""
    packages = missing()
    if not packages:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise UserError(
            f"the tests need programs that are not installed. Debian and Ubuntu: sudo apt-get install "
            f"--no-install-recommends {' '.join(packages)}"
        )
    print(f"installing {', '.join(packages)} ...", flush=True)
    # Without a runlevel Debian's packages do not start the services that they bring.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    # An update may fail for a source that none of them comes from; whether that matters shows in the installation.
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "--quiet", *command], env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise UserError(f"apt-get install failed:\n{done.stdout}{done.stderr}")
    if left := missing():
        raise UserError(f"still missing after the installation: {', '.join(left)}")


if __name__ == "__main__":
    exit_on_user_error(main)

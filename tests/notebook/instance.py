"""A stand-in for a SageMaker notebook instance: a root of its own, an ec2-user, and one folder that survives a stop.

Its programs are this machine's. Its mounts and processes are in namespaces, so that nothing is left of either in the
end. Two things are stand-ins for what only SageMaker has: conda's Python is this machine's with the packages of the
tests (boto3), and the role's credentials are the emulator's, in ``~/.aws``.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from dataplane.process import SEARCH_PATH
from deployment.toolchain import ROOT
from rehearsal.emulator import Emulator
from tests.programs import PACKAGES
from tests.waiting import PATIENCE_SECONDS, eventually

HOME = Path("/home/ec2-user")
FOLDER = HOME / "SageMaker"
FAILED = "MLFLOW-SETUP-FAILED.txt"
CONDA = HOME / "anaconda3" / "envs" / "python3"
CONDA_PYTHON = CONDA / "bin" / "python"

_UID = 54321  # nobody's on this machine
_OWN = ("etc", "home", "opt", "proc", "root", "run", "tmp", "var")
_LIFECYCLE_PATH = "/sbin:bin:/usr/sbin:/usr/bin"  # as AWS documents it (API_NotebookInstanceLifecycleHook)

_AS_USER = ("setpriv", "--reuid", str(_UID), "--regid", str(_UID), "--clear-groups", "--")

# $1: the root, $2: the user's id, $3: the folder that lasts, $4: its limit (MB) or "", the rest: what else is visible.
_MOUNT = """
root=$1 user=$2 lasting=$3 limit=$4
shift 4
for path; do
    if [ -d "$path" ]; then mkdir -p "$root$path"; else mkdir -p "$(dirname "$root$path")"; touch "$root$path"; fi
    mount --rbind "$path" "$root$path"
done
mount -t proc proc "$root/proc"
if [ "$limit" ]; then
    mount -t tmpfs -o "size=${limit}m" tmpfs "$root/home/ec2-user/SageMaker"
else
    mount --bind "$lasting" "$root/home/ec2-user/SageMaker"
fi
chown "$user:$user" "$root/home/ec2-user/SageMaker"
echo ready
exec sleep infinity
"""


@dataclass
class Instance:
    """One run of the instance, from a start to a stop, as long as the ``with`` block lasts.

    *disk* is the folder that survives; with *disk_megabytes* it is one that does not, and that can be filled. Without
    *network* nothing can be reached. With *boto3* False conda has none.
    """

    root: Path
    disk: Path
    emulator: Emulator
    network: bool = True
    disk_megabytes: int | None = None
    boto3: bool = True
    _process: subprocess.Popen[str] | None = field(default=None, init=False)

    def __enter__(self) -> Instance:
        _require_programs()
        self.disk.mkdir(parents=True, exist_ok=True)
        self._furnish()
        options = ["--mount", "--pid", "--fork", "--kill-child", *([] if self.network else ["--net"])]
        arguments: list[str | Path] = [self.root, str(_UID), self.disk, str(self.disk_megabytes or ""), *_visible()]
        self._process = subprocess.Popen(
            ["unshare", *options, "sh", "-euc", _MOUNT, "sh", *arguments],
            env={"PATH": SEARCH_PATH},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", "the root of the notebook instance could not be mounted"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """The end of all its processes, at once, as when the power goes."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    # --- what happens to it ---

    def run_lifecycle(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a lifecycle script as SageMaker does: as root, in /, with little of a PATH."""
        return self._run(["bash", "-c", script], {"PATH": _LIFECYCLE_PATH, **self._certificates()})

    def run(self, command: Sequence[str | Path], **variables: str) -> subprocess.CompletedProcess[str]:
        """Run *command* as ec2-user, with *variables* alone."""
        home = {"PATH": "/usr/bin:/bin", "HOME": str(HOME), **self._certificates(), **variables}
        return self._run([*_AS_USER, *command], home)

    def terminal(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run *command* in a login shell, as Jupyter's terminals are."""
        return self.run(["bash", "-lc", command])

    def run_cron(self) -> subprocess.CompletedProcess[str]:
        """Run what cron would run as it would: by sh, with a short PATH."""
        *_, user, command = self.path("/etc/cron.d/mlflow-autostop").read_text().rstrip("\n").split(" ", 6)
        assert user == "ec2-user"
        return self.run(["sh", "-c", command])

    def wait_for_setup(self) -> str:
        """Wait for the end of what on-start has left running, and return its log."""
        eventually(lambda: self._processes() == 1, "the setup ends")
        with suppress(FileNotFoundError):
            return self.read("mlflow-setup.log")
        return ""

    # --- what is on it ---

    def path(self, absolute: str | Path) -> Path:
        """Where *absolute* of the instance is on this machine; nothing below what lasts."""
        return self.root / str(absolute).lstrip("/")

    def read(self, name: str) -> str:
        """The file *name* of the folder that lasts, as the user sees it."""
        done = self.run(["cat", FOLDER / name])
        if done.returncode != 0:
            raise FileNotFoundError(done.stderr)
        return done.stdout

    def write(self, name: str, text: str) -> None:
        """Put a file into the folder that lasts, as the user does."""
        done = self.run(["sh", "-euc", 'mkdir -p "$(dirname "$0")"; printf %s "$1" >"$0"', FOLDER / name, text])
        assert done.returncode == 0, done.stderr

    def files(self) -> Iterator[Path]:
        """Every file on both its disks."""
        for disk in (self.root, self.disk):
            yield from (path for path in disk.rglob("*") if path.is_file() and not path.is_symlink())

    def _entered(self, command: Sequence[str | Path], variables: Mapping[str, str]) -> list[str | Path]:
        assert self._process is not None
        proc = Path("/proc", str(self._process.pid), "ns")
        spaces = [f"--mount={proc / 'mnt'}", f"--pid={proc / 'pid_for_children'}", f"--net={proc / 'net'}"]
        assignments = [f"{name}={value}" for name, value in variables.items()]
        return ["nsenter", *spaces, "chroot", self.root, "env", "-i", *assignments, *command]

    def _run(self, command: Sequence[str | Path], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._entered(command, variables),
            env={"PATH": SEARCH_PATH},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def _processes(self) -> int:
        """How many run on it; the first one only waits."""
        assert self._process is not None
        ours = Path("/proc", str(self._process.pid), "ns", "pid_for_children").readlink()
        return sum(_namespace(folder) == ours for folder in Path("/proc").iterdir() if folder.name.isdecimal())

    def run_in_background(self, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        """Start *command* as ec2-user; it ends with the instance at the latest."""
        return subprocess.Popen(self._entered([*_AS_USER, *command], {"PATH": "/usr/bin:/bin", "HOME": str(HOME)}))

    def _certificates(self) -> Mapping[str, str]:
        """Where this machine's own settings have them: pip's are in /etc, as on any machine."""
        names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
        return {name: os.environ[name] for name in names if name in os.environ}

    def _furnish(self) -> None:
        self.root.mkdir(parents=True)
        shutil.copytree("/etc", self.root / "etc", symlinks=True)
        for name, entry in {
            "passwd": f"ec2-user:x:{_UID}:{_UID}::{HOME}:/bin/bash\n",
            "group": f"ec2-user:x:{_UID}:\n",
            "shadow": "ec2-user:*:19000:0:99999:7:::\n",
        }.items():
            with (self.root / "etc" / name).open("a") as file:
                file.write(entry)
        (self.root / "etc" / "pip.conf").write_text(_pip_configuration())
        (self.root / "etc" / "cron.d").mkdir(exist_ok=True)
        for name in ("home", "opt", "proc", "root", "run", "tmp", "var/tmp"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for name in ("tmp", "var/tmp"):
            (self.root / name).chmod(0o1777)
        for link in (path for path in Path("/").iterdir() if path.is_symlink()):
            (self.root / link.name).symlink_to(link.readlink())
        self._furnish_home()

    def _furnish_home(self) -> None:
        self.path(FOLDER).mkdir(parents=True)
        aws = self.path(HOME / ".aws")
        aws.mkdir()
        lines = {
            "endpoint_url": self.emulator.url,
            "aws_access_key_id": self.emulator.environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.emulator.environment["AWS_SECRET_ACCESS_KEY"],
            "max_attempts": "1",
        }
        (aws / "config").write_text("[default]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items()))
        conda = self.path(CONDA)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", conda], check=True, timeout=PATIENCE_SECONDS)
        if self.boto3:
            [packages] = conda.glob("lib/python*/site-packages")
            (packages / "tests.pth").write_text(f"{_packages()}\n")
        for path in (self.path(HOME), *self.path(HOME).rglob("*")):
            os.chown(path, _UID, _UID, follow_symlinks=False)


def _packages() -> Path:
    """The site-packages of the tests."""
    import boto3

    return Path(boto3.__file__).parents[1]


def _visible() -> list[Path]:
    """What the instance shares with this machine: the programs, and what of ours lies where its own disk is."""
    shared = [path for path in sorted(Path("/").iterdir()) if not path.is_symlink() and path.name not in _OWN]
    needed = [ROOT, ROOT / ".lab", _packages(), Path(sys.base_prefix), *_pip_paths()]
    ours = dict.fromkeys(form for path in needed for form in (path, path.resolve()))
    return [*shared, *(path for path in ours if path.parts[1] in _OWN and path.parts[1] != "etc")]


def _namespace(process: Path) -> Path | None:
    """That of *process*, unless it has ended."""
    try:
        state = (process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
        return None if state == "Z" else (process / "ns" / "pid").readlink()
    except OSError:
        return None


def _pip_settings() -> Mapping[str, str]:
    """pip's settings on this machine; those of the environment are the last ones, and win."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    pairs = (line.split("=", 1) for line in listed.stdout.splitlines())
    return {name.rpartition(".")[2]: " ".join(str(ast.literal_eval(value)).split()) for name, value in pairs}


def _pip_configuration() -> str:
    settings = {**_pip_settings(), "retries": "0"}
    return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())


def _pip_paths() -> Iterator[Path]:
    """What they name of this machine's files."""
    for word in " ".join(_pip_settings().values()).split():
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and path.exists():
            # The pages of an index of files link to the files next to it.
            yield path.parent if word.startswith("file://") else path


def _require_programs() -> None:
    programs = ("flock", "nsenter", "runuser", "unshare")
    missing = [name for name in programs if shutil.which(name, path=SEARCH_PATH) is None]
    assert not missing, f"not installed: {' '.join(sorted({PACKAGES.get(name, name) for name in missing}))}"
    assert os.geteuid() == 0, "an instance with a root of its own needs root"

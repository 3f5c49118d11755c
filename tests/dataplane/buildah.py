"""buildah with a storage of its own, and what its tests need: a base image, containers, a registry.

Docker and its like need a daemon and rights that a test rarely has; buildah needs root alone. Every call has its own
mount namespace, so that nothing stays mounted, however a test ends.
"""

from __future__ import annotations

import ast
import json
import os
import platform
import re
import shlex
import shutil
import signal
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import requests

from dataplane.process import LOOPBACK, SEARCH_PATH, Process, free_port
from images.context import BASE_REGISTRY, Build
from images.engine import Engine
from tests.programs import PACKAGES

ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
"""This machine's processor as the settings call it: no other is built for without an emulator."""

_LIMIT_SECONDS = 600
_START_SECONDS = 60.0

# What the Dockerfiles and the entrypoints find in the official images, from Debian.
_BASE_PACKAGES = ("ca-certificates", "curl", "gettext-base", "nginx", "openssl", "python-is-python3", "python3-pip")

# $1: release, $2: packages, $3: mirror, $4: working container, the rest: buildah.
_MAKE_BASE = """
release=$1 packages=$2 mirror=$3 container=$4
shift 4
root=$("$@" mount "$container")
# As in the official images: no documentation; and no wait for the disk after each file.
mkdir -p "$root/etc/dpkg/dpkg.cfg.d"
printf '%s\\n' force-unsafe-io 'path-exclude=/usr/share/doc/*' 'path-exclude=/usr/share/man/*' \\
    'path-exclude=/usr/share/locale/*' >"$root/etc/dpkg/dpkg.cfg.d/stand-in"
debootstrap --variant=minbase --include="$packages" "$release" "$root" "$mirror"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
rm "$root"/usr/lib/python3*/EXTERNALLY-MANAGED # the official Python is not Debian's, so pip may install into it
chroot "$root" groupadd --system --gid 101 nginx
chroot "$root" useradd --system --uid 101 --gid 101 --no-create-home --shell /usr/sbin/nologin nginx
"""

# What buildah has no option for: the root file system read-only, as the task definition says. Then the image's user,
# without any right of root's. $1: user, $2: group, the rest: the image's program.
_RUN_READ_ONLY = """
user=$1 group=$2
shift 2
mount -o remount,bind,ro /
exec setpriv --reuid "$user" --regid "$group" --clear-groups --bounding-set=-all --no-new-privs -- "$@"
"""


def require_programs() -> None:
    """Fail, and say what to install, where a program is missing or this is not root."""
    names = ("buildah", "debootstrap", "docker-registry", "unshare")
    missing = sorted({PACKAGES[name] for name in names if shutil.which(name, path=SEARCH_PATH) is None})
    assert not missing, f"not installed: apt-get install {' '.join(missing)}"
    assert shutil.which("apt-get"), (
        "the stand-in for the official images is made of Debian's packages: run it on Debian"
    )
    assert os.geteuid() == 0, "debootstrap and buildah's chroot isolation need root"


@dataclass(frozen=True)
class Buildah:
    """Images and containers below *folder*; *registry* is one on this machine that is spoken to without TLS."""

    folder: Path
    registry: str

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "containers.conf").touch()
        (self.folder / "auth.json").write_text("{}", encoding="utf-8")
        (self.folder / "build.conf").write_text(_build_configuration(), encoding="utf-8")
        # A base that is not in the storage is a fault of the test, and nothing to fetch.
        official = BASE_REGISTRY.partition("/")[0]
        (self.folder / "registries.conf").write_text(
            f'[[registry]]\nprefix = "{official}"\nlocation = "{official}"\nblocked = true\n'
            f'[[registry]]\nlocation = "{self.registry}"\ninsecure = true\n',
            encoding="utf-8",
        )

    @property
    def engine(self) -> Engine:
        """The engine as the project uses it, which knows nothing of this storage or of the machine's package index."""
        return Engine(self.building_command)

    @property
    def building_command(self) -> list[str]:
        """What CONTAINER_ENGINE may be. Steps of its builds can install packages as this machine does."""
        return ["timeout", "--kill-after=10", str(_LIMIT_SECONDS), "unshare", "--mount", *self._bare("build.conf")]

    @property
    def running_command(self) -> list[str]:
        """The command without a limit of time, for containers."""
        return ["unshare", "--mount", *self._bare("containers.conf")]

    def run(self, *arguments: str) -> str:
        """Run a command of buildah and return what it prints."""
        return _must([*self.running_command, *arguments])

    def inspect(self, image: str) -> Mapping[str, Any]:
        """What buildah knows about *image*."""
        known: dict[str, Any] = json.loads(self.run("inspect", "--type", "image", image))
        return known

    def image_id(self, image: str) -> str:
        """The hash of its configuration, which names all its layers."""
        return str(self.inspect(image)["FromImageID"])

    def look_into(self, image: str, script: str) -> str:
        """What *script* prints, a shell's, with ``$root`` the file system of *image* without its volumes."""
        container = self.run("from", "--pull-never", image).strip()
        script = f'name=$1; shift; root=$("$@" mount "$name"); {script}'
        bare = self._bare("containers.conf")
        try:
            return _must(["unshare", "--mount", "sh", "-euc", script, "sh", container, *bare])
        finally:
            self.run("rm", container)

    def make_base(self, names: Sequence[str]) -> None:
        """Have an image that does for every official one of *names*: Debian with what the Dockerfiles need of them.

        Its start command is one that no image of ours may inherit.
        """
        self.run("from", "--name", "stand-in", "scratch")
        release, mirror = _debian()
        script = ["unshare", "--mount", "sh", "-euc", _MAKE_BASE, "sh", release, ",".join(_BASE_PACKAGES), mirror]
        _must([*script, "stand-in", *self._bare("containers.conf")])
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.run("config", "--entrypoint", '["/inherited"]', "--cmd", "inherited", "--env", path, "stand-in")
        self.run("commit", "--rm", "--quiet", "--format", "docker", "stand-in", names[0])
        self.run("tag", *names)

    def remove(self) -> None:
        """Remove everything."""
        try:
            self.run("rm", "--all")
        finally:
            shutil.rmtree(self.folder)

    def _bare(self, configuration: str) -> list[str]:
        return [
            "env",
            f"PATH={SEARCH_PATH}",
            f"TMPDIR={self.folder}",
            f"CONTAINERS_CONF={self.folder / configuration}",
            f"REGISTRY_AUTH_FILE={self.folder / 'auth.json'}",
            "BUILDAH_ISOLATION=chroot",
            "buildah",
            # The driver is the best that works here: overlay, or vfs within other containers.
            f"--root={self.folder / 'storage'}",
            f"--runroot={self.folder / 'run'}",
            f"--registries-conf={self.folder / 'registries.conf'}",
        ]


def base_of(build: Build) -> str:
    """The image that the Dockerfile begins with."""
    dockerfile = (build.context / "Dockerfile").read_text(encoding="utf-8")
    [name] = re.findall(r"^FROM (\S+)$", dockerfile, re.MULTILINE)
    return string.Template(name).substitute(build.arguments)


class Container:
    """*image* running as the task definition runs it: its own entrypoint and user, the root file system read-only.

    *environment* comes on top of the image's own. The network is this machine's.
    """

    def __init__(self, buildah: Buildah, image: str, environment: Mapping[str, str], log: Path) -> None:
        config = buildah.inspect(image)["OCIv1"]["config"]
        user, group = config["User"].split(":")
        self.user = int(user)
        self._stop_signal = signal.Signals[config["StopSignal"]]
        self._buildah = buildah
        self._name = buildah.run("from", "--pull-never", image).strip()
        variables = [word for item in environment.items() for word in ("--env", "=".join(item))]
        program = [*config["Entrypoint"], *config.get("Cmd", [])]
        as_user = ["sh", "-euc", _RUN_READ_ONLY, "sh", user, group]
        options = ["--user", "0:0", "--cap-add", "CAP_SYS_ADMIN", *variables]
        self.process = Process(
            image.rpartition("/")[2],
            [*buildah.running_command, "run", *options, self._name, "--", *as_user, *program],
            environment={},
            log=log,
        )

    def __enter__(self) -> Container:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.kill()
        self._buildah.run("rm", self._name)

    def pids(self) -> list[int]:
        """Its processes by their numbers on this machine, the first one first."""
        parents = dict(_parents())
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        # The first ones are buildah's, and root's.
        return [pid for pid in found if _status(pid).get("Uid", "").split()[:1] == [str(self.user)]]

    def stop(self) -> int:
        """Send the image's stop signal to its first process, as engines do, and return the exit code."""
        os.kill(self.pids()[0], self._stop_signal)
        return self.process.wait(seconds=_START_SECONDS)


@dataclass
class Registry:
    """A container registry on loopback, as long as the ``with`` block lasts."""

    folder: Path
    host: str = field(default_factory=lambda: f"{LOOPBACK}:{free_port()}")

    @contextmanager
    def serve(self) -> Iterator[Registry]:
        self.folder.mkdir(parents=True)
        configuration = self.folder / "config.json"  # which YAML is as well
        storage = {"filesystem": {"rootdirectory": str(self.folder / "data")}}
        configuration.write_text(json.dumps({"version": 0.1, "storage": storage, "http": {"addr": self.host}}))
        command: list[str | Path] = [
            "env",
            "docker-registry",
            "serve",
            configuration,
        ]  # env looks for it where Debian has it
        with Process("docker-registry", command, environment={}, log=self.folder / "log") as process:
            process.wait_until(lambda: self._get("/v2/") is not None, seconds=_START_SECONDS)
            yield self

    def manifest(self, name: str, tag: str) -> Mapping[str, Any] | None:
        """The manifest of the image, or None if there is no such tag."""
        response = self._get(f"/v2/{name}/manifests/{tag}")
        if response is None or response.status_code == 404:
            return None
        response.raise_for_status()
        manifest: dict[str, Any] = response.json()
        return manifest

    def _get(self, path: str) -> requests.Response | None:
        accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
        try:
            return requests.get(f"http://{self.host}{path}", headers=accept, timeout=30)
        except requests.ConnectionError:
            return None


def process_status(pid: int) -> Mapping[str, str]:
    """What the kernel says about a process, and how its root file system is mounted, as ``Root``."""
    mounts = [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8").splitlines()]
    [*_, root] = [mount for mount in mounts if mount[4] == "/"]
    return {**_status(pid), "Root": root[5]}


def _must(command: Sequence[str]) -> str:
    with subprocess.Popen(
        ["timeout", "--kill-after=10", str(_LIMIT_SECONDS), *command],
        env={**os.environ, "PATH": SEARCH_PATH},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            output, errors = process.communicate()
        except BaseException:
            process.terminate()  # which timeout passes on to all that it has started
            raise
    assert process.returncode == 0, f"{shlex.join(command)}\nended with {process.returncode}:\n{output}{errors}"
    return output


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and (parent := _status(int(folder.name)).get("PPid")):
            yield int(folder.name), int(parent)


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _debian() -> tuple[str, str]:
    """This machine's release of Debian, and the mirror that its apt uses."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    targets = _must(["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages"])
    mirrors = [line.split()[1] for line in targets.splitlines() if line.startswith(f"{release} http")]
    assert mirrors, f"apt has no mirror of {release}: run apt-get update"
    return release, mirrors[0]


def _build_configuration() -> str:
    """What lets ``pip install`` in a build do what it does on this machine: its settings, and the files they name."""
    listed = _must([sys.executable, "-m", "pip", "config", "list"])
    settings = dict(line.split("=", 1) for line in listed.splitlines())
    environment = {name: os.environ[name] for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE") if name in os.environ}
    for name, value in settings.items():  # those of the environment are the last ones, and win
        option = name.rpartition(".")[2].upper().replace("-", "_")
        environment[f"PIP_{option}"] = " ".join(str(ast.literal_eval(value)).split())
    paths = {path for value in environment.values() for word in value.split() for path in _local_paths(word)}
    return (
        "[containers]\n"
        f"env = {json.dumps([f'{name}={value}' for name, value in environment.items()])}\n"
        f"volumes = {json.dumps([f'{path.resolve()}:{path}:ro' for path in sorted(paths)])}\n"
    )


def _local_paths(word: str) -> Iterator[Path]:
    url = urlsplit(word)
    # The pages of an index of files link to the files next to it.
    path = Path(url.path).parent if url.scheme == "file" else Path(word)
    if path.is_absolute() and path != Path("/") and path.exists():
        yield path

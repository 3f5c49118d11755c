"""The program that builds and pushes images: docker, podman, finch or buildah, whichever is there."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from errors import UserError
from images.context import Build

Say = Callable[[str], None]
"""Is told each line that the engine prints, as it comes."""

_LAST_LINES = 20
_WITHOUT_ENGINE = (
    "Or have the images built elsewhere, and name them in the settings: "
    'images = { source = "registry", nginx = "...", mlflow = "..." }.'
)


@dataclass(frozen=True)
class _Words:
    """What one engine calls things, where they differ."""

    ready: Sequence[str]
    """Succeeds when the engine can work."""
    start: str
    """How a user gets it to."""
    find: Sequence[str]
    """Succeeds when the image named after it is on this machine."""
    build: Sequence[str] = ()


# podman and buildah write OCI images unless told otherwise, and those have no health check. buildah keeps no layers
# unless told to.
_WORDS = {
    "docker": _Words(
        ready=["version"],
        start="Start Docker Desktop or the docker service; on Linux your user must be in the group docker",
        find=["image", "inspect"],
    ),
    "podman": _Words(
        ready=["info"],
        start="On macOS and Windows run `podman machine start`",
        find=["image", "inspect"],
        build=["--format", "docker"],
    ),
    "finch": _Words(
        ready=["info"],
        start="Run `finch vm start`; the first time `finch vm init`",
        find=["image", "inspect"],
    ),
    "buildah": _Words(
        ready=["info"],
        start="Its message says what it needs",
        find=["inspect", "--type", "image"],
        build=["--format", "docker", "--layers"],
    ),
}


class Engine:
    """A container engine: *command* is the program, with arguments that go before all others.

    One that is none of the four is spoken to like docker.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)
        programs = [PurePath(word).name for word in command]
        self.name = next((program for program in programs if program in _WORDS), programs[0])
        self._words = _WORDS.get(self.name, _WORDS["docker"])

    def check(self) -> None:
        """Raise ``UserError`` if the engine cannot work: docker's client may be there without its daemon."""
        code, lines = self._run(self._words.ready, say=_nobody)
        if code:
            raise UserError(
                f"the container engine {self.name} does not run: {lines[-1] if lines else f'exit code {code}'}\n"
                f"{self._words.start}; or choose another engine with CONTAINER_ENGINE.\n{_WITHOUT_ENGINE}"
            )

    def has(self, image: str) -> bool:
        """Whether *image* is on this machine."""
        code, _ = self._run([*self._words.find, image], say=_nobody)
        return code == 0

    def build(self, build: Build, image: str, say: Say) -> None:
        """Build *image*; raises ``UserError`` with the last lines of the engine."""
        arguments = [word for item in build.arguments.items() for word in ("--build-arg", "=".join(item))]
        options = ["--platform", build.platform, *self._words.build, *arguments, "--tag", image]
        try:
            self._must("build", [*options, str(build.context)], say=say)
        except UserError as error:
            if "exec format error" not in str(error).lower():
                raise
            raise UserError(
                f"{error}\nThis machine does not run programs of {build.platform}. Install QEMU's user mode emulation "
                "(package qemu-user-static), or set service.architecture to this machine's."
            ) from error

    def push(self, image: str, say: Say) -> None:
        """Push *image* to the registry in its name; raises ``UserError`` with the last lines of the engine."""
        self._must("push", [image], say=say)

    def log_in(self, registry: str, user: str, password: str) -> None:
        """Log in to *registry*; the password goes by standard input, since others can read arguments."""
        self._must("login", ["--username", user, "--password-stdin", registry], say=_nobody, given=password)

    def _must(self, verb: str, arguments: Sequence[str], *, say: Say, given: str | None = None) -> None:
        code, lines = self._run([verb, *arguments], say=say, given=given)
        if code:
            raise UserError("\n  ".join([f"{self.name} {verb} failed (exit code {code}):", *lines]))

    def _run(self, arguments: Sequence[str], *, say: Say, given: str | None = None) -> tuple[int, list[str]]:
        """Run the engine; returns its exit code and its last lines."""
        lines: deque[str] = deque(maxlen=_LAST_LINES)
        with subprocess.Popen(
            [*self._command, *arguments],
            env=_environment(),
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stdout is not None  # noqa: S101 - told to Popen
            try:
                if given is not None:
                    _give(process, given)
                for line in process.stdout:
                    if text := line.rstrip():
                        lines.append(text)
                        say(text)
            except BaseException:
                process.terminate()
                raise
        return process.returncode, list(lines)


def find_engine() -> Engine:
    """The engine that CONTAINER_ENGINE names, else the first on PATH; raises ``UserError`` if there is none."""
    if named := os.environ.get("CONTAINER_ENGINE", "").strip():
        command = shlex.split(named)
        if shutil.which(command[0]) is None:
            raise UserError(f"CONTAINER_ENGINE is {named!r}, but there is no program {command[0]}. {_WITHOUT_ENGINE}")
        return Engine(command)
    found = next(filter(shutil.which, _WORDS), None)
    if found is None:
        raise UserError(
            f"a container engine is needed to build the images, and there is none on PATH: looked for "
            f"{', '.join(_WORDS)}.\nInstall one of them, or name one in CONTAINER_ENGINE. {_WITHOUT_ENGINE}"
        )
    return Engine([found])


def _environment() -> dict[str, str]:
    # `docker build` takes its own builder, which keeps what it builds, unless the variable names another. Attestations
    # would wrap the image in an index, and ECR would list three images for each.
    kept = {name: value for name, value in os.environ.items() if name != "BUILDX_BUILDER"}
    return {**kept, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


def _give(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None  # noqa: S101 - told to Popen
    try:
        with process.stdin:
            process.stdin.write(text)
    except BrokenPipeError:
        """It ended before it had read all; its exit code says why."""


def _nobody(_line: str) -> None:
    """Tell nobody."""

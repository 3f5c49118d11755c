"""A copy of this project in a folder of its own, and its commands run there as a user would."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deployment.toolchain import ROOT

_NEEDED = ("cdktf.json", "environments")
_NOT_NEEDED = ("tests", "docs", "benchmarks")
_LIMIT_SECONDS = 480.0


class Project:
    """What a user has after ``git clone``, with these settings files or else the repository's own."""

    def __init__(self, folder: Path, environments: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        folder.mkdir()
        for source in filter(_is_part, ROOT.iterdir()):
            if source.is_dir():
                shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder)
        if environments is not None:
            for file in (folder / "environments").glob("*.tfvars"):
                file.unlink()
            for name, text in environments.items():
                (folder / "environments" / f"{name}.tfvars").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run Python with *arguments*, to its end."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )

    def start(self, *arguments: str, output: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start Python with *arguments*; what it prints goes to the file *output*. Whoever calls this ends it."""
        # Shells start what they run in the background deaf to Ctrl-C, and children inherit that.
        heard = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with output.open("wb") as file:  # not a pipe, which would stop the process when nobody reads
                return subprocess.Popen(
                    [sys.executable, *arguments],
                    cwd=self.folder,
                    env=_environment(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                )
        finally:
            signal.signal(signal.SIGINT, heard)

    def contents(self) -> dict[str, bytes]:
        """Every file with what is in it."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


def _environment(given: Mapping[str, str] | None) -> dict[str, str]:
    return {**(os.environ if given is None else given), "PYTHONDONTWRITEBYTECODE": "1"}


def _is_part(path: Path) -> bool:
    """Whether the program needs *path*, an entry of the repository's folder."""
    is_python = path.suffix == ".py" or (path / "__init__.py").is_file()
    return path.name in _NEEDED or (is_python and path.name not in _NOT_NEEDED)

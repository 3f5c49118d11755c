"""What an image is built from, and the tag that follows from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from errors import UserError

FOLDER = Path(__file__).resolve().parent
NAMES = ("nginx", "mlflow")
PLATFORMS = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}
"""A processor's name in the settings, as container engines call it."""

BASE_REGISTRY = "docker.io/library"
_TAG_LENGTH = 16  # 64 bits: of a thousand million contexts two would have one tag with a probability of 3 %
_NOT_PART = {"__pycache__", ".DS_Store"}  # what programs leave behind and git ignores


@dataclass(frozen=True)
class Build:
    """The image *name* for one *architecture*; *base_registry* is where the official image that it begins with is."""

    name: str
    architecture: str
    base_registry: str = BASE_REGISTRY

    @property
    def context(self) -> Path:
        """The folder that the engine gets; its Dockerfile is at the top."""
        return FOLDER / self.name

    @property
    def platform(self) -> str:
        """The architecture as container engines call it."""
        return PLATFORMS[self.architecture]

    @property
    def arguments(self) -> Mapping[str, str]:
        """The build arguments."""
        return {"BASE_REGISTRY": self.base_registry}

    def tag(self) -> str:
        """A hash of all that makes the image: the same on every machine, and another for any change.

        Of a file that is its path, its content and whether it is executable; owner, time and other permissions depend
        on the machine. Raises ``UserError`` without a Dockerfile.
        """
        if not (self.context / "Dockerfile").is_file():
            raise UserError(
                f"there is no Dockerfile in images/{self.name}, so the image cannot be built. Restore that folder."
            )
        recipe = {"platform": self.platform, "arguments": self.arguments, "files": list(self._files())}
        return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:_TAG_LENGTH]

    def _files(self) -> Iterator[tuple[str, bool, str]]:
        paths = {path.relative_to(self.context).as_posix(): path for path in self.context.rglob("*")}
        for name, path in sorted(paths.items()):
            if path.is_file() and _NOT_PART.isdisjoint(name.split("/")):
                executable = bool(path.stat().st_mode & 0o100)
                yield name, executable, hashlib.sha256(path.read_bytes()).hexdigest()

"""Copies the lab into the user's folder, and takes nothing from the user: ``place_lab.py SOURCE TARGET STATE``.

STATE is a JSON file with the hash of each file as it was placed. What the user has changed stays as it is. What the
user has deleted stays deleted, until the whole folder TARGET is: then all is placed anew. The rest follows SOURCE.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path


def place(source: Path, target: Path, state: Path) -> list[str]:
    """Bring *target* up to date and return a line for each file that was placed or is the user's own."""
    placed: dict[str, str] = json.loads(state.read_text("utf-8")) if target.is_dir() and state.is_file() else {}
    said = []
    for name in sorted(str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()):
        new, old, found = str(_hash(source / name)), placed.get(name), _hash(target / name)
        if found == new:
            placed[name] = new
        elif found == old:
            _copy(source / name, target / name)
            placed[name] = new
            said.append(f"placed {target / name}")
        elif found is not None and old != new:
            said.append(f"kept {target / name}, which you have changed; the new one is {source / name}")
    _write(state, json.dumps(placed, indent=1).encode())
    return said


def _hash(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    _write(target, source.read_bytes())


def _write(path: Path, content: bytes) -> None:
    """All or nothing, also on a full disk."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        for line in place(*map(Path, sys.argv[1:])):
            print(line)
    except (OSError, ValueError) as error:
        sys.exit(str(error))

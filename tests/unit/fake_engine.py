"""A container engine for tests: a small program that notes how it was called, and does what it is told to."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_PROGRAM = """\
#!{python} -IS
import json, sys
from pathlib import Path

folder, name = Path({folder!r}), {name!r}
arguments = sys.argv[1:]
given = sys.stdin.read() if "--password-stdin" in arguments else ""
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([name, arguments, given]) + "\\n")
answers = json.loads((folder / "answers").read_text())
matching = [key for key in answers if " ".join(arguments).startswith(key)]
answer = answers[max(matching, key=len)] if matching else {{}}
if "runs" in answer:
    exec(answer["runs"])
print(answer.get("says", ""), file=sys.stderr, flush=True)
sys.exit(answer.get("code", 0))
"""


class FakeEngines:
    """Engines as programs in *folder*; none at first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._answers: dict[str, dict[str, Any]] = {}
        # No image is on this machine, unless a test says so.
        self.answer("image inspect", code=1)
        self.answer("inspect", code=1)

    def install(self, name: str) -> Path:
        """Put an engine there."""
        program = self.folder / name
        program.write_text(_PROGRAM.format(python=sys.executable, folder=str(self.folder), name=name))
        program.chmod(0o755)
        return program

    def answer(self, command: str, *, code: int = 0, says: str = "", **more: Any) -> None:
        """What a command answers from now on; ``runs`` is Python for it to run first."""
        self._answers[command] = {"code": code, "says": says, **more}
        (self.folder / "answers").write_text(json.dumps(self._answers))

    @property
    def calls(self) -> list[tuple[str, list[str], str]]:
        """Each call: the engine, its arguments, and what it read from standard input."""
        file = self.folder / "calls"
        return [tuple(json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def verbs(self) -> list[str]:
        """The first words of the calls that change something."""
        return [arguments[0] for _, arguments, _ in self.calls if arguments[0] in ("login", "build", "push")]

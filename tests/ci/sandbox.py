"""A repository to run CI's scripts in: git is real, the commands that need AWS or install things are stand-ins.

The stand-ins note how they were called, and do what the *scenario* says. ``python -m review.comment``, ``python -c``
and everything else that needs no AWS is real.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployment.toolchain import ROOT

_PYTHON = """\
#!{python} -IS
import json, os, sys
from pathlib import Path

folder = Path({folder!r})
arguments = sys.argv[1:]
SHOWN = ("ENV", "AWS_REGION", "AWS_ROLE_ARN", "APPROVE")
program, shell = Path(sys.argv[0]).name, {{name: os.environ.get(name) for name in SHOWN}}
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([program, arguments, shell]) + "\\n")
scenario = json.loads((folder / "scenario.json").read_text())
if program != "python":
    sys.exit(scenario["codes"].get(" ".join([program, *arguments]), 0))
if arguments[:2] != ["-m", "review"]:
    os.execve({python!r}, [{python!r}, *arguments], {{**os.environ, "PYTHONPATH": {root!r}}})
environment = os.environ["ENV"]
if "--expect" in arguments and arguments[arguments.index("--expect") + 1] != scenario["digest"]:
    sys.exit("error: this is not the plan that was approved")
if scenario["code"] == 1:
    sys.exit("error: Terraform failed")
report = Path("cdktf.out", "review", environment)
report.mkdir(parents=True, exist_ok=True)
(report / "review.md").write_text(f"<!-- mlflow-on-aws plan review: {{environment}} -->\\n\\n# {{scenario['says']}}\\n")
(report / "review.html").write_text(f"<p>{{scenario['says']}}</p>")
(report / "review.json").write_text(json.dumps({{"verdict": scenario["says"], "digest": scenario["digest"]}}))
sys.exit(scenario["code"])
"""


@dataclass(frozen=True)
class Call:
    """How a stand-in was called, and the variables that matter."""

    program: str
    arguments: tuple[str, ...]
    shell: Mapping[str, str | None]

    def __str__(self) -> str:
        return " ".join([self.program, *self.arguments])


class Sandbox:
    """The repository in *folder*, checked out as a pull request is: its head merged into main."""

    def __init__(self, folder: Path) -> None:
        self.repository, self._notes, self._programs = folder / "repository", folder / "notes", folder / "programs"
        for made in (self.repository, self._notes, self._programs, folder / "home", folder / "temporary"):
            made.mkdir(parents=True)
        self.shell = {
            "PATH": f"{self._programs}:{os.defpath}",
            "HOME": str(folder / "home"),
            "RUNNER_TEMP": str(folder / "temporary"),
            "TMPDIR": str(folder / "temporary"),
        }
        for name in ("environments", ".github"):
            shutil.copytree(ROOT / name, self.repository / name)
        self._install()
        self.scenario()
        self._commit()

    def scenario(
        self,
        code: int = 0,
        says: str = "safe",
        digest: str = "0123456789abcdef",
        codes: Mapping[str, int] | None = None,
    ) -> None:
        """What a review finds and how it ends, from now on; *codes* are those of commands, such as ``make smoke``."""
        told = {"code": code, "says": says, "digest": digest, "codes": codes or {}}
        (self._notes / "scenario.json").write_text(json.dumps(told))

    @property
    def calls(self) -> list[Call]:
        """Every call of a stand-in; a review's first two words are ``-m review``."""
        file = self._notes / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [Call(program, tuple(arguments), shell) for program, arguments, shell in map(json.loads, lines)]

    @property
    def commands(self) -> list[str]:
        """The calls as they were typed, without ``python -c``."""
        return [str(call) for call in self.calls if call.arguments[:1] != ("-c",)]

    def report(self, environment: str) -> str:
        """The Markdown that a run has left behind."""
        return (self.repository / "cdktf.out" / "review" / environment / "review.md").read_text()

    def run(
        self, script: str, shell: Mapping[str, str], *, arguments: tuple[str, ...] = ("-eo", "pipefail")
    ) -> subprocess.CompletedProcess[str]:
        """Run *script* by bash in the repository, with nothing of this machine's own variables."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", *arguments, "-c", script],
            cwd=self.repository,
            env={**self.shell, **shell},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )

    def git(self, *arguments: str) -> str:
        """Run git in the repository."""
        who = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.repository,
            env={**self.shell, **who},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def _install(self) -> None:
        python = self.repository / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        text = _PYTHON.format(python=sys.executable, folder=str(self._notes), root=str(ROOT))
        for program in (python, self._programs / "make", self._programs / "sudo"):
            program.write_text(text)
            program.chmod(0o755)
        (self._programs / "python3").symlink_to(sys.executable)

    def _commit(self) -> None:
        self.git("init", "--quiet", "--initial-branch=main")
        (self.repository / ".gitignore").write_text(".venv/\ncdktf.out/\n")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message=base")
        self.git("checkout", "--quiet", "-b", "topic")
        self.git("commit", "--quiet", "--allow-empty", "--message=change")
        self.git("checkout", "--quiet", "--detach", "main")
        self.git("merge", "--quiet", "--no-ff", "--message=merge", "topic")
        # A runner's checkout has neither branch.
        self.git("branch", "--quiet", "-D", "main", "topic")


def parsed(call: Call) -> dict[str, Any]:
    """What ``python -m review`` itself makes of the arguments of *call*; argparse exits if it knows one of them not."""
    from review.__main__ import _parse

    assert call.arguments[:2] == ("-m", "review"), call
    return vars(_parse(list(call.arguments[2:])))

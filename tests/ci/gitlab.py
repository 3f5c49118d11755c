"""Reads GitLab's file as GitLab does, as far as ours uses it: ``extends``, ``rules``, variables, scripts."""

from __future__ import annotations

import re
import string
import subprocess
from collections.abc import Mapping
from typing import Any

from deployment.toolchain import ROOT
from tests.ci.expressions import evaluate
from tests.ci.sandbox import Sandbox
from tests.ci.workflow import load

FILE = load(ROOT / "docs" / "ci" / "gitlab-ci.yml")
GLOBAL = {"stages", "workflow", "default", "variables", "include"}
"""What is no job."""


def jobs() -> dict[str, dict[str, Any]]:
    """Every job that can run, with what it extends."""
    return {name: _extended(name) for name in FILE if name not in GLOBAL and not name.startswith(".")}


def _extended(name: str) -> dict[str, Any]:
    job = FILE[name]
    below = job.get("extends", [])
    merged: dict[str, Any] = {}
    for parent in [below] if isinstance(below, str) else below:
        merged = _merged(merged, _extended(parent))
    return _merged(merged, {key: value for key, value in job.items() if key != "extends"})


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Mappings are merged, everything else is replaced (GitLab Docs, CI/CD YAML, ``extends``)."""
    both = {key: _merged(below[key], above[key]) for key in below.keys() & above.keys() if isinstance(above[key], dict)}
    return {**below, **above, **both}


def when(rules: list[dict[str, str]], shell: Mapping[str, str]) -> str:
    """How a job gets into the pipeline: by the first rule that holds, or ``never``."""
    for rule in rules:
        text = re.sub(r"\$(\w+)", r"shell.\1", rule["if"]).replace('"', "'")
        if evaluate(text, {"shell": shell}):
            return rule.get("when", "on_success")
    return "never"


def pipeline(shell: Mapping[str, str]) -> dict[str, str]:
    """The jobs of a pipeline with these variables, and how each starts."""
    if when(FILE["workflow"]["rules"], shell) == "never":
        return {}
    starts = {name: when(job["rules"], shell) for name, job in jobs().items()}
    return {name: start for name, start in starts.items() if start != "never"}


def run(name: str, sandbox: Sandbox, shell: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a job's scripts in one shell, as a runner does."""
    job = jobs()[name]
    own = {key: string.Template(value).safe_substitute(shell) for key, value in job.get("variables", {}).items()}
    # A variable that nobody set stays as it is written.
    own = {key: "" if value.startswith("$") else value for key, value in own.items()}
    return sandbox.run("\n".join([*job.get("before_script", []), *job["script"]]), {**shell, **own})

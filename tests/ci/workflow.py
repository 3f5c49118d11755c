"""Runs the jobs of a GitHub workflow: expressions by ``expressions``, scripts by bash in a ``Sandbox``.

Actions of others are not run; it is noted how they were used, and *stand_ins* say what they give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from deployment.toolchain import ROOT
from tests.ci.expressions import as_text, asks_for_status, evaluate, fill_in
from tests.ci.sandbox import Sandbox

FOLDER = ROOT / ".github" / "workflows"
Contexts = dict[str, Any]


def load(file: Path) -> dict[str, Any]:
    """A workflow, an action, or another CI's file."""
    read: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    # YAML 1.1, which GitHub does not speak, takes "on" for true.
    return {"on" if key is True else key: value for key, value in read.items()}


WORKFLOWS = {file.name: load(file) for file in sorted(FOLDER.glob("*.yml"))}
ACTIONS = {
    f"./{file.parent.relative_to(ROOT)}": load(file) for file in sorted((ROOT / ".github" / "actions").glob("*/*.yml"))
}


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every job of every workflow: the file's name, the job's, and the job."""
    for file, workflow in WORKFLOWS.items():
        for name, job in workflow["jobs"].items():
            yield file, name, job


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step of every job and of every action of ours, with a name for messages."""
    for file, name, job in jobs():
        for number, step in enumerate(job.get("steps", ())):
            yield f"{file}: {name}: {step.get('name', step.get('uses', number))}", step
    for name, action in ACTIONS.items():
        for number, step in enumerate(action["runs"]["steps"]):
            yield f"{name}: {step.get('name', step.get('uses', number))}", step


@dataclass(frozen=True)
class Used:
    """An action of others, and what it was given."""

    action: str
    given: Mapping[str, str]


@dataclass
class Ran:
    """How a job went."""

    ran: bool = True
    ok: bool = True
    outputs: dict[str, str] = field(default_factory=dict)
    used: list[Used] = field(default_factory=list)
    log: str = ""
    summary: str = ""

    def given(self, action: str) -> Mapping[str, str]:
        """What the one use of *action* was given."""
        (only,) = [used.given for used in self.used if used.action == action]
        return only


StandIn = Callable[[Mapping[str, str]], Mapping[str, str]]


@dataclass
class Runner:
    """Runs jobs in *sandbox*; *defaults* are the variables that GitHub sets in every step."""

    sandbox: Sandbox
    contexts: Contexts
    defaults: Mapping[str, str] = field(default_factory=dict)
    stand_ins: Mapping[str, StandIn] = field(default_factory=dict)

    def run(self, file: str, name: str, **contexts: Any) -> Ran:
        """Run one job, with more *contexts*: matrix, needs, inputs."""
        workflow = WORKFLOWS[file]
        job, known = workflow["jobs"][name], {**self.contexts, **contexts}
        if not holds(job.get("if", "success()"), known, ok=True):
            return Ran(ran=False)
        assert workflow["defaults"]["run"]["shell"] == "bash"
        ran = Ran()
        shell = _texts(job.get("env", {}), known)
        given = self._steps(job["steps"], known, shell, ran)
        ran.outputs = _texts(job.get("outputs", {}), {**known, "steps": given})
        return ran

    def _steps(self, listed: list[dict[str, Any]], contexts: Contexts, shell: dict[str, str], ran: Ran) -> Contexts:
        """Run one after the other; the context ``steps`` that comes of it."""
        before: Contexts = {}
        for number, step in enumerate(listed):
            known = {**contexts, "steps": before}
            about = before.setdefault(step.get("id", f"_{number}"), {"outputs": {}, "outcome": "skipped"})
            if not holds(step.get("if", "success()"), known, ok=ran.ok):
                continue
            ok, about["outputs"] = self._step(step, known, shell, ran)
            about["outcome"] = "success" if ok else "failure"
            ran.ok = ran.ok and ok
        return before

    def _step(
        self, step: dict[str, Any], known: Contexts, shell: dict[str, str], ran: Ran
    ) -> tuple[bool, Mapping[str, str]]:
        if "run" in step:
            return self._script(fill_in(step["run"], known), {**shell, **_texts(step.get("env", {}), known)}, ran)
        given = _texts(step.get("with", {}), known)
        if step["uses"] in ACTIONS:
            action = ACTIONS[step["uses"]]
            assert given.keys() <= action["inputs"].keys()
            inputs = {name: given.get(name, about.get("default", "")) for name, about in action["inputs"].items()}
            self._steps(action["runs"]["steps"], {**self.contexts, "inputs": inputs}, shell, ran)
            return ran.ok, {}
        name = step["uses"].partition("@")[0]
        ran.used.append(Used(name, given))
        return True, self.stand_ins[name](given) if name in self.stand_ins else {}

    def _script(self, script: str, shell: dict[str, str], ran: Ran) -> tuple[bool, Mapping[str, str]]:
        folder = Path(self.sandbox.shell["RUNNER_TEMP"])
        output, summary = folder / "output", folder / "summary"
        for file in (output, summary):
            file.write_text("")
        files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        done = self.sandbox.run(script, {**self.defaults, **files, **shell})
        ran.log += done.stdout
        ran.summary += summary.read_text()
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return done.returncode == 0, outputs


def holds(condition: str, contexts: Contexts, *, ok: bool) -> bool:
    """Whether a step or job runs, if what came before it went well (*ok*) or not."""
    text = condition.strip().removeprefix("${{").removesuffix("}}")
    functions = {"always": lambda: True, "cancelled": lambda: False, "success": lambda: ok, "failure": lambda: not ok}
    return bool(evaluate(text, contexts, functions)) and (ok or asks_for_status(text))


def _texts(values: Mapping[str, Any], contexts: Contexts) -> dict[str, str]:
    return {name: as_text(fill_in(as_text(value), contexts)) for name, value in values.items()}

"""What all workflows keep to, whatever they do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import settings
from deployment.toolchain import ROOT
from tests.ci.workflow import ACTIONS, FOLDER, WORKFLOWS, jobs, steps

ACTIONLINT = Path(sys.executable).with_name("actionlint")
JOBS = [pytest.param(file, name, job, id=f"{file}-{name}") for file, name, job in jobs()]
STEPS = [pytest.param(step, id=name) for name, step in steps()]
SCRIPTS = [pytest.param(step["run"], id=name) for name, step in steps() if "run" in step]
CHECKOUTS = [
    pytest.param(step, id=name) for name, step in steps() if step.get("uses", "").startswith("actions/checkout@")
]
TEXTS = [
    pytest.param(file.read_text(encoding="utf-8"), id=str(file.relative_to(ROOT)))
    for file in sorted((ROOT / ".github").rglob("*.yml"))
]
MAY_WRITE = {
    "plan.yml: review": {"id-token", "pull-requests"},
    "deploy.yml: dev": {"id-token"},
    "deploy.yml: prod": {"id-token"},
    "deploy-environment.yml: review": {"id-token"},
    "deploy-environment.yml: deploy": {"id-token"},
    "drift.yml: drift": {"id-token", "issues"},
}
"""Who may write what; whoever is not here, nothing."""


def _lint(*files: Path | str) -> subprocess.CompletedProcess[str]:
    assert ACTIONLINT.is_file(), "actionlint is missing: run `make setup`"
    return subprocess.run(
        [ACTIONLINT, "-no-color", *files], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def _broken(folder: Path, old: str, new: str) -> Path:
    text = (FOLDER / "plan.yml").read_text(encoding="utf-8")
    assert old in text
    file = folder / "plan.yml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return file


def test_actionlint_and_shellcheck_have_no_complaint() -> None:
    assert shutil.which("shellcheck"), "actionlint checks no script without it"
    done = _lint()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-1", "unknown"),
        ("steps.list.outputs.names", "steps.lost.outputs.names", "lost"),
        ("needs: environments", "needs: nobody", "nobody"),
        ('cat "$folder/review.md" >>', "cat $folder/review.md >>", "shellcheck"),
        ("BASE: ${{ github.base_ref }}", "BASE: ${{ github.base_rev }}", "base_rev"),
    ],
)
def test_actionlint_finds_a_broken_workflow(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    done = _lint(_broken(tmp_path, old, new))
    assert done.returncode == 1
    assert complaint in done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_has_no_complaint(script: str) -> None:
    # actionlint leaves out the scripts of actions.
    done = subprocess.run(
        ["shellcheck", "--shell=bash", "-"], input=script, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""


@pytest.mark.parametrize("step", STEPS)
def test_actions_of_others_are_pinned_by_a_commit(step: dict[str, Any]) -> None:
    used = step.get("uses", "")
    assert used == "" or used in ACTIONS or re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", used)


@pytest.mark.parametrize("text", TEXTS)
def test_every_pinned_commit_has_its_version_beside_it(text: str) -> None:
    pins = [line for line in text.splitlines() if re.search(r"uses: [^.]\S+@", line)]
    assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in pins), pins


def test_an_action_has_one_version_everywhere() -> None:
    pins = {tuple(step["uses"].split("@")) for _, step in steps() if "@" in step.get("uses", "")}
    assert len(pins) == len({name for name, _ in pins})


@pytest.mark.parametrize("text", TEXTS)
def test_there_are_no_long_lived_keys(text: str) -> None:
    assert "secrets." not in text, "everything is by OpenID Connect and the run's own token"
    assert not re.search(r"aws-(access-key-id|secret-access-key|session-token)|AWS_(ACCESS_KEY_ID|SECRET)", text)
    assert not re.search(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b", text)


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_runs_for_a_fork_with_the_rights_of_the_base(text: str) -> None:
    assert "pull_request_target" not in text
    assert "workflow_run" not in text


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_script_is_put_together_by_expressions(script: str) -> None:
    # A title, a branch or a file name would be run; as a variable it stays a value.
    assert "${{" not in script


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_a_workflow_has_no_rights_of_its_own(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {}


@pytest.mark.parametrize(("file", "name", "job"), JOBS)
def test_a_job_has_no_more_rights_than_it_needs(file: str, name: str, job: dict[str, Any]) -> None:
    rights = job["permissions"]
    written = {right for right, level in rights.items() if level == "write"}
    assert written == MAY_WRITE.get(f"{file}: {name}", set())
    assert {right for right, level in rights.items() if level == "read"} <= {"contents"}


@pytest.mark.parametrize(("file", "name", "job"), JOBS)
def test_a_job_ends_by_itself(file: str, name: str, job: dict[str, Any]) -> None:
    assert "uses" in job or 0 < job["timeout-minutes"] <= 120, (file, name)


@pytest.mark.parametrize("step", CHECKOUTS)
def test_a_checkout_leaves_no_token_behind(step: dict[str, Any]) -> None:
    assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(("file", "name", "job"), JOBS)
def test_a_role_is_taken_by_our_action_alone(file: str, name: str, job: dict[str, Any]) -> None:
    taken = [step for step in job.get("steps", ()) if step.get("uses") == "./.github/actions/prepare"]
    assert bool(taken) == ("id-token" in job["permissions"] and "uses" not in job), (file, name)


@pytest.mark.parametrize("file", ["plan.yml", "deploy.yml", "drift.yml"])
def test_what_may_hold_the_states_lock_is_not_cancelled(file: str) -> None:
    assert WORKFLOWS[file]["concurrency"]["cancel-in-progress"] is False


def test_only_a_github_environment_leads_to_the_deploy_role() -> None:
    using = {(file, name): job.get("environment") for file, name, job in jobs() if "CI_DEPLOY_ROLE" in str(job)}
    assert using == {("deploy-environment.yml", "deploy"): "${{ inputs.environment }}"}


def test_every_environment_is_deployed_and_dev_before_prod() -> None:
    deployed = WORKFLOWS["deploy.yml"]["jobs"]
    assert sorted(deployed) == settings.environment_names()
    assert {name: job["with"]["environment"] for name, job in deployed.items()} == {name: name for name in deployed}
    assert deployed["prod"]["needs"] == "dev"


def test_the_tests_run_in_the_container_of_the_development_machine() -> None:
    container = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    assert f'"image": "{WORKFLOWS["test.yml"]["jobs"]["test"]["container"]["image"]}"' in container


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_make_target_is_there(script: str) -> None:
    for words in re.findall(r"^\s*make (.+)$", script, re.MULTILINE):
        wanted = [word for word in words.split() if "=" not in word]
        done = subprocess.run(
            ["make", "--question", "--dry-run", *wanted],
            cwd=ROOT,
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "No rule to make target" not in done.stderr
        assert done.returncode in (0, 1), done.stderr


@pytest.mark.parametrize("text", TEXTS)
def test_every_file_that_is_named_is_there(text: str) -> None:
    for name in re.findall(r"(?<![\w./$-])(?:docs|environments|\.ci|\.devcontainer|\.github)/?[\w./-]*\w", text):
        assert (ROOT / name).exists(), name

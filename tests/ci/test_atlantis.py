"""docs/ci/atlantis.yaml and docs/ci/atlantis-server.yaml: sound as files, and their steps run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import settings
from deployment.toolchain import ROOT
from tests.ci.sandbox import Sandbox, parsed
from tests.ci.workflow import load
from tests.unit.fake_forge import TOKEN, FakeGitHub

REPOSITORY = load(ROOT / "docs" / "ci" / "atlantis.yaml")
SERVER = load(ROOT / "docs" / "ci" / "atlantis-server.yaml")
WORKFLOW = SERVER["workflows"]["mlflow"]
SHELL_ARGUMENTS = ["-eo", "pipefail", "-c"]


@pytest.fixture
def plan_file(sandbox: Sandbox) -> Path:
    return sandbox.repository / "dev-default.tfplan"


@pytest.fixture
def shell(sandbox: Sandbox, github: tuple[FakeGitHub, str], plan_file: Path) -> dict[str, str]:
    """What Atlantis sets for a step of the project dev; its checkout strategy "merge" has the base as a remote's."""
    sandbox.git("update-ref", "refs/remotes/origin/main", "HEAD^1")
    return {
        "PROJECT_NAME": "dev",
        "BASE_BRANCH_NAME": "main",
        "BASE_REPO_OWNER": "owner",
        "BASE_REPO_NAME": "name",
        "HEAD_COMMIT": "c0ffee",
        "PULL_NUM": "12",
        "PLANFILE": str(plan_file),
        "ATLANTIS_GH_TOKEN": TOKEN,
        "GITHUB_API_URL": github[1],
    }


def _run(stage: str, sandbox: Sandbox, shell: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the steps of a stage until one fails; the last that ran."""
    given = dict(shell)
    for step in WORKFLOW[stage]["steps"]:
        if "env" in step:
            given[step["env"]["name"]] = sandbox.run(step["env"]["command"], given, arguments=()).stdout.strip()
            continue
        done = sandbox.run(step["run"]["command"], given, arguments=("-eo", "pipefail"))
        if done.returncode != 0:
            break
    return done


def test_every_environment_is_a_project_and_dev_comes_first() -> None:
    projects = {project["name"]: project for project in REPOSITORY["projects"]}
    assert sorted(projects) == settings.environment_names()
    assert {project["dir"] for project in projects.values()} == {"."}
    assert projects["dev"]["execution_order_group"] < projects["prod"]["execution_order_group"]
    assert REPOSITORY["version"] == 3


@pytest.mark.parametrize("changed", ["stacks/ci_roles.py", "environments/dev.tfvars", "images/nginx/nginx.conf"])
def test_what_changes_a_plan_is_planned(changed: str) -> None:
    patterns = [pattern.removeprefix("**/") for pattern in REPOSITORY["projects"][0]["autoplan"]["when_modified"]]
    assert any(Path(changed).match(pattern.replace("/**", "/**/*")) for pattern in patterns)


def test_a_pull_request_cannot_change_how_it_is_planned() -> None:
    assert REPOSITORY.keys() == {"version", "projects"}
    (repository,) = SERVER["repos"]
    assert repository["allowed_overrides"] == []
    assert repository["allow_custom_workflows"] is False
    assert repository["apply_requirements"] == ["approved", "mergeable", "undiverged"]
    assert repository["workflow"] in SERVER["workflows"]


@pytest.mark.parametrize("stage", ["plan", "apply"])
def test_a_script_ends_at_its_first_failure_and_shellcheck_has_no_complaint(stage: str) -> None:
    scripts = [step["run"] for step in WORKFLOW[stage]["steps"] if "\n" in step.get("run", {}).get("command", "")]
    assert scripts
    for script in scripts:
        assert (script["shell"], script["shellArgs"]) == ("bash", SHELL_ARGUMENTS)
        command = ["shellcheck", "--shell=bash", "--exclude=SC2154", "-"]
        done = subprocess.run(command, input=script["command"], capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout == ""


def test_a_safe_plan_is_commented_and_its_digest_kept(
    sandbox: Sandbox, github: tuple[FakeGitHub, str], shell: dict[str, str], plan_file: Path
) -> None:
    done = _run("plan", sandbox, shell)
    assert done.returncode == 0, done.stdout
    assert plan_file.read_text() == "0123456789abcdef\n"
    assert [(comment["on"], comment["body"]) for comment in github[0].comments] == [(12, sandbox.report("dev"))]
    (review,) = (call for call in sandbox.calls if call.arguments[:2] == ("-m", "review"))
    assert parsed(review)["base"] == "origin/main"
    assert review.shell["ENV"] == "dev"


@pytest.mark.parametrize(("code", "comment"), [(2, "# dangerous"), (1, "The plan of c0ffee failed")])
def test_what_is_dangerous_or_fails_is_commented_and_cannot_be_applied(
    sandbox: Sandbox, github: tuple[FakeGitHub, str], shell: dict[str, str], plan_file: Path, code: int, comment: str
) -> None:
    _run("plan", sandbox, shell)
    sandbox.scenario(code=code, says="dangerous")
    assert _run("plan", sandbox, shell).returncode == code
    assert comment in github[0].comments[0]["body"]
    assert len(github[0].comments) == 1
    assert not plan_file.exists(), "that of the plan before must not be applied either"


def test_applies_what_was_planned(sandbox: Sandbox, shell: dict[str, str], plan_file: Path) -> None:
    _run("plan", sandbox, shell)
    done = _run("apply", sandbox, shell)
    assert done.returncode == 0, done.stdout
    assert sandbox.commands[-2:] == ["python -m review --expect 0123456789abcdef", "make deploy APPROVE=1"]
    assert not plan_file.exists()


def test_refuses_to_apply_another_plan(sandbox: Sandbox, shell: dict[str, str], plan_file: Path) -> None:
    _run("plan", sandbox, shell)
    sandbox.scenario(digest="fedcba9876543210")
    assert _run("apply", sandbox, shell).returncode == 1
    assert "make deploy APPROVE=1" not in sandbox.commands
    assert plan_file.exists()

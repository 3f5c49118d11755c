"""docs/ci/gitlab-ci.yml: sound as a file, and its scripts run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import settings
from tests.ci.gitlab import FILE, jobs, pipeline, run
from tests.ci.sandbox import Sandbox, parsed
from tests.unit.fake_forge import TOKEN, FakeGitLab

JOBS = jobs()
WITH_SCRIPTS = [pytest.param(job, id=name) for name, job in JOBS.items()]
KEYS = {
    "artifacts",
    "before_script",
    "environment",
    "id_tokens",
    "interruptible",
    "needs",
    "resource_group",
    "rules",
    "script",
    "stage",
    "tags",
    "timeout",
    "variables",
}
MERGE_REQUEST = {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "55",
    "CI_MERGE_REQUEST_PROJECT_ID": "55",
    "CI_DEFAULT_BRANCH": "main",
}
MAIN = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main"}
LOG = "https://gitlab.example.com/job/9"


@pytest.fixture
def gitlab() -> Iterator[tuple[FakeGitLab, str]]:
    """The API, and its address."""
    fake = FakeGitLab()
    with fake.served() as url:
        yield fake, url


@pytest.fixture
def shell(sandbox: Sandbox, gitlab: tuple[FakeGitLab, str]) -> Mapping[str, str]:
    return {
        "CI_API_V4_URL": gitlab[1],
        "CI_PROJECT_ID": "55",
        "CI_MERGE_REQUEST_IID": "12",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": sandbox.git("rev-parse", "HEAD^1"),
        "CI_COMMIT_SHA": "c0ffee",
        "CI_JOB_ID": "9",
        "CI_JOB_URL": LOG,
        "GITLAB_TOKEN": TOKEN,
        "AWS_ID_TOKEN": "an.id.token",
        "PLAN_ROLE_DEV": "arn:plan-dev",
        "DEPLOY_ROLE_DEV": "arn:deploy-dev",
    }


@pytest.mark.parametrize("job", WITH_SCRIPTS)
def test_a_job_has_what_gitlab_asks_for(job: dict[str, Any]) -> None:
    assert job.keys() <= KEYS
    assert job["stage"] in FILE["stages"]
    assert all(isinstance(line, str) for line in [*job.get("before_script", []), *job["script"]])


def test_needs_name_jobs_of_no_later_stage() -> None:
    stages = FILE["stages"]
    needs = [(job["stage"], JOBS[needed]["stage"]) for job in JOBS.values() for needed in job.get("needs", [])]
    assert len(needs) == 3
    assert all(stages.index(before) <= stages.index(after) for after, before in needs)


@pytest.mark.parametrize("job", WITH_SCRIPTS)
def test_shellcheck_has_no_complaint(job: dict[str, Any]) -> None:
    script = "\n".join([*job.get("before_script", []), *job["script"]])
    command = ["shellcheck", "--shell=bash", "--exclude=SC2154", "-"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == ""


def test_every_environment_has_its_jobs() -> None:
    for name in settings.environment_names():
        assert {f"{what} {name}" for what in ("review", "plan", "deploy", "drift")} <= JOBS.keys()
        of_it = {job["resource_group"] for job in JOBS.values() if job.get("variables", {}).get("ENV") == name}
        assert of_it == {name}, "two plans would meet at the lock of the state"


def test_a_merge_request_is_tested_and_reviewed() -> None:
    assert pipeline(MERGE_REQUEST) == dict.fromkeys(["test", "review dev", "review prod"], "on_success")


def test_a_fork_gets_no_role() -> None:
    started = pipeline({**MERGE_REQUEST, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "66"})
    assert started == dict.fromkeys(["test", "fork"], "on_success")
    assert "id_tokens" not in JOBS["fork"]
    assert "id_tokens" not in JOBS["test"]


def test_main_is_planned_and_deployed_by_hand() -> None:
    assert pipeline(MAIN) == {
        "test": "on_success",
        "plan dev": "on_success",
        "deploy dev": "manual",
        "plan prod": "on_success",
        "deploy prod": "manual",
    }
    assert JOBS["plan prod"]["needs"] == ["deploy dev"]
    assert JOBS["deploy prod"]["needs"] == ["plan prod"]
    assert [rule["allow_failure"] for rule in JOBS["deploy dev"]["rules"]] == [False], "else prod would not wait for it"


def test_a_schedule_looks_for_drift_and_nothing_else() -> None:
    scheduled = {**MAIN, "CI_PIPELINE_SOURCE": "schedule"}
    assert pipeline(scheduled) == dict.fromkeys(["drift dev", "drift prod"], "on_success")


def test_another_branch_has_no_pipeline() -> None:
    assert pipeline({**MAIN, "CI_COMMIT_BRANCH": "topic"}) == {}


@pytest.mark.parametrize(
    ("code", "says", "comment"),
    [(0, "safe", "# safe"), (2, "dangerous", "# dangerous"), (1, "", "The plan of c0ffee failed: [see the log](")],
)
def test_a_review_comments_and_ends_as_the_verdict_says(
    sandbox: Sandbox, gitlab: tuple[FakeGitLab, str], shell: Mapping[str, str], code: int, says: str, comment: str
) -> None:
    sandbox.scenario(code=code, says=says)
    done = run("review dev", sandbox, shell)
    assert done.returncode == code, done.stdout
    (note,) = gitlab[0].comments
    assert note["body"].startswith("<!-- mlflow-on-aws plan review: dev -->\n")
    assert comment in note["body"]


def test_a_review_takes_the_role_by_the_token_of_the_job(sandbox: Sandbox, shell: Mapping[str, str]) -> None:
    assert run("review dev", sandbox, shell).returncode == 0
    (review,) = (call for call in sandbox.calls if call.arguments[:2] == ("-m", "review"))
    assert review.shell["AWS_ROLE_ARN"] == "arn:plan-dev"
    assert parsed(review)["base"] == shell["CI_MERGE_REQUEST_DIFF_BASE_SHA"]
    (token,) = (file for file in Path(sandbox.shell["TMPDIR"]).iterdir() if file.read_text() == "an.id.token")
    assert token.stat().st_mode & 0o077 == 0
    assert sandbox.commands[0] == "make setup node_modules/.ready"


def test_without_a_role_it_says_so(sandbox: Sandbox, shell: Mapping[str, str]) -> None:
    done = run("review prod", sandbox, shell)
    assert done.returncode == 1
    assert "There is no role for prod" in done.stdout
    assert sandbox.commands == []


def test_a_plan_hands_on_its_digest_to_the_deployment(sandbox: Sandbox, shell: Mapping[str, str]) -> None:
    assert run("plan dev", sandbox, shell).returncode == 0
    name, digest = (sandbox.repository / JOBS["plan dev"]["artifacts"]["reports"]["dotenv"]).read_text().split("=")
    done = run("deploy dev", sandbox, {**shell, name: digest.strip()})
    assert done.returncode == 0, done.stdout
    assert sandbox.commands[-2:] == ["python -m review --expect 0123456789abcdef", "make deploy APPROVE=1"]
    assert {call.shell["AWS_ROLE_ARN"] for call in sandbox.calls if call.program == "make"} == {
        "arn:plan-dev",
        "arn:deploy-dev",
    }


def test_another_plan_than_the_reviewed_one_is_not_deployed(sandbox: Sandbox, shell: Mapping[str, str]) -> None:
    done = run("deploy dev", sandbox, {**shell, "DIGEST": "fedcba9876543210"})
    assert done.returncode == 1
    assert "make deploy APPROVE=1" not in sandbox.commands


@pytest.mark.parametrize("code", [1, 2])
def test_what_is_dangerous_or_cannot_be_planned_hands_on_nothing(
    sandbox: Sandbox, shell: Mapping[str, str], code: int
) -> None:
    sandbox.scenario(code=code)
    assert run("plan dev", sandbox, shell).returncode == code
    assert not (sandbox.repository / "digest.env").exists()


def test_drift_is_an_issue_until_it_is_gone(
    sandbox: Sandbox, gitlab: tuple[FakeGitLab, str], shell: Mapping[str, str]
) -> None:
    sandbox.scenario(code=2, says="drift")
    assert run("drift dev", sandbox, shell).returncode == 0
    (issue,) = gitlab[0].issues
    assert (issue["title"], "state_event" in issue) == ("Drift in dev", False)
    sandbox.scenario()
    assert run("drift dev", sandbox, shell).returncode == 0
    assert issue["state_event"] == "close"
    assert gitlab[0].comments[-1]["body"] == f"The drift is gone: {LOG}"


def test_a_failed_look_for_drift_fails(
    sandbox: Sandbox, gitlab: tuple[FakeGitLab, str], shell: Mapping[str, str]
) -> None:
    sandbox.scenario(code=1)
    assert run("drift dev", sandbox, shell).returncode == 1
    assert gitlab[0].issues == []


@pytest.mark.parametrize("job", [job for name, job in JOBS.items() if name.startswith("review ")])
def test_the_page_is_shown_in_the_merge_request(job: dict[str, Any]) -> None:
    # GitLab shows none whose path has a variable or a wildcard, or whose name has more than these letters.
    (path,) = job["artifacts"]["paths"]
    assert path == f"cdktf.out/review/{job['variables']['ENV']}/review.html"
    assert re.fullmatch(r"[\w -]+", job["artifacts"]["expose_as"])
    assert job["artifacts"]["when"] == "always"

"""plan.yml, run: what a pull request gets to see, and how its check ends."""

from __future__ import annotations

import pytest

import settings
from tests.ci.conftest import PAGE, PLAN_ROLES
from tests.ci.sandbox import Sandbox, parsed
from tests.ci.workflow import Contexts, Ran, Runner
from tests.unit.fake_forge import FakeGitHub

MARK = "<!-- mlflow-on-aws plan review: dev -->"


def _review(runner: Runner) -> Ran:
    return runner.run("plan.yml", "review", matrix={"environment": "dev"}, needs=_needs('["dev"]'))


def _needs(names: str, **results: str) -> Contexts:
    return {
        "environments": {"outputs": {"names": names}, "result": results.get("environments", "success")},
        "review": {"result": results.get("review", "success")},
    }


def _list(runner: Runner) -> Ran:
    return runner.run("plan.yml", "environments")


def _comments(github: tuple[FakeGitHub, str]) -> list[str]:
    return [comment["body"] for comment in github[0].comments]


def test_every_environment_is_listed(runner: Runner) -> None:
    listed = _list(runner)
    assert listed.ok
    assert listed.outputs == {"names": str(settings.environment_names()).replace("'", '"')}
    assert listed.summary == ""


def test_hidden_files_are_no_environments(runner: Runner, sandbox: Sandbox) -> None:
    (sandbox.repository / "environments" / ".draft.tfvars").touch()
    (sandbox.repository / "environments" / "allowed.toml").touch()
    assert _list(runner).outputs == {"names": '["dev", "prod"]'}


def test_a_fork_is_told_that_nothing_was_planned(runner: Runner, contexts: Contexts) -> None:
    contexts["github"]["event"]["pull_request"]["head"]["repo"]["full_name"] = "somebody/name"
    listed = _list(runner)
    assert listed.outputs == {"names": "[]"}
    assert "::warning::Nothing was planned: a fork gets no credentials." in listed.log
    assert listed.summary.startswith("Nothing was planned: a fork gets no credentials.")


def test_without_roles_it_says_what_to_set(runner: Runner, contexts: Contexts) -> None:
    del contexts["vars"]["CI_PLAN_ROLES"]
    listed = _list(runner)
    assert listed.outputs == {"names": "[]"}
    assert "the variable CI_PLAN_ROLES is not set" in listed.summary


def test_where_nothing_is_listed_no_role_is_taken(runner: Runner) -> None:
    assert not runner.run("plan.yml", "review", matrix={"environment": "dev"}, needs=_needs("[]")).ran


def test_takes_the_plan_role_of_the_environment_in_its_region(runner: Runner, contexts: Contexts) -> None:
    contexts["vars"]["AWS_REGION"] = "eu-west-1"
    taken = _review(runner).given("aws-actions/configure-aws-credentials")
    assert taken == {
        "role-to-assume": PLAN_ROLES["dev"],
        "role-duration-seconds": "3600",
        "aws-region": "eu-west-1",
    }


def test_a_safe_plan_is_commented_and_passes(runner: Runner, sandbox: Sandbox, github: tuple[FakeGitHub, str]) -> None:
    ran = _review(runner)
    assert ran.ok, ran.log
    assert sandbox.commands == [
        "make setup node_modules/.ready",
        "python -m review --base=main",
        f"python -m review.comment --file cdktf.out/review/dev/review.md --link {PAGE}",
    ]
    assert _comments(github) == [f"{MARK}\n\n# safe\n\n[The whole report as a page]({PAGE})\n"]
    assert [comment["on"] for comment in github[0].comments] == [12]
    assert ran.summary == sandbox.report("dev")


def test_the_page_is_kept_under_the_name_of_its_environment(runner: Runner) -> None:
    given = _review(runner).given("actions/upload-artifact")
    assert given["path"].endswith("/review-dev.html")
    assert given["archive"] == "false", "else a browser does not show it"


def test_the_base_is_what_the_pull_request_would_be_merged_into(runner: Runner, sandbox: Sandbox) -> None:
    _review(runner)
    assert sandbox.git("log", "-1", "--format=%s", "main") == "base"
    assert sandbox.git("merge-base", "HEAD", "main") == sandbox.git("rev-parse", "HEAD^1")


def test_a_dangerous_plan_is_commented_and_fails(
    runner: Runner, sandbox: Sandbox, github: tuple[FakeGitHub, str]
) -> None:
    sandbox.scenario(code=2, says="dangerous")
    ran = _review(runner)
    assert not ran.ok
    assert "::error::dev: dangerous." in ran.log
    assert _comments(github) == [f"{MARK}\n\n# dangerous\n\n[The whole report as a page]({PAGE})\n"]
    assert "# dangerous" in ran.summary


def test_a_failed_plan_takes_the_place_of_an_earlier_comment(
    runner: Runner, sandbox: Sandbox, github: tuple[FakeGitHub, str]
) -> None:
    _review(runner)
    sandbox.scenario(code=1)
    ran = _review(runner)
    assert not ran.ok
    assert "error: Terraform failed" in ran.log
    (comment,) = _comments(github)
    assert comment.startswith(f"{MARK}\n\n## dev: not reviewed")
    assert "The plan of c0ffee failed: [see the log](https://github.com/owner/name/actions/runs/77)." in comment


def test_without_a_role_it_says_which_command_makes_one(
    runner: Runner, contexts: Contexts, sandbox: Sandbox, github: tuple[FakeGitHub, str]
) -> None:
    contexts["vars"]["CI_PLAN_ROLES"] = '{"prod": "arn"}'
    ran = _review(runner)
    assert not ran.ok
    assert "there is no role for dev. Run 'make ci-roles ENV=dev'" in ran.log
    assert "python -m review --base=main" not in sandbox.commands
    assert "not reviewed" in _comments(github)[0]


def test_a_comment_that_cannot_be_written_fails_the_job(
    runner: Runner, github: tuple[FakeGitHub, str], contexts: Contexts
) -> None:
    contexts["github"]["token"] = "another"  # noqa: S105
    ran = _review(runner)
    assert not ran.ok
    assert "GITHUB_TOKEN is wrong or has expired" in ran.log
    assert github[0].comments == []


def test_the_review_knows_the_options_that_it_is_given(runner: Runner, sandbox: Sandbox) -> None:
    _review(runner)
    (review,) = (call for call in sandbox.calls if call.arguments[:2] == ("-m", "review"))
    assert parsed(review)["base"] == "main"
    assert review.shell["ENV"] == "dev"


@pytest.mark.parametrize(
    ("environments", "review", "ok"),
    [
        ("success", "success", True),
        ("success", "skipped", True),
        ("success", "failure", False),
        ("success", "cancelled", False),
        ("failure", "skipped", False),
        ("cancelled", "skipped", False),
    ],
)
def test_the_required_check_passes_only_if_all_did(runner: Runner, environments: str, review: str, ok: bool) -> None:
    needs = _needs("[]", environments=environments, review=review)
    assert runner.run("plan.yml", "plan", needs=needs).ok is ok

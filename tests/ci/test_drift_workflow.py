"""drift.yml, run: an issue as long as there is drift."""

from __future__ import annotations

from tests.ci.conftest import PLAN_ROLES
from tests.ci.sandbox import Sandbox, parsed
from tests.ci.workflow import Contexts, Ran, Runner
from tests.unit.fake_forge import FakeGitHub

RUN = "https://github.com/owner/name/actions/runs/77"


def _drift(runner: Runner) -> Ran:
    return runner.run("drift.yml", "drift", matrix={"environment": "dev"})


def test_looks_at_every_environment_that_has_a_role(runner: Runner) -> None:
    assert runner.run("drift.yml", "environments").outputs == {"names": '["dev", "prod"]'}


def test_does_nothing_before_the_set_up(runner: Runner, contexts: Contexts) -> None:
    del contexts["vars"]["CI_PLAN_ROLES"]
    assert not runner.run("drift.yml", "environments").ran


def test_drift_opens_an_issue(runner: Runner, sandbox: Sandbox, github: tuple[FakeGitHub, str]) -> None:
    sandbox.scenario(code=2, says="drift")
    ran = _drift(runner)
    assert ran.ok, ran.log
    assert "::warning::dev was changed" in ran.log
    assert ran.given("aws-actions/configure-aws-credentials")["role-to-assume"] == PLAN_ROLES["dev"]
    ((title, body),) = [(issue["title"], issue["body"]) for issue in github[0].issues]
    assert title == "Drift in dev"
    assert body == f"{sandbox.report('dev')}\n[The whole report as a page]({RUN})\n"
    assert ran.summary == sandbox.report("dev")


def test_the_issue_is_updated_night_by_night_and_closed_when_the_drift_is_gone(
    runner: Runner, sandbox: Sandbox, github: tuple[FakeGitHub, str]
) -> None:
    for says in ("some drift", "more drift"):
        sandbox.scenario(code=2, says=says)
        _drift(runner)
    (issue,) = github[0].issues
    assert "# more drift" in issue["body"]
    sandbox.scenario()
    assert _drift(runner).ok
    assert issue["state"] == "closed"
    assert [comment["body"] for comment in github[0].comments] == [f"The drift is gone: {RUN}"]


def test_no_drift_opens_nothing(runner: Runner, github: tuple[FakeGitHub, str]) -> None:
    assert _drift(runner).ok
    assert github[0].issues == []


def test_a_failed_plan_fails_and_leaves_the_issue_as_it_is(
    runner: Runner, sandbox: Sandbox, github: tuple[FakeGitHub, str]
) -> None:
    sandbox.scenario(code=2, says="drift")
    _drift(runner)
    before = [dict(issue) for issue in github[0].issues]
    sandbox.scenario(code=1)
    assert not _drift(runner).ok
    assert github[0].issues == before


def test_the_review_knows_the_option_that_it_is_given(runner: Runner, sandbox: Sandbox) -> None:
    _drift(runner)
    (review,) = (call for call in sandbox.calls if call.arguments[:2] == ("-m", "review"))
    assert parsed(review)["drift"] is True

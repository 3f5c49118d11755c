"""deploy.yml and what it calls, run: what is deployed is what was approved."""

from __future__ import annotations

import pytest

from tests.ci.conftest import DEPLOY_ROLE, PLAN_ROLES
from tests.ci.sandbox import Sandbox, parsed
from tests.ci.workflow import WORKFLOWS, Contexts, Ran, Runner, holds

APPROVED = "0123456789abcdef"
FILE = "deploy-environment.yml"


def _review(runner: Runner) -> Ran:
    return runner.run(FILE, "review", inputs={"environment": "prod"})


def _deploy(runner: Runner, digest: str = APPROVED) -> Ran:
    needs = {"review": {"outputs": {"digest": digest}}}
    return runner.run(FILE, "deploy", inputs={"environment": "prod"}, needs=needs)


def test_the_review_takes_the_plan_role_and_hands_on_the_digest(runner: Runner, sandbox: Sandbox) -> None:
    ran = _review(runner)
    assert ran.ok, ran.log
    assert ran.outputs == {"digest": APPROVED}
    assert ran.given("aws-actions/configure-aws-credentials")["role-to-assume"] == PLAN_ROLES["prod"]
    assert ran.summary == sandbox.report("prod")
    assert ran.given("actions/upload-artifact")["path"].endswith("/deploy-prod.html")


@pytest.mark.parametrize(("code", "says"), [(2, "dangerous, so it is not deployed"), (1, "Terraform failed")])
def test_what_is_dangerous_or_cannot_be_planned_is_not_offered(
    runner: Runner, sandbox: Sandbox, code: int, says: str
) -> None:
    sandbox.scenario(code=code, says="dangerous")
    ran = _review(runner)
    assert not ran.ok
    assert ran.outputs["digest"] == ""
    assert says in ran.log
    assert ("# dangerous" in ran.summary) is (code == 2)


def test_deploys_what_was_approved_by_the_deploy_role(runner: Runner, sandbox: Sandbox) -> None:
    ran = _deploy(runner)
    assert ran.ok, ran.log
    taken = ran.given("aws-actions/configure-aws-credentials")
    assert taken["role-to-assume"] == DEPLOY_ROLE
    assert int(taken["role-duration-seconds"]) == WORKFLOWS[FILE]["jobs"]["deploy"]["timeout-minutes"] * 60
    assert [command for command in sandbox.commands if not command.startswith("sudo")] == [
        "make setup node_modules/.ready",
        f"python -m review --expect {APPROVED}",
        "make deploy APPROVE=1",
    ]
    assert {call.shell["ENV"] for call in sandbox.calls if call.program == "make"} == {"prod"}


@pytest.mark.parametrize("digest", ["fedcba9876543210", ""])
def test_refuses_another_plan_than_the_approved_one(runner: Runner, sandbox: Sandbox, digest: str) -> None:
    ran = _deploy(runner, digest)
    assert not ran.ok
    assert "this is not the plan that was approved" in ran.log
    assert "make deploy APPROVE=1" not in sandbox.commands


@pytest.mark.parametrize(("variable", "tried"), [("true", True), ("", False), ("false", False)])
def test_the_smoke_test_is_for_those_who_ask_for_it(
    runner: Runner, sandbox: Sandbox, contexts: Contexts, variable: str, tried: bool
) -> None:
    contexts["vars"]["CI_SMOKE"] = variable
    assert _deploy(runner).ok
    assert ("make smoke" in sandbox.commands) is tried


def test_a_failed_smoke_test_fails_the_deployment(runner: Runner, sandbox: Sandbox, contexts: Contexts) -> None:
    contexts["vars"]["CI_SMOKE"] = "true"
    sandbox.scenario(codes={"make smoke": 2})
    assert not _deploy(runner).ok


def test_a_failed_deployment_ends_there(runner: Runner, sandbox: Sandbox, contexts: Contexts) -> None:
    contexts["vars"]["CI_SMOKE"] = "true"
    sandbox.scenario(codes={"make deploy APPROVE=1": 2})
    assert not _deploy(runner).ok
    assert "make smoke" not in sandbox.commands


def test_the_review_knows_the_options_that_it_is_given(runner: Runner, sandbox: Sandbox) -> None:
    _review(runner)
    _deploy(runner)
    expected = [parsed(call)["expect"] for call in sandbox.calls if call.arguments[:2] == ("-m", "review")]
    assert expected == [None, APPROVED]


@pytest.mark.parametrize(
    ("ref", "roles", "runs"),
    [
        ("refs/heads/main", "{}", True),
        ("refs/heads/topic", "{}", False),
        ("refs/heads/main", "", False),
        ("refs/heads/main", None, False),
    ],
)
def test_nothing_is_deployed_from_another_branch_or_before_the_set_up(ref: str, roles: str | None, runs: bool) -> None:
    condition = WORKFLOWS["deploy.yml"]["jobs"]["dev"]["if"]
    assert holds(condition, {"github": {"ref": ref}, "vars": {"CI_PLAN_ROLES": roles}}, ok=True) is runs

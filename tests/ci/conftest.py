"""What the tests of the scripts share: a sandbox, and GitHub as a workflow sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci.sandbox import Sandbox
from tests.ci.workflow import Contexts, Runner
from tests.unit.fake_forge import TOKEN, FakeGitHub

PLAN_ROLES = {"dev": "arn:aws:iam::123456789012:role/plan-dev", "prod": "arn:aws:iam::123456789012:role/plan-prod"}
DEPLOY_ROLE = "arn:aws:iam::123456789012:role/deploy"
PAGE = "https://github.com/owner/name/actions/runs/77/artifacts/5"


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


@pytest.fixture
def github() -> Iterator[tuple[FakeGitHub, str]]:
    """The API, and its address."""
    fake = FakeGitHub()
    with fake.served() as url:
        yield fake, url


@pytest.fixture
def contexts() -> Contexts:
    """A pull request of this repository, number 12, whose variables are set as the documentation says."""
    event = {"pull_request": {"number": 12, "head": {"sha": "c0ffee", "repo": {"full_name": "owner/name"}}}}
    github = {
        "repository": "owner/name",
        "server_url": "https://github.com",
        "run_id": 77,
        "ref": "refs/heads/main",
        "base_ref": "main",
        "token": TOKEN,
        "event": event,
    }
    return {"github": github, "vars": {"CI_PLAN_ROLES": json.dumps(PLAN_ROLES), "CI_DEPLOY_ROLE": DEPLOY_ROLE}}


@pytest.fixture
def runner(sandbox: Sandbox, contexts: Contexts, github: tuple[FakeGitHub, str], tmp_path: Path) -> Runner:
    """Runs the workflows' jobs; what was uploaded has an address, if there was something."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps(contexts["github"]["event"]))
    contexts["runner"] = {"temp": sandbox.shell["RUNNER_TEMP"]}
    defaults = {
        "GITHUB_API_URL": github[1],
        "GITHUB_GRAPHQL_URL": f"{github[1]}/graphql",
        "GITHUB_REPOSITORY": "owner/name",
        "GITHUB_EVENT_PATH": str(event),
    }
    stand_ins = {
        "actions/upload-artifact": lambda given: {"artifact-url": PAGE} if Path(given["path"]).is_file() else {}
    }
    return Runner(sandbox, contexts, defaults, stand_ins)

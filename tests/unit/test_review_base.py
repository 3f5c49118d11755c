"""The base of a pull request: taken out of git, compared by its settings, synthesised by its own code."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from deployment.progress import Display
from errors import UserError
from review.base import Base, settings_changes, taken_out

Git = Callable[..., str]

SYNTHESIS = """\
import json, os, pathlib
outdir = pathlib.Path(os.environ["CDKTF_OUTDIR"])
name = os.environ["ENV"] + "-platform"
(outdir / "stacks" / name).mkdir(parents=True)
(outdir / "stacks" / name / "cdk.tf.json").write_text(json.dumps({"resource": {}}))
entry = {"name": name, "dependencies": [], "workingDirectory": "stacks/" + name}
(outdir / "manifest.json").write_text(json.dumps({"stacks": {name: entry}}))
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "repository"


@pytest.fixture
def git(repository: Path) -> Git:
    """Git in a repository with one commit on ``main``."""
    (repository / "environments").mkdir(parents=True)

    def run(*arguments: str) -> str:
        identity = ("-c", "user.name=tests", "-c", "user.email=tests@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=repository, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    run("init", "--quiet", "--initial-branch=main")
    commit(run, repository, {"main.py": SYNTHESIS, "environments/dev.tfvars": 'project = "mlflow"\n'})
    return run


def commit(git: Git, repository: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (repository / name).write_text(text, encoding="utf-8")
    git("add", "--all")
    git("commit", "--quiet", "--message", "change")
    return git("rev-parse", "--short=7", "HEAD")


def display() -> Display:
    return Display(Console(file=io.StringIO()))


def test_the_base_is_the_commit_that_the_branch_started_from(git: Git, repository: Path) -> None:
    fork = git("rev-parse", "--short=7", "HEAD")
    git("switch", "--quiet", "--create", "feature")
    commit(git, repository, {"environments/dev.tfvars": 'project = "feature"\n'})
    git("switch", "--quiet", "main")
    commit(git, repository, {"environments/dev.tfvars": 'project = "later"\n'})
    git("switch", "--quiet", "feature")

    with taken_out("main", root=repository) as base:
        assert base.name == f"main ({fork})"
        assert base.settings_file("dev").read_text(encoding="utf-8") == 'project = "mlflow"\n'
        folder = base.folder
    assert not folder.exists()


def test_the_working_tree_is_left_alone(git: Git, repository: Path) -> None:
    (repository / "environments/dev.tfvars").write_text("uncommitted", encoding="utf-8")
    before = git("status", "--porcelain")

    with taken_out("main", root=repository):
        assert git("status", "--porcelain") == before
    assert git("worktree", "list").count("\n") == 0


def test_refuses_a_reference_that_git_does_not_know(git: Git, repository: Path) -> None:
    assert git("status") is not None
    for reference in ("nowhere", "--all", ""):
        with pytest.raises(UserError, match=rf"BASE = {reference}: git knows no such commit here\. Fetch it"):
            taken_out(reference, root=repository).__enter__()


def test_refuses_a_base_without_a_commit_in_common(git: Git, repository: Path) -> None:
    git("switch", "--quiet", "--orphan", "other")
    commit(git, repository, {"main.py": ""})
    with pytest.raises(UserError, match=r"no commit in common.*git fetch --unshallow"):
        taken_out("main", root=repository).__enter__()


def test_the_bases_own_code_writes_its_stacks(git: Git, repository: Path) -> None:
    assert git("status") is not None
    with taken_out("main", root=repository) as base:
        assert base.has("dev")
        assert not base.has("prod")
        [stack] = base.synthesise("dev", display()).stacks.values()
        assert (stack.name, stack.environment, stack.configuration()) == ("dev-platform", "dev", {"resource": {}})


def test_refuses_a_base_whose_code_fails_and_says_how(git: Git, repository: Path) -> None:
    commit(git, repository, {"main.py": "raise SystemExit('error: no such library')"})
    with (
        taken_out("main", root=repository) as base,
        pytest.raises(UserError, match=r"base main \(\w{7}\) cannot be synthesised .*\nerror: no such library"),
    ):
        base.synthesise("dev", display())


def test_changed_settings_are_named_down_to_the_value(tmp_path: Path) -> None:
    before, after = tmp_path / "before.tfvars", tmp_path / "after.tfvars"
    before.write_text('project = "mlflow"\ndatabase = { max_capacity = 2, min_capacity = 0 }\ntags = { a = "b" }\n')
    after.write_text(
        'project = "mlflow"\ndatabase = { max_capacity = 4, min_capacity = 0 }\n'
        'api = { routes = { "GET /x" = { scopes = ["a"] } } }\n'
    )
    assert settings_changes(before, after) == (
        ('api.routes["GET /x"].scopes', None, '["a"]'),
        ("database.max_capacity", "2", "4"),
        ("tags.a", '"b"', None),
    )


def test_an_environment_that_is_new_sets_everything(tmp_path: Path) -> None:
    after = tmp_path / "after.tfvars"
    after.write_text('project = "mlflow"\n')
    assert settings_changes(tmp_path / "missing.tfvars", after) == (("project", None, '"mlflow"'),)
    assert settings_changes(after, after) == ()


def test_the_base_knows_only_the_environments_that_it_has_files_for(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/dev.tfvars").touch()
    base = Base("main", tmp_path)
    assert [base.has(name) for name in ("dev", "prod")] == [True, False]

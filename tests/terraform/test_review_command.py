"""``make review`` as its users run it: in a pull request's branch, against its base, with nothing deployed yet."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployment.toolchain import ROOT, terraform_environment
from settings import Settings
from tests.terraform.live import live
from tests.terraform.project import Project

STACK = "dev-mlflow-vpclink"
BASE = 'project = "mlflow"\nprotect_data = false\ndatabase = { max_capacity = 2 }\n'
RAISED = BASE.replace("2", "4")
PUBLIC = BASE + 'access = { type = "none", i_know_this_is_public = true }\n'


class Branch:
    """A clone on a branch of its own, and the emulator with nothing but the state's bucket and table."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._git("init", "--quiet", "--initial-branch=main")
        (project.folder / ".gitignore").write_text("cdktf.out/\nnode_modules\n.cache/\n", encoding="utf-8")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", "base")
        self._git("switch", "--quiet", "--create", "feature")

    def review(self, settings: str, *arguments: str, allowed: str = "") -> subprocess.CompletedProcess[str]:
        """Run the command on the branch with these settings."""
        (self.project.folder / "environments" / "dev.tfvars").write_text(settings, encoding="utf-8")
        (self.project.folder / "environments" / "allowed.toml").write_text(allowed, encoding="utf-8")
        return self.project.run("-m", "review", *arguments, environment={**terraform_environment(), "ENV": "dev"})

    def report(self, kind: str) -> str:
        """The report that was written last."""
        return (self.project.folder / "cdktf.out" / "review" / "dev" / f"review.{kind}").read_text(encoding="utf-8")

    def _git(self, *arguments: str) -> None:
        identity = ("-c", "user.name=tests", "-c", "user.email=tests@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *arguments], cwd=self.project.folder, check=True)


@pytest.fixture(scope="module")
def branch(environments: Mapping[str, Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Branch]:
    folder = tmp_path_factory.mktemp("review")
    with live(environments["dev"], folder) as dev:
        dev.rehearsal.bootstrap()
        project = Project(folder / "project", {"dev": BASE})
        (project.folder / "node_modules").symlink_to(ROOT / "node_modules")
        yield Branch(project)


@pytest.fixture(scope="module")
def raised(branch: Branch) -> subprocess.CompletedProcess[str]:
    """The review of a branch that raises a limit, as it ended."""
    return branch.review(RAISED, "--base", "main")


@pytest.fixture(scope="module")
def report(branch: Branch, raised: subprocess.CompletedProcess[str]) -> str:
    """Its report, before another test writes one."""
    assert raised.returncode == 0, raised.stderr
    return branch.report("md")


def test_a_plan_that_only_adds_ends_well(raised: subprocess.CompletedProcess[str], report: str) -> None:
    assert raised.returncode == 0
    assert report.startswith("<!-- mlflow-on-aws plan review: dev -->\n")
    assert re.search(r"main \([0-9a-f]{7}\)", report)


def test_the_report_says_what_the_branch_sets_otherwise(report: str) -> None:
    [row] = [line for line in report.splitlines() if line.startswith("|") and "database.max_capacity" in line]
    assert [cell.strip(" `") for cell in row.strip("|").split("|")] == ["database.max_capacity", "2", "4"]


def test_what_the_base_would_deploy_as_well_is_told_apart(report: str) -> None:
    # Nothing is deployed: all but the database, whose limit the branch raises, comes with the base too.
    assert resources(section(report, "Changes")) == {"aws_rds_cluster.database"}
    assert {"aws_s3_bucket.artifacts", "aws_lb.load_balancer"} < resources(section(report, "Waiting already"))


def test_stacks_that_wait_for_others_are_named(report: str) -> None:
    waiting = section(report, "Not planned")
    assert f"- `dev-http-api-gateway`: it reads outputs of `{STACK}`, which must be deployed before." in waiting
    assert "- `dev-sagemaker-notebook`: " in waiting


def test_what_opens_the_platform_ends_with_two_and_says_how_to_allow_it(branch: Branch) -> None:
    refused = branch.review(PUBLIC, "--base", "main")
    assert refused.returncode == 2, refused.stderr
    [allowance] = re.findall(r"```toml\n(.*?)```", branch.report("md"), flags=re.DOTALL)
    assert json.loads(branch.report("json"))["verdict"] == "dangerous"

    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    meant = re.sub(r'^reason = "".*$', 'reason = "a demonstration"', allowance, flags=re.MULTILINE)
    meant = re.sub(r"^expires = .*$", f"expires = {tomorrow}", meant, flags=re.MULTILINE)
    allowed = branch.review(PUBLIC, allowed=meant)
    assert allowed.returncode == 0, allowed.stdout + allowed.stderr
    assert "a demonstration" in branch.report("md")


def test_only_the_plan_that_was_approved_passes(branch: Branch) -> None:
    assert branch.review(BASE).returncode == 0
    digest = json.loads(branch.report("json"))["digest"]

    assert branch.review(BASE, "--expect", digest).returncode == 0
    other = branch.review(RAISED, "--expect", digest)
    assert other.returncode == 1
    assert re.search(r"^error: dev: this is not the plan that was approved", other.stderr, flags=re.MULTILINE)


def test_a_plan_made_elsewhere_is_reviewed_without_aws(branch: Branch, tmp_path: Path) -> None:
    environment = terraform_environment()
    folder = branch.project.folder / "cdktf.out" / "stacks" / STACK
    assert branch.review(RAISED).returncode == 0
    plan = tmp_path / "plan.json"
    shown = subprocess.run(
        [environment["TERRAFORM_BINARY_NAME"], "show", "-json", "apply.tfplan"],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=True,
    )
    plan.write_bytes(shown.stdout)

    nowhere = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = branch.project.run("-m", "review", "--plan", f"{STACK}={plan}", environment={**nowhere, "ENV": "dev"})
    assert done.returncode == 0, done.stderr
    assert "max_capacity" in branch.report("md")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--base", "nowhere"], "BASE = nowhere: git knows no such commit here"),
        (["--plan", "dev-other=plan.json"], "--plan dev-other=plan.json: there is no such stack; choose from dev-"),
        (["--plan", f"{STACK}=main.py"], "main.py"),
        (["--plan", f"{STACK}=missing.json"], "missing.json"),
    ],
)
def test_refuses_with_one_message(branch: Branch, arguments: list[str], message: str) -> None:
    done = branch.review(BASE, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_no_review_is_written_for_a_mistake_in_the_settings(branch: Branch) -> None:
    done = branch.review(BASE + "database_size = 3\n")
    assert done.returncode == 1
    assert "database_size" in done.stderr


def section(report: str, title: str) -> str:
    """What stands below a title, up to the next one."""
    return report.partition(f"\n### {title}\n")[2].partition("\n### ")[0]


def resources(text: str) -> set[str]:
    return set(re.findall(r"\*\*add\*\* `([^`]+)`", text))

"""The hooks of .pre-commit-config.yaml, run by pre-commit, without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deployment.toolchain import ROOT
from tests.ci.workflow import load

CONFIG = ".pre-commit-config.yaml"
PROGRAM = Path(sys.executable).with_name("pre-commit")
HOOKS = {hook["id"]: hook for repository in load(ROOT / CONFIG)["repos"] for hook in repository["hooks"]}
SHELL = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
"""Without what git itself sets, if it is a hook that runs the tests."""
NOWHERE = "http://127.0.0.1:9"
"""A proxy that is not there: whoever asks the network fails."""

WORKFLOW = "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo {}\n"


class Copy:
    """A git repository with our hooks, and our tools in their place."""

    def __init__(self, folder: Path, *files: str) -> None:
        self.folder = folder / "copy"
        for name in files:
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target, follow_symlinks=False)
        (self.folder / ".venv").symlink_to(ROOT / ".venv")
        (self.folder / "node_modules").symlink_to(ROOT / "node_modules")
        self._shell = {
            **SHELL,
            "PRE_COMMIT_HOME": str(folder / "home"),
            "GIT_CONFIG_GLOBAL": str(folder / "none"),
            **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NOWHERE),
            **{f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        self.run("git", "init", "--quiet", "--initial-branch=main")
        # The links stand for folders, which .gitignore knows by the slash at their end.
        (self.folder / ".git" / "info" / "exclude").write_text(".venv\nnode_modules\n")

    def write(self, name: str, text: str) -> None:
        """Write a file and stage it, ignored or not."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.run("git", "add", "--force", name)

    def run(self, *command: str | Path, **shell: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**self._shell, **shell},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )

    def hook(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run one hook on everything."""
        stage = HOOKS[name].get("stages", ["pre-commit"])[0]
        return self.run(PROGRAM, "run", name, "--all-files", "--hook-stage", stage)


@pytest.fixture
def small(tmp_path: Path) -> Copy:
    return Copy(tmp_path, CONFIG, "pyproject.toml")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """Everything that belongs to the repository, whether it is committed yet or not."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, env=SHELL, capture_output=True, text=True, timeout=60, check=True).stdout
    names = [name for name in listed.split("\0") if name and (ROOT / name).exists()]
    assert CONFIG in names
    copy = Copy(tmp_path_factory.mktemp("whole"), *names)
    copy.run("git", "add", ".")
    return copy


def test_hooks_are_local_so_that_nothing_is_downloaded() -> None:
    assert {repository["repo"] for repository in load(ROOT / CONFIG)["repos"]} == {"local"}
    assert {hook["language"] for hook in HOOKS.values()} == {"system"}
    assert not any("additional_dependencies" in hook for hook in HOOKS.values())


def test_the_repository_passes_what_runs_before_a_commit(whole: Copy) -> None:
    done = whole.run(PROGRAM, "run", "--all-files")
    assert done.returncode == 0, done.stdout
    assert [line for line in done.stdout.splitlines() if "Skipped" in line and "(no files" not in line] == []


@pytest.mark.parametrize("hook", ["docs", "pictures"])
def test_the_repository_passes_what_runs_before_a_push(whole: Copy, hook: str) -> None:
    # mypy has the whole repository in tests/test_code.py.
    done = whole.hook(hook)
    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout


def test_stale_documentation_is_refused(whole: Copy) -> None:
    page = whole.folder / "docs" / "settings.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("| `project` |", "| `projekt` |"), encoding="utf-8")
    try:
        done = whole.hook("docs")
    finally:
        page.write_text(text, encoding="utf-8")
    assert done.returncode == 1
    assert "docs/settings.md" in done.stdout


@pytest.mark.parametrize(
    ("hook", "name", "good", "bad", "complaint"),
    [
        pytest.param("ruff-check", "a.py", '"""A."""\n', '"""A."""\n\nimport os\n', "F401", id="ruff-check-a.py"),
        pytest.param(
            "ruff-format", "a.py", "x = 1\n", "x  =  1\n", "files were modified by this hook", id="ruff-format-a.py"
        ),
        pytest.param("mypy", "a.py", "x: int = 1\n", "x: int = ''\n", "Incompatible types", id="mypy-a.py"),
        pytest.param(
            "actionlint",
            ".github/workflows/a.yml",
            WORKFLOW.format("a"),
            WORKFLOW.format("$A"),
            "SC2086",
            id="actionlint-.github/workflows/a.yml",
        ),
        pytest.param(
            "shellcheck", "a.sh", "#!/bin/sh\necho a\n", "#!/bin/sh\necho $1\n", "SC2086", id="shellcheck-a.sh"
        ),
        pytest.param("shellcheck", "a", "#!/bin/sh\necho a\n", "#!/bin/sh\necho $1\n", "SC2086", id="shellcheck-a"),
        pytest.param(
            "no-big-files", "a.bin", "x" * 1_500_000, "x" * 1_500_001, "a.bin: over 1.5 MB", id="no-big-files-a.bin"
        ),
    ],
)
def test_a_hook_passes_what_is_good_and_refuses_what_is_not(
    small: Copy, hook: str, name: str, good: str, bad: str, complaint: str
) -> None:
    small.write(name, good)
    (small.folder / name).chmod(0o755)
    small.run("git", "add", name)
    done = small.hook(hook)
    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout
    small.write(name, bad)
    done = small.hook(hook)
    assert done.returncode == 1
    assert complaint in done.stdout


@pytest.mark.parametrize(
    "name",
    [
        "cdktf.out/stacks/dev-mlflow-vpclink/cdk.tf.json",
        "node_modules/a/package.json",
        ".cache/terraform.rc",
        "stacks/__pycache__/a.pyc",
        "terraform.tfstate",
        "a/terraform.tfstate.backup",
        "a/.terraform/providers/x",
        "prod.tfplan",
    ],
)
def test_generated_output_state_and_plans_are_refused(small: Copy, name: str) -> None:
    (small.folder / "node_modules").unlink()
    small.write(name, "{}")
    done = small.hook("no-generated-output")
    assert done.returncode == 1
    assert f"{name} is generated" in done.stdout


@pytest.mark.parametrize("name", ["docs/cache.md", "docs/tfstate.md", "tests/cdktf.out.md", "environments/dev.tfvars"])
def test_what_only_looks_generated_is_no_concern(small: Copy, name: str) -> None:
    small.write(name, "")
    done = small.hook("no-generated-output")
    assert done.returncode == 0, done.stdout


def test_an_installed_hook_stops_a_commit(small: Copy) -> None:
    assert small.run(PROGRAM, "install").returncode == 0
    installed = small.folder / ".git" / "hooks"
    assert {file.name for file in installed.iterdir() if not file.suffix} == {"pre-commit", "pre-push"}
    small.write("a.sh", "#!/bin/sh\necho $1\n")
    small.run("git", "add", CONFIG, "a.sh")
    done = small.run("git", "commit", "--message=a")
    assert done.returncode == 1
    assert "SC2086" in done.stdout
    assert small.run("git", "log").returncode != 0, "nothing was committed"

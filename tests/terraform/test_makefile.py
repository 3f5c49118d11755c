"""The Makefile: a list of what there is, and every target in it."""

from __future__ import annotations

import re
import subprocess

import pytest

from deployment.toolchain import ROOT

TARGETS = (
    *("rehearse", "test", "check", "synth", "hcl", "bootstrap", "plan", "deploy", "destroy", "output", "bench", "docs"),
    *("smoke", "ui", "images", "local", "local-clean", "review", "pictures", "ci-roles", "lock", "clean", "help"),
)


def make(*arguments: str) -> str:
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_lists_every_target_with_a_line_each() -> None:
    listed = dict(re.findall(r"^  make (\S+)\s+(\S.*)$", make(), flags=re.MULTILINE))
    assert set(listed) == set(TARGETS)


def test_says_how_to_choose_the_environment() -> None:
    assert "ENV=prod" in make()


@pytest.mark.parametrize("target", TARGETS)
def test_can_make(target: str) -> None:
    assert make("--dry-run", target)

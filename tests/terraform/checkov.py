"""Runs checkov over plans, from its own environment, and judges what it finds by the table of suppressions."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from deployment.toolchain import ROOT
from tests.terraform.checkov_suppressions import SUPPRESSIONS

CHECKOV = ROOT / ".checkov" / "bin" / "checkov"


@dataclass(frozen=True)
class Verdict:
    """What checkov found in the plans of one environment."""

    passed: Counter[str]
    """How many checks passed, by stack."""
    suppressed: Counter[str]
    failed: tuple[str, ...]
    """What failed and no suppression covers."""
    stale: tuple[str, ...]
    """Suppressions that cover nothing."""
    parsing_errors: int

    def __str__(self) -> str:
        stacks = sorted(self.passed)
        return "\n".join(
            f"checkov {stack}: {self.passed[stack]} passed, {_of(stack, self.failed)} failed, "
            f"{self.suppressed[stack]} suppressed"
            for stack in stacks
        )


def scan(environment: str, plans: Iterable[Path]) -> Verdict:
    """Check *plans*: files named after their stacks, with a plan in JSON each."""
    if not CHECKOV.is_file():
        raise AssertionError(f"{CHECKOV} is missing: run `make setup-test`")
    chosen = [argument for plan in plans for argument in ("--file", str(plan))]
    answer = subprocess.run(
        [CHECKOV, *chosen, "--framework", "terraform_plan", "--skip-download", "--compact", "--output", "json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,  # its exit code only says whether anything failed
    )
    if not answer.stdout.startswith("{"):
        raise AssertionError(f"checkov gave no report: {answer.stdout}{answer.stderr}")
    return _judge(environment, json.loads(answer.stdout))


def _judge(environment: str, report: dict[str, Any]) -> Verdict:
    unused = {(check, pattern) for check, patterns in SUPPRESSIONS[environment].items() for pattern in patterns}
    suppressed, failed, covering = Counter[str](), list[str](), set[tuple[str, str]]()
    for check in report["results"]["failed_checks"]:
        fitting = {
            (check["check_id"], pattern)
            for pattern in SUPPRESSIONS[environment].get(check["check_id"], {})
            if fnmatchcase(check["resource"], pattern)
        }
        covering |= fitting
        if fitting:
            suppressed[_stack(check)] += 1
        else:
            failed.append(f"{_stack(check)} {check['check_id']} {check['resource']}: {check['check_name']}")
    return Verdict(
        passed=Counter(map(_stack, report["results"]["passed_checks"])),
        suppressed=suppressed,
        failed=tuple(sorted(failed)),
        stale=tuple(f"{check} {pattern}" for check, pattern in sorted(unused - covering)),
        parsing_errors=report["summary"]["parsing_errors"],
    )


def _stack(check: dict[str, Any]) -> str:
    return Path(check["file_path"]).stem.partition("-")[2]


def _of(stack: str, failed: Iterable[str]) -> int:
    return sum(line.startswith(f"{stack} ") for line in failed)

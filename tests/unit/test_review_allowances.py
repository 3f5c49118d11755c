"""What a pull request says is meant, and what it may not say."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from errors import UserError
from review.checks.allowances import LONGEST, NONE, Allowances, read_allowances
from review.checks.rules import RULES
from review.model import PlanReview, Verdict
from review.plan import review_plans
from tests.review.plans import STACK, TODAY, destroyed, kept, plan

ADDRESS = f"{STACK}: aws_s3_bucket.artifacts"
GOOD = f"""\
[[allowed]]
environment = "dev"
address = "{ADDRESS}"
rule = "data-lost"
reason = "copied to the new bucket"
expires = 2026-12-01
"""


def read(folder: Path, text: str, environment: str = "dev") -> Allowances:
    file = folder / "allowed.toml"
    file.write_text(text, encoding="utf-8")
    return read_allowances(file, environment, today=TODAY)


def reviewed(allowances: Allowances, today: date = TODAY) -> PlanReview:
    plans = {STACK: plan(kept("aws_vpc.network"), destroyed("aws_s3_bucket.artifacts"))}
    return review_plans(plans, {}, allowances=allowances, today=today)


def test_an_allowance_makes_a_dangerous_finding_one_to_look_at_with_its_reason(tmp_path: Path) -> None:
    found = reviewed(read(tmp_path, GOOD))
    [finding] = found.findings
    assert (finding.verdict, finding.weight) == (Verdict.DANGEROUS, Verdict.LOOK)
    assert finding.allowed is not None
    assert (finding.allowed.reason, finding.allowed.expires) == ("copied to the new bucket", date(2026, 12, 1))
    assert found.notes == ()


def test_its_last_day_counts_and_the_day_after_allows_nothing_and_says_so(tmp_path: Path) -> None:
    allowances = read(tmp_path, GOOD)
    last = date(2026, 12, 1)
    assert reviewed(allowances, last).findings[0].weight is Verdict.LOOK
    [finding] = reviewed(allowances, last + timedelta(days=1)).findings
    assert (finding.weight, finding.allowed) == (Verdict.DANGEROUS, None)
    assert finding.what.endswith("allowed it until 2026-12-01, which is over.")


@pytest.mark.parametrize(
    ("key", "other"), [("address", f'"{STACK}: aws_s3_bucket.other"'), ("rule", '"protection-off"')]
)
def test_an_allowance_of_something_else_allows_nothing_and_is_noted(tmp_path: Path, key: str, other: str) -> None:
    text = "\n".join(f"{key} = {other}" if line.startswith(f"{key} ") else line for line in GOOD.splitlines())
    found = reviewed(read(tmp_path, text))
    assert found.findings[0].weight is Verdict.DANGEROUS
    [note] = found.notes
    assert "nothing needs the allowance" in note


def test_only_those_of_the_environment_count(tmp_path: Path) -> None:
    assert len(read(tmp_path, GOOD).entries) == 1
    assert read(tmp_path, GOOD, "prod").entries == ()


def test_no_file_and_an_empty_one_allow_nothing(tmp_path: Path) -> None:
    assert read_allowances(tmp_path / "none.toml", "dev") == NONE
    assert read(tmp_path, "").entries == ()


def changed(key: str, value: str | None) -> str:
    lines = [line for line in GOOD.splitlines() if not line.startswith(f"{key} ")]
    return "\n".join([*lines, *([f"{key} = {value}"] if value is not None else [])])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (changed("reason", '""'), 'allowed[0].reason = "": set why this is meant, in words'),
        (changed("reason", '"  "'), 'allowed[0].reason = "  ": set why this is meant, in words'),
        (changed("reason", None), "allowed[0].reason: missing; set why this is meant, in words"),
        (
            changed("rule", '"data-lots"'),
            'allowed[0].rule = "data-lots": there is no such rule; did you mean data-lost?',
        ),
        (changed("rule", '"zzz"'), f"there is no such rule; the rules are {', '.join(RULES)}"),
        (changed("expires", '"2026-12-01"'), 'allowed[0].expires = "2026-12-01": set a day without quotes'),
        (changed("expires", "2026-12-01T10:00:00Z"), "set a day without quotes"),
        (changed("expires", "2027-03-01"), "lasts 90 days at most; set 2027-02-22 or earlier"),
        (changed("address", '"aws_s3_bucket.a"'), "set a stack and a resource"),
        (changed("address", '"prod-mlflow-vpclink: aws_s3_bucket.a"'), "this stack is not of dev"),
        (GOOD + 'environmnt = "dev"\n', "allowed[0].environmnt: there is no such key; did you mean environment?"),
        (GOOD.replace("[[allowed]]", "[[allow]]"), "allow: there is no such key; the tables are called [[allowed]]"),
        (GOOD.replace("[[allowed]]", "[allowed]"), "write [[allowed]], in double brackets"),
        ("allowed = [1]", "allowed[0] = 1: this is no table"),
        ("allowed = ", "this is not TOML"),
    ],
)
def test_refuses_a_mistake_with_its_place_and_what_to_set(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UserError) as refused:
        read(tmp_path, text)
    assert "allowed.toml: " in str(refused.value)
    assert why in str(refused.value)


def test_refuses_all_mistakes_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        read(tmp_path, changed("reason", '""') + "\n" + changed("rule", '"zzz"'))
    assert len(str(refused.value).splitlines()) == 2


def test_the_longest_allowance_is_taken(tmp_path: Path) -> None:
    assert len(read(tmp_path, changed("expires", (TODAY + LONGEST).isoformat())).entries) == 1


def test_refuses_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "allowed.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is not UTF-8"):
        read_allowances(file, "dev")

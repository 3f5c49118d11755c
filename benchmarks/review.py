"""How long the review of a very large plan takes: from Terraform's JSON to the comment and the page."""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

import cost
from review.model import Review
from review.plan import digest, read_plan, resources, review_plans
from review.report.html import to_html
from review.report.markdown import to_markdown
from settings import UsageSettings

RESOURCES, ROUNDS = 2_000, 5
TARGET_SECONDS = 2.0
_STACK = "dev-mlflow-vpclink"
_ACTIONS = (["no-op"], ["no-op"], ["no-op"], ["update"], ["update"], ["create"], ["delete", "create"], ["delete"])

Result = TypeVar("Result")


class Stopwatch:
    """Seconds of each step, of every round."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def time(self, step: str, work: Callable[[], Result]) -> Result:
        """Do *work* and keep how long it took."""
        started = time.perf_counter()
        result = work()
        self.seconds.setdefault(step, []).append(time.perf_counter() - started)
        return result


def main(console: Console) -> None:
    """Measure and print. The picture is left out: what it takes does not depend on the size of the plan."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "plan.json")
        file.write_text(json.dumps(large_plan(RESOURCES)), encoding="utf-8")
        for _ in range(ROUNDS):
            review = _round(watch, file)
    table = Table(
        f"review of a plan of {RESOURCES:,} resources, {len(review.plan.changes):,} changed", "seconds", "target"
    )
    for step, seconds in watch.seconds.items():
        table.add_row(step, f"{median(seconds):.2f}", "")
    table.add_row(
        "all of it", f"{median(map(sum, zip(*watch.seconds.values(), strict=True))):.2f}", f"< {TARGET_SECONDS} s"
    )
    console.print(table)
    console.print(f"medians of {ROUNDS} runs; findings: {len(review.plan.findings):,}")


def _round(watch: Stopwatch, file: Path) -> Review:
    plan = watch.time("read the plan", lambda: read_plan(file))
    found = watch.time("changes and findings", lambda: review_plans({_STACK: plan}, {}, today=date(2026, 11, 2)))
    comparison = watch.time("cost", lambda: _cost(plan))
    review = Review("dev", "us-west-2", found, cost=comparison, digest=digest(found))
    watch.time("Markdown", lambda: to_markdown(review))
    watch.time("HTML", lambda: to_html(review, generated="2026-11-02"))
    return review


def _cost(plan: dict[str, Any]) -> cost.Comparison:
    sides = (cost.estimate(side, region="us-west-2", usage=UsageSettings()) for side in resources(plan, _STACK))
    return cost.compare(*sides)


def large_plan(count: int) -> dict[str, Any]:
    """A plan of so many resources in Terraform's JSON format; the same every time."""
    chance = random.Random(0)  # noqa: S311 - numbers that look like others, nothing more
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "errored": False,
        "resource_changes": [_resource(number, chance) for number in range(count)],
        "output_changes": {},
        "resource_drift": [],
    }


def _resource(number: int, chance: random.Random) -> dict[str, Any]:
    type, values = chance.choice(_KINDS)
    actions = chance.choice(_ACTIONS)
    before, after = values(number, 1), values(number, 1 if actions == ["no-op"] else 2)
    replaced = actions == ["delete", "create"]
    name = f"part_{number // 12}_{number}"
    return {
        "address": f"{type}.{name}",
        "mode": "managed",
        "type": type,
        "name": name,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": actions,
            "before": None if actions == ["create"] else before,
            "after": None if actions == ["delete"] else after,
            "after_unknown": {"arn": True, "tags_all": {}} if actions == ["create"] or replaced else {},
            "before_sensitive": False if actions == ["create"] else {"tags": {}},
            "after_sensitive": False if actions == ["delete"] else {"tags": {}},
            **({"replace_paths": [["name"]]} if replaced else {}),
        },
    }


def _task_definition(number: int, version: int) -> dict[str, Any]:
    containers = [
        {
            "name": f"container-{each}",
            "image": f"image:{version}",
            "environment": [
                {"name": f"VARIABLE_{n}", "value": f"value {n} {version if n == 3 else 1}"} for n in range(20)
            ],
            "portMappings": [{"containerPort": 8000 + each, "protocol": "tcp"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": f"group-{number}"}},
        }
        for each in range(3)
    ]
    return _named(number, container_definitions=json.dumps(containers), cpu="256", memory=str(512 * version))


def _role_policy(number: int, version: int) -> dict[str, Any]:
    statements = [
        {
            "Sid": f"Statement{each}",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"][:version],
            "Resource": [f"arn:aws:s3:::bucket-{number}/{each}/*"],
        }
        for each in range(6)
    ]
    return _named(number, policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def _security_group_rule(number: int, version: int) -> dict[str, Any]:
    ports = {"from_port": 80 * version, "to_port": 80 * version, "ip_protocol": "tcp"}
    return _named(number, **ports, referenced_security_group_id=f"sg-{number}", description=f"rule {number}")


def _log_group(number: int, version: int) -> dict[str, Any]:
    return _named(number, retention_in_days=30 * version, kms_key_id=f"arn:aws:kms:us-west-2:123456789012:key/{number}")


def _bucket(number: int, version: int) -> dict[str, Any]:
    rule = {"id": "old", "status": "Enabled", "expiration": [{"days": 30 * version}], "filter": [{"prefix": "logs/"}]}
    return _named(number, bucket=f"bucket-{number}", lifecycle_rule=[rule], force_destroy=False)


def _named(number: int, **values: Any) -> dict[str, Any]:
    return {"name": f"name-{number}", "arn": f"arn:aws:x:::{number}", "tags": {"Team": "ml"}, "tags_all": {}, **values}


_KINDS: tuple[tuple[str, Callable[[int, int], dict[str, Any]]], ...] = (
    ("aws_ecs_task_definition", _task_definition),
    ("aws_iam_role_policy", _role_policy),
    ("aws_vpc_security_group_ingress_rule", _security_group_rule),
    ("aws_cloudwatch_log_group", _log_group),
    ("aws_s3_bucket", _bucket),
)

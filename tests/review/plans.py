"""Small plans in Terraform's JSON format, built by hand, and those that were recorded from real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from review.model import Finding, PlanReview, Verdict
from review.plan import review_plans

TODAY = date(2026, 11, 24)
STACK = "dev-mlflow-vpclink"
RECORDED = Path(__file__).with_name("recorded")

Json = dict[str, Any]


def change(address: str, actions: list[str], before: Any, after: Any, **more: Any) -> Json:
    """One entry of ``resource_changes``; *more* goes into its change, but for what Terraform has beside it."""
    type, name = address.split(".", 1)
    beside = {key: more.pop(key) for key in ("action_reason", "previous_address", "deposed", "mode") if key in more}
    inner: Json = {"actions": actions, "before": before, "after": after, "after_unknown": {}, **more}
    entry: Json = {"address": address, "mode": "managed", "type": type, "name": name, "change": inner}
    return entry | beside


def kept(address: str, **values: Any) -> Json:
    return change(address, ["no-op"], values, values)


def created(address: str, unknown: Any = None, **values: Any) -> Json:
    return change(address, ["create"], None, values, after_unknown=unknown or {})


def updated(address: str, before: Json, after: Json, **more: Any) -> Json:
    return change(address, ["update"], before, after, **more)


def replaced(address: str, before: Json, after: Json, *paths: str, **more: Any) -> Json:
    return change(address, ["delete", "create"], before, after, replace_paths=[[path] for path in paths], **more)


def destroyed(address: str, **values: Any) -> Json:
    return change(address, ["delete"], values, None)


def plan(*changes: Json, outputs: Json | None = None, drift: tuple[Json, ...] = (), **more: Any) -> Json:
    """A plan of one stack."""
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "resource_changes": list(changes),
        "resource_drift": list(drift),
        "output_changes": outputs or {},
        **more,
    }


def configuration(**resources: Json) -> Json:
    """Synthesised JSON: ``aws_lb__front={...}`` is the block of ``aws_lb.front``."""
    blocks: Json = {}
    for key, block in resources.items():
        type, name = key.split("__")
        blocks.setdefault(type, {})[name] = block
    return {"resource": blocks}


def at(path: str, **values: Any) -> Json:
    """A block whose construct stands at *path* below the stack."""
    return {**values, "//": {"metadata": {"path": f"{STACK}/{path}"}}}


def review(*changes: Json, configured: Json | None = None, before: Json | None = None, **more: Any) -> PlanReview:
    """The review of one stack, beside something that stays, so that it is neither new nor destroyed."""
    plans = {STACK: plan(kept("aws_vpc.network"), *changes, **more)}
    return review_plans(
        plans,
        {STACK: configured or {}},
        before=None if before is None else {STACK: before},
        today=TODAY,
    )


def rules(found: PlanReview, verdict: Verdict | None = None) -> list[str]:
    return [each.rule for each in found.findings if verdict in (None, each.verdict)]


def only(found: PlanReview, rule: str) -> Finding:
    [finding] = [each for each in found.findings if each.rule == rule]
    return finding


def first_plan(configuration: Mapping[str, Any]) -> Json:
    """What Terraform would plan for a stack that is not there yet: expressions are known after the apply."""
    return plan(
        *(
            created(f"{type}.{name}", **_split(block))
            for type, blocks in configuration.get("resource", {}).items()
            for name, block in blocks.items()
        ),
        outputs={
            name: {
                "actions": ["create"],
                "before": None,
                **({"after_unknown": True} if _is_expression(each["value"]) else {"after": each["value"]}),
            }
            for name, each in configuration.get("output", {}).items()
        },
    )


def _split(block: Mapping[str, Any]) -> Json:
    values = {key: value for key, value in block.items() if key not in ("//", "lifecycle", "depends_on", "provisioner")}
    return {"unknown": _unknown(values), **_known(values)}


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _known(each) for key, each in value.items() if not _is_expression(each)}
    if isinstance(value, list):
        return [None if _is_expression(each) else _known(each) for each in value]
    return value


def _unknown(value: Any) -> Any:
    """The mask of what is not known, in the form of Terraform's."""
    if isinstance(value, dict):
        return {key: _unknown(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_unknown(each) for each in value]
    return _is_expression(value)


def _is_expression(value: Any) -> bool:
    return isinstance(value, str) and "${" in value


def recorded(name: str) -> Json:
    """A recorded situation: plans, configurations, and those of before, each by stack."""
    found: Json = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    if found["before"] is not None:
        found["before"] = {
            stack: {"resource": _over(each["resource"], found["before"].get(stack, {}))}
            for stack, each in found["configurations"].items()
        }
    return found


def _over(blocks: Json, others: Json) -> Json:
    return {type: {**blocks.get(type, {}), **others.get(type, {})} for type in {*blocks, *others}}


def record(
    name: str,
    plans: Mapping[str, Json],
    configurations: Mapping[str, Json],
    before: Mapping[str, Json] | None,
    *,
    drift: str = "",
) -> None:
    """Write a situation to ``recorded/``: of real plans, and of the synthesised stacks, what a review reads.

    What does not change keeps its address only, but for the gateway's integration, which says which access is in
    force. Values that are not set are left out, and drift but that of the stack *drift*. Of before only those blocks
    are kept that were others.
    """
    kept_plans = {stack: _trimmed(each, stack == drift) for stack, each in plans.items()}
    situation: Json = {
        "plans": kept_plans,
        "configurations": {stack: _blocks(configurations[stack], each) for stack, each in kept_plans.items()},
        "before": None,
    }
    if before is not None:
        situation["before"] = {
            stack: _others(_blocks(before[stack], each)["resource"], situation["configurations"][stack]["resource"])
            for stack, each in kept_plans.items()
        }
    RECORDED.mkdir(exist_ok=True)
    text = json.dumps(situation, sort_keys=True, separators=(",", ":"))
    # A line for each resource, so that a new recording can be compared with the old one.
    (RECORDED / f"{name}.json").write_text(text.replace('{"address":', '\n{"address":') + "\n", encoding="utf-8")


def _trimmed(plan: Mapping[str, Any], with_drift: bool) -> Json:
    outputs = {name: each for name, each in plan.get("output_changes", {}).items() if each["actions"] != ["no-op"]}
    changes = [_without_values(each) if _is_dull(each) else _slim(each) for each in plan.get("resource_changes", [])]
    # Files and scripts of the repository tell nothing here, and are long.
    drift = [_slim(each) for each in plan.get("resource_drift", []) if not each["type"].startswith(_LONG)]
    return {
        "format_version": plan["format_version"],
        "terraform_version": plan["terraform_version"],
        "output_changes": outputs,
        "resource_changes": changes,
        "resource_drift": drift if with_drift else [],
    }


_LONG = ("aws_s3_object", "aws_sagemaker_notebook_instance_lifecycle_configuration")


def _is_dull(entry: Json) -> bool:
    return entry["change"]["actions"] in (["no-op"], ["read"]) and entry["type"] != "aws_apigatewayv2_integration"


def _goes(entry: Json) -> bool:
    return bool(entry["change"]["actions"] == ["delete"])


def _without_values(entry: Json) -> Json:
    return {**_beside(entry), "change": {"actions": entry["change"]["actions"], "before": {}, "after": {}}}


def _slim(entry: Json) -> Json:
    inner: Json = entry["change"]
    change = {key: value for key, value in inner.items() if value not in ({}, False) or key == "after"}
    for side in ("before", "after"):
        if isinstance(change.get(side), dict):
            change[side] = {
                key: value
                for key, value in change[side].items()
                if value not in (None, [], {}) and key != "tags_all" and not _is_a_file(entry, key)
            }
    return {**_beside(entry), "change": change}


def _is_a_file(entry: Json, key: str) -> bool:
    return entry["type"].startswith(_LONG) and key.startswith(("content", "on_"))


def _beside(entry: Json) -> Json:
    return {key: value for key, value in entry.items() if key not in ("change", "provider_name")}


def _blocks(configuration: Mapping[str, Any], plan: Json) -> Json:
    """The blocks of what changes; of the rest what says where it belongs and whether it is locked."""
    told = {(each["type"], each["name"]) for each in plan["resource_changes"] if not _is_dull(each) and not _goes(each)}
    told |= {(each["type"], each["name"]) for each in plan["resource_drift"]}
    return {
        "resource": {
            type: {
                name: {key: block[key] for key in _kept_of(block, (type, name) in told and not type.startswith(_LONG))}
                for name, block in blocks.items()
            }
            for type, blocks in configuration.get("resource", {}).items()
        }
    }


def _kept_of(block: Json, whole: bool) -> list[str]:
    return [key for key in block if whole or key in ("//", "lifecycle")]


def _others(before: Json, after: Json) -> Json:
    found: Json = {}
    for type, blocks in before.items():
        for name, block in blocks.items():
            if block != after.get(type, {}).get(name):
                found.setdefault(type, {})[name] = block
    return found

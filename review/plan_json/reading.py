"""Reads the JSON of a plan: what each resource is before and after, with no secret in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from errors import UserError
from review.model import Action, Address
from review.plan_json.constructs import Constructs, block
from review.plan_json.redaction import clean, redacted

Configuration = Mapping[str, Any]
"""The synthesised JSON of a stack: its parsed cdk.tf.json."""

CROSS_STACK = "cross_stack_output_"
"""How CDKTF names the outputs that stacks hand over to each other."""

_FORMAT = "1"
_SINGLE = {
    "create": Action.CREATE,
    "update": Action.UPDATE,
    "delete": Action.DELETE,
    "forget": Action.FORGET,
}
_KNOWN_ACTIONS = frozenset({*_SINGLE, "no-op", "read"})
# https://developer.hashicorp.com/terraform/internals/json-format, "action_reason"; only what a reviewer cannot see.
_REASONS = {
    "replace_because_tainted": "an earlier apply left it half made",
    "replace_by_request": "asked for with -replace",
    "replace_by_triggers": "asked for by replace_triggered_by",
    "delete_because_each_key": "its key is gone from for_each",
    "delete_because_count_index": "count is smaller",
    "delete_because_no_module": "its module is gone",
}
_MAP = (dict, type(None))
_READ_UNCHANGED = ("aws_apigatewayv2_integration",)  # says which access is in force


@dataclass(frozen=True)
class ResourceChange:
    """One resource of a plan, changed or not; its values are redacted, and its *action* is None if nothing happens.

    *block* is what the configuration says of it now, *block_before* what it said before, if anybody knows.
    *replaced_for* are the attributes that force a replacement, each as the names on the way to it.
    """

    address: Address
    name: str
    action: Action | None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    replaced_for: tuple[tuple[str, ...], ...] = ()
    reason: str = ""
    block: Mapping[str, Any] | None = None
    block_before: Mapping[str, Any] | None = None
    forgets: bool = False

    @property
    def type(self) -> str:
        """Terraform's resource type."""
        return self.address.type

    @property
    def goes(self) -> bool:
        """Whether what is there now is destroyed, for good or to be made anew."""
        return self.action in (Action.DELETE, Action.REPLACE) and not self.forgets


@dataclass(frozen=True)
class StackPlan:
    """One stack's plan. *outputs* are those that people see; *handed_over* are changed ones for other stacks.

    *knows_before* says whether the configuration of before is known.
    """

    stack: str
    resources: tuple[ResourceChange, ...] = ()
    drift: tuple[ResourceChange, ...] = ()
    outputs: tuple[ResourceChange, ...] = ()
    handed_over: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    knows_before: bool = False

    @cached_property
    def changes(self) -> tuple[ResourceChange, ...]:
        """The resources to which something happens."""
        return tuple(each for each in self.resources if each.action)

    @cached_property
    def is_new(self) -> bool:
        """Whether nothing of the stack exists yet."""
        return bool(self.resources) and all(each.action is Action.CREATE for each in self.resources)

    @cached_property
    def is_destroyed(self) -> bool:
        """Whether nothing of the stack stays."""
        return bool(self.resources) and all(each.action is Action.DELETE for each in self.resources)

    @cached_property
    def replaced(self) -> Mapping[tuple[str, str], ResourceChange]:
        """What is replaced, by type and name."""
        return {(each.type, each.name): each for each in self.changes if each.action is Action.REPLACE}

    def destroys(self, type: str, name: str) -> bool:
        """Whether a resource of *type* goes for good whose id or ARN is *name*."""
        return (type, name) in self._destroyed

    @cached_property
    def _destroyed(self) -> frozenset[tuple[str, object]]:
        return frozenset(
            (each.type, each.before[key])
            for each in self.changes
            if each.action is Action.DELETE and each.before
            for key in ("id", "arn")
            if isinstance(each.before.get(key), str)
        )


def read_plan(file: Path) -> dict[str, Any]:
    """Read a plan in Terraform's JSON format.

    Raises ``UserError`` for a file that is none: a saved plan, a state, anything else; one of a format that is not
    known here; and the plan of a run that failed.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); name the file of a plan.") from None
    if content[:2] == b"PK":
        raise UserError(
            f"{file}: this is a saved plan, not its JSON: make that with `terraform show -json {file.name}`."
        )
    try:
        plan = json.loads(content)
    except (ValueError, RecursionError):
        raise UserError(f"{file}: this is not JSON; make it with `terraform show -json`, in UTF-8.") from None
    return checked(plan, str(file))


def checked(plan: Any, where: str) -> dict[str, Any]:
    """*plan*, if it is one that a review can be made of; else raises ``UserError`` which begins with *where*."""
    if not isinstance(plan, dict) or "format_version" not in plan or not _is_plan(plan):
        kind = "a state, not a plan" if isinstance(plan, dict) and "values" in plan else "not a plan of Terraform's"
        raise UserError(f"{where}: this is {kind}; give what `terraform show -json` makes of a saved plan.")
    version = plan["format_version"]
    if not isinstance(version, str) or version.split(".")[0] != _FORMAT:
        raise UserError(f"{where}: format_version = {version!r}: only {_FORMAT}.x can be read; use Terraform 1.x.")
    if plan.get("errored"):
        raise UserError(f"{where}: planning failed, so this is only a part of a plan; mend the error and plan again.")
    if problem := next(_malformed(plan), None):
        raise UserError(f"{where}: {problem}, which Terraform does not write; make the file anew.")
    return plan


def stack_plan(
    stack: str, plan: Mapping[str, Any], configuration: Configuration, before: Configuration | None = None
) -> StackPlan:
    """What *plan* says about *stack*, redacted; *before* is the base's synthesised JSON."""
    reader = _Reader(stack, configuration, before)
    outputs = {name: each for name, each in plan.get("output_changes", {}).items() if each["actions"] != ["no-op"]}
    return StackPlan(
        stack,
        resources=tuple(reader.resources(plan.get("resource_changes", []))),
        drift=tuple(reader.resources(plan.get("resource_drift", []))),
        outputs=tuple(_output(stack, name, each) for name, each in outputs.items() if not name.startswith(CROSS_STACK)),
        handed_over=tuple(name for name in outputs if name.startswith(CROSS_STACK)),
        notes=tuple(_notes(stack, plan)),
        knows_before=before is not None,
    )


class _Reader:
    """Reads the changes of one stack."""

    def __init__(self, stack: str, configuration: Configuration, before: Configuration | None) -> None:
        self._stack = stack
        self._constructs = Constructs(configuration, before)
        self._configuration = configuration
        self._before = before or {}

    def resources(self, entries: list[dict[str, Any]] | None) -> Iterator[ResourceChange]:
        for entry in entries or ():
            if entry.get("mode", "managed") == "managed":
                yield self._resource(entry)

    def _resource(self, entry: dict[str, Any]) -> ResourceChange:
        change, type, name = entry["change"], clean(entry["type"]), clean(entry["name"])
        actions = tuple(change["actions"])
        stays = "create" in actions or "update" in actions
        read = actions != ("no-op",) or type in _READ_UNCHANGED  # a large plan is mostly of what stays as it is
        return ResourceChange(
            Address(self._stack, clean(entry["address"]), type, self._constructs.of(type, name)),
            name=name,
            action=_action(entry, actions),
            before=redacted(change.get("before"), change.get("before_sensitive")) if read else None,
            after=_after(change) if read and (stays or actions == ("no-op",)) else None,
            replaced_for=tuple(_names(path) for path in change.get("replace_paths") or ()),
            reason=_reason(entry),
            block=_block(self._configuration, type, name, whole=read),
            block_before=_block(self._before, type, name, whole=read),
            forgets="forget" in actions,
        )


def _after(change: dict[str, Any]) -> Any:
    return redacted(change.get("after"), change.get("after_sensitive"), change.get("after_unknown"))


def _block(configuration: Configuration, type: str, name: str, *, whole: bool) -> Mapping[str, Any] | None:
    """The configuration of a resource, redacted; of one that does not change what Terraform is told to do with it."""
    found = block(configuration, type, name)
    if found is None:
        return None
    return redacted({key: found[key] for key in found if whole or key == "lifecycle"}) or {}


def _action(entry: dict[str, Any], actions: tuple[str, ...]) -> Action | None:
    if actions == ("no-op",):
        if entry["change"].get("importing"):
            return Action.IMPORT
        return Action.MOVE if entry.get("previous_address") else None
    return _of(actions)


def _of(actions: tuple[str, ...]) -> Action | None:
    return Action.REPLACE if len(actions) > 1 else _SINGLE.get(actions[0])


def _reason(entry: dict[str, Any]) -> str:
    """Why, in words, as far as the differences do not show it."""
    words = [_REASONS.get(entry.get("action_reason", ""), "")]
    if entry.get("deposed"):
        words.append("the old one of a replacement that failed")
    if previous := entry.get("previous_address"):
        words.append(f"moved from {clean(previous)}")
    if entry["change"].get("importing"):
        words.append("taken over into the state")
    return "; ".join(filter(None, words))


def _names(path: list[Any]) -> tuple[str, ...]:
    return tuple(clean(step) for step in path if isinstance(step, str))


def _output(stack: str, name: str, change: dict[str, Any]) -> ResourceChange:
    # By its name too: an output may be called password and not be marked.
    sides = {
        side: redacted({name: change.get(side)}, {name: change.get(f"{side}_sensitive")}, {name: unknown})[clean(name)]
        for side, unknown in (("before", False), ("after", change.get("after_unknown")))
    }
    return ResourceChange(
        Address(stack, f"output.{clean(name)}", "output", "outputs"),
        name=clean(name),
        action=_of(tuple(change["actions"])),
        before={"value": sides["before"]},
        after={"value": sides["after"]},
        block={"value": ""},  # it is the configuration's, known or not
    )


def _notes(stack: str, plan: Mapping[str, Any]) -> Iterator[str]:
    if deferred := plan.get("deferred_changes"):
        yield f"{stack}: Terraform puts off {len(deferred)} changes to a later plan."
    elif plan.get("complete") is False:
        yield f"{stack}: this plan is not the whole of it; after the apply another one is needed."


def _is_plan(plan: Mapping[str, Any]) -> bool:
    return any(key in plan for key in ("resource_changes", "output_changes", "planned_values", "configuration"))


def _malformed(plan: Mapping[str, Any]) -> Iterator[str]:
    for section in ("resource_changes", "resource_drift"):
        entries = plan.get(section) or []
        if not isinstance(entries, list) or not all(map(_is_entry, entries)):
            yield f"{section} is not a list of changes"
    outputs = plan.get("output_changes") or {}
    if not isinstance(outputs, dict) or not all(map(_is_change, outputs.values())):
        yield "output_changes is not a map of changes"


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(key), str) for key in ("address", "type", "name"))
        and _is_change(entry.get("change"))
        and all(isinstance(entry["change"].get(side), _MAP) for side in ("before", "after"))
    )


def _is_change(change: Any) -> bool:
    if not isinstance(change, dict):
        return False
    actions, paths = change.get("actions"), change.get("replace_paths") or []
    return (
        isinstance(actions, list)
        and bool(actions)
        and all(isinstance(each, str) and each in _KNOWN_ACTIONS for each in actions)
        and isinstance(paths, list)
        and all(isinstance(each, list) for each in paths)
    )

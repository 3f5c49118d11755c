"""What of a resource changes, down to single values: inside JSON too, and without what only follows from the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from review.model import Action, Difference
from review.plan_json.reading import ResourceChange
from review.plan_json.redaction import UNKNOWN, Hidden, Json, Script
from review.plan_json.values import IDENTITIES, canonical, is_empty, shown

_NOISE = frozenset({"tags_all"})  # follows from tags and the provider's default_tags
_SETTINGS = frozenset({"//", "connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioner"})
# Lists whose order means something; of the others Terraform and AWS make sets.
_ORDERED = frozenset({"command", "entryPoint", "entry_point", "arguments", "layers", "triggers_replace", "input"})
_CHANGING = (Action.UPDATE, Action.REPLACE)
# Of a policy: one or a list of them, and AWS makes the one from a list of one.
_ONE_OR_MORE = frozenset({"Action", "NotAction", "Resource", "NotResource", "AWS", "Service", "Federated"})


@dataclass(frozen=True)
class _Leaf:
    """A value that differs; *names* are the keys on the way to it, without the places in lists."""

    path: str
    names: tuple[str, ...]
    before: Any
    after: Any


def differences(change: ResourceChange) -> tuple[Difference, ...]:
    """What the reviewer of *change* should see, in the order of the attributes."""
    if change.action is Action.CREATE:
        return tuple(_made(change))
    if change.action not in _CHANGING:
        return ()
    leaves = [each for each in _leaves(change) if _matters(change, each)]
    known = [_difference(change, each) for leaf in leaves for each in _inside(change, leaf)]
    return (*known, *_only_replacing(change, leaves))


def drifted(drift: ResourceChange, planned: ResourceChange | None) -> tuple[Difference, ...]:
    """What somebody changed of a resource that the configuration has a say in, or that the plan would undo.

    The rest is what AWS fills in by itself after an apply, and what ``ignore_changes`` leaves to others.
    """
    block = drift.block or drift.block_before
    ignored = set((block or {}).get("lifecycle", {}).get("ignore_changes", ()))
    undone = _undone(planned) if planned and planned.action is Action.UPDATE else set()
    return tuple(
        _difference(drift, each)
        for each in _leaves(drift)
        if each.names[0] not in ignored | _NOISE
        and not _is_default(each)
        and (each.names[0] in undone or is_set(block, each.names))
    )


def _is_default(leaf: _Leaf) -> bool:
    """Whether AWS has only filled in the zero of something that nobody set."""
    return is_empty(leaf.before) and leaf.after in (0, False)


def _undone(planned: ResourceChange) -> set[str]:
    """The attributes that the plan gives a value; what it does not know yet is AWS's to fill in."""
    return {each.names[0] for each in _leaves(planned) if each.after is not UNKNOWN}


def is_set(block: Mapping[str, Any] | None, names: tuple[str, ...]) -> bool:
    """Whether the configuration sets what *names* lead to, or something on the way there."""
    found: list[Any] = [block or {}]
    for name in names:
        if any(isinstance(each, str | Json | Script | Hidden) for each in found):
            return True  # an expression, or JSON: all of it is the configuration's
        found = [each[name] for each in _flat(found) if isinstance(each, Mapping) and name in each]
        if not found:
            return False
    return True


def _flat(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _made(change: ResourceChange) -> Iterator[Difference]:
    """What a new resource is told to be; what AWS chooses and what is not known yet says nothing."""
    after = change.after or {}
    for name in after if change.block is None else (key for key in change.block if key not in _SETTINGS):
        value = after.get(name)
        if name not in _NOISE and not is_empty(value) and value is not UNKNOWN:
            yield Difference(name, None, shown(value))


def _leaves(change: ResourceChange) -> Iterator[_Leaf]:
    return _walk(_Leaf("", (), change.before or {}, change.after or {}))


def _matters(change: ResourceChange, leaf: _Leaf) -> bool:
    if leaf.names[0] in _NOISE:
        return False
    return leaf.after is not UNKNOWN or is_set(change.block, leaf.names)


def _inside(change: ResourceChange, leaf: _Leaf) -> Iterator[_Leaf]:
    """Look into JSON that is not known yet: the configuration's own text of before and now says what changes."""
    if leaf.after is UNKNOWN and len(leaf.names) == 1:
        old, new = ((block or {}).get(leaf.names[0]) for block in (change.block_before, change.block))
        if isinstance(old, Json) and isinstance(new, Json) and old != new:
            yield from _walk(replace(leaf, before=old, after=new))
            return
    yield leaf


def _only_replacing(change: ResourceChange, leaves: list[_Leaf]) -> Iterator[Difference]:
    """What forces a replacement and would else be left out, since nobody sets it.

    By the attribute's name: the rest of the way may be keys of a map, which may be secret.
    """
    for name in dict.fromkeys(names[0] for names in change.replaced_for if names):
        if not any(each.names[0] == name for each in leaves):
            before, after = ((side or {}).get(name) for side in (change.before, change.after))
            yield Difference(name, shown(before), shown(after), forces_replacement=True)


def _difference(change: ResourceChange, leaf: _Leaf) -> Difference:
    before, after = (None if is_empty(value) else shown(value) for value in (leaf.before, leaf.after))
    if isinstance(leaf.before, Hidden) and isinstance(leaf.after, Hidden):
        after = "(sensitive, another one)"
    forces = any(_meet(names, leaf.names) for names in change.replaced_for)
    return Difference(leaf.path, before, after, forces_replacement=forces)


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _walk(leaf: _Leaf) -> Iterator[_Leaf]:
    before, after = _unwrapped(leaf.before, leaf.after)
    if (is_empty(before) and is_empty(after)) or (type(before) is type(after) and before == after):
        return
    if _both(dict, before, after):
        yield from _walk_map(leaf, before or {}, after or {})
    elif _both(list, before, after):
        yield from _walk_list(leaf, before or [], after or [])
    elif canonical(before) != canonical(after):
        yield replace(leaf, before=before, after=after)


def _unwrapped(before: Any, after: Any) -> tuple[Any, Any]:
    """Both as what their texts hold, if they can be compared inside: JSON, and the lines of scripts."""
    if all(isinstance(value, Script) or is_empty(value) for value in (before, after)):
        return _lines(before), _lines(after)
    if all(isinstance(value, Json) or is_empty(value) for value in (before, after)):
        return _value_of(before), _value_of(after)
    return before, after


def _lines(value: Any) -> Any:
    return value.text.splitlines() if isinstance(value, Script) else value


def _value_of(value: Any) -> Any:
    return value.value if isinstance(value, Json) else value


def _both(kind: type, before: Any, after: Any) -> bool:
    return all(isinstance(value, kind) or is_empty(value) for value in (before, after)) and not (
        isinstance(before, str) or isinstance(after, str)
    )


def _walk_map(leaf: _Leaf, before: dict[str, Any], after: dict[str, Any]) -> Iterator[_Leaf]:
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if key in _ONE_OR_MORE:
            old, new = ([each] if isinstance(each, str) else each for each in (old, new))
        path = f"{leaf.path}.{key}" if leaf.path else key
        yield from _walk(_Leaf(path, (*leaf.names, key), old, new))


def _walk_list(leaf: _Leaf, before: list[Any], after: list[Any]) -> Iterator[_Leaf]:
    if not all(isinstance(each, dict) for each in (*before, *after)):
        yield from _walk_scalars(leaf, before, after)
    elif identity := _identity(before, after):
        yield from _walk_named(leaf, identity, before, after)
    elif len(before) <= 1 and len(after) <= 1:
        yield from _walk(replace(leaf, before=_first(before), after=_first(after)))
    else:
        yield from _walk_blocks(leaf, before, after)


def _first(values: list[Any]) -> Any:
    return values[0] if values else None


def _walk_scalars(leaf: _Leaf, before: list[Any], after: list[Any]) -> Iterator[_Leaf]:
    if leaf.names and leaf.names[-1] in _ORDERED:
        yield replace(leaf, before=before, after=after)
        return
    gone, new = _without_common(before, after)
    for index in range(max(len(gone), len(new))):
        old_one, new_one = (_first(values[index:]) for values in (gone, new))
        yield replace(leaf, path=f"{leaf.path}[]", before=old_one, after=new_one)


def _walk_named(leaf: _Leaf, identity: str, before: list[Any], after: list[Any]) -> Iterator[_Leaf]:
    old, new = ({each[identity]: each for each in side} for side in (before, after))
    for name in dict.fromkeys((*old, *new)):
        sides = [_pair(old.get(name), identity), _pair(new.get(name), identity)]
        if all(side is None or set(side) == {"value"} for side in sides):  # name = value, such as a variable
            sides = [None if side is None else side["value"] for side in sides]
        if sides[0] is None or sides[1] is None:
            sides = [None if side is None else side or {identity: name} for side in sides]
        yield from _walk(replace(leaf, path=f"{leaf.path}[{name}]", before=sides[0], after=sides[1]))


def _pair(element: dict[str, Any] | None, identity: str) -> dict[str, Any] | None:
    return None if element is None else {key: value for key, value in element.items() if key != identity}


def _walk_blocks(leaf: _Leaf, before: list[Any], after: list[Any]) -> Iterator[_Leaf]:
    """Blocks without a name: equal ones are the same, the others pair up as they come."""
    gone, new = _without_common(before, after)
    for index in range(max(len(gone), len(new))):
        old_one, new_one = (_first(values[index:]) for values in (gone, new))
        yield from _walk(replace(leaf, path=f"{leaf.path}[{index}]", before=old_one, after=new_one))


def _without_common(before: list[Any], after: list[Any]) -> tuple[list[Any], list[Any]]:
    """What is only in one of the two, in its order."""
    counts = [Counter(map(canonical, side)) for side in (before, after)]
    return _remaining(before, counts[0] - counts[1]), _remaining(after, counts[1] - counts[0])


def _remaining(values: list[Any], counts: Counter[str]) -> list[Any]:
    left, found = Counter(counts), []
    for value in values:
        key = canonical(value)
        if left[key] > 0:
            left[key] -= 1
            found.append(value)
    return found


def _identity(before: list[Any], after: list[Any]) -> str | None:
    """The key that tells the blocks of either side apart, if there is one."""
    for key in IDENTITIES:
        sides = [[each.get(key) for each in side] for side in (before, after)]
        if all(isinstance(name, str) and name for side in sides for name in side) and all(
            len(set(side)) == len(side) for side in sides
        ):
            return key
    return None

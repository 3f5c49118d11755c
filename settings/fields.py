"""The fields of the settings by their keys, and in words what each may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Le, MultipleOf
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from settings.environment import Settings
from settings.tfvars import KeyPath, hcl
from settings.values import Allowed, Placeholder, either


@cache
def fields() -> dict[KeyPath, FieldInfo]:
    """Every field, groups and leaves, in the order of the model; a placeholder stands for keys that people choose."""

    def walk(model: type[BaseModel], above: KeyPath) -> Iterator[tuple[KeyPath, FieldInfo]]:
        for name, field in model.model_fields.items():
            yield (*above, name), field
            for group in groups_of(field):
                yield from walk(group, (*above, name, *_placeholders(field.annotation)))

    return dict(walk(Settings, ()))


def keys() -> dict[KeyPath, FieldInfo]:
    """The fields that a file may set."""
    return {place: field for place, field in fields().items() if place != ("environment",)}


def known_place(place: KeyPath) -> KeyPath:
    """Where ``fields`` has what stands at *place* of a file, or would have it."""
    known: KeyPath = ()
    for part in place:
        field = fields().get(known)
        known = (*known, *(_placeholders(field.annotation) or (part,))) if field else (*known, part)
    return known


def groups_of(field: FieldInfo) -> list[type[BaseModel]]:
    """The groups that *field* may hold; none for a single value."""
    return _groups(field.annotation)


def allowed(field: FieldInfo) -> str:
    """What *field* may be, in words that follow "set"."""
    return _allowed(field.annotation, field.metadata)


def allowed_at(place: KeyPath) -> str:
    """What the field at *place*, or the list or map around it, may be."""
    known, place = fields(), known_place(place)
    return allowed(next(known[place[:end]] for end in range(len(place), 0, -1) if place[:end] in known))


def _groups(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [group for part in get_args(annotation) for group in _groups(part)]


def _placeholders(annotation: Any) -> tuple[str, ...]:
    """What stands for the chosen keys of a map; nothing for anything else."""
    if get_origin(annotation) is not dict:
        return ()
    key, _ = get_args(annotation)
    return tuple(mark.text for mark in get_args(key) if isinstance(mark, Placeholder))


def _allowed(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    for mark in metadata:
        if isinstance(mark, Allowed):
            return mark.text
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _allowed(parts[0], parts[1:])
    if origin is Literal:
        return either(map(hcl, parts))
    if NoneType in parts:
        return _allowed(parts[0], metadata)
    if _groups(annotation):
        return "a map: { ... }"
    if annotation is bool:
        return "true or false"
    lowest = next(mark.ge for mark in metadata if isinstance(mark, Ge))
    highest = next(mark.le for mark in metadata if isinstance(mark, Le))
    step = next((f" in steps of {mark.multiple_of}" for mark in metadata if isinstance(mark, MultipleOf)), "")
    return f"{'a whole number' if annotation is int else 'a number'} from {lowest} to {highest}{step}"

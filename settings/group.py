"""What all groups of settings have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from settings.tfvars import KeyPath

Mistake = tuple[str | KeyPath, str]
"""The key of a group, or the path to one further down, whose value is to blame; and why, with the remedy."""


class Group(BaseModel):
    """A closed, frozen and strict map of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def contradictions(self) -> Iterator[Mistake]:
        """Keys whose values don't go together; the empty path blames the group itself."""
        yield from ()

    def keys_set(self) -> frozenset[str]:
        """The keys that somebody set; None counts as "not set", as it does in a file."""
        return frozenset(key for key in self.model_fields_set if getattr(self, key) is not None)

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        refuse(self, *self.contradictions())
        return self


def refuse(group: Group, *mistakes: Mistake) -> None:
    """Raise all *mistakes* of *group* together, each at its own key."""
    if mistakes:
        errors = [_error(group, (place,) if isinstance(place, str) else place, why) for place, why in mistakes]
        raise ValidationError.from_exception_data(type(group).__name__, errors)


def _error(group: Group, place: KeyPath, why: str) -> InitErrorDetails:
    blamed: Any = group
    for part in place:
        blamed = getattr(blamed, part) if isinstance(blamed, Group) and isinstance(part, str) else blamed[part]
    shown = blamed.model_dump(exclude_unset=True) if isinstance(blamed, Group) else blamed
    return InitErrorDetails(type=PydanticCustomError("contradiction", "{why}", {"why": why}), loc=place, input=shown)

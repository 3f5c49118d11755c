"""The constructs right below a stack, as parts of a picture: what each is, in a reader's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pictures.icons import GENERIC_ICON, KINDS
from pictures.resources import Platform, Resource


@dataclass(frozen=True)
class Part:
    """A construct with its resources; the main one is what it is there for. *guests* are types that it never is."""

    id: str
    resources: tuple[Resource, ...]
    guests: tuple[str, ...] = ()

    @property
    def main(self) -> Resource:
        """The construct's own resource (``Resource`` in the code), else the one that is the least deep."""
        return min(
            self.resources,
            key=lambda each: (each.type in self.guests, each.construct.count("/"), each.type not in KINDS),
        )

    @property
    def icon(self) -> str:
        """The icon of the main resource; a generic one for a type that nobody thought of."""
        kind = KINDS.get(self.main.type)
        return kind.icon if kind else GENERIC_ICON

    @property
    def label(self) -> str:
        """What it is, and the construct's name if that says more."""
        kind = KINDS.get(self.main.type)
        if kind is None:
            return f"{self.main.construct}\n{self.main.type}"
        return (
            kind.label if says_nothing_new(self.main.construct, kind.label) else f"{kind.label}\n{self.main.construct}"
        )


def says_nothing_new(construct: str, label: str) -> bool:
    """Whether the words of a construct's name are all in the label, or it is a detail of another construct."""
    return "/" in construct or set(construct.split("-")) <= set(label.lower().split())


def parts(platform: Platform, stacks: Iterable[str]) -> Mapping[tuple[str, str], Part]:
    """The constructs of *stacks* by stack and name. Ids are the names; a second one of a name has its stack's too."""
    found: dict[tuple[str, str], list[Resource]] = {}
    wanted = set(stacks)
    for resource in platform.resources:
        if resource.stack in wanted:
            found.setdefault((resource.stack, resource.top), []).append(resource)
    ids: dict[str, tuple[str, str]] = {}
    for stack, name in found:
        ids[f"{stack}/{name}" if name in ids else name] = (stack, name)
    return {key: Part(id, tuple(found[key])) for id, key in ids.items()}


def references(
    platform: Platform, part_of: Mapping[Resource, str], *, left_out: Sequence[str] = ()
) -> Iterable[tuple[str, str, Resource]]:
    """Which part refers to which other one, and by which of its resources; but not to types that are *left_out*."""
    for resource, part in part_of.items():
        for target in platform.references(resource):
            other = part_of.get(target)
            if other is not None and other != part and target.type not in left_out:
                yield part, other, resource

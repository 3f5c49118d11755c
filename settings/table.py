"""The settings as tables of the documentation."""

from __future__ import annotations

from pydantic.fields import FieldInfo

from settings.fields import allowed, groups_of, keys
from settings.tfvars import dotted, hcl

_TABLE_HEAD = "| key | allowed | default | what it does |\n|---|---|---|---|"


def markdown_table() -> str:
    """The settings for the documentation: a table of the single keys, then one of each group."""
    tables = {"General": [_TABLE_HEAD]}
    for place, field in keys().items():
        if len(place) == 1 and groups_of(field):
            tables[str(place[0])] = [f"{field.description}\n", _TABLE_HEAD]
        else:
            row = f"| `{dotted(place)}` | {allowed(field)} | {_default(field)} | {field.description} |"
            tables[str(place[0]) if len(place) > 1 else "General"].append(row)
    return "\n".join(f"### {title}\n\n{chr(10).join(lines)}\n" for title, lines in tables.items())


def _default(field: FieldInfo) -> str:
    if isinstance(field.json_schema_extra, dict):
        return str(field.json_schema_extra["default"])
    if field.is_required():
        return "required"
    return "none" if field.default is None else f"`{hcl(field.default)}`"

"""Reads ``*.tfvars``, plain values only and every mistake with its line; shows values and keys as one writes them.

The file is parsed by python-hcl2. Its parse tree is read here, not ``hcl2.loads``: that merges keys that
are set twice, turns blocks into lists and expressions into text, and forgets the lines.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hcl2 import parses_to_tree
from hcl2.utils import process_escape_sequences
from lark import Token, Tree
from lark.exceptions import LarkError, UnexpectedInput, UnexpectedToken

KeyPath = tuple[str | int, ...]

UNREADABLE = object()
"""Stands where a value could not be read; no setting accepts it, and its mistake is on record."""

_DEEPEST = 8
_LARGEST = 2**53
_IDENTIFIER = re.compile("[A-Za-z_][A-Za-z0-9_-]*")
_PLAIN = "tfvars hold plain values only; write the value itself"


class HclSyntaxError(ValueError):
    """The text is not HCL; the message is one short sentence."""

    def __init__(self, sentence: str, *, line: int, column: int) -> None:
        super().__init__(sentence)
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Unreadable:
    """A value that is HCL, but not one that a tfvars file may hold."""

    source: str
    remedy: str


@dataclass
class Tfvars:
    """The values of a file, the line of each key, and what could not be read."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    mistakes: dict[KeyPath, Unreadable] = field(default_factory=dict)


def parse(text: str) -> Tfvars:
    """Read *text*. Lists become tuples, ``null`` counts as "not set", as in Terraform.

    Raises ``HclSyntaxError`` when it is not HCL at all; everything else ends in ``Tfvars.mistakes``.
    """
    try:
        tree = parses_to_tree(text)
    except UnexpectedInput as error:
        raise HclSyntaxError(_what_is_wrong(error), line=max(error.line, 1), column=max(error.column, 1)) from None
    except LarkError:
        raise HclSyntaxError("this is not HCL; write one key = value per line", line=1, column=1) from None
    reader = _Reader(text)
    reader.read_body(next(_subtrees(tree)))
    return reader.result


def hcl(value: object) -> str:
    """*value* as one would write it in the file, on one line and not too long."""
    match value:
        case bool() | None:
            text = json.dumps(value)
        case int() | float():
            text = str(value).removesuffix(".0")
        case str():
            text = json.dumps(value, ensure_ascii=not value.isprintable())
        case tuple():
            text = f"[{', '.join(map(hcl, value))}]"
        case dict():
            entries = ", ".join(f"{_key(key)} = {hcl(item)}" for key, item in value.items())
            text = f"{{ {entries} }}" if entries else "{}"
        case _:
            text = "..."
    return shortened(text)


def shortened(text: str) -> str:
    """The printable beginning of *text*, in one line."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= 80 else f"{line[:77]}..."


def dotted(place: KeyPath) -> str:
    """``service.cpu``, ``tags["a b"]``, ``network.interface_endpoints[0]``."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _IDENTIFIER.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{hcl(part)}]"
    return text


def _key(key: str) -> str:
    return key if _IDENTIFIER.fullmatch(key) else hcl(key)


class _Reader:
    """Walks the parse tree once."""

    def __init__(self, text: str) -> None:
        self.result = Tfvars()
        self._text = text

    def read_body(self, body: Tree[Token]) -> None:
        for entry in _subtrees(body, "attribute", "block"):
            name, *_, value = _subtrees(entry)
            key = str(name.children[0])
            if entry.data == "attribute":
                self._set(self.result.values, (key,), entry, value)
            else:
                self.result.lines.setdefault((key,), entry.meta.line)
                self.result.values[key] = self._refuse((key,), None, f"this is a block; write {key} = {{ ... }}")

    def _set(self, target: dict[str, Any], path: KeyPath, entry: Tree[Token], expression: Tree[Token]) -> None:
        key, line = str(path[-1]), entry.meta.line
        if path in self.result.lines:
            first_line = self.result.lines[path]
            target[key] = self._refuse(path, expression, f"set in line {first_line} and again in line {line}; keep one")
            return
        self.result.lines[path] = line
        value = self._value(path, expression)
        if value is not None:
            target[key] = value

    def _value(self, path: KeyPath, expression: Tree[Token]) -> Any:
        """The plain value of *expression*; None for ``null``."""
        sign, node = _term(expression)
        if node is None:
            return self._refuse(path, expression, _PLAIN)
        if len(path) > _DEEPEST:
            return self._refuse(path, expression, "nested too deeply; no setting goes that deep")
        match node.data:
            case "int_lit" | "float_lit":
                return self._number(path, expression, sign + str(node.children[0]))
            case "literal_value":
                return {"true": True, "false": False, "null": None}[str(node.children[0])]
            case "string":
                return self._string(path, node)
            case "tuple":
                return self._list(path, node)
            case "object":
                return self._map(path, node)
            case "identifier":
                return self._refuse(path, expression, f'text needs quotes: "{node.children[0]}"')
            case "heredoc_template" | "heredoc_template_trim":
                return self._refuse(path, expression, "write the text on one line, in quotes")
            case _:
                return self._refuse(path, expression, _PLAIN)

    def _number(self, path: KeyPath, expression: Tree[Token], digits: str) -> Any:
        """As in Terraform, ``2.0`` and ``2`` are the same number."""
        number = float(digits)
        if not math.isfinite(number) or abs(number) >= _LARGEST:
            return self._refuse(path, expression, "this number is too large for any setting; write a smaller one")
        return int(number) if number.is_integer() else number

    def _string(self, path: KeyPath, node: Tree[Token]) -> Any:
        text = _plain_text(node)
        if text is None:
            return self._refuse(path, node, _PLAIN)
        if "\n" in self._source(node):
            return self._refuse(path, node, "this text runs over the end of the line; close the quote")
        return text

    def _list(self, path: KeyPath, node: Tree[Token]) -> Any:
        values = []
        for index, item in enumerate(_subtrees(node)):
            place = (*path, index)
            self.result.lines[place] = item.meta.line
            value = self._value(place, item)
            values.append(
                self._refuse(place, item, "null in a list means nothing; remove it") if value is None else value
            )
        return tuple(values)

    def _map(self, path: KeyPath, node: Tree[Token]) -> Any:
        values: dict[str, Any] = {}
        for element in _subtrees(node, "object_elem"):
            name, expression = _subtrees(element)
            key = _map_key(name)
            if key is None:
                return self._refuse(path, name, f"this key is computed; {_PLAIN}")
            self._set(values, (*path, key), element, expression)
        return values

    def _refuse(self, path: KeyPath, node: Tree[Token] | None, remedy: str) -> object:
        """Record the mistake at *path*, with the source of its value; the first one of a key stands."""
        self.result.mistakes.setdefault(path, Unreadable(self._source(node) if node else "", remedy))
        return UNREADABLE

    def _source(self, node: Tree[Token]) -> str:
        return self._text[node.meta.start_pos : node.meta.end_pos]


def _subtrees(node: Tree[Token], *kinds: str) -> Iterator[Tree[Token]]:
    """The children of *node* that are no tokens, comments or line ends."""
    for child in node.children:
        if isinstance(child, Tree) and child.data != "new_line_or_comment" and (not kinds or child.data in kinds):
            yield child


def _term(expression: Tree[Token]) -> tuple[str, Tree[Token] | None]:
    """The sign and the only node of a plain expression; no node for anything that must be computed."""
    inner = list(_subtrees(expression))
    if expression.data == "unary_op" and str(expression.children[0]) == "-":
        _, number = _term(inner[0])
        return "-", number if number is not None and number.data in ("int_lit", "float_lit") else None
    if expression.data == "expr_term" and len(expression.children) == len(inner) == 1:
        return "", inner[0]
    return "", None


def _map_key(name: Tree[Token]) -> str | None:
    """A bare or quoted key of a map; None for one that must be computed."""
    key = next(_subtrees(name))
    if key.data == "keyword":
        return str(key.children[0])
    _, node = _term(key)
    if node is None or node.data not in ("identifier", "literal_value", "int_lit", "string"):
        return None
    return _plain_text(node) if node.data == "string" else str(node.children[0])


def _plain_text(string: Tree[Token]) -> str | None:
    """The text in the quotes, escapes resolved; None when it has ``${...}`` or ``%{...}`` in it."""
    text = ""
    for part in _subtrees(string, "string_part"):
        token = part.children[0]
        if not isinstance(token, Token):
            return None
        text += process_escape_sequences(token) if token.type == "STRING_CHARS" else token[1:]
    return text


def _what_is_wrong(error: UnexpectedInput) -> str:
    if not isinstance(error, UnexpectedToken):
        return "this is not HCL; write one key = value per line"
    found = str(error.token).lstrip(" \t\r")
    if error.token.type == "$END":
        return "the file ends inside an entry; complete it, or close its bracket or quote"
    if not found or found.startswith("\n"):
        return "the line ends too early; write key = value"
    if found.startswith("'"):
        return 'text stands in double quotes: "..."'
    return f"{found.splitlines()[0][:20]!r} is not expected here; write one key = value per line"

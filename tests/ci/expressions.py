"""GitHub's expressions, as far as our workflows use them (GitHub Docs, Evaluate expressions in workflows and actions).

What it does not know, it refuses: a context or a function that is not there is a mistake of the workflow, or of this.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+)|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>==|!=|&&|\|\||[!().,\[\]]))"
)
_EMBEDDED = re.compile(r"\$\{\{((?:(?!\}\}).)*)\}\}", re.DOTALL)
_LITERALS = {"true": True, "false": False, "null": None}
STATUS = ("always", "cancelled", "failure", "success")
"""The functions of a step's or job's condition; without one of them, ``success()`` is asked as well."""


def evaluate(text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """The value of one expression, without its ``${{ }}``."""
    parser = _Parser(text, contexts, {**_FUNCTIONS, **(functions or {})})
    value = parser.either()
    assert not parser.tokens, f"{text}: what is {parser.tokens[0]}?"
    return value


def fill_in(text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """*text* with its expressions evaluated; the value itself where it is one expression and nothing else."""
    if whole := _EMBEDDED.fullmatch(text.strip()):
        return evaluate(whole[1], contexts, functions)
    return _EMBEDDED.sub(lambda found: as_text(evaluate(found[1], contexts, functions)), text)


def as_text(value: Any) -> str:
    """As it stands in an environment variable."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    assert isinstance(value, str | int), f"{value!r} is no text"
    return str(value)


def asks_for_status(text: str) -> bool:
    """Whether a condition says itself when a failed step before it matters."""
    return any(re.search(rf"\b{name}\s*\(", text) for name in STATUS)


class _Parser:
    def __init__(self, text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> None:
        self.tokens, self._contexts, self._functions = _tokens(text), contexts, functions

    def either(self) -> Any:
        value = self._both()
        while self._took("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Any:
        value = self._compared()
        while self._took("&&"):
            other = self._compared()
            value = value and other
        return value

    def _compared(self) -> Any:
        value = self._negated()
        for sign, wanted in (("==", True), ("!=", False)):
            if self._took(sign):
                return _same(value, self._negated()) is wanted
        return value

    def _negated(self) -> Any:
        return not self._negated() if self._took("!") else self._value()

    def _value(self) -> Any:
        if self._took("("):
            value = self.either()
            self._take(")")
            return value
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token.isdecimal():
            return int(token)
        if self._took("("):
            value = self._functions[token](*self._arguments())
        else:
            value = _LITERALS[token] if token in _LITERALS else self._contexts[token]
        return self._below(value)

    def _arguments(self) -> list[Any]:
        arguments: list[Any] = []
        while not self._took(")"):
            arguments.append(self.either())
            self._took(",")
        return arguments

    def _below(self, value: Any) -> Any:
        while True:
            if self._took("."):
                key = self.tokens.pop(0)
            elif self._took("["):
                key = self.either()
                self._take("]")
            else:
                return value
            value = value.get(key) if isinstance(value, Mapping) else None

    def _took(self, sign: str) -> bool:
        if self.tokens[:1] == [sign]:
            self.tokens.pop(0)
            return True
        return False

    def _take(self, sign: str) -> None:
        assert self._took(sign), f"{sign} is missing before {self.tokens}"


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        assert found, f"{text}: what is {text[at:]}?"
        tokens.append(found[found.lastgroup or 0])
        at = found.end()
    return tokens


def _same(one: Any, other: Any) -> bool:
    # Of texts GitHub ignores the case, and of different types it compares the numbers: null equals ''.
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    return bool(one == other) if type(one) is type(other) else _number(one) == _number(other)


def _number(value: Any) -> float:
    if value is None or value == "":
        return 0.0
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _format(pattern: str, *values: Any) -> str:
    return re.sub(r"\{(\d+)\}", lambda found: as_text(values[int(found[1])]), pattern)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"format": _format, "fromJSON": json.loads}

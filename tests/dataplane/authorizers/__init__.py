"""Those who check the callers of an HTTP API, one module for each kind; nothing but API Gateway's part is in here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from tests.dataplane.http_api import Route

_HEADER = "$request.header."


@dataclass(frozen=True)
class Request:
    """What a caller has sent; header names are lower-case, and several headers of a name are joined by commas.

    *target* is the path and the query string as they were sent.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    source_ip: str

    @property
    def path(self) -> str:
        return urlsplit(f"//host{self.target}").path

    @property
    def query(self) -> str:
        return urlsplit(f"//host{self.target}").query

    def identity(self, source: str) -> str | None:
        """What is at *source*, such as ``$request.header.Authorization``; None if nothing is."""
        assert source.startswith(_HEADER), source
        return self.headers.get(source.removeprefix(_HEADER).lower()) or None


@dataclass(frozen=True)
class Answer:
    """What a caller gets."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of_the_gateway(cls, status: int, message: str, **headers: str) -> Answer:
        """One that API Gateway gives by itself."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, {"Content-Type": "application/json", **named}, json.dumps({"message": message}).encode())


UNAUTHORIZED = Answer.of_the_gateway(401, "Unauthorized")
FORBIDDEN = Answer.of_the_gateway(403, "Forbidden")
FAILED = Answer.of_the_gateway(500, "Internal Server Error")


class Verifier(Protocol):
    """One way to check callers."""

    def refusal(self, request: Request, route: Route) -> Answer | None:
        """What the caller of *route* is told, or None for one who may."""

"""A Lambda function as Lambda runs it: what was deployed, with its variables; and the events that it gets."""

from __future__ import annotations

import base64
import json
import threading
import time
import zipimport
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.dataplane.authorizers import Answer, Request
from tests.dataplane.http_api import Route


class FunctionError(Exception):
    """It raised, or its answer is none."""


class Function:
    """The *handler* (module.function) in the zip file *code*, started with *environment* on the first event.

    Like a function that is kept warm: what its module remembers lasts as long as this object. One event at a time, as
    the variables are those of this process. *clock* is what it takes for ``time.time`` when it starts.
    """

    def __init__(
        self, code: Path, handler: str, environment: Mapping[str, str], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._code = code
        self._clock = clock
        self._module, self._name = handler.split(".")
        self._environment = environment
        self._handler: Any = None
        self._lock = threading.Lock()
        self.events: list[dict[str, Any]] = []

    @classmethod
    def of(
        cls,
        block: Mapping[str, Any],
        folder: Path,
        *,
        aws: Mapping[str, str],
        known: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> Function:
        """That of the Terraform *block* of a stack in *folder*; *known* are the variables that refer to something.

        *aws* is what Lambda itself adds: region and credentials.
        """
        given = block["environment"]["variables"]
        variables = {name: known[name] if "${" in value else value for name, value in given.items()}
        return cls(folder / block["filename"], block["handler"], {**aws, **variables}, clock=clock)

    def __call__(self, event: Mapping[str, Any]) -> Any:
        """What it answers; raises ``FunctionError``."""
        sent = json.dumps(event)
        with self._lock, pytest.MonkeyPatch.context() as patch:
            for name, value in self._environment.items():
                patch.setenv(name, value)
            self.events.append(json.loads(sent))
            try:
                if self._handler is None:
                    self._handler = self._start()
                return json.loads(json.dumps(self._handler(json.loads(sent), None)))
            except Exception as error:
                raise FunctionError(repr(error)) from error

    def _start(self) -> Any:
        importer = zipimport.zipimporter(str(self._code))
        namespace = {"__name__": self._module, "__file__": str(self._code)}
        code = importer.get_code(self._module)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "time", self._clock)
            exec(code, namespace)  # noqa: S102 - a module of its own, so that each function starts cold
        return namespace[self._name]


def request_context(request: Request, route: Route) -> dict[str, Any]:
    """What both kinds of events, payload 2.0, have in common."""
    host = request.headers.get("host", "")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": {name: value for name, value in request.headers.items() if name != "cookie"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc123",
            "domainName": host,
            "domainPrefix": host.split(".")[0],
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip,
                "userAgent": request.headers.get("user-agent", ""),
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route.key,
            "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
    }
    if query := parse_qsl(request.query, keep_blank_values=True):
        event["queryStringParameters"] = {
            name: ",".join(value for key, value in query if key == name) for name, _ in query
        }
    if "cookie" in request.headers:
        event["cookies"] = request.headers["cookie"].split("; ")
    return event


def proxied(function: Function, request: Request, route: Route) -> Answer:
    """What *function* answers as an AWS_PROXY integration; raises ``FunctionError``."""
    event = request_context(request, route)
    if request.body:
        event["body"] = base64.b64encode(request.body).decode()
    answer = function({**event, "isBase64Encoded": bool(request.body)})
    if not isinstance(answer, Mapping) or not isinstance(answer.get("statusCode"), int):
        raise FunctionError(f"no status code: {answer}")
    text = answer.get("body", "")
    body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
    return Answer(answer["statusCode"], answer.get("headers", {}), body)

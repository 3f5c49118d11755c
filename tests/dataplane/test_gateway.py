"""The stand-in itself: routes, limits and time, on APIs that are written by hand."""

from __future__ import annotations

import json
import socket
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from dataplane.process import LOOPBACK, free_port
from tests.dataplane.gateway import CALLER, PAYLOAD_LIMIT, Surroundings, gateway
from tests.dataplane.http_api import HttpApi
from tests.dataplane.lambda_function import Function
from tests.unit.synthesis import Terraform

HOST = "mlflow.example.com"


def _api(*keys: str, timeout_milliseconds: int = 30_000) -> HttpApi:
    return HttpApi.of(Terraform(_document(*keys, timeout_milliseconds=timeout_milliseconds)))


def _document(*keys: str, timeout_milliseconds: int = 30_000) -> dict[str, Any]:
    integration = {
        "integration_type": "HTTP_PROXY",
        "connection_type": "VPC_LINK",
        "integration_method": "ANY",
        "timeout_milliseconds": timeout_milliseconds,
    }
    target = "integrations/${aws_apigatewayv2_integration.all.id}"
    routes = {
        f"route-{index}": {"route_key": key, "target": target, "authorization_type": "NONE"}
        for index, key in enumerate(keys)
    }
    resources: dict[str, Any] = {
        "aws_apigatewayv2_api": {"api": {"protocol_type": "HTTP"}},
        "aws_apigatewayv2_stage": {"stage": {"name": "$default"}},
        "aws_apigatewayv2_integration": {"all": integration},
        "aws_apigatewayv2_route": routes,
    }
    return {"resource": resources}


@pytest.mark.parametrize(
    ("method", "path", "chosen"),
    [
        ("GET", "/", "GET /"),
        ("POST", "/", "ANY /"),
        ("GET", "/pets/dog/1", "GET /pets/dog/1"),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
        ("GET", "/pets/dog/2/3", "GET /pets/{proxy+}"),
        ("POST", "/pets/dog/1", "ANY /{proxy+}"),
        ("POST", "/test/5", "ANY /{proxy+}"),
        ("GET", "/pets/d%6fg/1", "GET /pets/{proxy+}"),
    ],
)
def test_the_most_specific_route_is_chosen(method: str, path: str, chosen: str) -> None:
    """The routes of the example in API Gateway's Developer Guide, Routing API requests, and two more for "/"."""
    api = _api("ANY /{proxy+}", "GET /pets/{proxy+}", "GET /pets/dog/{id}", "GET /pets/dog/1", "ANY /", "GET /")
    route = api.route(method, path)
    assert route is not None
    assert route.key == chosen


def test_a_greedy_route_does_not_answer_for_the_root() -> None:
    with gateway(_api("ANY /{proxy+}"), "http://unused", host=HOST) as api:
        answer = requests.get(f"{api.url}/", timeout=10)
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


def test_an_api_answers_to_its_own_names_only() -> None:
    with gateway(_api("ANY /"), "http://unused", host=HOST) as api:
        answer = requests.get(f"{api.url}/", headers={"Host": "other.example"}, timeout=10)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_a_request_that_is_too_large_is_not_passed_on() -> None:
    with gateway(_api("ANY /"), "http://unused", host=HOST) as api:
        headers = {"Content-Length": str(PAYLOAD_LIMIT + 1)}
        with socket.create_connection((LOOPBACK, int(api.url.rpartition(":")[2])), timeout=10) as caller:
            lines = ["POST / HTTP/1.1", f"Host: {HOST}", *(f"{name}: {value}" for name, value in headers.items())]
            caller.sendall("\r\n".join([*lines, "", ""]).encode())
            answer = caller.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"message": "Request Too Long"}
    assert api.requested == [PAYLOAD_LIMIT + 1]


def test_an_integration_that_does_not_answer_in_time_is_given_up() -> None:
    with (
        _listener_that_never_answers() as target,
        gateway(_api("ANY /", timeout_milliseconds=50), target, host=HOST) as api,
    ):
        answer = requests.get(f"{api.url}/", timeout=10)
    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})


def test_an_integration_that_is_not_there_is_unavailable() -> None:
    with gateway(_api("ANY /"), f"http://{LOOPBACK}:{free_port()}", host=HOST) as api:
        answer = requests.get(f"{api.url}/", timeout=10)
    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})


@pytest.mark.parametrize("body", ["raise ValueError", "return None", 'return {"isAuthorized": "yes"}'])
def test_a_function_that_fails_is_an_error_of_the_api_and_is_asked_again(tmp_path: Path, body: str) -> None:
    function = _function(tmp_path, body)
    around = Surroundings(functions={"aws_lambda_function.ours": function})
    with gateway(_api_with_a_function(), "http://unused", host=HOST, surroundings=around) as api:
        for path in ("/login", "/", "/"):
            answer = requests.get(f"{api.url}{path}", headers={"Authorization": "x"}, timeout=10)
            assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
    assert [event.get("type") for event in function.events] == [None, "REQUEST", "REQUEST"]


def test_a_function_gets_what_the_caller_has_sent(tmp_path: Path) -> None:
    function = _function(tmp_path, 'return {"isAuthorized": False}')
    around = Surroundings(functions={"aws_lambda_function.ours": function})
    with gateway(_api_with_a_function(), "http://unused", host=HOST, surroundings=around) as api:
        headers = {"Authorization": "Basic x", "Cookie": "a=1; b=2"}
        assert requests.get(f"{api.url}/?q=1&q=2", headers=headers, timeout=10).status_code == 403
    [event] = function.events
    assert (event["version"], event["type"], event["routeKey"]) == ("2.0", "REQUEST", "ANY /")
    assert event["identitySource"] == ["Basic x"]
    assert event["headers"]["authorization"] == "Basic x"
    assert (event["rawPath"], event["rawQueryString"], event["cookies"]) == ("/", "q=1&q=2", ["a=1", "b=2"])
    assert event["queryStringParameters"] == {"q": "1,2"}
    assert event["requestContext"]["http"]["sourceIp"] == CALLER


def _function(folder: Path, body: str) -> Function:
    with zipfile.ZipFile(folder / "function.zip", "w") as archive:
        archive.writestr("code.py", f"def handler(event, context):\n    {body}\n")
    return Function(folder / "function.zip", "code.handler", {})


def _api_with_a_function() -> HttpApi:
    uri = "arn:aws:apigateway:us-west-2:lambda:path/2015-03-31/functions/${aws_lambda_function.ours.arn}/invocations"
    document = _document("ANY /", "GET /login")
    resources = document["resource"]
    resources["aws_apigatewayv2_authorizer"] = {
        "ours": {
            "authorizer_type": "REQUEST",
            "authorizer_uri": uri,
            "authorizer_payload_format_version": "2.0",
            "authorizer_result_ttl_in_seconds": 300,
            "enable_simple_responses": True,
            "identity_sources": ["$request.header.Authorization"],
        }
    }
    resources["aws_apigatewayv2_integration"]["login"] = {
        "integration_type": "AWS_PROXY",
        "integration_uri": uri,
        "payload_format_version": "2.0",
    }
    root, login = resources["aws_apigatewayv2_route"].values()
    root |= {"authorization_type": "CUSTOM", "authorizer_id": "${aws_apigatewayv2_authorizer.ours.id}"}
    login["target"] = "integrations/${aws_apigatewayv2_integration.login.id}"
    return HttpApi.of(Terraform(document))


@contextmanager
def _listener_that_never_answers() -> Iterator[str]:
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"

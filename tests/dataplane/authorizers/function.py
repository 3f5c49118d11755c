"""A Lambda authorizer (API Gateway Developer Guide, Control access to HTTP APIs with AWS Lambda authorizers)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.dataplane.authorizers import FAILED, FORBIDDEN, UNAUTHORIZED, Answer, Request
from tests.dataplane.http_api import FunctionAuthorizer, Route
from tests.dataplane.lambda_function import Function, FunctionError, request_context

_API_ARN = "arn:aws:execute-api:us-west-2:123456789012:abc123"


class FunctionVerifier:
    """Asks *function*, and remembers for the authorizer's time what it said to the same identity."""

    def __init__(self, authorizer: FunctionAuthorizer, *, function: Function, clock: Callable[[], float]) -> None:
        self._authorizer = authorizer
        self._function = function
        self._clock = clock
        self._remembered: dict[tuple[str, ...], tuple[float, bool]] = {}

    def refusal(self, request: Request, route: Route) -> Answer | None:
        """401 without the identity, 403 if the function says no, 500 if it fails."""
        identity = tuple(value for each in self._authorizer.identity_sources if (value := request.identity(each)))
        if len(identity) < len(self._authorizer.identity_sources):
            return UNAUTHORIZED  # the function is not asked
        try:
            return None if self._may(identity, request, route) else FORBIDDEN
        except FunctionError:
            return FAILED

    def _may(self, identity: tuple[str, ...], request: Request, route: Route) -> bool:
        until, may = self._remembered.get(identity, (0.0, False))
        if self._clock() >= until:
            answer = self._function(_event(identity, request, route))
            if not isinstance(answer, Mapping) or not isinstance(answer.get("isAuthorized"), bool):
                raise FunctionError(f"not a simple response: {answer}")
            may = answer["isAuthorized"]
            self._remembered[identity] = (self._clock() + self._authorizer.ttl_seconds, may)
        return may


def _event(identity: tuple[str, ...], request: Request, route: Route) -> dict[str, Any]:
    return {
        **request_context(request, route),
        "type": "REQUEST",
        "routeArn": f"{_API_ARN}/$default/{request.method}{request.path}",
        "identitySource": list(identity),
    }

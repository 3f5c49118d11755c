"""AWS_IAM authorization: signatures (AWS General Reference, Signature Version 4), without IAM's policies."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http.client import HTTPMessage

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.dataplane.authorizers import FORBIDDEN, Answer, Request
from tests.dataplane.http_api import Route

_SERVICE = "execute-api"
_CLOCK_SKEW_SECONDS = 5 * 60
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>\w+)/(?P<date>\d{8})/(?P<region>[\w-]+)/(?P<service>[\w-]+)/aws4_request, *"
    r"SignedHeaders=(?P<headers>[\w;-]+), *Signature=(?P<signature>[0-9a-f]{64})"
)


class SigV4Verifier:
    """Computes every request's signature again, for *region*, with the secret of whoever of *callers* it names.

    An HTTP API tells nobody what is wrong: each refusal is a bare 403.
    """

    def __init__(self, *, region: str, callers: Sequence[Credentials], clock: Callable[[], float]) -> None:
        self._region = region
        self._callers = {caller.access_key: caller for caller in callers}
        self._clock = clock

    def refusal(self, request: Request, route: Route) -> Answer | None:  # noqa: ARG002 - the same for all routes
        """403 for whatever is not signed as it arrived."""
        claimed = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        return None if claimed and self._holds(claimed, request) else FORBIDDEN

    def _holds(self, claimed: re.Match[str], request: Request) -> bool:
        caller = self._callers.get(claimed["key"])
        date = request.headers.get("x-amz-date", "")
        signed = claimed["headers"].split(";")
        if caller is None or not self._is_now(date) or date[:8] != claimed["date"]:
            return False
        if (claimed["region"], claimed["service"]) != (self._region, _SERVICE) or "host" not in signed:
            return False
        if request.headers.get("x-amz-security-token") != caller.token or not set(signed) <= request.headers.keys():
            return False
        return hmac.compare_digest(claimed["signature"], self._signature(caller, request, signed, date))

    def _is_now(self, date: str) -> bool:
        try:
            sent = datetime.strptime(date, SIGV4_TIMESTAMP).replace(tzinfo=UTC)
        except ValueError:
            return False
        return abs(self._clock() - sent.timestamp()) <= _CLOCK_SKEW_SECONDS

    def _signature(self, caller: Credentials, request: Request, signed: Sequence[str], date: str) -> str:
        url = f"https://{request.headers['host']}{request.target}"
        again = AWSRequest(request.method, url, {name: request.headers[name] for name in signed}, request.body)
        again.context["timestamp"] = date
        signer = _Signer(caller, _SERVICE, self._region)
        # In the last line botocore believes X-Amz-Content-SHA256; the gateway has the body.
        but_for_the_body = signer.canonical_request(again).rpartition("\n")[0]
        canonical = f"{but_for_the_body}\n{hashlib.sha256(request.body).hexdigest()}"
        return str(signer.signature(signer.string_to_sign(again, canonical), again))


class _Signer(SigV4Auth):
    """botocore's, which signs all headers that it is given."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPMessage:
        headers = HTTPMessage()
        for name, value in request.headers.items():
            headers[name] = value
        return headers

"""A REST API of GitHub or GitLab: asked with a token, refusals worded for people, passing failures told apart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.auth import AuthBase

from errors import UserError

TIMEOUT_SECONDS = 30.0
WAITS_SECONDS = (1.0, 4.0, 15.0)
"""Between the attempts; a server that asks for more than the longest wait is not asked again."""
PAGE = 100
"""Entries of a page: the most that either API gives."""


class PassingError(Exception):
    """What may go well the next time: no connection, a server's error, a limit of requests.

    *wait* is what the server asked for, in seconds.
    """

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


def patiently(attempt: Callable[[], str]) -> str:
    """Run *attempt*, and again where it may go well then; raises ``UserError`` after the last time.

    An attempt must look for what is there first: a write that seemed to fail may have been done.
    """
    for wait in WAITS_SECONDS:
        try:
            return attempt()
        except PassingError as error:
            if (error.wait or 0) > WAITS_SECONDS[-1]:
                raise UserError(f"{error}. It asks to wait {error.wait:.0f} s: try again then.") from None
            time.sleep(error.wait if error.wait is not None else wait)
    try:
        return attempt()
    except PassingError as error:
        raise UserError(f"{error}, {len(WAITS_SECONDS) + 1} times: try again later.") from None


class _Bearer(AuthBase):
    """The token; as ``auth`` it also keeps requests from taking other credentials from a .netrc file."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True)
class Api:
    """Its address and its token; *token_name* is the variable of that, and *rights* what it must be allowed."""

    url: str
    token: str
    token_name: str
    rights: str

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """The answer's JSON from *path*, which may also be a whole address.

        Raises ``UserError`` for a refusal, and ``PassingError`` for what may go well later.
        """
        url = path if path.startswith(("https://", "http://")) else f"{self.url}/{path}"
        try:
            # A redirect is not followed: it would turn what writes into what reads.
            answer = requests.request(
                method, url, auth=_Bearer(self.token), timeout=TIMEOUT_SECONDS, allow_redirects=False, **more
            )
        except requests.Timeout:
            raise PassingError(f"{method} {url}: no answer within {TIMEOUT_SECONDS:.0f} s") from None
        except requests.ConnectionError:
            raise PassingError(f"{method} {url}: no connection") from None
        except requests.RequestException as error:
            raise UserError(f"{method} {url}: {error}") from None
        self._check(answer, f"{method} {url}: status {answer.status_code}, {_message(answer)}")
        try:
            return answer.json()
        except requests.JSONDecodeError:
            raise UserError(f"{method} {url} answered no JSON: is that the address of the API?") from None

    def pages(self, path: str, **parameters: str) -> Iterator[Mapping[str, Any]]:
        """Every entry of a list, page by page."""
        page, full = 1, True
        while full:
            entries = self.ask("GET", path, params={**parameters, "per_page": PAGE, "page": page})
            if not isinstance(entries, list):
                raise UserError(f"GET {self.url}/{path} answered no list: is that the address of the API?")
            yield from entries
            page, full = page + 1, len(entries) >= PAGE

    def _check(self, answer: requests.Response, said: str) -> None:
        status = answer.status_code
        if status in _PASSING or (status == 403 and _is_limited(answer)):
            raise PassingError(said, _asked_wait(answer))
        if status in (403, 404):
            raise UserError(f"{said}: {self.token_name} needs {self.rights}; or there is no such thing.")
        if status in _REMEDIES:
            raise UserError(f"{said}: {_REMEDIES[status].format(token=self.token_name)}")
        if status >= 300:
            raise UserError(said)


_PASSING = (429, 500, 502, 503, 504)
_MOVED = "the repository has moved, or that is not the address of the API."
_REMEDIES = {
    **dict.fromkeys((301, 302, 307, 308), _MOVED),
    401: "{token} is wrong or has expired.",
    410: "the repository has no issues; switch them on in its settings.",
}


def field(entry: Any, *keys: str) -> Any:
    """What stands in an answer below *keys*; raises ``UserError`` if nothing does."""
    for key in keys:
        if not isinstance(entry, Mapping) or key not in entry:
            raise UserError(f"an answer of the API has no {'.'.join(keys)}: is its address right?")
        entry = entry[key]
    return entry


def _message(answer: requests.Response) -> str:
    """What the server says of a refusal, in one line: GitHub's ``message`` and ``errors``, GitLab's or the text."""
    try:
        said = answer.json()
    except requests.JSONDecodeError:
        said = answer.text
    if isinstance(said, dict):
        parts = [said[key] for key in ("message", "error", "errors") if said.get(key)]
        said = ", ".join(part if isinstance(part, str) else json.dumps(part) for part in parts)
    return " ".join(str(said).split())[:300] or "without a word"


def _is_limited(answer: requests.Response) -> bool:
    """Whether a 403 is one of GitHub's limits of requests, and not a missing right (GitHub Docs, Rate limits)."""
    return "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"


def _asked_wait(answer: requests.Response) -> float | None:
    """Seconds; HTTP allows a date as well, which neither server sends."""
    asked = answer.headers.get("retry-after", "")
    return float(asked) if asked.isdecimal() else None

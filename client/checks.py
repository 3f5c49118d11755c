"""The steps of a smoke test that are plain HTTP requests; each returns what it found, or raises ``StepError``."""

from __future__ import annotations

import re
import socket
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests
from requests.auth import AuthBase

from client.auth import Anonymous
from client.identity import Identity
from client.results import StepError
from client.target import Target

API_PATH = "/api/2.0/mlflow/experiments/search?max_results=1"
_CLOSED = ("/health", API_PATH, "/api/2.0/mlflow-artifacts/artifacts")
_REFUSED = (401, 403)
_CONNECT_SECONDS = 10
_READ_SECONDS = 40  # the gateway itself gives up after 30
_SHOWN = 200

_TASKS = "the ECS service's events and the log groups of nginx and MLflow (`make output`: cluster_name, service_name)"
_ADVICE = {
    400: "nginx's log group: it refuses paths that no client of MLflow sends",
    401: "the credentials: is the secret newer than the tasks, has the token the right issuer and audience?",
    403: "your rights (the policy caller_policy_arn, the scopes of the token), allowed_cidrs and the firewall",
    404: "the address: is it the output endpoint, and is the stack http-api-gateway deployed as planned?",
    429: "the throttling limits in the settings (api), and who else calls",
    500: f"the gateway's access log, the authorizer's log group if there is one, and {_TASKS}",
    502: f"{_TASKS}: MLflow does not answer nginx, or no task answers the load balancer",
    503: f"{_TASKS}: no task is healthy, or a deployment is changing the access type",
    504: f"{_TASKS}: MLflow or its database takes too long; a paused database wakes in about 15 seconds",
}


class Checks:
    """Requests to *target* as *identity*, as somebody else, and as nobody."""

    def __init__(self, target: Target, identity: Identity) -> None:
        self._target = target
        self._identity = identity

    def health(self) -> str:
        """MLflow says through gateway and nginx that it is healthy."""
        expected = 'status 200 and "OK" from MLflow'
        answer = self._get("/health", self._identity.auth, expected)
        if answer.status_code != 200 or answer.text.strip() != "OK":
            raise self._unexpected(answer, expected)
        return "MLflow answers through the endpoint"

    def refuses_nobody(self) -> str:
        """Whoever brings no credentials is refused, wherever that one knocks."""
        return self._refused(Anonymous(), "no credentials", (self._target.ui_path, *_CLOSED))

    def refuses_impostors(self) -> str:
        """Credentials with something wrong about them are no better than none."""
        return self._refused(self._identity.impostor, "wrong credentials", _CLOSED)

    def login_page(self) -> str:
        """A browser is asked for a password, and then led to the UI."""
        expected = "status 401 with WWW-Authenticate: Basic"
        asked = self._get("/", Anonymous(), expected)
        if asked.status_code != 401 or not asked.headers.get("WWW-Authenticate", "").startswith("Basic"):
            raise self._unexpected(asked, expected, look_at="the route GET / and the authorizer's log group")
        expected = f"status 302 to {self._target.ui_path}"
        led = self._get("/", self._identity.auth, expected)
        if led.status_code != 302 or not led.headers.get("Location", "").endswith(self._target.ui_path):
            raise self._unexpected(led, expected, look_at="the authorizer's log group")
        return "asks for a password and leads to the UI"

    def ui(self) -> str:
        """The page of the UI loads, and so does a script that it names."""
        expected = "an HTML page with a script"
        page = self._get(self._target.ui_path, self._identity.auth, expected)
        scripts = _scripts(page.text) if page.status_code == 200 else []
        if not scripts:
            raise self._unexpected(page, expected)
        path = urljoin(self._target.ui_path, scripts[0])
        expected = f"JavaScript at {path}"
        script = self._get(path, self._identity.auth, expected)
        if script.status_code != 200 or "javascript" not in script.headers.get("Content-Type", "") or not script.text:
            raise self._unexpected(script, expected)
        return f"page and script load, {len(script.content) / 1e6:.1f} MB unpacked"

    def _refused(self, auth: AuthBase, what: str, paths: tuple[str, ...]) -> str:
        statuses = []
        for path in paths:
            expected = f"status 401 or 403 for GET {path} with {what}"
            answer = self._get(path, auth, expected)
            if answer.status_code not in _REFUSED:
                is_open = answer.status_code < 400
                who_checks = f"who checks callers: the output access says {self._target.access}, nginx's AUTH_MODE and "
                look_at = f"{who_checks}the gateway's routes must agree" if is_open else _advice(answer.status_code)
                raise self._unexpected(answer, expected, look_at=look_at)
            statuses.append(answer.status_code)
        return f"status {' and '.join(map(str, sorted(set(statuses))))} on {len(paths)} paths"

    def _get(self, path: str, auth: AuthBase, expected: str) -> requests.Response:
        try:
            return requests.get(
                f"{self._target.url}{path}",
                auth=auth,
                timeout=(_CONNECT_SECONDS, _READ_SECONDS),
                allow_redirects=False,
            )
        except requests.Timeout as error:
            raise StepError(expected, "no answer in time", f"{_TASKS}; the network in between") from error
        except requests.RequestException as error:
            raise StepError(expected, _reason(error), self._where()) from error

    def _where(self) -> str:
        if self._target.name == "local":
            return "the terminal of `make local`: does it still run?"
        return f"the network and the name in {self._target.url} (`make output`); a new domain takes minutes to be known"

    def _unexpected(self, answer: requests.Response, expected: str, *, look_at: str = "") -> StepError:
        came = f'status {answer.status_code}, "{_shown(answer.text)}"'
        return StepError(expected, came, look_at or _advice(answer.status_code))


class _Scripts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and (source := dict(attrs).get("src")):
            self.found.append(source)


def _scripts(page: str) -> list[str]:
    parser = _Scripts()
    parser.feed(page)
    return parser.found


def _advice(status: int) -> str:
    return _ADVICE.get(status, f"what answers at this address, and {_TASKS}")


def _shown(text: str) -> str:
    """The beginning of *text* in one line."""
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def _reason(error: BaseException) -> str:
    """What is at the bottom of an error of requests: its own text is a nest of class names."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, socket.gaierror):
            return f"no such host ({seen.strerror})"
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        inner = seen.args[0] if seen.args and isinstance(seen.args[0], BaseException) else None
        seen = getattr(seen, "reason", None) or inner or seen.__cause__ or seen.__context__
        if not isinstance(seen, BaseException):
            break
    return _shown(str(error))

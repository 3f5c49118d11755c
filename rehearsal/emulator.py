"""AWS in this process: moto's server in a thread, made strict.

moto answers 500 for an operation that it lacks, and the AWS SDKs then retry for ten minutes. Here the answer is a 400
at once that names the operation, and the operation is remembered.
"""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any
from xml.sax.saxutils import escape

from errors import UserError
from rehearsal import completions, container_engine
from rehearsal.inventory import Item, inventory, watch_births

LOOPBACK = "127.0.0.1"
_ACCESS_KEY = "EMULATOREMULATOREMUL"  # shaped like a key, and plainly not one
_SECRET_KEY = "emulator"  # noqa: S105 - moto checks no signature
_STOP_SECONDS = 5.0
_REMEMBERED_REPLIES = 100  # more than any client has requests under way

_log = logging.getLogger(__name__)

StartResponse = Callable[..., Any]
Environ = dict[str, Any]


class Emulator:
    """An empty AWS account on this machine, as long as the ``with`` block lasts.

    *port* None takes a free one. moto keeps its state in module globals: only one emulator runs in a process at a time,
    and each starts empty.
    """

    _running = threading.Lock()

    def __init__(self, *, port: int | None = None, account_id: str = "123456789012", region: str = "us-west-2") -> None:
        self.account_id = account_id
        self.region = region
        self._port = port or 0
        self._gateway: _Gateway | None = None
        self._cleanup = ExitStack()

    def __enter__(self) -> Emulator:
        with ExitStack() as stack:
            listener = stack.enter_context(_listen(self._port))
            stack.enter_context(self._alone())
            stack.enter_context(_own_environment())
            stack.enter_context(_moto_settings())
            self._gateway = _empty_account(self.account_id, listener.getsockname()[1])
            stack.enter_context(_served(listener, self._gateway))
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cleanup.close()

    @property
    def url(self) -> str:
        """The one endpoint of all services."""
        return f"http://{LOOPBACK}:{self._started.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point Terraform, boto3, the aws CLI and our own programs here; an empty value: unset it."""
        proxied = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
        no_proxy = ",".join(filter(None, (proxied, LOOPBACK)))
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": _ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": _SECRET_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_MAX_ATTEMPTS": "2",
            "AWS_EC2_METADATA_DISABLED": "true",
            # Nothing of the user's own configuration may reach through: profiles carry roles, regions and endpoints.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_PROFILE": "",
            "AWS_DEFAULT_PROFILE": "",
            "AWS_SESSION_TOKEN": "",
            "AWS_USE_FIPS_ENDPOINT": "",
            "AWS_USE_DUALSTACK_ENDPOINT": "",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "",
            # Images are not built here, and go to a registry that is not one.
            "CONTAINER_ENGINE": container_engine.COMMAND,
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }

    def environ(self, base: Mapping[str, str]) -> dict[str, str]:
        """*base*, usually ``os.environ``, pointed at the emulator: the empty values of ``environment`` removed."""
        pointed = {**base, **self.environment}
        return {name: value for name, value in pointed.items() if value or name not in self.environment}

    def client(self, service: str) -> Any:
        """A boto3 client for *service*, e.g. ``ecs``, on the emulator."""
        return self._session.client(service, endpoint_url=self.url)

    @cached_property
    def _session(self) -> Any:
        """One session: it keeps the services' descriptions, which take longer to load than a call to answer."""
        import boto3

        return boto3.Session(_ACCESS_KEY, _SECRET_KEY, region_name=self.region)

    @property
    def unsupported(self) -> list[str]:
        """The operations that were asked for and failed because the emulator lacks them, e.g. ``rds:ModifyFoo``."""
        return list(self._started.unsupported)

    def inventory(self) -> frozenset[Item]:
        """Every resource of the account and region, seen between two requests."""
        with self._started.lock:
            return inventory(self.account_id, self.region)

    @contextmanager
    def watched(self, watch: Callable[[Request], None]) -> Iterator[None]:
        """Tell *watch* of every request, before it is answered and before the next one begins, within the block.

        A retry of what was answered already is no request. An exception in *watch* fails the request.
        """
        gateway = self._started
        with gateway.lock:
            gateway.watch = watch
        try:
            yield
        finally:
            with gateway.lock:
                gateway.watch = None

    @property
    def _started(self) -> _Gateway:
        if self._gateway is None:
            raise RuntimeError("the emulator was not started: use it in a `with` statement")
        return self._gateway

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not Emulator._running.acquire(blocking=False):
            raise RuntimeError("another emulator runs in this process, and moto's state is shared: use that one")
        try:
            yield
        finally:
            Emulator._running.release()


@contextmanager
def _listen(port: int) -> Iterator[socket.socket]:
    """A listening socket. werkzeug's own would print and exit on a taken port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
            listener.listen(128)
        except (OSError, OverflowError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            raise UserError(
                f"emulator: port {port} of {LOOPBACK} cannot be used ({reason}). "
                "Stop what listens there, or choose another port, or none: then a free one is taken."
            ) from error
        yield listener


@contextmanager
def _moto_settings() -> Iterator[None]:
    """What MOTO_IAM_LOAD_MANAGED_POLICIES=true and MOTO_ACM_VALIDATION_WAIT=0 would set, without the environment."""
    from moto import settings
    from moto.core.config import default_user_config

    policies, wait = default_user_config["iam"], settings.ACM_VALIDATION_WAIT
    default_user_config["iam"] = {"load_aws_managed_policies": True}
    settings.ACM_VALIDATION_WAIT = 0
    try:
        yield
    finally:
        default_user_config["iam"], settings.ACM_VALIDATION_WAIT = policies, wait


def _empty_account(account_id: str, port: int) -> _Gateway:
    from moto.core.base_backend import BackendDict
    from moto.core.model_instances import reset_model_data

    watch_births()
    completions.complete()
    BackendDict.reset()
    reset_model_data()
    return _Gateway(_moto_application(), account_id, port)


@contextmanager
def _own_environment() -> Iterator[None]:
    """What the user's shell must not decide, unset as long as the emulator runs.

    moto makes boto3 sessions of its own, for lists of regions, and a profile that does not exist would fail them; its
    own account variable would override ours.
    """
    names = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "MOTO_ACCOUNT_ID")
    unset = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(unset)


def _moto_application() -> Any:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    class Dispatcher(DomainDispatcherApplication):
        def get_backend_for_host(self, host: str | None) -> Any:
            """moto prints to standard output when it does not know a service; here that is a missing operation."""
            patterns = [pattern for _, pattern in self.backend_url_patterns]
            if host and ".amazonaws.com" in host and not any(p.match(f"http://{host}") for p in patterns):
                raise NotImplementedError(f"the service {host.partition('.')[0]} is unknown to moto")
            return super().get_backend_for_host(host)

    return Dispatcher(create_backend_app)


@contextmanager
def _served(listener: socket.socket, application: _Gateway) -> Iterator[None]:
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    class SilentHandler(MotoRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            """No access log: the terminal belongs to the rehearsal's display."""

    host, port = listener.getsockname()
    server = make_server(host, port, application, threaded=True, request_handler=SilentHandler, fd=listener.fileno())
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="emulator", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(_STOP_SECONDS)


@dataclass(frozen=True)
class Request:
    """What somebody asked of AWS."""

    service: str
    """As in an IAM action: the name that the request is signed for."""
    operation: str
    """The operation of the API, which mostly is the IAM action's name too."""
    parameters: Mapping[str, Any]
    """By the API's names, as the request has them: lists of the EC2 and query protocols are ``Name.1``, ``Name.2``.
    What an XML body says is not among them."""
    body: bytes

    @property
    def name(self) -> str:
        """Both, e.g. ``rds:CreateDBCluster``."""
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True)
class _Reply:
    status: str
    headers: list[tuple[str, str]]
    body: list[bytes]


class _Gateway:
    """The WSGI application in front of moto.

    One request at a time: moto's models are plain dicts, and Terraform's parallel requests would change them under
    another's iteration. The interpreter runs one thread at a time anyway, so this costs nothing.

    Each request once: on a busy machine about one connection in a thousand is reset before the client has read the
    reply, and the SDK sends the request again. Done twice, it would find what it made itself: a duplicate rule, a lock
    that somebody holds. So a retry, which has the invocation id of the first attempt, gets the first one's reply.
    """

    def __init__(self, moto: Any, account_id: str, port: int) -> None:
        self.port = port
        self.unsupported: list[str] = []
        self.lock = threading.Lock()
        self.watch: Callable[[Request], None] | None = None
        self._moto = moto
        self._account_id = account_id
        self._done: OrderedDict[str, _Reply] = OrderedDict()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = _read_body(environ)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account_id
        with self.lock:
            reply = self._reply_once(environ, body)
        start_response(reply.status, reply.headers)
        return reply.body

    def _reply_once(self, environ: Environ, body: bytes) -> _Reply:
        invocation: str = environ.get("HTTP_AMZ_SDK_INVOCATION_ID", "")
        if invocation in self._done:
            return self._done[invocation]
        reply = self._reply(environ, body)
        # An error is not remembered: it changed nothing, and SDKs ask again on purpose after some of them.
        if invocation and reply.status.startswith("2"):
            self._done[invocation] = reply
            if len(self._done) > _REMEMBERED_REPLIES:
                self._done.popitem(last=False)
        return reply

    def _reply(self, environ: Environ, body: bytes) -> _Reply:
        from werkzeug.test import run_wsgi_app

        try:
            if self.watch is not None:
                self.watch(_Asked.of(_replay(environ, body), self._moto).request(body))
            chunks, status, headers = run_wsgi_app(self._moto, _replay(environ, body), buffered=True)
        except NotImplementedError as error:
            return self._refuse(environ, body, "OperationNotInEmulator", str(error) or "not implemented")
        except Exception as error:  # whatever breaks in moto must not look like a server that is worth a retry
            _log.debug("moto failed", exc_info=True)
            return self._refuse(environ, body, "EmulatorFailed", f"{type(error).__name__}: {error}")
        reply = _Reply(status, headers.to_wsgi_list(), list(chunks))
        if _is_no_answer(environ, reply):
            return self._refuse(environ, body, "OperationNotInEmulator", f"moto answered {status}")
        return reply

    def _refuse(self, environ: Environ, body: bytes, code: str, detail: str) -> _Reply:
        asked = _Asked.of(_replay(environ, body), self._moto)
        if asked.name not in self.unsupported:
            self.unsupported.append(asked.name)
        return asked.error(code, f"the emulator cannot do {asked.name}: {detail}")


def _read_body(environ: Environ) -> bytes:
    """The whole body: read before the lock is taken, so that a slow client holds up nobody."""
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return bytes(stream.read())
    return bytes(stream.read(int(environ.get("CONTENT_LENGTH") or 0)))


def _replay(environ: Environ, body: bytes) -> Environ:
    return {**environ, "wsgi.input": io.BytesIO(body)}


def _is_no_answer(environ: Environ, reply: _Reply) -> bool:
    """Whether no service wrote this: a server's failure, or a web framework's page for a path it does not know."""
    code = int(reply.status.split()[0])
    if code not in (404, 405) or environ["REQUEST_METHOD"] == "HEAD":
        return code >= 500
    page = b"".join(reply.body).lstrip().lower()
    return not page or page.startswith(b"<!doctype")


@dataclass(frozen=True)
class _Asked:
    """What a request asked for, worked out from the request alone."""

    service: str
    """As in an IAM action: the name that the request is signed for."""
    operation: str
    model: Any
    """botocore's description of the service, if it has one."""
    content_type: str
    parameters: Mapping[str, Any]

    @classmethod
    def of(cls, environ: Environ, moto: Any) -> _Asked:
        from moto.core.request import Request

        request = Request(environ)
        service = _signed_for(request)
        candidates = _candidates(request, service, moto)
        for name in candidates:
            found = _operation(request, name)
            if found is not None:
                operation, in_path = found
                parameters = _parameters(request, in_path)
                kind = request.content_type or ""
                return cls(service, str(operation.name), operation.service_model, kind, parameters)
        model = next(filter(None, map(_model, candidates)), None)
        return cls(service, _operation_from_text(request), model, request.content_type or "", _parameters(request, {}))

    def request(self, body: bytes) -> Request:
        return Request(self.service, self.operation, self.parameters, body)

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"

    def error(self, code: str, message: str) -> _Reply:
        """A 400 in the shape that the service's protocol gives errors. SDKs do not retry a 400 with an unknown code."""
        content_type, body = _error_body(self._protocol, code, message)
        headers = [("Content-Type", content_type), ("x-amzn-ErrorType", code)]
        return _Reply("400 Bad Request", headers, [body.encode()])

    @property
    def _protocol(self) -> str:
        if self.model is None:
            return "json"
        if self.model.service_name == "s3":
            return "s3"
        form = self.content_type.startswith("application/x-www-form-urlencoded")
        return "query" if form and self.model.protocol != "ec2" else str(self.model.protocol)


def _error_body(protocol: str, code: str, message: str) -> tuple[str, str]:
    """An error's content type and body, as the AWS protocols (https://smithy.io/2.0/aws/protocols/) have it."""
    if protocol not in _XML_ERRORS:
        return "application/json", json.dumps({"__type": code, "message": message})
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return "text/xml", _XML_ERRORS[protocol].format(error)


_XML_ERRORS = {
    "s3": "{}",
    "ec2": "<Response><Errors>{}</Errors></Response>",
    "query": "<ErrorResponse>{}</ErrorResponse>",
    "rest-xml": "<ErrorResponse>{}</ErrorResponse>",
}


def _signed_for(request: Any) -> str:
    """The service in the signature's scope: ``Credential=KEY/DATE/REGION/SERVICE/aws4_request``."""
    scope = request.headers.get("Authorization", "").partition("Credential=")[2].split(",")[0].split("/")
    return scope[3].lower() if len(scope) > 3 else "unsigned"


def _candidates(request: Any, service: str, moto: Any) -> list[str]:
    """The names by which botocore may know the service, the likeliest first."""
    try:
        backend = moto.get_application(request.environ).service
    except Exception:  # moto does not know the service at all
        backend = None
    second_version = f"{service}v2"  # one signing name serves apigateway and apigatewayv2
    return [name for name in dict.fromkeys((backend, service, second_version)) if name]


def _model(name: str) -> Any:
    from botocore.exceptions import UnknownServiceError
    from moto.core.utils import get_service_model

    try:
        return get_service_model(name)
    except UnknownServiceError:
        return None


def _operation(request: Any, name: str) -> tuple[Any, Mapping[str, Any]] | None:
    """botocore's description of the operation, and the parameters in the path."""
    from moto.core.routing import get_service_router
    from werkzeug.exceptions import NotFound

    if _model(name) is None:
        return None
    try:
        operation, in_path = get_service_router(name).match(request)
    except (NotFound, NotImplementedError):
        return None
    return operation, in_path


def _parameters(request: Any, in_path: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {**in_path, **request.values.to_dict()}
    with suppress(ValueError):  # not JSON
        body = json.loads(request.get_data())
        parameters |= body if isinstance(body, dict) else {}
    return parameters


def _operation_from_text(request: Any) -> str:
    target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    return target or request.values.get("Action") or f"{request.method} {request.path}"

"""The container's environment variables, checked as a whole: every problem is reported, not the first one only."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .messages import StartError

OWN_VARIABLES = (
    "DATABASE_HOST",
    "DATABASE_PORT",
    "DATABASE_NAME",
    "DATABASE_USERNAME",
    "DATABASE_PASSWORD",
    "DATABASE_TLS",
    "DATABASE_CA_FILE",
    "DATABASE_WAIT_SECONDS",
    "ARTIFACTS_URI",
    "ARTIFACTS_MODE",
    "PUBLIC_ORIGINS",
    "MLFLOW_PORT",
)
DEFAULT_CA_FILE = Path(__file__).resolve().parent.parent / "rds-global-bundle.pem"

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_NAME = re.compile(r"[^/\\]{1,64}")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#\s]*)?")
_ORIGIN = re.compile(r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


@dataclass(frozen=True)
class DatabaseSettings:
    """How to reach the database; without *ca_file* the connection is not encrypted."""

    host: str
    port: int
    name: str
    username: str
    password: str = field(repr=False)
    ca_file: Path | None
    wait_seconds: int

    @property
    def address(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Settings:
    """All that the container is told; with *proxied* artifacts pass through the server, else clients reach S3 alone."""

    database: DatabaseSettings
    artifacts_uri: str
    proxied: bool
    port: int
    public_origins: tuple[str, ...]


def read(environ: Mapping[str, str]) -> Settings:
    """The settings in *environ*; a ``StartError`` names every variable that is missing or wrong."""
    variables = _Variables(environ)
    settings = Settings(
        database=DatabaseSettings(
            host=variables.matching("DATABASE_HOST", _HOST, "the database's host name, without port or scheme"),
            port=variables.number("DATABASE_PORT", "the database's port", default=3306, lowest=1, highest=65535),
            name=variables.matching("DATABASE_NAME", _NAME, "the database's name, of at most 64 characters"),
            username=variables.required("DATABASE_USERNAME", "the database's user"),
            password=variables.required("DATABASE_PASSWORD", "the password of the database's user"),
            ca_file=_ca_file(variables),
            wait_seconds=variables.number(
                "DATABASE_WAIT_SECONDS",
                "the seconds to wait for a database that does not answer",
                default=120,
                lowest=0,
                highest=3600,
            ),
        ),
        artifacts_uri=variables.matching("ARTIFACTS_URI", _BUCKET, "s3://bucket or s3://bucket/prefix").rstrip("/"),
        proxied=variables.choice("ARTIFACTS_MODE", "proxied", "direct") == "proxied",
        port=variables.number("MLFLOW_PORT", "the port that MLflow listens on", default=5000, lowest=1, highest=65535),
        public_origins=_public_origins(variables),
    )
    if variables.problems:
        raise StartError(*variables.problems)
    return settings


class _Variables:
    """Environment variables that are checked as they are read; a wrong one becomes a line of *problems*.

    Values are shown, as far as they are no secret, because the mistake is often visible in them.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def optional(self, name: str) -> str:
        """The value, or nothing where it is missing: ECS hands an unset parameter on as an empty variable."""
        return self._environ.get(name, "")

    def required(self, name: str, what: str) -> str:
        value = self.optional(name)
        if not value:
            self.problems.append(f"{name} is {'empty' if name in self._environ else 'missing'}: it must be {what}")
        return value

    def matching(self, name: str, pattern: re.Pattern[str], what: str) -> str:
        value = self.required(name, what)
        if value and not pattern.fullmatch(value):
            self.refuse(name, value, what)
        return value

    def choice(self, name: str, default: str, *others: str) -> str:
        value = self.optional(name) or default
        if value not in (default, *others):
            self.refuse(name, value, f"one of: {', '.join((default, *others))}")
        return value

    def number(self, name: str, what: str, *, default: int, lowest: int, highest: int) -> int:
        value = self.optional(name) or str(default)
        if not re.fullmatch(r"[0-9]{1,9}", value) or not lowest <= int(value) <= highest:
            self.refuse(name, value, f"{what}, a whole number from {lowest} to {highest}")
            return default
        return int(value)

    def refuse(self, name: str, value: str, what: str) -> None:
        self.problems.append(f"{name} is {value!r}: it must be {what}")


def _ca_file(variables: _Variables) -> Path | None:
    if variables.choice("DATABASE_TLS", "verify", "off") == "off":
        return None
    path = Path(variables.optional("DATABASE_CA_FILE") or DEFAULT_CA_FILE)
    what = "a readable file with at least one CA certificate (PEM)"
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(path)
    except OSError as error:  # ssl.SSLError is one
        variables.refuse("DATABASE_CA_FILE", str(path), f"{what} ({error.strerror or error})")
    else:
        if not context.cert_store_stats()["x509_ca"]:
            variables.refuse("DATABASE_CA_FILE", str(path), f"{what} (it has none)")
    return path


def _public_origins(variables: _Variables) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in variables.optional("PUBLIC_ORIGINS").split(",") if origin.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            what = "origins as browsers send them, such as https://mlflow.example.com: lower case, no path, no wildcard"
            variables.refuse("PUBLIC_ORIGINS", origin, what)
    return origins

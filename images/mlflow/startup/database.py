"""Connections to the database: the one that is awaited, and the URL that MLflow gets."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from typing import Any

import pymysql
from pymysql.constants import CR, ER

from .configuration import DatabaseSettings
from .messages import StartError, say

_ATTEMPT_SECONDS = 5
_PAUSE_SECONDS = 2
_REPORT_SECONDS = 15  # between two lines about the same wait
_LOCK_WAIT_SECONDS = 600  # a large database takes minutes to migrate
_LOCK_IDLE_SECONDS = 28800  # MySQL's own default of wait_timeout
# More than the 15 seconds that Aurora needs to resume from a pause, holding connections meanwhile. A request meets a
# database that hangs twice, in the pool's connection and in a new one, and fails after 40 seconds.
_SERVER_READ_SECONDS = 20

# What PyMySQL has no names for: ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_ACCOUNT_HAS_BEEN_LOCKED, and
# ER_SECURE_TRANSPORT_REQUIRED.
_NO_PASSWORD, _ACCOUNT_LOCKED, _INSECURE_TRANSPORT = 1698, 3118, 3159
_REMEDIES = {
    ER.DBACCESS_DENIED_ERROR: "grant the user rights on the database, or correct DATABASE_NAME",
    # MariaDB answers so, too, where it requires TLS.
    ER.ACCESS_DENIED_ERROR: "correct DATABASE_USERNAME or DATABASE_PASSWORD, or DATABASE_TLS if it is off",
    ER.BAD_DB_ERROR: "create the database, or correct DATABASE_NAME",
    _NO_PASSWORD: "correct DATABASE_USERNAME, or use a user that logs in with a password",
    ER.HOST_NOT_PRIVILEGED: "let the user connect from this host",
    _ACCOUNT_LOCKED: "unlock the user",
    _INSECURE_TRANSPORT: "set DATABASE_TLS to verify",
    CR.CR_SSL_CONNECTION_ERROR: "let the server offer TLS, or set DATABASE_TLS to off on a trusted network",
}
"""The errors that no waiting cures, and what does."""


def connect(database: DatabaseSettings, *, read_seconds: int) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """A new connection in autocommit mode."""
    tls: dict[str, Any] = {"ssl": {"ca": str(database.ca_file)}} if database.ca_file else {"ssl_disabled": True}
    return pymysql.connect(
        host=database.host,
        port=database.port,
        user=database.username,
        password=_password_bytes(database),
        database=database.name,
        charset="utf8mb4",
        connect_timeout=_ATTEMPT_SECONDS,
        read_timeout=read_seconds,
        write_timeout=read_seconds,
        autocommit=True,
        **tls,
    )


def wait_until_reachable(database: DatabaseSettings) -> None:
    """Return as soon as the database lets us in; it is asked every 2 seconds, each time for 5 seconds at most."""
    started = time.monotonic()
    reported = None
    while True:
        try:
            connect(database, read_seconds=_ATTEMPT_SECONDS).close()
        except pymysql.MySQLError as error:
            refusal = _refusal(error)
            if refusal:
                raise StartError(f"the database at {database.address} refuses the connection: {refusal}") from error
            reason = describe(error)
        else:
            if reported is not None:
                say(f"the database answers after {time.monotonic() - started:.0f} s")
            return
        waited = time.monotonic() - started
        if waited >= database.wait_seconds:
            raise StartError(
                f"the database at {database.address} did not answer within {database.wait_seconds} s "
                f"(DATABASE_WAIT_SECONDS): {reason}. Is it running, are DATABASE_HOST and DATABASE_PORT right, "
                "and does its security group let this task in?"
            )
        if reported is None or waited - reported >= _REPORT_SECONDS:
            say(
                f"waiting for the database at {database.address}, {database.wait_seconds - waited:.0f} s more: {reason}"
            )
            reported = waited
        time.sleep(min(_PAUSE_SECONDS, database.wait_seconds - waited))


@contextmanager
def schema_lock(database: DatabaseSettings) -> Iterator[None]:
    """One server at a time works on the schema: a named lock of MySQL, which ends with its connection at the latest."""
    with closing(connect(database, read_seconds=2 * _REPORT_SECONDS)) as connection, connection.cursor() as cursor:
        # The connection is idle during the migration; the cluster's wait_timeout would close it, and free the lock.
        cursor.execute("SET SESSION wait_timeout = %s", (_LOCK_IDLE_SECONDS,))
        _acquire(cursor, database)
        yield


def server_url(database: DatabaseSettings) -> str:
    """The URL for the server. Its read timeout turns a database that hangs into an error (503) instead of a hang."""
    return _url(database, read_timeout=_SERVER_READ_SECONDS, write_timeout=_SERVER_READ_SECONDS)


def migration_url(database: DatabaseSettings) -> str:
    """The URL for migrations, whose single statements may take minutes: without a read timeout."""
    return _url(database)


def describe(error: pymysql.MySQLError) -> str:
    """The server's or the driver's own words, without a traceback."""
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, OSError):
        return str(cause)
    return f"{error.args[-1]} ({error.args[0]})" if len(error.args) > 1 else str(error)


def _refusal(error: pymysql.MySQLError) -> str | None:
    """The reason and the remedy, for an error that no waiting cures."""
    if isinstance(getattr(error, "original_exception", None), ssl.SSLCertVerificationError):
        return f"{describe(error)}. DATABASE_CA_FILE must hold the CA of the server, and DATABASE_HOST be its name"
    remedy = _REMEDIES.get(error.args[0]) if error.args else None
    return f"{describe(error)}: {remedy}" if remedy else None


def _acquire(cursor: pymysql.cursors.Cursor, database: DatabaseSettings) -> None:
    # The names of locks belong to the whole server, ignore case and have at most 64 characters, as those of databases.
    name = f"mlflow-schema-{sha256(database.name.encode()).hexdigest()[:32]}"
    for waited in range(0, _LOCK_WAIT_SECONDS, _REPORT_SECONDS):
        cursor.execute("SELECT GET_LOCK(%s, %s)", (name, _REPORT_SECONDS if waited else 0))
        if cursor.fetchone() == (1,):
            return
        say(f"another server works on the schema: waiting, {_LOCK_WAIT_SECONDS - waited} s more")
    raise StartError(f"another server has been working on the schema for more than {_LOCK_WAIT_SECONDS} s: see its log")


def _password_bytes(database: DatabaseSettings) -> bytes:
    return database.password.encode("utf-8", "surrogateescape")


def _url(database: DatabaseSettings, **options: int) -> str:
    from sqlalchemy import URL  # not needed, and slow to import, where the environment is wrong

    # Only ssl_ca verifies chain and host name; PyMySQL would otherwise encrypt without verifying.
    tls = {"ssl_ca": str(database.ca_file)} if database.ca_file else {"ssl_disabled": "true"}
    url = URL.create(
        "mysql+pymysql",
        username=database.username,
        # PyMySQL encodes a text as Latin-1, which it cannot do with most characters; so this is the text whose Latin-1
        # bytes are the password's UTF-8 bytes.
        password=_password_bytes(database).decode("latin-1"),
        host=database.host,
        port=database.port,
        database=database.name,
        query={
            "charset": "utf8mb4",
            "connect_timeout": str(_ATTEMPT_SECONDS),
            **tls,
            **{name: str(value) for name, value in options.items()},
        },
    )
    rendered: str = url.render_as_string(hide_password=False)
    return rendered

"""The MLflow image's entrypoint without MLflow and without a database: settings, wording, exit codes, the CA bundle."""

from __future__ import annotations

import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pymysql
import pytest
from cryptography import x509

from images.mlflow.startup import configuration, database, preflight, schema, server
from images.mlflow.startup.configuration import Settings
from images.mlflow.startup.messages import StartError, say

IMAGE = Path(configuration.DEFAULT_CA_FILE).parent
REQUIRED = {
    "DATABASE_HOST": "db.example.internal",
    "DATABASE_NAME": "mlflow",
    "DATABASE_USERNAME": "mlflow",
    "DATABASE_PASSWORD": "s3cret",
    "ARTIFACTS_URI": "s3://artifacts",
}


def settings(**variables: str) -> Settings:
    return configuration.read({**REQUIRED, **variables})


def problems(environ: Mapping[str, str]) -> tuple[str, ...]:
    with pytest.raises(StartError) as refused:
        configuration.read(environ)
    return refused.value.problems


# settings


def test_five_variables_are_enough() -> None:
    found = settings()
    assert (found.database.address, found.port, found.proxied, found.public_origins) == (
        "db.example.internal:3306",
        5000,
        True,
        (),
    )
    assert (found.database.ca_file, found.database.wait_seconds) == (IMAGE / "rds-global-bundle.pem", 120)


def test_an_empty_optional_variable_is_an_unset_one() -> None:
    assert settings(DATABASE_PORT="", DATABASE_TLS="", ARTIFACTS_MODE="", PUBLIC_ORIGINS="") == settings()


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("state", ["missing", "empty"])
def test_refuses_a_required_variable_that_is(name: str, state: str) -> None:
    environ = {**REQUIRED, name: ""}
    if state == "missing":
        del environ[name]
    (problem,) = problems(environ)
    assert problem.startswith(f"{name} is {state}: it must be ")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("DATABASE_HOST", "mysql://db", "without port or scheme"),
        ("DATABASE_HOST", "db:3306", "without port or scheme"),
        ("DATABASE_PORT", "0", "from 1 to 65535"),
        ("DATABASE_PORT", "65536", "from 1 to 65535"),
        ("DATABASE_NAME", "x" * 65, "at most 64 characters"),
        ("DATABASE_TLS", "on", "one of: verify, off"),
        ("DATABASE_WAIT_SECONDS", "-1", "from 0 to 3600"),
        ("DATABASE_WAIT_SECONDS", "2m", "from 0 to 3600"),
        ("ARTIFACTS_URI", "/tmp/artifacts", "s3://bucket"),  # noqa: S108 - refused
        ("ARTIFACTS_URI", "s3://", "s3://bucket"),
        ("ARTIFACTS_MODE", "both", "one of: proxied, direct"),
        ("MLFLOW_PORT", "http", "from 1 to 65535"),
        ("PUBLIC_ORIGINS", "*", "no wildcard"),
        ("PUBLIC_ORIGINS", "http://mlflow.example.com", "https://"),
        ("PUBLIC_ORIGINS", "https://mlflow.example.com/", "no path"),
        ("PUBLIC_ORIGINS", "https://MLflow.example.com", "lower case"),
    ],
)
def test_refuses_a_value_and_says_what_is_allowed(name: str, value: str, allowed: str) -> None:
    (problem,) = problems({**REQUIRED, name: value})
    assert problem.startswith(f"{name} is {value!r}: it must be ")
    assert allowed in problem


def test_refuses_all_that_is_wrong_at_once() -> None:
    found = problems({"DATABASE_PORT": "x", "ARTIFACTS_MODE": "y", "PUBLIC_ORIGINS": "https://a.b,c"})
    assert [problem.split()[0] for problem in found] == [
        "DATABASE_HOST",
        "DATABASE_PORT",
        "DATABASE_NAME",
        "DATABASE_USERNAME",
        "DATABASE_PASSWORD",
        "ARTIFACTS_URI",
        "ARTIFACTS_MODE",
        "PUBLIC_ORIGINS",
    ]


def test_refuses_a_ca_file_without_a_certificate(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.touch()
    for path in (tmp_path, empty, tmp_path / "missing.pem"):
        (problem,) = problems({**REQUIRED, "DATABASE_CA_FILE": str(path)})
        assert problem.startswith(f"DATABASE_CA_FILE is {str(path)!r}: it must be a readable file")


def test_the_ca_file_does_not_matter_without_tls() -> None:
    assert settings(DATABASE_TLS="off", DATABASE_CA_FILE="/missing").database.ca_file is None


def test_the_password_is_in_no_message() -> None:
    assert "s3cret" not in repr(settings())
    assert "s3cret" not in "".join(problems({"DATABASE_PASSWORD": "s3cret"}))


def test_origins_are_separated_by_commas() -> None:
    found = settings(PUBLIC_ORIGINS=" https://mlflow.example.com, https://other.example.com:8443,").public_origins
    assert found == ("https://mlflow.example.com", "https://other.example.com:8443")


def test_every_variable_of_ours_is_kept_from_the_server() -> None:
    source = (IMAGE / "startup" / "configuration.py").read_text(encoding="utf-8")
    assert set(configuration.OWN_VARIABLES) == set(re.findall(r'"([A-Z]+_[A-Z_]+)"', source))


# the server


@pytest.fixture
def urls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What ``sqlalchemy.URL.create`` gets; the unit tests' environment has no SQLAlchemy."""
    created: list[dict[str, Any]] = []

    def create(driver: str, **parts: Any) -> SimpleNamespace:
        created.append({"driver": driver, **parts})
        return SimpleNamespace(render_as_string=lambda *, hide_password: f"url, hide_password={hide_password}")

    monkeypatch.setitem(sys.modules, "sqlalchemy", SimpleNamespace(URL=SimpleNamespace(create=create)))
    return created


def options(command: Sequence[str]) -> dict[str, str]:
    return {name: value for name, value in pairwise(command) if name.startswith("--")}


def test_the_server_listens_on_loopback_with_one_worker() -> None:
    found = options(server.command(settings(MLFLOW_PORT="5001")))
    assert (found["--host"], found["--port"], found["--workers"]) == ("127.0.0.1", "5001", "1")
    assert "--timeout-graceful-shutdown 20" in found["--uvicorn-opts"]
    assert "--cors-allowed-origins" not in found


def test_proxied_artifacts_are_served() -> None:
    command = server.command(settings(ARTIFACTS_URI="s3://artifacts/prefix/"))
    assert "--serve-artifacts" in command
    assert options(command)["--artifacts-destination"] == "s3://artifacts/prefix"
    assert "--default-artifact-root" not in command


def test_direct_artifacts_are_not_served() -> None:
    command = server.command(settings(ARTIFACTS_MODE="direct"))
    assert "--no-serve-artifacts" in command
    assert options(command)["--default-artifact-root"] == "s3://artifacts"
    assert "--artifacts-destination" not in command


def test_browsers_of_the_public_origins_are_accepted() -> None:
    command = server.command(settings(PUBLIC_ORIGINS="https://a.example.com, https://b.example.com"))
    assert options(command)["--cors-allowed-origins"] == "https://a.example.com,https://b.example.com"


@pytest.mark.usefixtures("urls")
def test_the_server_gets_the_url_and_not_the_password() -> None:
    found = server.environment(settings(), {**REQUIRED, "AWS_REGION": "us-west-2", "DO_NOT_TRACK": "no"})
    assert found == {
        "AWS_REGION": "us-west-2",
        "DO_NOT_TRACK": "true",
        "MLFLOW_BACKEND_STORE_URI": "url, hide_password=False",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    assert "s3cret" not in " ".join(server.command(settings()))


def test_only_the_server_has_a_read_timeout(urls: list[dict[str, Any]]) -> None:
    found = settings().database
    database.server_url(found)
    database.migration_url(found)
    assert [url["query"].get("read_timeout") for url in urls] == ["20", None]


def test_the_url_verifies_the_servers_certificate_or_encrypts_nothing(urls: list[dict[str, Any]]) -> None:
    database.server_url(settings().database)
    database.server_url(settings(DATABASE_TLS="off").database)
    verified, off = (url["query"] for url in urls)
    assert verified["ssl_ca"] == str(IMAGE / "rds-global-bundle.pem")
    assert "ssl_disabled" not in verified
    assert off["ssl_disabled"] == "true"
    assert "ssl_ca" not in off


@pytest.mark.parametrize("password", ["".join(map(chr, range(32, 127))), "pä€ß 日本 😀", "\udcff"])
def test_the_driver_sends_the_bytes_of_any_password(urls: list[dict[str, Any]], password: str) -> None:
    database.server_url(settings(DATABASE_PASSWORD=password).database)
    assert urls[0]["password"].encode("latin-1") == password.encode("utf-8", "surrogateescape")  # as PyMySQL does


# waiting for the database


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(database, "time", fake)
    return fake


def answer(monkeypatch: pytest.MonkeyPatch, outcomes: Iterator[Exception | None]) -> None:
    def connect(*_: object, **__: object) -> SimpleNamespace:
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr(pymysql, "connect", connect)


def refused() -> pymysql.OperationalError:
    error = pymysql.OperationalError(2003, "Can't connect to MySQL server on 'db'")
    error.original_exception = ConnectionRefusedError(111, "Connection refused")  # type: ignore[attr-defined]
    return error


def test_waits_for_the_database_and_says_so_every_15_seconds(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, iter([*(refused() for _ in range(20)), None]))
    database.wait_until_reachable(settings().database)
    assert capfd.readouterr().err.splitlines() == [
        *(
            f"entrypoint: waiting for the database at db.example.internal:3306, {left} s more: "
            "[Errno 111] Connection refused"
            for left in (120, 104, 88)
        ),
        "entrypoint: the database answers after 40 s",
    ]
    assert max(clock.pauses) <= 5


@pytest.mark.usefixtures("clock")
def test_a_database_that_is_there_is_not_worth_a_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, iter([None]))
    database.wait_until_reachable(settings().database)
    assert capfd.readouterr().err == ""


def test_gives_up_in_the_end(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    answer(monkeypatch, iter(refused, None))
    with pytest.raises(StartError, match=r"did not answer within 7 s \(DATABASE_WAIT_SECONDS\): .*refused.*security"):
        database.wait_until_reachable(settings(DATABASE_WAIT_SECONDS="7").database)
    assert clock.now == 7


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (pymysql.OperationalError(1044, "Access denied for user to database"), "grant the user rights"),
        (pymysql.OperationalError(1045, "Access denied for user"), "DATABASE_USERNAME or DATABASE_PASSWORD"),
        (pymysql.OperationalError(1049, "Unknown database"), "create the database"),
        (pymysql.OperationalError(1698, "Access denied for user"), "logs in with a password"),
        (pymysql.OperationalError(2026, "SSL is required"), "let the server offer TLS"),
        (pymysql.OperationalError(3159, "insecure transport"), "set DATABASE_TLS to verify"),
    ],
)
def test_refuses_at_once_what_no_waiting_cures(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, error: pymysql.OperationalError, remedy: str
) -> None:
    answer(monkeypatch, iter([error]))
    with pytest.raises(StartError) as refusal:
        database.wait_until_reachable(settings().database)
    assert f"({error.args[0]}): " in str(refusal.value)
    assert remedy in str(refusal.value)
    assert clock.pauses == []


def test_refuses_a_certificate_of_another_ca(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    error = refused()
    error.original_exception = ssl.SSLCertVerificationError("unknown CA")  # type: ignore[attr-defined]
    answer(monkeypatch, iter([error]))
    with pytest.raises(StartError, match=r"unknown CA.*DATABASE_CA_FILE must hold the CA"):
        database.wait_until_reachable(settings().database)
    assert clock.pauses == []


# rights and the schema


class Server:
    """A database that answers each statement of the preflight with an error's number."""

    def __init__(
        self, *, version: str = "8.0.39", read_only: int = 0, answers: Mapping[str, int] | None = None
    ) -> None:
        self.row = (version, read_only)
        self.answers = answers or {}
        self.statements: list[str] = []

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cursor(self) -> Server:
        return self

    def close(self) -> None:
        pass

    def execute(self, statement: str) -> None:
        self.statements.append(statement)
        if "VERSION()" not in statement:
            number = next((code for start, code in self.answers.items() if statement.startswith(start)), 1146)
            raise pymysql.OperationalError(number, "no")

    def fetchone(self) -> tuple[str, int]:
        return self.row


def check(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> Server:
    fake = Server(**answers)
    monkeypatch.setattr(preflight, "connect", lambda *_, **__: fake)
    preflight.check(settings().database)
    return fake


@pytest.mark.parametrize("version", ["8.0.39", "8.4.3", "9.7.0", "10.6.20-MariaDB-log", "11.8.2-MariaDB"])
def test_every_right_is_asked_for(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    fake = check(monkeypatch, version=version)
    assert len(fake.statements) == 1 + 10


@pytest.mark.parametrize("version", ["5.7.44-log", "10.5.27-MariaDB"])
def test_refuses_an_old_server(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    with pytest.raises(StartError, match=f"{version}: MLflow needs"):
        check(monkeypatch, version=version)


def test_refuses_a_reader_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StartError, match=r"read-only: DATABASE_HOST must be the writer's endpoint"):
        check(monkeypatch, read_only=1)


def test_refuses_missing_rights_and_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StartError, match=r"the user 'mlflow' lacks INDEX, TRIGGER on the database 'mlflow'"):
        check(monkeypatch, answers={"CREATE TRIGGER": 1142, "CREATE INDEX": 1142})


def test_refuses_a_binary_log_that_forbids_triggers(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StartError, match=r"log_bin_trust_function_creators is 0; set it to 1 .* parameter group"):
        check(monkeypatch, answers={"CREATE TRIGGER": 1419})


def test_a_lost_connection_says_nothing_about_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pymysql.OperationalError):
        check(monkeypatch, answers={"UPDATE": 2013})


class Utils:
    """MLflow's module of migrations, with the database's revision and what a migration raises."""

    def __init__(self, found: str | None, *, complete: bool = True, error: Exception | None = None) -> None:
        self.found, self.complete, self.error = found, complete, error
        self.calls: list[str] = []

    def _get_schema_version(self, _engine: object) -> str | None:
        return self.found

    def _get_latest_schema_revision(self) -> str:
        return "head"

    def _all_tables_exist(self, _engine: object) -> bool:
        return self.complete

    def _initialize_tables(self, _engine: object) -> None:
        self._work("initialise")

    def _upgrade_db(self, _engine: object) -> None:
        self._work("upgrade")

    def _verify_schema(self, _engine: object) -> None:
        self.calls.append("verify")

    def _work(self, name: str) -> None:
        self.calls.append(name)
        if self.error is not None:
            raise self.error


@pytest.fixture(autouse=True)
def known_revisions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Revisions of the image, and the process's own signal handlers afterwards."""
    monkeypatch.setattr(schema, "_is_known", lambda _utils, revision: revision in {"old", "head"})
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "mlflow.version", SimpleNamespace(VERSION="3.17.2"))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("found", "calls"), [(None, ["initialise", "verify"]), ("old", ["upgrade", "verify"]), ("head", [])]
)
def test_the_schema_becomes_the_images_own(found: str | None, calls: list[str]) -> None:
    utils = Utils(found)
    schema._migrate(utils, object(), settings().database)
    assert utils.calls == calls


def test_refuses_a_schema_that_is_newer_than_the_image() -> None:
    utils = Utils("future")
    with pytest.raises(StartError, match=r"\(revision future\) is newer than this image \(mlflow 3.17.2\): deploy"):
        schema._migrate(utils, object(), settings().database)
    assert utils.calls == []


@pytest.mark.parametrize("found", [None, "old"])
def test_a_failed_migration_is_one_line_without_the_statement(found: str | None) -> None:
    error = RuntimeError("(1050, 'Table exists') [SQL: CREATE TABLE ...] [parameters: ...]")
    error.orig = pymysql.OperationalError(1050, "Table 'secrets' already exists")  # type: ignore[attr-defined]
    with pytest.raises(StartError) as refusal:
        schema._migrate(Utils(found, error=error), object(), settings().database)
    assert "1050, \"Table 'secrets' already exists\"" in str(refusal.value)
    assert "[SQL" not in str(refusal.value)
    assert "half-made" in str(refusal.value)


def test_a_signal_waits_for_the_end_of_the_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    utils = Utils(None)
    monkeypatch.setattr(utils, "_initialize_tables", lambda _engine: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit) as stopped:
        schema._migrate(utils, object(), settings().database)
    assert (stopped.value.code, utils.calls) == (143, ["verify"])


# the program


def test_a_message_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    say("first\nsecond\n")
    assert capfd.readouterr().err == "entrypoint: first second\n"


def start(environ: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, IMAGE / "entrypoint.py"], env=dict(environ), stderr=subprocess.PIPE, text=True
    )


def test_the_program_ends_with_code_1_and_a_line_for_each_problem() -> None:
    with start({"DATABASE_TLS": "off"}) as program:
        _, log = program.communicate(timeout=30)
    assert program.returncode == 1
    assert [line.split(" is ")[0] for line in log.splitlines()] == [f"entrypoint: error: {name}" for name in REQUIRED]


def test_sigterm_ends_the_wait_at_once() -> None:
    with start({**REQUIRED, "DATABASE_HOST": "127.0.0.1", "DATABASE_PORT": "1"}) as program:
        assert program.stderr is not None
        assert "waiting for the database at 127.0.0.1:1" in program.stderr.readline()
        program.send_signal(signal.SIGTERM)
        _, log = program.communicate(timeout=30)
    assert (program.returncode, log) == (143, "entrypoint: stopped by SIGTERM\n")


# the CA bundle


def bundle() -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((IMAGE / "rds-global-bundle.pem").read_bytes())


def test_the_bundle_holds_root_cas_that_are_valid_for_years() -> None:
    assert bundle()
    for certificate in bundle():
        certificate.verify_directly_issued_by(certificate)
        assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert (certificate.not_valid_after_utc - datetime.now(UTC)).days > 365


def test_the_bundle_holds_the_current_cas_of_the_region() -> None:
    names = {
        str(name.value)
        for certificate in bundle()
        for name in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    }
    assert {f"Amazon RDS us-west-2 Root CA {kind} G1" for kind in ("RSA2048", "RSA4096", "ECC384")} <= names

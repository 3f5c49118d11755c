"""The MLflow image alone: its entrypoint on a real database, from the first check of its variables to SIGTERM."""

from __future__ import annotations

import os
import signal
import socket
import string
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import requests

from dataplane.mariadb import MariaDb
from dataplane.process import LOOPBACK, is_listening
from tests.dataplane import servers
from tests.dataplane.servers import (
    OLDER_REVISION,
    Database,
    Server,
    command_line,
    new_database,
    process_1,
    refusals,
    running,
    starting,
    terminate,
)
from tests.terraform.half_applied import descendants
from tests.waiting import PATIENCE_SECONDS, eventually

PASSWORD = f" {string.punctuation}%41 äß€✓😀 "
BUT_NO_TRIGGERS = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, REFERENCES"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow-start")


@pytest.fixture(scope="module")
def ca_file(folder: Path) -> Path:
    return servers.make_certificates(folder / "certificates")


@pytest.fixture(scope="module")
def mariadb(ca_file: Path, folder: Path) -> Iterator[MariaDb]:
    """As RDS is set up: TLS is offered, the binary log is on, and its users may create triggers all the same."""
    tls = [f"--ssl-ca={ca_file}", f"--ssl-cert={ca_file.parent}/server.pem", f"--ssl-key={ca_file.parent}/server.key"]
    binary_log = ["--log-bin", "--server-id=1", "--log-bin-trust-function-creators=1"]
    with MariaDb(folder / "mariadb", options=[*tls, *binary_log]) as mariadb:
        yield mariadb


@pytest.fixture(scope="module")
def plain_mariadb(folder: Path) -> Iterator[MariaDb]:
    """Without TLS."""
    with MariaDb(folder / "plain-mariadb") as mariadb:
        yield mariadb


@pytest.fixture
def database(mariadb: MariaDb) -> Database:
    return new_database(mariadb)


@pytest.fixture(scope="module")
def encrypted(mariadb: MariaDb, ca_file: Path) -> Database:
    """Its user must come by TLS, with a password that is hard to write."""
    return new_database(mariadb, password=PASSWORD, ca_file=ca_file)


@pytest.fixture(scope="module")
def server(encrypted: Database, folder: Path) -> Iterator[Server]:
    with running(encrypted.environment, folder / "server") as server:
        yield server


@pytest.fixture
def untouched() -> Iterator[Mapping[str, str]]:
    """A valid environment, whose database must not see a single connection."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        database = {"DATABASE_HOST": LOOPBACK, "DATABASE_PORT": str(listener.getsockname()[1]), "DATABASE_NAME": "name"}
        login = {"DATABASE_USERNAME": "user", "DATABASE_PASSWORD": "secret", "DATABASE_TLS": "off"}
        yield {**database, **login, "ARTIFACTS_URI": "s3://artifacts"}
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


REQUIRED = ["DATABASE_HOST", "DATABASE_NAME", "DATABASE_USERNAME", "DATABASE_PASSWORD", "ARTIFACTS_URI"]
WRONG = {
    "ARTIFACTS_MODE": "presigned",
    "ARTIFACTS_URI": "/mnt/artifacts",
    "DATABASE_HOST": "https://database.example.com",
    "DATABASE_PORT": "65536",
    "DATABASE_TLS": "on",
    "DATABASE_WAIT_SECONDS": "-1",
    "MLFLOW_PORT": "http",
    "PUBLIC_ORIGINS": "https://*.example.com",
}


@pytest.mark.parametrize(("name", "value"), [*((name, "") for name in REQUIRED), *WRONG.items()])
def test_refuses_a_bad_value_and_shows_it(untouched: Mapping[str, str], tmp_path: Path, name: str, value: str) -> None:
    [said] = refusals({**untouched, name: value}, tmp_path)
    assert said.startswith(f"{name} is {repr(value) if value else 'empty'}: it must be ")


@pytest.mark.parametrize("file", ["/does/not/exist", "/", "/dev/null", "/etc/passwd"])
def test_refuses_a_ca_file_that_it_cannot_use(untouched: Mapping[str, str], tmp_path: Path, file: str) -> None:
    [said] = refusals({**untouched, "DATABASE_TLS": "verify", "DATABASE_CA_FILE": file}, tmp_path)
    assert said.startswith(f"DATABASE_CA_FILE is '{file}': it must be a readable file with at least one CA")


def test_refuses_all_that_is_missing_and_wrong_at_once(untouched: Mapping[str, str], tmp_path: Path) -> None:
    present = {name: value for name, value in untouched.items() if name not in REQUIRED}
    said = refusals({**present, **WRONG}, tmp_path)
    assert {line.split()[0] for line in said} == {*REQUIRED, *WRONG}
    assert len(said) == len({*REQUIRED, *WRONG})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DATABASE_PASSWORD": "wrong"}, ["Access denied", "(1045)", "correct DATABASE_USERNAME or DATABASE_PASSWORD"]),
        ({"DATABASE_USERNAME": "nobody"}, ["Access denied for user 'nobody'"]),
        ({"DATABASE_NAME": "other"}, ["'other'", "(1044)", "correct DATABASE_NAME"]),
    ],
)
def test_refuses_to_wait_when_access_is_denied(
    database: Database, tmp_path: Path, changes: Mapping[str, str], words: list[str]
) -> None:
    [said] = refusals({**database.environment, **changes}, tmp_path)
    assert [word for word in [f"{LOOPBACK}:{database.mariadb.port}", *words] if word not in said] == []
    assert database.tables == []


def test_refuses_to_wait_for_a_database_that_does_not_exist(database: Database, tmp_path: Path) -> None:
    database.mariadb.execute(f"GRANT ALL ON *.* TO '{database.name}'@'%'")  # as RDS's own administrator has
    [said] = refusals({**database.environment, "DATABASE_NAME": "other"}, tmp_path)
    assert "Unknown database 'other' (1049): create the database, or correct DATABASE_NAME" in said


def test_refuses_a_user_who_may_not_create_triggers(mariadb: MariaDb, tmp_path: Path) -> None:
    database = new_database(mariadb, rights=BUT_NO_TRIGGERS)
    [said] = refusals(database.environment, tmp_path)
    assert f"the user '{database.name}' lacks TRIGGER on the database '{database.name}'" in said
    assert database.tables == []


def test_refuses_a_binary_log_that_allows_no_triggers(database: Database, tmp_path: Path) -> None:
    database.mariadb.execute("SET GLOBAL log_bin_trust_function_creators = 0")
    try:
        [said] = refusals(database.environment, tmp_path)
    finally:
        database.mariadb.execute("SET GLOBAL log_bin_trust_function_creators = 1")
    assert "the binary log is on and log_bin_trust_function_creators is 0; set it to 1" in said
    assert database.tables == []


def test_refuses_a_schema_that_is_newer_than_the_image(database: Database, tmp_path: Path) -> None:
    table = f"{database.name}.alembic_version"
    database.mariadb.execute(f"CREATE TABLE {table} SELECT 'ffffffffffff' AS version_num")
    [said] = refusals(database.environment, tmp_path)
    assert f"the schema of the database '{database.name}' (revision ffffffffffff) is newer than this image" in said
    assert database.tables == ["alembic_version"]


def test_refuses_a_server_of_another_ca(encrypted: Database, tmp_path: Path) -> None:
    other = servers.make_certificates(tmp_path / "other")
    [said] = refusals({**encrypted.environment, "DATABASE_CA_FILE": str(other)}, tmp_path)
    assert "certificate verify failed" in said
    assert "DATABASE_CA_FILE must hold the CA of the server" in said


def test_refuses_a_certificate_for_another_name(encrypted: Database, tmp_path: Path) -> None:
    [said] = refusals({**encrypted.environment, "DATABASE_HOST": "localhost"}, tmp_path)
    assert "certificate is not valid for 'localhost'" in said


def test_refuses_a_server_without_tls(plain_mariadb: MariaDb, ca_file: Path, tmp_path: Path) -> None:
    environment = new_database(plain_mariadb).environment
    [said] = refusals({**environment, "DATABASE_TLS": "verify", "DATABASE_CA_FILE": str(ca_file)}, tmp_path)
    assert "let the server offer TLS, or set DATABASE_TLS to off" in said


def test_six_servers_at_once_on_an_empty_database_become_healthy_each_time(mariadb: MariaDb, tmp_path: Path) -> None:
    for attempt in range(3):
        environment = new_database(mariadb).environment
        with ExitStack() as stack:
            six = [stack.enter_context(starting(environment, tmp_path / f"{attempt}-{n}")) for n in range(6)]
            for server in six:
                server.wait_until_healthy()
            assert [one.get("experiments/get", experiment_id="0").status_code for one in six] == [200] * 6
            assert [one.process.exit_code for one in six] == [None] * 6
        assert sum("creating the schema" in one.output for one in six) == 1
        assert sum("the schema is up to date" in one.output for one in six) == 5


def test_upgrades_an_older_schema_and_keeps_what_is_in_it(database: Database, tmp_path: Path) -> None:
    database.make_older_schema(experiment="kept")
    with running(database.environment, tmp_path) as server:
        assert f"upgrading the schema: {OLDER_REVISION} to {database.revision}" in server.output
        found = server.get("experiments/get-by-name", experiment_name="kept").json()["experiment"]
        assert (found["experiment_id"], found["artifact_location"]) == ("1", "s3://artifacts/1")


def test_waits_for_a_database_that_is_down(plain_mariadb: MariaDb, tmp_path: Path) -> None:
    environment = new_database(plain_mariadb).environment
    plain_mariadb.stop()
    with starting(environment, tmp_path) as server:
        server.wait_until_it_says(f"waiting for the database at {LOOPBACK}:{plain_mariadb.port}")
        plain_mariadb.start()
        server.wait_until_healthy()
    assert "the database answers after" in server.output


@pytest.mark.parametrize("hangs", [False, True])
def test_waits_no_longer_than_it_is_told(untouched: Mapping[str, str], tmp_path: Path, hangs: bool) -> None:
    with socket.socket() as silent:
        silent.bind((LOOPBACK, 0))
        if hangs:
            silent.listen()
        port = str(silent.getsockname()[1])
        environment = {**untouched, "DATABASE_PORT": port, "DATABASE_WAIT_SECONDS": "1"}
        with starting(environment, tmp_path) as server:
            assert server.process.wait(seconds=PATIENCE_SECONDS) == 1
    last = server.output.splitlines()[-1]
    assert f"the database at {LOOPBACK}:{port} did not answer within 1 s (DATABASE_WAIT_SECONDS): " in last


def test_sessions_are_encrypted(encrypted: Database, server: Server, tmp_path: Path) -> None:
    assert server.get("experiments/get", experiment_id="0").status_code == 200
    [said] = refusals({**encrypted.environment, "DATABASE_TLS": "off"}, tmp_path)
    assert "Access denied" in said, "the database lets this user in without TLS"


def test_a_password_of_special_characters_logs_in(encrypted: Database, server: Server) -> None:
    assert server.post("experiments/create", name="größer ✓").status_code == 200
    assert "größer ✓" in encrypted.experiments


def test_starts_with_a_binary_log_that_allows_triggers(mariadb: MariaDb, server: Server) -> None:
    assert server.process.exit_code is None
    assert mariadb.execute("SELECT @@log_bin, @@log_bin_trust_function_creators") == [(1, 1)]


def test_the_password_is_neither_on_a_command_line_nor_in_the_log(server: Server) -> None:
    shown = "\n".join([server.output, *map(command_line, descendants(server.process.pid))])
    for written in (PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), quote_plus(PASSWORD), string.punctuation):
        assert written.strip() not in shown


def test_the_server_has_none_of_the_entrypoints_variables(server: Server) -> None:
    names = {name for pid in descendants(server.process.pid) for name in servers.variables_of(pid)}
    assert "MLFLOW_BACKEND_STORE_URI" in names
    assert {name for name in names if name.startswith(("DATABASE_", "ARTIFACTS_"))} == set()


def test_it_listens_on_loopback_only(server: Server) -> None:
    assert servers.listening(descendants(server.process.pid)) == {f"0100007F:{server.port:04X}"}


def test_it_has_two_processes(server: Server) -> None:
    """MLflow and uvicorn; with job execution there would be eight more."""
    commands = list(map(command_line, descendants(server.process.pid)))
    assert ["serve.py server" in commands[0], "-m uvicorn" in commands[1], len(commands)] == [True, True, 2]


def test_direct_mode_leaves_artifacts_to_s3_and_its_clients(database: Database, tmp_path: Path) -> None:
    with running({**database.environment, "ARTIFACTS_MODE": "direct"}, tmp_path) as server:
        experiment = server.post("experiments/create", name="direct").json()["experiment_id"]
        found = server.get("experiments/get", experiment_id=experiment).json()["experiment"]
        assert found["artifact_location"] == f"s3://artifacts/{experiment}"
        artifact = f"{server.url}/api/2.0/mlflow-artifacts/artifacts/{experiment}/file"
        assert requests.put(artifact, data=b"x", timeout=PATIENCE_SECONDS).status_code == 503
        assert requests.get(artifact, timeout=PATIENCE_SECONDS).status_code == 503


def test_sigterm_ends_the_wait_for_the_database(untouched: Mapping[str, str], tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind((LOOPBACK, 0))
        environment = {**untouched, "DATABASE_PORT": str(closed.getsockname()[1])}
        with starting(environment, tmp_path, as_process_1=True) as server:
            server.wait_until_it_says("waiting for the database")
            assert terminate(server) == 128 + signal.SIGTERM
    assert server.output.endswith("entrypoint: stopped by SIGTERM\n")


def test_sigterm_lets_a_migration_finish(database: Database, tmp_path: Path) -> None:
    database.make_older_schema(experiment="kept")
    with starting(database.environment, tmp_path, as_process_1=True) as server:
        with closing(database.connect()) as other, other.cursor() as cursor:
            cursor.execute("LOCK TABLES experiments WRITE")
            eventually(database.is_waited_for, "the migration is under way")
            half_way = database.revision
            os.kill(process_1(server), signal.SIGTERM)
            server.wait_until_it_says("SIGTERM: finishing the migration first")
        assert server.process.wait(seconds=PATIENCE_SECONDS) == 128 + signal.SIGTERM
    assert f"upgrading the schema: {OLDER_REVISION} to {database.revision}" in server.output
    assert database.revision != half_way


def test_sigterm_ends_a_server_that_still_loads(encrypted: Database, server: Server, tmp_path: Path) -> None:
    assert server.process.exit_code is None  # so the schema is there
    with starting(encrypted.environment, tmp_path, as_process_1=True) as loading:
        pid = process_1(loading)
        eventually(lambda: "serve.py" in command_line(pid) and servers.handles(pid, signal.SIGTERM), "the server loads")
        assert terminate(loading) == 128 + signal.SIGTERM


def test_sigterm_lets_a_request_in_flight_finish(database: Database, tmp_path: Path) -> None:
    with running(database.environment, tmp_path, as_process_1=True) as server, ThreadPoolExecutor() as pool:
        with closing(database.connect()) as other, other.cursor() as cursor:
            cursor.execute("LOCK TABLES experiments WRITE")
            request = pool.submit(server.post, "experiments/create", name="in flight")
            eventually(database.is_waited_for, "the request is in the database")
            os.kill(process_1(server), signal.SIGTERM)
            eventually(lambda: not is_listening(server.port), "MLflow takes no new connections")
            assert not request.done()
        assert request.result(PATIENCE_SECONDS).status_code == 200
        assert server.process.wait(seconds=PATIENCE_SECONDS) == 0
    assert database.experiments == ["Default", "in flight"]

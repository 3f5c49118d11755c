"""What MLflow's migrations need of the database, asked before a table is touched: a failed migration has no undo."""

from __future__ import annotations

import re
from contextlib import closing

import pymysql
from pymysql.constants import ER

from .configuration import DatabaseSettings
from .database import connect
from .messages import StartError

_READ_SECONDS = 20
# The server checks the rights before it looks for the table, so these statements change nothing and still tell: denied,
# or no such table. That holds for roles and wildcards as well, which the text of SHOW GRANTS does not resolve.
_STATEMENTS = {
    "SELECT": "SELECT 1 FROM no_such_table",
    "INSERT": "INSERT INTO no_such_table VALUES (1)",
    "UPDATE": "UPDATE no_such_table SET a = 1",
    "DELETE": "DELETE FROM no_such_table",
    "CREATE": "CREATE TABLE no_such_copy LIKE no_such_table",
    "ALTER": "ALTER TABLE no_such_table ADD a INT",
    "INDEX": "CREATE INDEX a ON no_such_table (a)",
    "DROP": "DROP TABLE no_such_table",
    # Refused in any case, for its two columns of one name. MariaDB does not ask for this right.
    "REFERENCES": "CREATE TABLE no_such_copy (a INT, a INT, FOREIGN KEY (a) REFERENCES no_such_table (a))",
    "TRIGGER": "CREATE TRIGGER no_such BEFORE UPDATE ON no_such_table FOR EACH ROW SET @a = 1",
}
_DENIED = {ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR}
_EXPECTED = {ER.NO_SUCH_TABLE, ER.BAD_TABLE_ERROR, ER.DUP_FIELDNAME}
_OLDEST = {"MySQL": (8, 0), "MariaDB": (10, 6)}


def check(database: DatabaseSettings) -> None:
    """Raise a ``StartError`` with all that would break a migration: version, read-only, binary log, missing rights."""
    with closing(connect(database, read_seconds=_READ_SECONDS)) as connection, connection.cursor() as cursor:
        _check_server(cursor, database)
        answers = {right: _answer(cursor, statement) for right, statement in _STATEMENTS.items()}
    problems = []
    lacking = [right for right, answer in answers.items() if answer in _DENIED]
    if lacking:
        problems.append(
            f"the user {database.username!r} lacks {', '.join(lacking)} on the database {database.name!r}: "
            "MLflow's migrations need them; grant them and start again"
        )
    if answers["TRIGGER"] == ER.BINLOG_CREATE_ROUTINE_NEED_SUPER:
        problems.append(
            "MLflow's migrations create triggers, which the server refuses: the binary log is on and "
            "log_bin_trust_function_creators is 0; set it to 1 in the database's (cluster) parameter group"
        )
    if problems:
        raise StartError(*problems)


def _check_server(cursor: pymysql.cursors.Cursor, database: DatabaseSettings) -> None:
    cursor.execute("SELECT VERSION(), @@read_only OR @@innodb_read_only")
    row = cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    version, read_only = row
    product = "MariaDB" if "MariaDB" in version else "MySQL"
    oldest = _OLDEST[product]
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < oldest:
        wanted = ".".join(map(str, oldest))
        raise StartError(f"the database at {database.address} is {product} {version}: MLflow needs {wanted} or newer")
    if read_only:
        raise StartError(
            f"the database at {database.address} is read-only: DATABASE_HOST must be the writer's endpoint, "
            "such as the cluster endpoint of Aurora"
        )


def _answer(cursor: pymysql.cursors.Cursor, statement: str) -> int:
    """The number of the error that the server answers with; one that says nothing about rights is raised."""
    try:
        cursor.execute(statement)
    except pymysql.MySQLError as error:
        code = int(error.args[0])
        if code in _DENIED | _EXPECTED | {ER.BINLOG_CREATE_ROUTINE_NEED_SUPER}:
            return code
        raise
    raise AssertionError(f"the server accepted: {statement}")

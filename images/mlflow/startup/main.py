"""The order of the start: nothing is touched before the environment is valid, no table before the rights are known."""

from __future__ import annotations

import os
import sys

import pymysql

from . import configuration, preflight, schema, server, signals
from .database import describe, wait_until_reachable
from .messages import StartError, say


def main() -> None:
    """Start MLflow's server in place of this process, or say in clear lines why not and exit with code 1."""
    signals.exit_on_termination()
    try:
        _start()
    except StartError as error:
        for problem in error.problems:
            say(f"error: {problem}")
        sys.exit(1)


def _start() -> None:
    settings = configuration.read(os.environ)
    os.environ.update(server.SWITCHED_OFF)  # for telemetry it is enough that the migrations import MLflow
    try:
        wait_until_reachable(settings.database)
        preflight.check(settings.database)
        schema.bring_up_to_date(settings.database)
    except pymysql.MySQLError as error:
        raise StartError(f"the database at {settings.database.address} failed: {describe(error)}") from error
    server.replace_this_process(settings)

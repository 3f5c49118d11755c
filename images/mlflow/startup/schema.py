"""MLflow's tables: created or upgraded by MLflow's own migrations, by one server at a time."""

from __future__ import annotations

from typing import Any

from . import signals
from .configuration import DatabaseSettings
from .database import migration_url, schema_lock
from .messages import StartError, say


def bring_up_to_date(database: DatabaseSettings) -> None:
    """Give the database the schema of this image's MLflow.

    Servers that start at the same instant on an empty database would break each other's schema (MLflow has no lock of
    its own on MySQL), and the server itself does not upgrade an older one.
    """
    from mlflow.store.db import utils  # seconds to import: not before the environment and the database are known good

    engine = utils.create_sqlalchemy_engine(migration_url(database))
    try:
        with schema_lock(database):
            _migrate(utils, engine, database)
    finally:
        engine.dispose()


def _migrate(utils: Any, engine: Any, database: DatabaseSettings) -> None:
    found, wanted = utils._get_schema_version(engine), utils._get_latest_schema_revision()
    if found == wanted and utils._all_tables_exist(engine):
        say(f"the schema is up to date (revision {found})")
        return
    if found is not None and not _is_known(utils, found):
        raise StartError(_newer(database, found))
    say(f"creating the schema (revision {wanted})" if found is None else f"upgrading the schema: {found} to {wanted}")
    # MySQL commits every change of a table at once, so a migration that is cut off leaves a schema between two
    # revisions, which no later migration can repair. ECS waits 30 seconds before it kills; most migrations are shorter.
    with signals.postponed("the migration"):
        try:
            (utils._initialize_tables if found is None else utils._upgrade_db)(engine)
            utils._verify_schema(engine)
        except Exception as error:  # whatever a migration raises, the log gets one line
            raise StartError(_failed(database, found, wanted, error)) from error
    say("the schema is ready")


def _is_known(utils: Any, revision: str) -> bool:
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    try:
        ScriptDirectory.from_config(utils._get_alembic_config("")).get_revision(revision)
    except CommandError:
        return False
    return True


def _newer(database: DatabaseSettings, revision: str) -> str:
    from mlflow.version import VERSION

    return (
        f"the schema of the database {database.name!r} (revision {revision}) is newer than this image "
        f"(mlflow {VERSION}): deploy the newer image, or restore a snapshot from before its migration"
    )


def _failed(database: DatabaseSettings, found: str | None, wanted: str, error: Exception) -> str:
    cause = getattr(error, "orig", None) or error  # the driver's error, without SQLAlchemy's copy of the statement
    return (
        f"the migration of the database {database.name!r} from revision {found or 'none'} to {wanted} failed: {cause}. "
        "Its schema is half-made now, by this attempt or an earlier one: restore a snapshot, or drop and create the "
        "database if it holds nothing yet"
    )

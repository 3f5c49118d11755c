"""Finds the file of an environment, reads it and checks it."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from errors import UserError
from settings.environment import Settings
from settings.mistakes import complaints
from settings.tfvars import HclSyntaxError, Tfvars, Unreadable, hcl, parse

ENVIRONMENTS = Path(__file__).resolve().parents[1] / "environments"

_NO_ENVIRONMENT = 'write dev.tfvars there, with project = "mlflow" in it'


def environment_names(directory: Path = ENVIRONMENTS) -> list[str]:
    """The environments that *directory* has a file for, sorted."""
    return sorted(path.stem for path in directory.glob("*.tfvars") if not path.name.startswith("."))


def load_selected(selection: str | None, *, directory: Path = ENVIRONMENTS) -> tuple[Settings, ...]:
    """The environments that ENV asks for: one name, "all" for every file, nothing for "dev"."""
    if selection != "all":
        return (load(selection or "dev", directory=directory),)
    loaded, refusals = [], []
    for name in environment_names(directory):
        try:
            loaded.append(load(name, directory=directory))
        except UserError as error:
            refusals.append(str(error))
    if refusals:
        raise UserError("\n".join(refusals))
    if not loaded:
        raise UserError(f'ENV = "all": {_shown(directory)} has no environment; {_NO_ENVIRONMENT}')
    return tuple(loaded)


def load(environment: str, *, directory: Path = ENVIRONMENTS) -> Settings:
    """Read and check ``<directory>/<environment>.tfvars``; ``UserError`` lists every mistake in it."""
    path = directory / f"{environment}.tfvars"
    names = environment_names(directory)
    if environment not in names:  # also keeps "../x" out
        remedy = f"set ENV to one of: {', '.join(names)}" if names else _NO_ENVIRONMENT
        raise UserError(f"ENV = {hcl(environment)}: {_shown(directory)} has no such file; {remedy}")
    file = _read(path)
    try:
        settings, errors = Settings.model_validate(file.values | {"environment": environment}), []
    except ValidationError as error:
        settings, errors = None, error.errors()
    if settings is None or file.mistakes:
        raise UserError("\n".join(complaints(_shown(path), file, errors)))
    return settings


def _read(path: Path) -> Tfvars:
    try:
        file = parse(path.read_text(encoding="utf-8-sig"))
    except HclSyntaxError as error:
        raise UserError(f"{_shown(path)}:{error.line}:{error.column}: {error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{_shown(path)}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise UserError(f"{_shown(path)}: cannot be read ({error.strerror}); put a readable file there") from None
    if "environment" in file.values:
        source = hcl(file.values.pop("environment"))
        file.mistakes[("environment",)] = Unreadable(source, "this is the file's name; remove the key")
    return file


def _shown(path: Path) -> str:
    """*path* as seen from the working directory."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)

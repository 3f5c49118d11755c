"""Synthesises the platform: one settings file per environment in, Terraform JSON out.

``python main.py`` takes the environment from the variable ENV (default dev, ``all`` for every one) and writes to
CDKTF_OUTDIR or cdktf.out, as the cdktf CLI expects it.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import settings as settings_files
from errors import UserError, exit_on_user_error
from settings import Settings

if TYPE_CHECKING:
    from cdktf import App

# The stacks, and CDKTF after them, are imported where they are used: that starts Node, which a mistake in the settings
# must not wait for.


def build_app(environments: Sequence[Settings], outdir: Path) -> App:
    """The platform's stacks of all *environments*."""
    from stacks.ci_boundary import bound_roles
    from stacks.http_api_gateway import HttpApiGatewayStack
    from stacks.mlflow_vpclink import MlflowVpclinkStack
    from stacks.sagemaker_notebook import SagemakerNotebookStack

    app = _app(outdir)
    for settings in environments:
        platform = MlflowVpclinkStack(app, settings=settings)
        gateway = HttpApiGatewayStack(app, settings=settings, platform=platform)
        notebook = SagemakerNotebookStack(app, settings=settings, platform=platform, gateway=gateway)
        for stack in (platform, gateway, notebook):
            bound_roles(stack, settings)
    return app


def build_state_backend_app(settings: Settings, outdir: Path, *, local_state: bool) -> App:
    """The bucket and lock table that the other stacks' states need before any of them can be initialised."""
    from stacks.state_backend import StateBackendStack

    app = _app(outdir)
    StateBackendStack(app, settings=settings, local_state=local_state)
    return app


def build_ci_roles_app(settings: Settings, outdir: Path) -> App:
    """The roles of a continuous integration; raises ``UserError`` where the settings name none."""
    if settings.ci is None:
        raise UserError(
            f"environments/{settings.environment}.tfvars: ci is not set, so nobody is named who may plan and deploy. "
            'Set ci = { repository = "owner/name" }.'
        )
    from stacks.ci_roles import CiRolesStack

    app = _app(outdir)
    CiRolesStack(app, settings=settings, ci=settings.ci)
    return app


def synthesise(environments: Sequence[Settings], outdir: Path) -> None:
    """Write the platform's stacks of all *environments* below *outdir*."""
    with _collector_paused():
        build_app(environments, outdir).synth()


def synthesise_state_backend(settings: Settings, outdir: Path, *, local_state: bool) -> None:
    """Write the state backend's stack below *outdir*."""
    with _collector_paused():
        build_state_backend_app(settings, outdir, local_state=local_state).synth()


def synthesise_ci_roles(settings: Settings, outdir: Path) -> None:
    """Write the stack of the continuous integration's roles below *outdir*; raises as ``build_ci_roles_app`` does."""
    with _collector_paused():
        build_ci_roles_app(settings, outdir).synth()


def main() -> None:
    """Synthesise what ENV names."""
    synthesise(settings_files.load_selected(os.environ.get("ENV")), Path(os.environ.get("CDKTF_OUTDIR", "cdktf.out")))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A synthesis makes many objects and drops hardly any: looking for garbage meanwhile only takes time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _app(outdir: Path) -> App:
    from cdktf import App

    outdir.mkdir(parents=True, exist_ok=True)  # CDKTF makes only the last folder
    return App(outdir=str(outdir))


if __name__ == "__main__":
    exit_on_user_error(main)

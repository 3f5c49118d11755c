"""Makes the roles with which a continuous integration plans and deploys; an administrator runs it.

Idempotent: it plans, asks, and applies; a second run finds nothing to do. It is run again when `ci`, `tags` or what
else the roles depend on has changed in the settings, and after an update of this project.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from deployment import preflight
from deployment.lifecycle import Lifecycle, StackPlan, load_stacks
from deployment.progress import Display
from errors import UserError

if TYPE_CHECKING:
    from settings import Settings

_PROVIDER = "aws_iam_openid_connect_provider."


def ci_roles(
    settings: Settings,
    outdir: Path,
    display: Display,
    approve: Callable[[StackPlan], bool],
    *,
    neighbours: Iterable[Settings] = (),
) -> dict[str, str]:
    """Bring the roles of one environment to what its settings say, and return the outputs of their stack.

    *outdir* is where it is synthesised, *neighbours* are the other environments. Raises ``UserError`` without ``ci`` in
    the settings, without a state backend, and where the roles would reach into a neighbour.
    """
    import main  # here, because it starts Node

    main.synthesise_ci_roles(settings, outdir)
    _refuse_to_reach(settings, neighbours)
    account = preflight.check(settings)
    stacks = load_stacks(outdir, [settings.environment])
    lifecycle = Lifecycle(stacks, display)
    try:
        lifecycle.deploy(approve)
    except UserError as error:
        raise _explained(error, settings, account) from error
    outputs = {name: str(output.value) for name, output in lifecycle.outputs()[stacks[0].name].items()}
    for name, value in outputs.items():
        display.say(f"{settings.environment}: {name} = {value}")
    return outputs


def _refuse_to_reach(settings: Settings, neighbours: Iterable[Settings]) -> None:
    """Names are what most permissions go by, so that of one environment must not begin that of another."""
    for other in neighbours:
        apart = None not in (settings.account_id, other.account_id) and settings.account_id != other.account_id
        if other.name_prefix.startswith(f"{settings.name_prefix}-") and not apart:
            raise UserError(
                f"the roles of {settings.environment} would reach into {other.environment}: they go by names, and "
                f"those of {other.environment} begin with {settings.name_prefix}- as well. Rename one of the two, or "
                "set account_id in both if they are in different accounts."
            )


def _explained(error: UserError, settings: Settings, account: str) -> UserError:
    text = str(error)
    if settings.ci is None or _PROVIDER not in text or not re.search(r"already ?exists", text, flags=re.IGNORECASE):
        return error
    provider = settings.ci.issuer.removeprefix("https://").rstrip("/")
    return UserError(
        f"the account has an OIDC provider for {settings.ci.issuer} already, and can have one only. Take that: set "
        f'ci.oidc_provider_arn = "arn:aws:iam::{account}:oidc-provider/{provider}" in '
        f"environments/{settings.environment}.tfvars, and run `make ci-roles` again."
    )

"""``make smoke``: whether a deployed platform does what its users need, and refuses everybody else."""

from __future__ import annotations

from collections.abc import Sequence

from client.checks import Checks
from client.identity import Identity
from client.results import Result, perform
from client.sdk import STEPS, run_sdk
from client.target import Target
from deployment.progress import Display

HEALTH = "health"
NO_CREDENTIALS = "refuses no credentials"
WRONG_CREDENTIALS = "refuses wrong credentials"
REFUSALS = "refuses anybody"
LOGIN_PAGE = "login page"
UI = "UI"


def run(target: Target, identity: Identity, display: Display) -> Sequence[Result]:
    """Do every step and return what came of each; what it makes in MLflow is deleted again, whatever happens.

    Where the endpoint does not answer, nothing else is tried: a refusal would then prove nothing.
    """
    checks = Checks(target, identity)
    results = [perform(target.name, HEALTH, checks.health, display)]
    refusals = [(NO_CREDENTIALS, checks.refuses_nobody), (WRONG_CREDENTIALS, checks.refuses_impostors)]
    pages = [(LOGIN_PAGE, checks.login_page)] if target.has_login_page else []
    pages.append((UI, checks.ui))
    if results[0].outcome != "ok":
        left = [name for name, _ in refusals] + [*STEPS] + [name for name, _ in pages]
        return [*results, *(Result(name, "not run") for name in left)]
    if target.access == "none":
        results.append(Result(REFUSALS, "not run", detail="open to everybody, as the settings say"))
    else:
        results += [perform(target.name, name, check, display) for name, check in refusals]
    results += run_sdk(target, identity, display)
    return [*results, *(perform(target.name, name, check, display) for name, check in pages)]

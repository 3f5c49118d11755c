"""``make review``: plans every stack of the environments that ENV selects, and reports on it.

For each environment it writes review.md, review.html and review.json. The exit code is 2 for a plan that is dangerous,
and with --drift for an account that was changed by somebody else; it is 0 for every other plan.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

import cost
import main as app
import pictures
import settings as settings_files
from cost.infracost import InfracostFigure, infracost_figure
from deployment import preflight
from deployment.lifecycle import Lifecycle, load_stacks
from deployment.progress import Display
from deployment.toolchain import ROOT, find_terraform
from errors import UserError, exit_on_user_error
from pictures.model import Mark
from review.base import Base, SettingChange, settings_changes, taken_out
from review.checks.allowances import read_allowances
from review.model import Action, Change, Review, Verdict
from review.plan import digest, resources, review_plans
from review.planning import Planned, configurations_of, plan_deployment, plan_destruction, read_plans
from review.report.html import to_html
from review.report.markdown import to_markdown
from review.report.terminal import to_terminal
from settings import Settings

OUTDIR = ROOT / "cdktf.out"
ALLOWED = ROOT / "environments" / "allowed.toml"
DANGEROUS = 2
"""The exit code that says no, as Terraform's ``-detailed-exitcode`` has it; 1 is an error."""

_MARKS = {Action.CREATE: Mark.ADDED, Action.DELETE: Mark.REMOVED, Action.FORGET: Mark.REMOVED}


def main(arguments: list[str] | None = None) -> None:
    """Review what ENV selects, and raise ``SystemExit`` with the code; ``UserError`` for what the user can mend."""
    options = _parse(arguments)
    display = Display(Console(highlight=False))
    environments = settings_files.load_selected(os.environ.get("ENV"))
    if options.expect and len(environments) > 1:
        raise UserError(f"--expect is the digest of one environment, and ENV names {len(environments)}: choose one.")
    if not options.plan:
        find_terraform()
        for settings in environments:
            preflight.check(settings)
    with display.step(", ".join(settings.environment for settings in environments), "synth"):
        app.synthesise(environments, OUTDIR)
    with ExitStack() as stack:
        base = stack.enter_context(taken_out(options.base)) if options.base else None
        reviews = [review(settings, display, options, base) for settings in environments]
    for one in reviews:
        write(one, options.out / one.environment)
        to_terminal(one, display.console)
        display.say(f"  {options.out / one.environment / 'review.html'}, review.md, review.json")
    _end(reviews, options)


def review(settings: Settings, display: Display, options: argparse.Namespace, base: Base | None = None) -> Review:
    """One environment's review; its stacks are synthesised already."""
    lifecycle = Lifecycle(load_stacks(OUTDIR, [settings.environment]), display)
    if options.plan:
        planned = read_plans(options.plan, lifecycle.stacks)
    elif options.destroy:
        planned = plan_destruction(lifecycle, display)
    else:
        planned = plan_deployment(lifecycle)
    before = _plan_base(base, settings.environment, display, options)
    with display.step(settings.environment, "review"):
        return assemble(settings, planned, base=base, before=before)


def assemble(
    settings: Settings, planned: Planned, *, base: Base | None = None, before: Planned | None = None
) -> Review:
    """Put the review of one environment together from its plans, and the plans of its base."""
    plan = review_plans(
        planned.plans,
        planned.configurations,
        before=before.configurations if before else None,
        base_plans=before.plans if before else None,
        allowances=read_allowances(ALLOWED, settings.environment),
        today=datetime.now(UTC).date(),
    )
    return Review(
        environment=settings.environment,
        region=settings.region,
        plan=plan,
        base=base.name if base else None,
        unplanned=planned.unplanned,
        settings_changes=_settings_changes(settings, base) if base else (),
        cost=_cost(settings, planned),
        infracost=_infracost(planned),
        picture=pictures.marked(
            planned.configurations, dict(_marks(plan.changes)), before.configurations if before else None
        ),
        digest=digest(plan),
    )


def write(review: Review, folder: Path) -> None:
    """Write the report to *folder*, in all its forms."""
    folder.mkdir(parents=True, exist_ok=True)
    generated = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    (folder / "review.md").write_text(to_markdown(review), encoding="utf-8")
    (folder / "review.html").write_text(to_html(review, generated=generated), encoding="utf-8")
    summary = {"environment": review.environment, "verdict": str(review.verdict), "digest": review.digest}
    (folder / "review.json").write_text(json.dumps(summary) + "\n", encoding="utf-8")


def _plan_base(base: Base | None, environment: str, display: Display, options: argparse.Namespace) -> Planned | None:
    """The base's stacks, and its plans unless the plans came from elsewhere; None where it has no such environment."""
    if base is None or not base.has(environment):
        return None
    lifecycle = base.synthesise(environment, display)
    if options.plan or options.destroy:
        return Planned(configurations_of(lifecycle.stacks))
    return plan_deployment(lifecycle)


def _settings_changes(settings: Settings, base: Base) -> tuple[SettingChange, ...]:
    after = settings_files.ENVIRONMENTS / f"{settings.environment}.tfvars"
    return settings_changes(base.settings_file(settings.environment), after)


def _cost(settings: Settings, planned: Planned) -> cost.Comparison:
    """By the plans; a stack that cannot be planned yet is taken as it is synthesised."""
    before: list[cost.Resource] = []
    after: list[cost.Resource] = []
    for stack, plan in planned.plans.items():
        old, new = resources(plan, stack)
        before += old
        after += cost.completed(new, planned.configurations)
    for unplanned in planned.unplanned:
        if unplanned.waits_for:  # else its plan was not given, and nobody knows what it would change
            after += cost.resources_of(unplanned.stack, planned.configurations[unplanned.stack])
    return cost.compare(
        *(cost.estimate(side, region=settings.region, usage=settings.usage) for side in (before, after))
    )


def _infracost(planned: Planned) -> InfracostFigure | None:
    with tempfile.TemporaryDirectory(prefix="review-plans-") as folder:
        files = {stack: Path(folder, f"{stack}.json") for stack in planned.plans}
        for stack, file in files.items():
            file.write_text(json.dumps(planned.plans[stack]), encoding="utf-8")
        return infracost_figure(files)


def _marks(changes: tuple[Change, ...]) -> Iterator[tuple[str, Mark]]:
    for change in changes:
        yield str(change.address), _MARKS.get(change.action, Mark.CHANGED)


def _end(reviews: list[Review], options: argparse.Namespace) -> None:
    """Raise what the exit code follows from."""
    for review in reviews:
        if options.expect and review.digest != options.expect:
            raise UserError(
                f"{review.environment}: this is not the plan that was approved: its digest is {review.digest}, and "
                f"{options.expect} was expected. Something has changed since: review it again."
            )
    if options.drift:
        raise SystemExit(DANGEROUS if any(review.plan.drift for review in reviews) else 0)
    raise SystemExit(DANGEROUS if any(review.verdict is Verdict.DANGEROUS for review in reviews) else 0)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m review",
        description=__doc__,
        epilog="The variable ENV chooses the environment: a name from environments/, dev by default, or all.",
    )
    parser.add_argument("--base", metavar="REF", help="the branch or commit that the pull request goes to")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--destroy", action="store_true", help="review what `make destroy` would do")
    what.add_argument("--drift", action="store_true", help="exit with 2 if the account was changed by somebody else")
    what.add_argument(
        "--plan",
        metavar="STACK=FILE",
        action="append",
        type=_plan_file,
        help="take this plan, made by `terraform show -json`, instead of making one; needs no AWS credentials",
    )
    parser.add_argument("--expect", metavar="DIGEST", help="refuse any plan but the one with this digest")
    parser.add_argument("--out", metavar="FOLDER", type=Path, default=OUTDIR / "review", help="where the report goes")
    options = parser.parse_args(arguments)
    options.plan = dict(options.plan or ())
    return options


def _plan_file(text: str) -> tuple[str, Path]:
    stack, equals, file = text.partition("=")
    if not (stack and equals and file):
        raise argparse.ArgumentTypeError(f"{text!r} is not STACK=FILE, such as dev-mlflow-vpclink=plan.json")
    return stack, Path(file)


if __name__ == "__main__":
    exit_on_user_error(main)

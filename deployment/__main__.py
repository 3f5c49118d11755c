"""``python -m deployment``: synthesise, bootstrap, plan, deploy, destroy and read the environments that ENV selects.

``images`` builds what a deployment would publish, and no more; ``ci-roles`` is for those who automate the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rich.console import Console

from deployment import preflight
from deployment.bootstrap import bootstrap
from deployment.ci_roles import ci_roles
from deployment.hcl import write_hcl
from deployment.lifecycle import Lifecycle, StackPlan, load_stacks
from deployment.progress import Display, clock_text
from deployment.terraform import Output
from deployment.toolchain import ROOT, find_terraform
from errors import UserError, exit_on_user_error
from images.engine import find_engine
from images.publish import build_image

if TYPE_CHECKING:
    from settings import Settings

OUTDIR = ROOT / "cdktf.out"

Environments = tuple["Settings", ...]


def main(arguments: list[str] | None = None) -> None:
    """Run one command; raises ``UserError`` for whatever the user can mend."""
    options = _parse(arguments)
    if not (options.yes or sys.stdin.isatty()):
        raise UserError(
            f"{options.command} asks before it acts, and there is no terminal to ask on. "
            "Say yes beforehand with --yes or APPROVE=1."
        )
    import settings

    environments = settings.load_selected(os.environ.get("ENV"))
    # Where JSON is asked for, nothing else may be on standard output.
    display = Display(Console(stderr=options.json, highlight=False))
    options.run(environments, display, options)


def _synth(environments: Environments, display: Display, _options: argparse.Namespace) -> None:
    """write the Terraform JSON of every stack to cdktf.out; needs no AWS credentials"""
    import main as app  # here, because it starts Node

    with display.step(", ".join(environment.environment for environment in environments), "synth") as step:
        app.synthesise(environments, OUTDIR)
        step.result = f"{len(load_stacks(OUTDIR))} stacks in {OUTDIR}"


def _hcl(environments: Environments, display: Display, options: argparse.Namespace) -> None:
    """write the Terraform HCL of every stack to cdktf.out/hcl, for those without Python; needs no AWS credentials"""
    find_terraform()
    _synth(environments, display, options)
    write_hcl(load_stacks(OUTDIR), OUTDIR / "hcl", display)


def _bootstrap(environments: Environments, display: Display, options: argparse.Namespace) -> None:
    """create the bucket and the lock table for the state; changes nothing when they are as they should be"""
    find_terraform()
    for environment in environments:
        preflight.check_account(environment)
    for environment in environments:
        bootstrap(environment, OUTDIR / "bootstrap" / environment.environment, display, _asker(display, options.yes))


def _ci_roles(environments: Environments, display: Display, options: argparse.Namespace) -> None:
    """create the roles with which a continuous integration plans and deploys; for an administrator, once"""
    import settings

    find_terraform()
    selected = {environment.environment for environment in environments}
    others = [settings.load(name) for name in settings.environment_names() if name not in selected]
    for environment in environments:
        neighbours = [other for other in (*environments, *others) if other is not environment]
        outdir = OUTDIR / "ci-roles" / environment.environment
        ci_roles(environment, outdir, display, _asker(display, options.yes), neighbours=neighbours)


def _plan(environments: Environments, display: Display, options: argparse.Namespace) -> None:
    """show what deploy would change"""
    plans = _lifecycle(environments, display, options).plan_all()
    for planned in plans:
        if planned.plan is not None and not planned.plan.is_empty:
            display.say(f"\n{planned.stack.name}\n{planned.text()}")
    for planned in plans:
        display.say(f"{planned.stack.name}: {planned}")


def _deploy(environments: Environments, display: Display, options: argparse.Namespace) -> None:
    """plan each stack in order, show the plan, ask, apply"""
    lifecycle = _lifecycle(environments, display, options, publishes=True)
    lifecycle.deploy(_asker(display, options.yes))
    print_outputs(lifecycle.outputs(), display)
    display.say(f"deployed in {clock_text(display.elapsed)}")


def _destroy(environments: Environments, display: Display, options: argparse.Namespace) -> None:
    """destroy every stack, the last one first; the state's bucket and its lock table stay"""
    for environment in environments:
        if environment.protect_data:
            raise UserError(
                f"environments/{environment.environment}.tfvars: protect_data = true: the database and the artifacts "
                "are protected, so nothing was destroyed. Set protect_data = false, `make deploy` that, and then "
                "destroy."
            )
    lifecycle = _lifecycle(environments, display, options)
    if protected := lifecycle.protected():
        raise UserError(
            f"{', '.join(protected)}: AWS still protects this from deletion, so nothing was destroyed. "
            "`make deploy` with protect_data = false lifts that."
        )
    for environment in environments:
        for bucket in lifecycle.buckets(environment.environment):
            preflight.check_is_empty(environment, bucket, but=lifecycle.objects(environment.environment))
    if not options.yes:
        _confirm_destroy(environment.environment for environment in environments)
    lifecycle.destroy()
    display.say(f"destroyed in {clock_text(display.elapsed)}")


def _output(environments: Environments, display: Display, options: argparse.Namespace) -> None:
    """show the outputs of the deployed stacks"""
    print_outputs(_lifecycle(environments, display, options).outputs(), display, as_json=options.json)


def _images(environments: Environments, display: Display, _options: argparse.Namespace) -> None:
    """build both images on this machine, without pushing them, and print their names; needs no AWS credentials"""
    builds = {}
    for environment in environments:
        for build in preflight.builds(environment):
            builds[f"{environment.repository_name(build.name)}:{build.tag()}"] = build
        if environment.images.source == "registry":
            display.say(f'{environment.environment}: images.source = "registry": there is nothing to build.')
    if builds:
        engine = find_engine()
        engine.check()
        for name, build in builds.items():
            build_image(engine, build, name)
    for name in builds:
        display.say(name)


_COMMANDS = {
    "synth": _synth,
    "hcl": _hcl,
    "bootstrap": _bootstrap,
    "ci-roles": _ci_roles,
    "plan": _plan,
    "deploy": _deploy,
    "destroy": _destroy,
    "output": _output,
    "images": _images,
}
_ASKING = ("bootstrap", "ci-roles", "deploy", "destroy")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m deployment",
        description=__doc__,
        epilog="The variable ENV chooses the environment: a name from environments/, dev by default, or all.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    approved = os.environ.get("APPROVE") == "1"
    for name, run in _COMMANDS.items():
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run, yes=name not in _ASKING or approved, json=False)
        if name in _ASKING:
            command.add_argument("--yes", action="store_true", default=approved, help="do not ask (also: APPROVE=1)")
        if name == "output":
            command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args(arguments)


def _lifecycle(
    environments: Environments, display: Display, options: argparse.Namespace, *, publishes: bool = False
) -> Lifecycle:
    """The stacks as they are synthesised now, once all is there that a deployment, or one that *publishes*, needs."""
    find_terraform()
    for environment in environments:
        preflight.check(environment)
        if publishes:
            preflight.check_images(environment)
    _synth(environments, display, options)
    return Lifecycle(load_stacks(OUTDIR, [environment.environment for environment in environments]), display)


def _asker(display: Display, assume_yes: bool) -> Callable[[StackPlan], bool]:
    def approve(planned: StackPlan) -> bool:
        display.say(planned.text())
        return assume_yes or _answer(f"Apply this to {planned.stack.name}? [y/N] ").lower() in ("y", "yes")

    return approve


def _answer(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:  # Ctrl-D
        return ""


def _confirm_destroy(environments: Iterable[str]) -> None:
    for name in environments:
        if _answer(f"This destroys everything in {name}. Type {name} to go on: ") != name:
            raise UserError(f"{name} was not typed: nothing was destroyed.")


def print_outputs(outputs: dict[str, dict[str, Output]], display: Display, *, as_json: bool = False) -> None:
    """Print the outputs that are meant for people, as a table or as JSON."""
    # What is sensitive is not for people: CDKTF marks so the outputs that only other stacks read.
    shown = {
        stack: {name: output.value for name, output in values.items() if not output.sensitive}
        for stack, values in outputs.items()
    }
    if as_json:
        print(json.dumps(shown, indent=2, sort_keys=True))
        return
    rows = [
        (stack, name, value if isinstance(value, str) else json.dumps(value))
        for stack, values in shown.items()
        for name, value in values.items()
    ]
    if not rows:
        display.say("No outputs: nothing is deployed.")
        return
    # No rich table: it would break an address over two lines, and that cannot be copied.
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        display.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    exit_on_user_error(main)

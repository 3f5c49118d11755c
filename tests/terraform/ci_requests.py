"""What plans and deployments ask of AWS, recorded for the tests of the roles that a continuous integration gets.

``python -m tests.terraform.ci_requests`` records all of them again (half an hour), and with names only those. It is
time for that when test_ci_roles.py finds a request that is not on record. One line for each thing that IAM is asked
for: the action, the resource, and what conditions may be about; ids that AWS makes up are written as 1.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import constructs_lib as constructs_lib  # first, so that the AWS bindings are imported the fast way
from deployment import preflight
from deployment.ci_roles import ci_roles
from deployment.lifecycle import StackPlan
from errors import UserError
from rehearsal.emulator import Request
from rehearsal.life_cycle import without_protection
from settings import (
    AccessSettings,
    ApiSettings,
    CiSettings,
    LoadBalancerSettings,
    NetworkSettings,
    NotebookSettings,
    RouteSettings,
    Settings,
    StudioSettings,
    WafSettings,
    load,
)
from tests.iam_needs import Account, Need, needs
from tests.modes import ENDPOINT, MODES, STUDIO, STUDIO_ELSEWHERE, changed
from tests.terraform.live import Live, live

RECORDS = Path(__file__).parent / "recorded"
CI = CiSettings(repository="octo-org/octo-repo")

_MADE_UP = (
    (r"-\d{20}[0-9a-f]{6,}(-\w{6})?(?=$|/)", "-1"),  # Terraform's suffix, and that of a secret behind it
    (r"(?<=/)(eipalloc|fl|igw|nat|rtb|sg|sgr|subnet|vpc|vpce|ns|srv)-[0-9a-z]+$", r"\1-1"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "1"),
    (r"(?<=/)[0-9a-f]{16}(?=$|/)", "1"),
    (r"(?<=/apis/)\w+|(?<=/vpclinks/)\w+|(?<=/apimappings/)\w+", "1"),
    (r"(?<=/(?:routes)/)\w+|(?<=/authorizers/)\w+|(?<=/integrations/)\w+", "1"),
    (r"(?<=scalable-target/)\w+|(?<=userpool/)[\w-]+|(?<=hostedzone/)\w+|(?<=change/)\w+", "1"),
    (r"(?<=/tags/).+", "1"),
)


class Recorder:
    """Notes what each request takes, by the role that would send it."""

    def __init__(self) -> None:
        self.by_role: dict[str, set[Need]] = {"plan": set(), "deploy": set()}
        self._account = Account()
        self._role: str | None = None

    def watch(self, request: Request) -> None:
        """For ``Emulator.watched``."""
        if self._role is not None:
            self.by_role[self._role].update(map(_written, needs(request, self._account)))

    @contextmanager
    def as_role(self, role: str) -> Iterator[None]:
        """Until the end of the block, *role* sends what is sent."""
        self._role = role
        try:
            yield
        finally:
            self._role = None


class Environment:
    """An environment whose roles are made already, and what `make plan`, `deploy` and `destroy` do to it."""

    def __init__(self, live: Live, recorder: Recorder) -> None:
        self.live = live
        self._recorder = recorder
        self.live.rehearsal.bootstrap()
        self.ci_roles()

    def ci_roles(self) -> dict[str, str]:
        """As an administrator, who is not recorded."""
        return ci_roles(self.live.settings, self.live.folder / "ci-roles", self.live.display, self._keep)

    @property
    def plan_of_roles(self) -> Path:
        """The plan that made the roles, in Terraform's JSON format."""
        return self.live.folder / f"{self.live.settings.environment}-ci-roles.json"

    def plan(self, settings: Settings) -> None:
        """As the role that plans."""
        lifecycle = self.live.rehearsal.synthesise(settings)
        with self._recorder.as_role("plan"):
            preflight.check(settings)
            lifecycle.plan_all()

    def deploy(self, settings: Settings) -> None:
        """As the role that deploys; then there must be nothing left to plan."""
        lifecycle = self.live.rehearsal.synthesise(settings)
        with self._recorder.as_role("deploy"):
            preflight.check(settings)
            preflight.check_images(settings)
            lifecycle.deploy(lambda _: True)
            lifecycle.outputs()
        with self._recorder.as_role("plan"):
            again = [
                str(planned) for planned in lifecycle.plan_all() if planned.plan is None or not planned.plan.is_empty
            ]
        if again or self.live.emulator.unsupported:
            raise UserError(f"{again} {self.live.emulator.unsupported}")

    def destroy(self, settings: Settings) -> None:
        """As the role that deploys."""
        lifecycle = self.live.rehearsal.synthesise(settings)
        with self._recorder.as_role("deploy"):
            preflight.check(settings)
            lifecycle.protected()
            for bucket in lifecycle.buckets(settings.environment):
                preflight.check_is_empty(settings, bucket, but=lifecycle.objects(settings.environment))
            lifecycle.destroy()

    def _keep(self, planned: StackPlan) -> bool:
        assert planned.plan is not None
        self.plan_of_roles.write_text(json.dumps(planned.terraform.show_json(planned.plan)))
        return True


@contextmanager
def recorded(
    settings: Settings, folder: Path, *, later: Iterable[Settings] = ()
) -> Iterator[tuple[Environment, Recorder]]:
    """An environment with its roles, as long as the block lasts, and what is recorded of it."""
    recorder = Recorder()
    with live(settings, folder, later=later) as running, running.emulator.watched(recorder.watch):
        yield Environment(running, recorder), recorder


def read(name: str) -> Mapping[str, frozenset[Need]]:
    """What is on record of the run *name*, by role."""
    found: dict[str, set[Need]] = {"plan": set(), "deploy": set()}
    for line in (RECORDS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        role, action, resource, *context = line.split("\t")
        pairs = tuple((key, value) for key, _, value in (each.partition("=") for each in context))
        found[role].add(Need(action, None if resource == "?" else resource, pairs))
    return {role: frozenset(each) for role, each in found.items()}


def write(name: str, by_role: Mapping[str, set[Need]]) -> None:
    """Put on record."""
    lines = [
        "\t".join([role, need.action, need.resource or "?", *(f"{key}={value}" for key, value in need.context)])
        for role, each in by_role.items()
        for need in sorted(each, key=str)
    ]
    RECORDS.mkdir(exist_ok=True)
    (RECORDS / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _written(need: Need) -> Need:
    resource = need.resource
    for pattern, replacement in _MADE_UP:
        resource = re.sub(pattern, replacement, resource) if resource else resource
    return Need(need.action, resource, tuple((key, value) for key, value in need.context if _counts(key)))


def _counts(key: str) -> bool:
    """Whether a condition could be about *key*: of tags those that say whose a thing is."""
    return "Tag/" not in key or key.endswith(("/project", "/environment"))


def run_dev(environment: Environment, settings: Settings, look: Callable[[], None] = lambda: None) -> None:
    """Plan, deploy, plan again, destroy; *look* is called while all of it is there."""
    environment.plan(settings)
    environment.deploy(settings)
    environment.plan(settings)
    look()
    environment.destroy(settings)


def run_prod(environment: Environment, settings: Settings) -> None:
    """The same; before the end the protection is lifted."""
    environment.deploy(settings)
    environment.plan(settings)
    lifted = without_protection(settings)
    environment.deploy(lifted)
    environment.destroy(lifted)


def run_modes(environment: Environment, settings: Settings) -> None:
    """Every access mode, Studio, and an endpoint with all that it may have."""
    for mode in (*MODES, "studio", "studio-elsewhere", "endpoint"):
        environment.deploy(changed(settings, _MODES[mode]))
    last = changed(settings, ENDPOINT)
    environment.plan(last)
    environment.destroy(last)


def run_updates(environment: Environment, settings: Settings) -> None:
    """What can be changed in place, changed."""
    environment.deploy(settings)
    for changes in updates(settings):
        environment.deploy(changes)


_MODES = {**MODES, "studio": STUDIO, "studio-elsewhere": STUDIO_ELSEWHERE, "endpoint": ENDPOINT}


def updates(settings: Settings) -> Iterator[Settings]:
    """*settings* with one change after the other, until about everything has been another way."""

    def less_default(group: str, **values: object) -> object:
        return getattr(settings, group).model_copy(update=values)

    network = NetworkSettings(availability_zones=3, flow_logs=True, interface_endpoints=("ecr.api",), nat="per_az")
    first = changed(
        settings,
        {
            "tags": {"Team": "ml"},
            "database": less_default(
                "database",
                max_capacity=3,
                min_capacity=0.5,
                backup_window="01:00-01:30",
                maintenance_window="mon:05:00-mon:05:30",
                backup_retention_days=3,
            ),
            "service": less_default(
                "service", min_tasks=2, max_tasks=5, cpu=1024, memory=4096, spot=False, exec=True, cpu_target_percent=60
            ),
            "artifacts": less_default("artifacts", noncurrent_days=3, tiering=False, versioning=False, mode="direct"),
            "secrets": less_default("secrets", rotation=2),
            "logs": less_default("logs", retention_days=14),
            "api": ApiSettings(throttling_rate_limit=33, throttling_burst_limit=44),
            "notebook": NotebookSettings(instance_type="ml.t3.large", volume_size_gb=30, root_access=True),
            "network": network,
            "load_balancer": LoadBalancerSettings(waf=WafSettings()),
        },
    )
    yield first
    second = changed(
        first,
        {
            "tags": {"Team": "other", "More": "x"},
            "network": network.model_copy(update={"interface_endpoints": ("ecr.api", "logs")}),
            "load_balancer": LoadBalancerSettings(waf=WafSettings(rate_limit=500)),
            **MODES["lambda"],
            **STUDIO,
        },
    )
    yield second
    route = RouteSettings(throttling_rate_limit=20, throttling_burst_limit=40)
    third = changed(
        second,
        {
            "tags": {},
            "access": AccessSettings(type="lambda", users=("carol",)),
            "notebook": NotebookSettings(auto_stop_minutes=120, studio=StudioSettings()),
            "api": ApiSettings(routes={"POST /api/2.0/mlflow/runs/search": route}),
        },
    )
    yield third
    fourth = changed(third, MODES["cognito"])
    yield fourth
    access = MODES["cognito"]["access"]
    pool = access.cognito.model_copy(update={"callback_urls": ("http://localhost:8400/back",)})
    wider = access.model_copy(update={"scopes": ("mlflow/use", "mlflow/more"), "cognito": pool})
    fifth = changed(fourth, {"tags": {"Team": "ml"}, "access": wider})
    yield fifth
    # Without Studio: the emulator updates no domains.
    yield changed(fifth, {"tags": {}, "protect_data": True, "notebook": NotebookSettings()})


RUNS: Mapping[str, Callable[[Environment, Settings], None]] = {
    "dev": run_dev,
    "prod": run_prod,
    "modes": run_modes,
    "updates": run_updates,
}


def settings_of(run: str) -> Settings:
    """The settings that *run* begins with."""
    return changed(load("prod" if run == "prod" else "dev"), {"ci": CI})


def settings_of_roles(run: str) -> Settings:
    """The settings that the roles are made by: what the environment comes to be with, where it names things."""
    return changed(settings_of(run), ENDPOINT if run == "modes" else {})


def main() -> None:
    """Record the runs that are named, or all."""
    for name in sys.argv[1:] or RUNS:
        settings = settings_of(name)
        later = [changed(settings, mode) for mode in _MODES.values()] if name == "modes" else []
        with (
            tempfile.TemporaryDirectory() as folder,
            recorded(settings, Path(folder, "run"), later=later) as (environment, recorder),
        ):
            RUNS[name](environment, settings)
        write(name, recorder.by_role)
        print(f"{name}: {', '.join(f'{role} {len(each)}' for role, each in recorder.by_role.items())}", flush=True)


if __name__ == "__main__":
    main()

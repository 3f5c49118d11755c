"""The roles of a continuous integration on the emulator, and an environment's life as these roles would have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from deployment.ci_roles import ci_roles
from deployment.lifecycle import Lifecycle, load_stacks
from errors import UserError
from rehearsal.inventory import leftovers
from settings import Settings
from tests.iam_needs import Need
from tests.iam_policies import Permissions
from tests.modes import changed
from tests.terraform.checkov import Verdict, scan
from tests.terraform.ci_requests import CI, Environment, Recorder, read, recorded, run_dev
from tests.terraform.live import Live

ROLES = ("plan", "deploy")


@dataclass(frozen=True)
class Life:
    """The environment, its roles as IAM has them, and what was asked of AWS by each."""

    environment: Environment
    recorder: Recorder
    permissions: Mapping[str, Permissions]
    boundary: Permissions
    inline: Mapping[str, list[dict[str, Any]]]
    """The policies of the roles that the environment made, by role, while it lived."""

    @property
    def live(self) -> Live:
        return self.environment.live

    def asked(self, role: str) -> set[Need]:
        return self.recorder.by_role[role]


@pytest.fixture(scope="module")
def life(environments: Mapping[str, Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Dev planned, deployed, planned again and destroyed, after an administrator has made the roles."""
    settings = changed(environments["dev"], {"ci": CI})
    with recorded(settings, tmp_path_factory.mktemp("ci")) as (environment, recorder):
        iam = environment.live.emulator.client("iam")
        permissions = {role: Permissions.of(_documents(iam, f"mlflow-dev-ci-{role}")) for role in ROLES}
        [boundary] = [each for each in _policies(iam) if each["PolicyName"] == "mlflow-dev-ci-boundary"]
        bounding = Permissions.of([_document(iam, boundary["Arn"])])
        inline: dict[str, list[dict[str, Any]]] = {}
        run_dev(environment, settings, lambda: inline.update(_roles_of_the_stacks(iam)))
        yield Life(environment, recorder, permissions, bounding, inline)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_all_that_was_asked_of_aws_in_its_name(life: Life, role: str) -> None:
    allow = life.permissions[role].allow
    denied = [str(need) for need in life.asked(role) if not allow(need.action, need.resource, dict(need.context))]
    assert life.asked(role)
    assert sorted(denied) == []


def test_the_role_that_plans_could_not_have_deployed(life: Life) -> None:
    allow = life.permissions["plan"].allow
    denied = {need.action for need in life.asked("deploy") if not allow(need.action, need.resource, dict(need.context))}
    assert denied >= {"ec2:CreateVpc", "rds:CreateDBCluster", "iam:CreateRole", "iam:PassRole", "s3:PutObject"}


@pytest.mark.parametrize("role", ROLES)
def test_what_was_asked_is_on_record_for_the_other_tests(life: Life, role: str) -> None:
    new = sorted(map(str, life.asked(role) - read("dev")[role]))
    assert new == [], "record the requests again: python -m tests.terraform.ci_requests"


def test_a_plan_reads_both_secrets(life: Life) -> None:
    """Documented in docs/runbooks/ci-roles.md: if this fails, the role that plans need not read them any more."""
    read_by_plans = {
        str(need.resource) for need in life.asked("plan") if need.action == "secretsmanager:GetSecretValue"
    }
    assert {resource.rpartition(":")[2] for resource in read_by_plans} == {
        "mlflow-dev/database-credentials-1",
        "mlflow-dev/mlflow-credentials-1",
    }


def test_the_roles_of_the_environment_may_do_within_the_boundary_what_their_policies_say(life: Life) -> None:
    assert len(life.inline) == 3
    context = {
        "aws:ResourceTag/project": "mlflow",
        "aws:ResourceTag/environment": "dev",
        "iam:PassedToService": "sagemaker.amazonaws.com",
        "cloudwatch:namespace": "/aws/sagemaker/Endpoints",
    }
    for role, documents in life.inline.items():
        for action, statement in Permissions.of(documents).allowed_actions():
            for resource in statement.resources:
                assert life.boundary.allow(action, resource.rstrip("*") + "x" * resource.endswith("*"), context) or (
                    resource == "*" and life.boundary.allow(action, "*", context)
                ), f"{role}: {action} on {resource}"


def test_a_second_run_changes_nothing(life: Life) -> None:
    before = life.live.emulator.inventory()

    def never(_: object) -> bool:
        raise AssertionError("asked, although there is nothing to change")

    outputs = ci_roles(life.live.settings, life.live.folder / "another-clone", life.live.display, never)
    assert outputs["plan_role_arn"].endswith(":role/mlflow-dev-ci-plan")
    assert outputs["deploy_role_arn"].endswith(":role/mlflow-dev-ci-deploy")
    assert life.live.emulator.inventory() == before


def test_tokens_of_the_repository_take_the_roles(life: Life) -> None:
    """moto checks no token; AWS compares it with the trust policy that it was given."""
    iam = life.live.emulator.client("iam")
    trust = {role: iam.get_role(RoleName=f"mlflow-dev-ci-{role}")["Role"]["AssumeRolePolicyDocument"] for role in ROLES}
    [provider] = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    for role in ROLES:
        [statement] = trust[role]["Statement"]
        assert statement["Principal"] == {"Federated": provider["Arn"]}
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert provider["Arn"].endswith(":oidc-provider/token.actions.githubusercontent.com")


def test_a_second_environment_is_told_to_use_the_provider_that_is_there(life: Life) -> None:
    state = life.live.settings.state.model_copy(update={"key_prefix": "mlflow/other"})
    other = changed(life.live.settings, {"environment": "other", "state": state})
    with pytest.raises(UserError, match=r"ci\.oidc_provider_arn = \"arn:aws:iam::123456789012:oidc-provider/token\."):
        ci_roles(other, life.live.folder / "other", life.live.display, lambda _: True)
    lifecycle = Lifecycle(load_stacks(life.live.folder / "other", ["other"]), life.live.display)
    lifecycle.destroy()


@pytest.fixture(scope="module")
def verdict(life: Life) -> Verdict:
    return scan("ci-roles", [life.environment.plan_of_roles])


def test_checkov_finds_nothing_that_is_not_explained(
    verdict: Verdict, record_property: Callable[[str, object], None]
) -> None:
    record_property("checkov", str(verdict))
    assert verdict.parsing_errors == 0
    assert verdict.passed
    assert verdict.failed == ()
    assert verdict.stale == ()


def test_the_roles_can_be_destroyed_and_leave_nothing(life: Life) -> None:
    lifecycle = Lifecycle(load_stacks(life.live.folder / "ci-roles", ["dev"]), life.live.display)
    lifecycle.destroy()
    iam = life.live.emulator.client("iam")
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert [role["RoleName"] for role in iam.list_roles()["Roles"] if "mlflow-dev" in role["RoleName"]] == []
    assert _policies(iam) == []
    assert not [item for item in leftovers((), life.live.emulator.inventory()) if "ci-" in item.key]


def _documents(iam: Any, role: str) -> Iterator[dict[str, Any]]:
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        yield _document(iam, policy["PolicyArn"])
    yield from _inline(iam, role)


def _inline(iam: Any, role: str) -> Iterator[dict[str, Any]]:
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]


def _document(iam: Any, arn: str) -> dict[str, Any]:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document: dict[str, Any] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return document


def _policies(iam: Any) -> list[dict[str, Any]]:
    return list(iam.list_policies(Scope="Local")["Policies"])


def _roles_of_the_stacks(iam: Any) -> dict[str, list[dict[str, Any]]]:
    names = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    return {name: list(_inline(iam, name)) for name in names if name.startswith("mlflow-dev-") and "-ci-" not in name}

"""Real plans of one deployed environment, each changed in another way, and what the review says of them.

With RECORD_PLANS=1 they are written to tests/review/recorded/ again, for the tests that need no Terraform.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from deployment.lifecycle import Lifecycle
from review.model import Action, PlanReview, Verdict
from review.plan import digest, review_plans
from review.planning import Planned, plan_deployment, plan_destruction
from settings import Settings
from tests.modes import MODES, changed
from tests.review.plans import TODAY, only, record, rules
from tests.terraform.live import Live, live

VPCLINK, API, NOTEBOOK = "dev-mlflow-vpclink", "dev-http-api-gateway", "dev-sagemaker-notebook"
Edit = Callable[[dict[str, Any]], None]


class Deployed:
    """The development environment with everything protected, and plans of what else it could be."""

    def __init__(self, dev: Live) -> None:
        self.dev = dev
        self._all = dev.rehearsal.synthesise(dev.settings)
        self._one = Lifecycle([dev.stack(self._all, "mlflow-vpclink")], dev.display)
        self.base = {name: stack.configuration() for name, stack in self._all.stacks.items()}

    def plan(self, settings: Settings | None = None, *, edit: Edit | None = None, everything: bool = False) -> Planned:
        """What a deployment of *settings*, with an edit of the first stack's JSON, would change; that stack or all."""
        self._write(settings, edit)
        return plan_deployment(self._all if everything else self._one)

    def plan_destruction(self, settings: Settings) -> Planned:
        self._write(settings, None)
        return plan_destruction(self._all, self.dev.display)

    def review(self, name: str, planned: Planned) -> PlanReview:
        """By the code that users run; *name* is that of the recording."""
        record_if_asked(name, planned, self.base)
        return review_plans(planned.plans, planned.configurations, before=self.base, today=TODAY)

    def with_database(self, **changes: Any) -> Settings:
        database = self.dev.settings.database.model_copy(update=changes)
        return self.dev.settings.model_copy(update={"database": database})

    def _write(self, settings: Settings | None, edit: Edit | None) -> None:
        self.dev.rehearsal.synthesise(settings or self.dev.settings)
        if edit:
            file = self._all.stacks[VPCLINK].folder / "cdk.tf.json"
            document = json.loads(file.read_text(encoding="utf-8"))
            edit(document)
            file.write_text(json.dumps(document), encoding="utf-8")


def record_if_asked(name: str, planned: Planned, before: Mapping[str, Any] | None) -> None:
    if os.environ.get("RECORD_PLANS"):
        plans = {stack: dict(plan) for stack, plan in planned.plans.items()}
        record(
            name,
            plans,
            {stack: dict(each) for stack, each in planned.configurations.items()},
            before,
            drift=VPCLINK if name in ("nothing", "drift") else "",
        )


@pytest.fixture(scope="module")
def deployed(environments: Mapping[str, Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    settings = changed(environments["dev"], {**MODES["basic"], "protect_data": True})
    with live(settings, tmp_path_factory.mktemp("review")) as dev:
        dev.rehearsal.deploy()
        yield Deployed(dev)


def test_the_first_deployment_needs_a_look_at_its_permissions_and_is_not_dangerous(deployed: Deployed) -> None:
    files = deployed.dev.first_plans()
    plans = {name: json.loads(files[name].read_text()) for name in deployed.base}
    record_if_asked("first", Planned(deployed.base, plans), None)
    found = review_plans(plans, deployed.base, today=TODAY)
    assert set(rules(found)) == {"permissions-changed", "network-changed"}
    assert {change.action for change in found.changes} == {Action.CREATE}
    assert found.downtimes == ()
    assert found.drift == ()


def test_an_empty_plan_is_safe_though_aws_filled_in_what_it_chose_itself(deployed: Deployed) -> None:
    planned = deployed.plan(everything=True)
    assert any(plan.get("resource_drift") for plan in planned.plans.values())
    assert deployed.review("nothing", planned) == PlanReview()


def test_more_capacity_needs_a_look_and_is_the_same_plan_when_it_is_made_again(deployed: Deployed) -> None:
    settings = deployed.with_database(max_capacity=8)
    found = deployed.review("capacity", deployed.plan(settings))
    assert rules(found) == ["data-changed"]
    [change] = found.changes
    assert (change.address.construct, change.action) == ("database", Action.UPDATE)
    [difference] = change.differences
    assert (difference.path, difference.before, difference.after) == (
        "serverlessv2_scaling_configuration.max_capacity",
        "2",
        "8",
    )
    again = deployed.plan(settings)
    assert digest(review_plans(again.plans, again.configurations, today=TODAY)) == digest(found)


def test_an_upgrade_of_the_engine_says_how_long_the_database_is_away(deployed: Deployed) -> None:
    found = deployed.review("engine", deployed.plan(deployed.with_database(engine_version="8.0.mysql_aurora.3.10.0")))
    assert set(rules(found)) == {"data-changed"}
    [downtime] = found.downtimes
    assert downtime.address.resource == "aws_rds_cluster.database"


def test_a_renamed_bucket_loses_its_files_and_the_rest_of_it_is_told_with_it(deployed: Deployed) -> None:
    def rename(document: dict[str, Any]) -> None:
        bucket = document["resource"]["aws_s3_bucket"]["artifacts"]
        bucket["bucket_prefix"] = "renamed-"
        bucket["lifecycle"]["prevent_destroy"] = False  # else Terraform does not even plan it

    found = deployed.review("rename", deployed.plan(edit=rename))
    lost = only(found, "data-lost")
    assert str(lost.address) == f"{VPCLINK}: aws_s3_bucket.artifacts"
    assert "With it go 6 other resources." in lost.what
    assert rules(found, Verdict.DANGEROUS) == ["protection-off", "data-lost"]
    assert "replaced" not in rules(found)


def test_taking_the_protection_off_is_dangerous_for_each_thing_that_had_it(deployed: Deployed) -> None:
    settings = deployed.dev.settings.model_copy(update={"protect_data": False})
    found = deployed.review("unprotect", deployed.plan(settings))
    assert set(rules(found)) == {"protection-off"}
    assert {finding.address.resource for finding in found.findings} == {
        "aws_ecr_repository.mlflow_repository",
        "aws_ecr_repository.nginx_repository",
        "aws_kms_key.encryption_key",
        "aws_lb.load_balancer",
        "aws_rds_cluster.database",
        "aws_s3_bucket.artifacts",
    }


def test_a_port_that_is_opened_to_everybody_is_dangerous(deployed: Deployed) -> None:
    def open_port(document: dict[str, Any]) -> None:
        document["resource"]["aws_vpc_security_group_ingress_rule"]["service_open"] = {
            "security_group_id": "${aws_security_group.service_security_group.id}",
            "cidr_ipv4": "0.0.0.0/0",
            "ip_protocol": "tcp",
            "from_port": 22,
            "to_port": 22,
        }

    found = deployed.review("port", deployed.plan(edit=open_port))
    assert rules(found) == ["open-to-the-world"]
    assert found.findings[0].what == "TCP port 22 is open to 0.0.0.0/0."


def test_a_rotation_is_one_finding_that_says_what_happens(deployed: Deployed) -> None:
    secrets = deployed.dev.settings.secrets.model_copy(update={"rotation": 2})
    found = deployed.review("rotate", deployed.plan(deployed.dev.settings.model_copy(update={"secrets": secrets})))
    assert rules(found) == ["passwords-rotated"]
    assert "docs/runbooks/rotate-secrets.md" in {downtime.source for downtime in found.downtimes}


def test_signed_requests_instead_of_passwords_lose_the_secret_and_change_who_may_call(deployed: Deployed) -> None:
    planned = deployed.plan(changed(deployed.dev.settings, MODES["iam"]), everything=True)
    assert [each.stack for each in planned.unplanned] == [NOTEBOOK]
    found = deployed.review("iam", planned)
    assert rules(found, Verdict.DANGEROUS) == ["data-lost"]
    assert only(found, "access-changed").what == (
        "Callers prove in another way who they are: by `iam` instead of `basic`."
    )
    assert "route-unchecked" not in rules(found)


def test_letting_everybody_in_is_one_dangerous_finding_beside_the_lost_secret(deployed: Deployed) -> None:
    planned = deployed.plan(changed(deployed.dev.settings, MODES["none"]), everything=True)
    found = deployed.review("none", planned)
    assert rules(found, Verdict.DANGEROUS) == ["data-lost", "access-none"]
    assert only(found, "data-lost").address.resource == "aws_secretsmanager_secret.mlflow_credentials"


def test_a_removed_notebook_loses_the_files_on_its_disk(deployed: Deployed) -> None:
    notebook = deployed.dev.settings.notebook.model_copy(update={"enabled": False})
    planned = deployed.plan(deployed.dev.settings.model_copy(update={"notebook": notebook}), everything=True)
    found = deployed.review("notebook", planned)
    assert rules(found) == ["data-lost", "destroyed"]
    assert only(found, "data-lost").address.resource == "aws_sagemaker_notebook_instance.notebook"
    assert "notebook-role" in {change.address.construct for change in found.changes}  # by the base's JSON


def test_a_destruction_names_everything_that_holds_data(deployed: Deployed) -> None:
    found = deployed.review(
        "destroy", deployed.plan_destruction(deployed.dev.settings.model_copy(update={"protect_data": False}))
    )
    assert {finding.address.resource for finding in found.findings if finding.verdict is Verdict.DANGEROUS} == {
        "aws_ecr_repository.mlflow_repository",
        "aws_ecr_repository.nginx_repository",
        "aws_kms_key.encryption_key",
        "aws_rds_cluster.database",
        "aws_rds_cluster_instance.database_writer",
        "aws_s3_bucket.artifacts",
        "aws_sagemaker_notebook_instance.notebook",
        "aws_secretsmanager_secret.database_credentials",
        "aws_secretsmanager_secret.mlflow_credentials",
    }
    assert set(rules(found)) == {"data-lost", "destroyed"}


def test_what_somebody_changed_by_hand_is_drift_and_nothing_else_is(deployed: Deployed) -> None:
    s3 = deployed.dev.emulator.client("s3")
    [bucket] = [each["Name"] for each in s3.list_buckets()["Buckets"] if "artifacts" in each["Name"]]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    tags = [{"Key": "made-by", "Value": "hand"}]
    rds = deployed.dev.emulator.client("rds")
    [cluster] = rds.describe_db_clusters()["DBClusters"]
    rds.add_tags_to_resource(ResourceName=cluster["DBClusterArn"], Tags=tags)

    found = deployed.review("drift", deployed.plan())
    assert {change.address.resource for change in found.drift} == {
        "aws_rds_cluster.database",
        "aws_s3_bucket_versioning.artifacts_versioning",
    }
    [status] = next(change for change in found.drift if "versioning" in change.address.resource).differences
    assert (status.before, status.after) == ("Enabled", "Suspended")
    assert rules(found) == []  # to put it back needs no finding

from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.studio import Studio
from constructs_lib.studio_domain import ExistingDomain
from tests.unit.synthesis import Terraform, Workbench, allow

PROFILE = "aws_sagemaker_user_profile"
DOMAIN = ExistingDomain("d-0123456789ab", security_group_ids=("sg-1",))


def _synthesise(stack: Workbench, **changes: Any) -> Terraform:
    Studio(stack, "studio", **{"domain": DOMAIN, "role": stack.role, "user_profile": "team", **changes})
    return stack.synthesise()


def test_the_user_profile_works_in_the_role_and_in_the_domain_s_security_groups(stack: Workbench) -> None:
    terraform = _synthesise(stack)
    profile = terraform.one(PROFILE)

    assert (profile["user_profile_name"], profile["domain_id"]) == ("team", "d-0123456789ab")
    assert profile["user_settings"]["execution_role"] == terraform.one("aws_iam_role").ref("arn")
    assert profile["user_settings"]["security_groups"] == ["sg-1"]


def test_in_somebody_elses_domain_the_security_groups_are_its_own(stack: Workbench) -> None:
    settings = _synthesise(stack, domain=ExistingDomain("d-0123456789ab")).one(PROFILE)["user_settings"]

    assert "security_groups" not in settings


@pytest.mark.parametrize(("minutes", "timeout"), [(15, 60), (60, 60), (90, 90)])
def test_jupyterlab_shuts_down_when_idle_but_not_within_an_hour(stack: Workbench, minutes: int, timeout: int) -> None:
    settings = _synthesise(stack, idle_minutes=minutes).one(PROFILE)["user_settings"]["jupyter_lab_app_settings"]

    assert settings["app_lifecycle_management"]["idle_settings"] == {
        "lifecycle_management": "ENABLED",
        "idle_timeout_in_minutes": timeout,
    }


def test_jupyterlab_may_idle_for_ever(stack: Workbench) -> None:
    assert "jupyter_lab_app_settings" not in _synthesise(stack, idle_minutes=0).one(PROFILE)["user_settings"]


def test_the_role_may_run_private_spaces_of_its_own_profile_and_no_more(stack: Workbench) -> None:
    terraform = _synthesise(stack)

    domain = DOMAIN.domain_id
    partition, region = terraform.data("aws_partition").ref("partition"), terraform.data("aws_region").ref("name")
    prefix = f"arn:{partition}:sagemaker:{region}:{terraform.data('aws_caller_identity').ref('account_id')}"
    profile = f"{prefix}:user-profile/{domain}/team"
    spaces = [f"{prefix}:space/{domain}/*", f"{prefix}:app/{domain}/*"]
    assert terraform.permissions(terraform.one("aws_iam_role")) == {
        "run-studio-spaces": {
            **allow(
                "sagemaker:CreateSpace",
                "sagemaker:UpdateSpace",
                "sagemaker:DeleteSpace",
                "sagemaker:CreateApp",
                "sagemaker:DeleteApp",
                on=spaces,
            ),
            "Condition": {
                "ArnLike": {"sagemaker:OwnerUserProfileArn": profile},
                "StringEquals": {"sagemaker:SpaceSharingType": "Private"},
            },
        },
        "tag-studio-spaces": {
            **allow("sagemaker:AddTags", on=spaces),
            "Condition": {"Null": {"sagemaker:TaggingAction": "false"}},
        },
        "see-studio": allow(
            "sagemaker:DescribeDomain",
            "sagemaker:DescribeUserProfile",
            "sagemaker:DescribeSpace",
            "sagemaker:DescribeApp",
            on=[f"{prefix}:domain/{domain}", profile, *spaces],
        ),
        "open-studio": allow("sagemaker:CreatePresignedDomainUrl", on=[profile]),
        "list-studio": allow(
            "sagemaker:ListDomains",
            "sagemaker:ListUserProfiles",
            "sagemaker:ListSpaces",
            "sagemaker:ListApps",
            on=["*"],
        ),
    }

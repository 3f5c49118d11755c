"""SageMaker Studio for one user profile."""

from __future__ import annotations

from cdktf_cdktf_provider_aws.sagemaker_user_profile import (
    SagemakerUserProfile,
    SagemakerUserProfileUserSettings,
    SagemakerUserProfileUserSettingsJupyterLabAppSettings,
    SagemakerUserProfileUserSettingsJupyterLabAppSettingsAppLifecycleManagement,
    SagemakerUserProfileUserSettingsJupyterLabAppSettingsAppLifecycleManagementIdleSettings,
)
from constructs import Construct

from constructs_lib.aws_account import AwsAccount
from constructs_lib.role import Role
from constructs_lib.studio_domain import Domain

_LEAST_IDLE_MINUTES = 60  # IdleSettings, IdleTimeoutInMinutes


class Studio(Construct):
    """A user profile in *domain* that works in *role*, in private spaces of its own.

    *idle_minutes* is how long JupyterLab may idle before it is shut down: an hour at least, and 0 for ever.
    """

    def __init__(
        self, scope: Construct, id: str, *, domain: Domain, role: Role, user_profile: str, idle_minutes: int = 60
    ) -> None:
        super().__init__(scope, id)
        self.user_profile = SagemakerUserProfile(
            self,
            "Resource",
            domain_id=domain.domain_id,
            user_profile_name=user_profile,
            user_settings=SagemakerUserProfileUserSettings(
                execution_role=role.arn,
                security_groups=list(domain.security_group_ids) or None,
                jupyter_lab_app_settings=_shut_down_when_idle(idle_minutes),
            ),
        )
        _let_use_spaces(role, AwsAccount.of(self), domain.domain_id, user_profile)


def _shut_down_when_idle(minutes: int) -> SagemakerUserProfileUserSettingsJupyterLabAppSettings | None:
    if minutes == 0:
        return None
    return SagemakerUserProfileUserSettingsJupyterLabAppSettings(
        app_lifecycle_management=SagemakerUserProfileUserSettingsJupyterLabAppSettingsAppLifecycleManagement(
            idle_settings=SagemakerUserProfileUserSettingsJupyterLabAppSettingsAppLifecycleManagementIdleSettings(
                lifecycle_management="ENABLED", idle_timeout_in_minutes=max(minutes, _LEAST_IDLE_MINUTES)
            )
        )
    )


def _let_use_spaces(role: Role, account: AwsAccount, domain_id: str, user_profile: str) -> None:
    """Private spaces of this profile: Developer Guide, Give your users access to spaces."""
    profile = account.arn("sagemaker", f"user-profile/{domain_id}/{user_profile}")
    spaces, apps = (account.arn("sagemaker", f"{kind}/{domain_id}/*") for kind in ("space", "app"))
    own = {
        "ArnLike": {"sagemaker:OwnerUserProfileArn": profile},
        "StringEquals": {"sagemaker:SpaceSharingType": "Private"},
    }
    role.allow(
        "run-studio-spaces",
        actions=[
            "sagemaker:CreateSpace",
            "sagemaker:UpdateSpace",
            "sagemaker:DeleteSpace",
            "sagemaker:CreateApp",
            "sagemaker:DeleteApp",
        ],
        resources=[spaces, apps],
        conditions=own,
    )
    role.allow(
        "tag-studio-spaces",  # Studio tags what it makes
        actions=["sagemaker:AddTags"],
        resources=[spaces, apps],
        conditions={"Null": {"sagemaker:TaggingAction": "false"}},
    )
    role.allow(
        "see-studio",
        actions=[
            "sagemaker:DescribeDomain",
            "sagemaker:DescribeUserProfile",
            "sagemaker:DescribeSpace",
            "sagemaker:DescribeApp",
        ],
        resources=[account.arn("sagemaker", f"domain/{domain_id}"), profile, spaces, apps],
    )
    role.allow("open-studio", actions=["sagemaker:CreatePresignedDomainUrl"], resources=[profile])
    role.allow(
        "list-studio",
        actions=[
            "sagemaker:ListDomains",
            "sagemaker:ListUserProfiles",
            "sagemaker:ListSpaces",
            "sagemaker:ListApps",
        ],
        resources=["*"],
    )

"""The two roles of a continuous integration: one that plans, and one that deploys."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cdktf import App

from constructs_lib.managed_policy import ManagedPolicy
from constructs_lib.oidc_provider import ExistingOidcProvider, OidcProvider, TokenIssuer
from constructs_lib.role import Grantable
from constructs_lib.web_identity_role import WebIdentityRole
from settings import Settings
from settings.continuous_integration import CiSettings
from stacks.ci_boundary import make_boundary
from stacks.ci_deploying import (
    let_deploy_api,
    let_deploy_data,
    let_deploy_identities,
    let_deploy_network,
    let_deploy_notebook,
    let_deploy_service,
    let_write_states,
)
from stacks.ci_reading import let_plan, let_read_access, let_read_platform
from stacks.ci_scope import CiScope
from stacks.platform_stack import PlatformStack

NAME = "ci-roles"

_DEPLOY_HOURS = 2  # a first deployment takes less than one; GitHub's jobs ask for one by default

_Permission = Callable[[Grantable, CiScope], None]


class CiRolesStack(PlatformStack):
    """Tokens of an issuer -> the role that plans, the role that deploys; and the boundary of the roles it makes.

    An app of its own, as the state backend: whoever deploys must not decide what they may do.
    """

    def __init__(self, app: App, *, settings: Settings, ci: CiSettings) -> None:
        super().__init__(app, NAME, settings=settings)
        self._scope = CiScope(self, settings)
        boundary = make_boundary(self, self._scope)
        reading = {
            "read-platform": self._policy("read-platform", let_read_platform),
            "read-access": self._policy("read-access", let_read_access),
            "states": self._policy("states", let_plan),
        }
        deploying = {
            "network": self._policy("network", let_deploy_network),
            "data": self._policy("data", let_write_states, let_deploy_data),
            "service": self._policy("service", let_deploy_service),
            "api": self._policy("api", let_deploy_api),
            "identities": self._policy("identities", let_deploy_notebook, let_deploy_identities),
        }
        issuer = _issuer(self, ci)
        plan = self._role(ci, issuer, "plan", subjects=ci.who_plans(), policies=reading)
        deploy = self._role(
            ci,
            issuer,
            "deploy",
            subjects=ci.who_deploys(settings.environment),
            policies={**reading, **deploying},
            session_hours=_DEPLOY_HOURS,
        )
        self._keep_apart(plan)
        self._keep_apart(deploy)
        self.output("plan_role_arn", plan.arn, "Role of a continuous integration that plans")
        self.output("deploy_role_arn", deploy.arn, "Role of a continuous integration that deploys")
        self.output("boundary_arn", boundary.arn, "The most that the roles of the environment may do")

    def _policy(self, id: str, *permissions: _Permission) -> ManagedPolicy:
        policy = ManagedPolicy(
            self, id, name_prefix=f"{self._scope.prefix}-ci-{id}", description=f"Continuous integration: {id}"
        )
        for permission in permissions:
            permission(policy, self._scope)
        return policy

    def _role(
        self,
        ci: CiSettings,
        issuer: TokenIssuer,
        id: str,
        *,
        subjects: tuple[str, ...],
        policies: Mapping[str, ManagedPolicy],
        session_hours: int = 1,
    ) -> WebIdentityRole:
        role = WebIdentityRole(
            self,
            id,
            name=f"{self._scope.prefix}-ci-{id}",
            description=f"Continuous integration: {id} of {self._scope.prefix}",
            issuer=issuer,
            audience=ci.audience,
            subjects=subjects,
            session_hours=session_hours,
        )
        for name, policy in policies.items():
            role.attach(name, policy)
        return role

    def _keep_apart(self, role: WebIdentityRole) -> None:
        """Whatever it is allowed some day, it changes neither these roles and policies nor who is let in."""
        ours = f"{self._scope.prefix}-ci-*"
        role.deny(
            "keep-hands-off-ci-roles",
            actions=["iam:*"],
            resources=self._scope.global_arn("iam", f"role/{ours}", f"policy/{ours}", "oidc-provider/*"),
        )


def _issuer(stack: CiRolesStack, ci: CiSettings) -> TokenIssuer:
    if ci.oidc_provider_arn:
        return ExistingOidcProvider(ci.oidc_provider_arn)
    return OidcProvider(stack, "oidc-provider", issuer=ci.issuer, audience=ci.audience)

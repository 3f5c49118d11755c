"""People and programs that get tokens from a Cognito user pool of our own."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.cognito_resource_server import CognitoResourceServer, CognitoResourceServerScope
from cdktf_cdktf_provider_aws.cognito_user_pool import (
    CognitoUserPool,
    CognitoUserPoolAccountRecoverySetting,
    CognitoUserPoolAccountRecoverySettingRecoveryMechanism,
    CognitoUserPoolAdminCreateUserConfig,
    CognitoUserPoolPasswordPolicy,
    CognitoUserPoolSoftwareTokenMfaConfiguration,
    CognitoUserPoolUsernameConfiguration,
)
from cdktf_cdktf_provider_aws.cognito_user_pool_client import (
    CognitoUserPoolClient,
    CognitoUserPoolClientTokenValidityUnits,
)
from cdktf_cdktf_provider_aws.cognito_user_pool_domain import CognitoUserPoolDomain
from constructs import Construct

from constructs_lib.aws_account import AwsAccount

_RESOURCE_SERVER = "mlflow"
_SIGN_IN_SCOPES = ("openid", "email")
_TOKEN_HOURS = 1
_REFRESH_DAYS = 30  # Cognito's own default
_AUTH_FLOWS = (
    "ALLOW_USER_SRP_AUTH",
    "ALLOW_REFRESH_TOKEN_AUTH",
    # A program with IAM credentials, such as CI, gets a token by cognito-idp:AdminInitiateAuth.
    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
)


class UserPool(Construct):
    """A user pool whose users administrators create, its sign-in page, and one app client.

    The client has no secret, since that would be in the state: it proves itself by PKCE (RFC 7636). With
    *callback_urls* people sign in with their browsers, and get tokens for *scopes*; those that begin with ``mlflow/``
    are made here. A token that comes without a browser (SRP, AdminInitiateAuth) never has scopes of one's own (Cognito
    Developer Guide, Understanding the access token). *domain_prefix* must be unique in the region, in all accounts.
    *protect* refuses to delete the pool.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        domain_prefix: str,
        callback_urls: Sequence[str] = (),
        scopes: Sequence[str] = (),
        protect: bool = True,
    ) -> None:
        super().__init__(scope, id)
        self.user_pool = _user_pool(self, name_prefix, protect=protect)
        self.pool_id: str = self.user_pool.id
        self.issuer = f"https://{self.user_pool.endpoint}"
        domain = CognitoUserPoolDomain(self, "domain", domain=domain_prefix, user_pool_id=self.pool_id)
        own = [name for name in dict.fromkeys(scopes) if name.startswith(f"{_RESOURCE_SERVER}/")]
        resource_server = _resource_server(self, self.pool_id, own) if own else None
        allowed = list(dict.fromkeys((*_SIGN_IN_SCOPES, *scopes)))
        self.client = CognitoUserPoolClient(
            self,
            "client",
            name=name_prefix,
            user_pool_id=self.pool_id,
            generate_secret=False,
            explicit_auth_flows=list(_AUTH_FLOWS),
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            access_token_validity=_TOKEN_HOURS,
            id_token_validity=_TOKEN_HOURS,
            refresh_token_validity=_REFRESH_DAYS,
            token_validity_units=[
                CognitoUserPoolClientTokenValidityUnits(access_token="hours", id_token="hours", refresh_token="days")  # noqa: S106 - units
            ],
            # Empty lists, not absent ones: Terraform would keep what was there when the last callback URL goes.
            supported_identity_providers=["COGNITO"] if callback_urls else [],
            callback_urls=list(callback_urls),
            allowed_oauth_flows_user_pool_client=bool(callback_urls),
            allowed_oauth_flows=["code"] if callback_urls else [],
            allowed_oauth_scopes=allowed if callback_urls else [],
            depends_on=[resource_server] if resource_server else None,
        )
        self.client_id: str = self.client.id
        host = f"https://{domain.domain}.auth.{AwsAccount.of(self).region}.amazoncognito.com"
        self.sign_in_url = _sign_in_url(host, self.client_id, allowed, callback_urls[0]) if callback_urls else None


def _user_pool(scope: Construct, name: str, *, protect: bool) -> CognitoUserPool:
    return CognitoUserPool(
        scope,
        "Resource",
        name=name,
        deletion_protection="ACTIVE" if protect else "INACTIVE",
        admin_create_user_config=CognitoUserPoolAdminCreateUserConfig(allow_admin_create_user_only=True),
        username_configuration=CognitoUserPoolUsernameConfiguration(case_sensitive=False),
        alias_attributes=["email"],
        auto_verified_attributes=["email"],
        account_recovery_setting=CognitoUserPoolAccountRecoverySetting(
            recovery_mechanism=[
                CognitoUserPoolAccountRecoverySettingRecoveryMechanism(name="verified_email", priority=1)
            ]
        ),
        password_policy=CognitoUserPoolPasswordPolicy(
            minimum_length=14,
            require_lowercase=True,
            require_uppercase=True,
            require_numbers=True,
            require_symbols=True,
            temporary_password_validity_days=7,
        ),
        mfa_configuration="OPTIONAL",
        software_token_mfa_configuration=CognitoUserPoolSoftwareTokenMfaConfiguration(enabled=True),
        lifecycle=TerraformResourceLifecycle(prevent_destroy=protect),
    )


def _resource_server(scope: Construct, pool_id: str, scopes: Sequence[str]) -> CognitoResourceServer:
    return CognitoResourceServer(
        scope,
        "resource-server",
        identifier=_RESOURCE_SERVER,
        name="MLflow",
        user_pool_id=pool_id,
        scope=[
            CognitoResourceServerScope(
                scope_name=name.removeprefix(f"{_RESOURCE_SERVER}/"), scope_description=f"MLflow: {name}"
            )
            for name in scopes
        ],
    )


def _sign_in_url(host: str, client_id: str, scopes: Sequence[str], callback_url: str) -> str:
    query = urlencode({"response_type": "code", "scope": " ".join(scopes), "redirect_uri": callback_url})
    return f"{host}/login?client_id={client_id}&{query}"

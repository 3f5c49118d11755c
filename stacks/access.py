"""What ``access`` in the settings means: for nginx in the task, for the gateway, and for the notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from constructs import Construct

from constructs_lib.access_control import AccessControl, BasicAccess, IamAccess, JwtAccess, PublicAccess
from constructs_lib.caller_check import CallerCheck, GatewayCheck, PasswordCheck
from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.generated_secret import GeneratedSecret
from constructs_lib.load_balancer import LoadBalancer
from settings import Settings

if TYPE_CHECKING:
    from constructs_lib.user_pool import UserPool

# MLflow signs its requests by requests-auth-aws-sigv4, which cannot sign a file (mlflow issue 15051): so files of every
# size go to S3, by URLs that MLflow's server signs.
_SIGNING = {
    "MLFLOW_TRACKING_AWS_SIGV4": "true",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "0",
}

# What only some schemes need is imported where it is used: the bindings are large.


def takes_passwords(settings: Settings) -> bool:
    """Whether users have passwords of ours, so that there is a secret."""
    return settings.access.type == "basic" or settings.access.has_login_page


def caller_check(settings: Settings, credentials: GeneratedSecret | None) -> CallerCheck:
    """What nginx asks of callers."""
    if settings.access.type == "basic" and credentials:
        return PasswordCheck(credentials, settings.access.users)
    return GatewayCheck(settings.access.type, trust_direct_clients=bool(settings.load_balancer.client_security_groups))


def user_pool(scope: Construct, settings: Settings) -> UserPool | None:
    """The issuer of tokens, if that is ours."""
    cognito = settings.access.cognito
    if cognito is None:
        return None
    from constructs_lib.user_pool import UserPool

    of_routes = [name for route in settings.api.routes.values() for name in route.scopes]
    return UserPool(
        scope,
        "user-pool",
        name_prefix=settings.name_prefix,
        domain_prefix=cognito.domain_prefix,
        callback_urls=cognito.callback_urls,
        scopes=tuple(dict.fromkeys([*settings.access.scopes, *of_routes])),
        protect=settings.protect_data,
    )


def access_control(
    scope: Construct,
    settings: Settings,
    *,
    credentials: GeneratedSecret | None,
    users: UserPool | None,
    encryption_key: EncryptionKey,
) -> AccessControl:
    """What the gateway asks of them; a function of ours is made below *scope*."""
    access = settings.access
    match access.type:
        case "jwt" if users:
            return JwtAccess(issuer=users.issuer, audiences=(users.client_id,), scopes=access.scopes)
        case "jwt":
            return JwtAccess(issuer=access.issuer or "", audiences=access.audiences, scopes=access.scopes)
        case "iam":
            return IamAccess()
        case "lambda":
            return _by_function(scope, settings, credentials, encryption_key)
        case "none":
            return PublicAccess()
        case _:
            return BasicAccess()


def client_settings(
    settings: Settings, *, load_balancer: LoadBalancer, endpoint: str, credentials: GeneratedSecret | None
) -> Mapping[str, str]:
    """Where the notebook finds MLflow, and how it proves who it is; with passwords it need not leave the VPC."""
    inside = settings.access.type == "basic"
    variables = {
        "MLFLOW_TRACKING_URI": load_balancer.url if inside else endpoint,
        "MLFLOW_ACCESS": settings.access.type,
        "AWS_DEFAULT_REGION": settings.region,
    }
    if settings.access.type == "iam":
        variables |= _SIGNING
    if credentials:
        variables["MLFLOW_CREDENTIALS_SECRET"] = credentials.arn
    return variables


def _by_function(
    scope: Construct, settings: Settings, credentials: GeneratedSecret | None, encryption_key: EncryptionKey
) -> AccessControl:
    from constructs_lib.authorizer_function import AuthorizerFunction
    from constructs_lib.lambda_access import ExistingFunction, LambdaAccess

    access = settings.access
    if access.function_arn or credentials is None:
        return LambdaAccess(ExistingFunction(access.function_arn or ""), access.cache_seconds)
    function = AuthorizerFunction(
        scope,
        "authorizer",
        name_prefix=settings.name_prefix,
        credentials=credentials,
        users=access.users,
        encryption_key=encryption_key,
        log_retention_days=settings.logs.retention_days,
    )
    return LambdaAccess(function, access.cache_seconds)

"""Every way to control access, an endpoint with all that it may have, and Studio, as changes to settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from settings import (
    AccessSettings,
    ApiSettings,
    CognitoSettings,
    DomainSettings,
    LoadBalancerSettings,
    NotebookSettings,
    RouteSettings,
    Settings,
    StudioSettings,
    WafSettings,
)

ISSUER = "https://login.example.com"
AUDIENCE = "mlflow"
SCOPE, DELETING_SCOPE = "mlflow/use", "mlflow/delete"
DELETING_ROUTE = "POST /api/2.0/mlflow/runs/delete"
DOMAIN, ZONE = "mlflow.example.com", "example.com"
INSIDE_NAME = "inside.example.com"
CERTIFICATE = "arn:aws:acm:us-west-2:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
FUNCTION = "arn:aws:lambda:us-west-2:123456789012:function:their-authorizer"
SECURITY_GROUP = "sg-0123456789abcdef0"
USERS = ("alice", "bob")
STUDIO_DOMAIN = "d-0123456789ab"

_SCOPED = ApiSettings(routes={DELETING_ROUTE: RouteSettings(scopes=(DELETING_SCOPE,))})

MODES: Mapping[str, Mapping[str, Any]] = {
    "basic": {"access": AccessSettings(users=USERS)},
    "jwt": {
        "access": AccessSettings(type="jwt", issuer=ISSUER, audiences=(AUDIENCE,), scopes=(SCOPE,)),
        "api": _SCOPED,
    },
    "cognito": {
        "access": AccessSettings(
            type="jwt",
            scopes=(SCOPE,),
            cognito=CognitoSettings(domain_prefix="mlflow-dev-pool", callback_urls=("https://app.example.com/back",)),
        ),
        "api": _SCOPED,
    },
    "iam": {"access": AccessSettings(type="iam")},
    "lambda": {"access": AccessSettings(type="lambda", users=USERS)},
    "their-lambda": {"access": AccessSettings(type="lambda", function_arn=FUNCTION, cache_seconds=0)},
    "none": {"access": AccessSettings(type="none", i_know_this_is_public=True)},
}

ENDPOINT: Mapping[str, Any] = {
    **MODES["their-lambda"],
    "api": ApiSettings(
        routes={
            "POST /api/2.0/mlflow/runs/search": RouteSettings(throttling_rate_limit=20, throttling_burst_limit=40),
        },
        allowed_cidrs=("192.0.2.0/24", "2001:db8::/32"),
        domain=DomainSettings(name=DOMAIN, zone=ZONE),
    ),
    "load_balancer": LoadBalancerSettings(
        certificate_arn=CERTIFICATE,
        server_name=INSIDE_NAME,
        client_security_groups=(SECURITY_GROUP,),
        waf=WafSettings(),
    ),
}

STUDIO: Mapping[str, Any] = {"notebook": NotebookSettings(auto_stop_minutes=90, studio=StudioSettings())}
STUDIO_ELSEWHERE: Mapping[str, Any] = {
    "notebook": NotebookSettings(
        auto_stop_minutes=0, studio=StudioSettings(domain_id=STUDIO_DOMAIN, user_profile="mlflow-team")
    ),
}


def changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """*settings* with one of the above."""
    return settings.model_copy(update=dict(changes))

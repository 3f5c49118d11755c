"""A JWT authorizer (API Gateway Developer Guide, Control access to HTTP APIs with JWT authorizers)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key, KeySet
from joserfc.jwt import JWTClaimsRegistry

from tests.dataplane.authorizers import Answer, Request
from tests.dataplane.http_api import JwtAuthorizer, Route

_ALGORITHMS = ["RS256", "RS384", "RS512"]  # "only RSA-based algorithms are supported"
_BEARER = "bearer "
_TIMEOUT_SECONDS = 10


class JwtVerifier:
    """Checks signature, claims and scopes of tokens, with the keys that the issuer publishes.

    *issuers* says where on loopback an issuer of the internet is: the settings demand https:// of one. Of the reasons
    in ``WWW-Authenticate`` the one about the audience is API Gateway's own; the guide shows no other, so the rest are
    ours.
    """

    def __init__(self, authorizer: JwtAuthorizer, *, issuers: Mapping[str, str], clock: Callable[[], float]) -> None:
        self._authorizer = authorizer
        self._issuers = issuers
        self._clock = clock

    def refusal(self, request: Request, route: Route) -> Answer | None:
        """401 without a token that holds, 403 without any of the route's scopes."""
        sent = request.identity(self._authorizer.identity_source)
        if sent is None:
            return _unauthorized("Bearer")
        value = sent[len(_BEARER) :] if sent.lower().startswith(_BEARER) else sent
        try:
            claims = self._verified(value)
        except (JoseError, ValueError) as error:
            return _unauthorized(f'Bearer scope="" error="invalid_token" error_description="{error}"')
        if route.scopes and not _scopes(claims) & set(route.scopes):
            challenge = f'Bearer scope="{" ".join(route.scopes)}" error="insufficient_scope"'
            return Answer.of_the_gateway(403, "Forbidden", WWW_Authenticate=challenge)
        return None

    @cached_property
    def keys(self) -> KeySet:
        """Fetched once: API Gateway may keep them for two hours."""
        issuer = self._authorizer.issuer
        configuration = self._fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        assert configuration["issuer"] == issuer
        return KeySet.import_key_set(self._fetch(configuration["jwks_uri"]))

    def _verified(self, value: str) -> dict[str, Any]:
        claims = jwt.decode(value, self._key, algorithms=_ALGORITHMS).claims
        required = {name: {"essential": True} for name in ("iss", "exp")}
        JWTClaimsRegistry(now=int(self._clock()), **required).validate(claims)  # type: ignore[arg-type]
        if claims["iss"] != self._authorizer.issuer:
            raise ValueError("the token does not have a valid issuer")
        audience = claims.get("aud", claims.get("client_id"))
        of_the_token = [audience] if isinstance(audience, str) else audience or []
        if not set(of_the_token) & set(self._authorizer.audiences):
            raise ValueError("the token does not have a valid audience")
        return claims

    def _key(self, token: GuestProtocol) -> Key:
        kid = token.headers().get("kid")
        if kid is None:  # joserfc would take the only key there is
            raise ValueError("the token does not name its key")
        return self.keys.get_by_kid(kid)

    def _fetch(self, url: str) -> Any:
        for issuer, loopback in self._issuers.items():
            if url.startswith(issuer):
                answer = requests.get(url.replace(issuer, loopback, 1), timeout=_TIMEOUT_SECONDS)
                answer.raise_for_status()
                return answer.json()
        raise AssertionError(f"{url} is of none of {list(self._issuers)}")


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    """Either claim, as a list or as words."""
    sent = claims.get("scope", claims.get("scp", ()))
    return set(sent.split() if isinstance(sent, str) else sent)


def _unauthorized(challenge: str) -> Answer:
    return Answer.of_the_gateway(401, "Unauthorized", WWW_Authenticate=challenge)

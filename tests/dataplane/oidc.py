"""An OpenID Connect issuer: what API Gateway reads of one, and tokens, good and bad."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import Key, RSAKey

from dataplane.process import LOOPBACK

KID = "2026-01"
_KEY_BITS = 2048
_LIFETIME_SECONDS = 3600


class Issuer:
    """*issuer* (https://...), which answers at *url*."""

    def __init__(self, issuer: str, url: str) -> None:
        self.issuer = issuer
        self.url = url
        self.key = make_key()

    @property
    def documents(self) -> dict[str, Any]:
        """What it publishes, by the path below the issuer's address."""
        public = {**self.key.as_dict(private=False), "alg": "RS256", "use": "sig"}
        return {
            "/.well-known/openid-configuration": {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"},
            "/keys": {"keys": [public]},
        }

    def token(self, *, signed_with: Key | None = None, alg: str = "RS256", kid: str | None = KID, **claims: Any) -> str:
        """One that is good for an hour, changed by *claims*, of which those that are None are left out."""
        now = int(time.time())
        standard = {"iss": self.issuer, "sub": "alice", "iat": now, "nbf": now, "exp": now + _LIFETIME_SECONDS}
        stated = {name: value for name, value in {**standard, **claims}.items() if value is not None}
        header = {"alg": alg} if kid is None else {"alg": alg, "kid": kid}
        return jwt.encode(header, stated, signed_with or self.key, algorithms=[alg])


def make_key() -> RSAKey:
    """A key that is called as the issuer's, and is another one each time."""
    return RSAKey.generate_key(_KEY_BITS, {"kid": KID}, private=True)


@contextmanager
def oidc(issuer: str) -> Iterator[Issuer]:
    """The issuer called *issuer*, on loopback, as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = served.documents.get(self.path)
            self.send_response(404 if document is None else 200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, format: str, *args: object) -> None:
            """The tests look at what the gateway answers, not at a log."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    served = Issuer(issuer, f"http://{LOOPBACK}:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

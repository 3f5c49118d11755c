"""How a request of ``requests`` says who sends it."""

from __future__ import annotations

from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from requests import PreparedRequest
from requests.auth import AuthBase, HTTPBasicAuth

_SERVICE = "execute-api"


class Anonymous(AuthBase):
    """Nothing at all; without an ``auth``, requests would look for credentials in ``~/.netrc``."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Change nothing."""
        return request


class Password(HTTPBasicAuth):
    """User name and password, in UTF-8, where requests itself would write Latin-1."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__(username.encode(), password.encode())


class Bearer(AuthBase):
    """A token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add it."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Signature(AuthBase):
    """AWS Signature Version 4 of host, path, query and body."""

    def __init__(self, credentials: ReadOnlyCredentials, region: str) -> None:
        self._signer = SigV4Auth(credentials, _SERVICE, region)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign it as it is; nothing but headers may be added afterwards."""
        assert request.url is not None  # noqa: S101 - it is prepared
        # A space may be "+" in a query, but not in what is signed (IAM User Guide, Create a signed AWS API request).
        path, question_mark, query = request.url.partition("?")
        request.url = path + question_mark + query.replace("+", "%20")
        host = request.headers.get("Host") or urlsplit(request.url).netloc
        signed = AWSRequest(request.method, request.url, headers={"Host": host}, data=request.body or b"")
        self._signer.add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        return request

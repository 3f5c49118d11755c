"""Our Lambda authorizer: the users of a secret, by password or by token."""

from __future__ import annotations

import base64
import hashlib
import io
import tempfile
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar

from cdktf import AssetType, TerraformAsset
from cdktf_cdktf_provider_aws.lambda_function import LambdaFunction, LambdaFunctionEnvironment
from constructs import Construct

from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.generated_secret import GeneratedSecret
from constructs_lib.log_group import LogGroup
from constructs_lib.role import Role

_SOURCE = Path(__file__).with_name("authorizer_handler.py")
_RUNTIME = "python3.13"  # brings boto3, so that the source is one file
_TIMEOUT_SECONDS = 10  # an authorizer has as long (API Gateway quota, HTTP API)
_MEMORY_MB = 256  # a cold start is mostly the import of boto3, and CPU comes with memory
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip file can hold


class AuthorizerFunction(Construct):
    """Checks user names and passwords, or passwords as bearer tokens, against *credentials*.

    *users* are the names of more users, whose passwords are derived from the one in *credentials*.
    """

    has_login_page: ClassVar[bool] = True

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        credentials: GeneratedSecret,
        users: Sequence[str],
        encryption_key: EncryptionKey,
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, id)
        name = f"{name_prefix}-authorizer"
        logs = LogGroup(
            self,
            "authorizer-logs",
            name=f"/aws/lambda/{name}",
            retention_days=log_retention_days,
            encryption_key=encryption_key,
        )
        role = Role(
            self,
            "role",
            name_prefix=name,
            service="lambda.amazonaws.com",
            description="Lambda authorizer of MLflow's API",
            same_account_only=False,  # Lambda does not say for which account it assumes an execution role
        )
        logs.grant_write(role)
        credentials.grant_read(role)
        archive = _archive()
        code = TerraformAsset(self, "code", path=str(archive), type=AssetType.FILE)
        self.function = LambdaFunction(
            self,
            "Resource",
            function_name=name,
            description="Who may call MLflow's API",
            role=role.arn,
            runtime=_RUNTIME,
            architectures=["arm64"],
            handler=f"{_SOURCE.stem}.handler",
            filename=code.path,
            source_code_hash=base64.b64encode(hashlib.sha256(archive.read_bytes()).digest()).decode(),
            timeout=_TIMEOUT_SECONDS,
            memory_size=_MEMORY_MB,
            environment=LambdaFunctionEnvironment(variables={"SECRET_ARN": credentials.arn, "USERS": " ".join(users)}),
            kms_key_arn=encryption_key.arn,
            depends_on=[logs.log_group],  # Lambda would make one of its own, that never forgets
        )
        encryption_key.grant_decrypt(role)
        self.arn: str = self.function.arn


@cache
def _archive() -> Path:
    """A zip file with the source, the same byte for byte on every machine; gone when Python ends."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo(_SOURCE.name, _LONG_AGO)
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, _SOURCE.read_bytes())
    file = Path(_folder().name, "authorizer.zip")
    file.write_bytes(content.getvalue())
    return file


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="authorizer-")

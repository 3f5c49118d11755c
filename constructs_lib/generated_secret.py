"""A user name and a generated password that exist in Secrets Manager and nowhere else."""

from __future__ import annotations

import json

from cdktf_cdktf_provider_aws.secretsmanager_secret import SecretsmanagerSecret
from cdktf_cdktf_provider_aws.secretsmanager_secret_version import SecretsmanagerSecretVersion
from constructs import Construct

from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.ephemeral_resource import EphemeralResource
from constructs_lib.role import Grantable

_PASSWORD_LENGTH = 40  # 238 bits; within RDS for MySQL's limit of 41 characters


class GeneratedSecret(Construct):
    """The JSON object ``{"username": ..., "password": ...}`` in Secrets Manager.

    The password is made by Secrets Manager while Terraform applies and goes straight back into it: it is in no state,
    plan or log. A raised *rotation* makes a new one. Letters and digits only, so that no URL, shell or configuration
    file needs it quoted.

    *recovery_window_days* is how long a destroyed secret can be brought back: 7 to 30, or 0 for not at all.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        description: str,
        username: str,
        encryption_key: EncryptionKey,
        rotation: int = 1,
        recovery_window_days: int = 7,
    ) -> None:
        super().__init__(scope, id)
        self._id = id
        self._encryption_key = encryption_key
        self.rotation = rotation  # the version for write-only arguments that take the password
        self.secret = SecretsmanagerSecret(
            self,
            "Resource",
            # A prefix, since the name of a destroyed secret stays taken during its recovery window.
            name_prefix=f"{name_prefix}/{id}-",
            description=description,
            kms_key_id=encryption_key.arn,
            recovery_window_in_days=recovery_window_days,
        )
        self.arn: str = self.secret.arn
        password = EphemeralResource(
            self,
            "password",
            type="aws_secretsmanager_random_password",
            config={"password_length": _PASSWORD_LENGTH, "exclude_punctuation": True},
        )
        generated = password.reference("random_password")
        self.version = SecretsmanagerSecretVersion(
            self,
            "version",
            secret_id=self.arn,
            secret_string_wo=f"${{jsonencode({{username = {json.dumps(username)}, password = {generated}}})}}",
            secret_string_wo_version=rotation,
        )
        self._version_id: str = self.version.version_id

    def ephemeral_password(self, scope: Construct, id: str) -> str:
        """The password as stored, for a write-only argument; read back, so that the secret is its one source."""
        stored = EphemeralResource(
            scope,
            id,
            type="aws_secretsmanager_secret_version",
            config={"secret_id": self.arn, "version_id": self._version_id},
        )
        return f"${{jsondecode({stored.reference('secret_string')}).password}}"

    def container_secret(self, key: str) -> str:
        """The ``valueFrom`` of an ECS container secret: one key of this version.

        It names the version, so that a rotation changes the task definition and new tasks start with the new value.
        """
        return f"{self.arn}:{key}::{self._version_id}"

    def grant_read(self, grantee: Grantable) -> None:
        """Let *grantee* read the secret."""
        grantee.allow(f"read-secret-{self._id}", actions=["secretsmanager:GetSecretValue"], resources=[self.arn])
        self._encryption_key.grant_decrypt(grantee)

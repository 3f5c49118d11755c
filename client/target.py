"""What is to be called: an address, how it checks its callers, and where their credentials are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from dataplane.address import read_address
from deployment import preflight
from deployment.lifecycle import Lifecycle, load_stacks
from deployment.progress import Display
from deployment.toolchain import ROOT, find_terraform
from errors import UserError

if TYPE_CHECKING:
    from settings import Settings

OUTDIR = ROOT / "cdktf.out"
LOCAL_FOLDER = ROOT / ".local"
"""Where ``make local`` keeps its data."""

AccessType = Literal["basic", "jwt", "iam", "lambda", "none"]

_NEEDED = {"endpoint", "access", "mlflow_credentials_secret_arn"}
_CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 2})


@dataclass(frozen=True)
class Login:
    """A user name and a password."""

    username: str
    password: str = field(repr=False)


class LoginSource(Protocol):
    """Where user name and password are kept; each reading asks anew."""

    def read(self) -> Login:
        """Raise ``UserError`` if there are none, or not for this caller."""


@dataclass(frozen=True)
class Secret:
    """A secret of Secrets Manager, read with the AWS credentials of the caller's shell."""

    arn: str
    region: str

    def read(self) -> Login:
        """See the base class."""
        try:
            manager = boto3.client("secretsmanager", region_name=self.region, config=_CONFIG)
            return login_of(manager.get_secret_value(SecretId=self.arn)["SecretString"])
        except (ClientError, BotoCoreError) as error:
            raise UserError(
                f"the password cannot be read from the secret {self.arn}: {error}. Use AWS credentials that may call "
                "secretsmanager:GetSecretValue on it, and kms:Decrypt on its key."
            ) from error

    def __str__(self) -> str:
        return "the password is in Secrets Manager"


@dataclass(frozen=True)
class LocalFile:
    """What a running ``make local`` has written into its folder."""

    folder: Path

    def read(self) -> Login:
        """See the base class."""
        address = read_address(self.folder)
        return Login(address.username, address.password)

    def __str__(self) -> str:
        return f"the password is in {self.folder}"


@dataclass(frozen=True)
class Target:
    """An endpoint; *url* has no slash at its end.

    *logins* is None where callers have no password of ours. *outputs* are all that are meant for people.
    """

    name: str
    url: str
    access: AccessType
    region: str = ""
    logins: LoginSource | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_login_page(self) -> bool:
        """Whether "GET /" is the login page of our Lambda authorizer; the UI is at "/ui" then."""
        return self.access == "lambda" and self.logins is not None

    @property
    def ui_path(self) -> str:
        """Where the page of the UI is."""
        return "/ui" if self.has_login_page else "/"


def login_of(secret: str) -> Login:
    """Read a secret's JSON; raises ``UserError`` for what is not one of ours."""
    try:
        content = json.loads(secret)
        return Login(content["username"], content["password"])
    except (ValueError, KeyError, TypeError):
        # No cause: it would show the secret's text.
        raise UserError("the secret has no username and password in JSON; `make deploy` makes one that has.") from None


def of_deployment(settings: Settings, display: Display) -> Target:
    """What is deployed of this environment, by the outputs in its states; raises ``UserError`` if nothing is."""
    import main as app  # here, because it starts Node

    find_terraform()
    preflight.check(settings)
    with display.step(settings.environment, "synth"):
        app.synthesise([settings], OUTDIR)
    stacks = load_stacks(OUTDIR, [settings.environment])
    telling = [stack for stack in stacks if _NEEDED & stack.configuration().get("output", {}).keys()]
    lifecycle = Lifecycle(telling, display)
    outputs = {name: output for stack in lifecycle.outputs().values() for name, output in stack.items()}
    shown = {name: str(output.value) for name, output in outputs.items() if not output.sensitive}
    return from_outputs(settings.environment, settings.region, shown)


def from_outputs(environment: str, region: str, outputs: Mapping[str, str]) -> Target:
    """The target that Terraform's *outputs* describe; raises ``UserError`` if there is no endpoint among them."""
    if "endpoint" not in outputs:
        raise UserError(f"{environment} is not deployed: it has no endpoint. Deploy it with `make deploy` first.")
    access = outputs.get("access", "basic")  # what was deployed before there was this output had passwords
    if access not in get_args(AccessType):
        raise UserError(f"{environment}: the output access is {access!r}, which this version does not know: update it.")
    arn = outputs.get("mlflow_credentials_secret_arn")
    return Target(
        environment,
        outputs["endpoint"].rstrip("/"),
        access,  # type: ignore[arg-type] # checked above
        region,
        Secret(arn, region) if arn and access in ("basic", "lambda") else None,
        outputs,
    )


def of_local(folder: Path = LOCAL_FOLDER) -> Target:
    """The data plane that ``make local`` runs with its data in *folder*; raises ``UserError`` if none does."""
    folder = folder.resolve()
    return Target("local", read_address(folder).url, "basic", logins=LocalFile(folder))

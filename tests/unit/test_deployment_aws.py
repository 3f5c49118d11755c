"""What meets AWS: the checks before Terraform starts, the lock of the state, the bootstrap of its bucket.

moto runs in a process of its own: in this one its state is shared with every other test.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, UnauthorizedSSOTokenError
from rich.console import Console

from deployment import preflight
from deployment.bootstrap import bootstrap
from deployment.lifecycle import StackPlan
from deployment.progress import Display
from deployment.terraform import Changes, Terraform
from errors import UserError
from images.context import Build
from settings import StateSettings

MOTO_ACCOUNT = "123456789012"


def settings(**changes: Any) -> Any:
    state: dict[str, Any] = {
        "backend": "s3",
        "bucket": "state",
        "table": "lock",
        "lock": "dynamodb",
        "key_prefix": "mlflow/dev",
        "create": True,
    }
    state |= {key: changes.pop(key) for key in list(changes) if key in state}
    values = {
        "environment": "dev",
        "region": "us-west-2",
        "account_id": None,
        "state": StateSettings.model_construct(**state),
    }
    return SimpleNamespace(**(values | changes))


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of an AWS. It ends with its standard input, so that no failure here leaves it behind."""
    serve = (
        "import sys; from moto.server import ThreadedMotoServer\n"
        "server = ThreadedMotoServer('127.0.0.1', 0, verbose=False); server.start()\n"
        "print(server.get_host_and_port()[1], flush=True); sys.stdin.read(); server.stop()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", serve],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"


@pytest.fixture
def aws(moto: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty account."""
    request.getfixturevalue("keys")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    urllib.request.urlopen(f"{moto}/moto-api/reset", data=b"").close()  # noqa: S310 - our own loopback address


def make_bucket(name: str = "state", region: str = "us-west-2") -> None:
    s3 = boto3.client("s3", region_name=region)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})


def make_table(name: str = "lock") -> None:
    boto3.client("dynamodb", region_name="us-west-2").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_refuses_without_credentials() -> None:
    with pytest.raises(UserError, match=r"no AWS credentials: .*set AWS_PROFILE"):
        preflight.check(settings())


def test_refuses_an_unknown_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UserError, match=r"no AWS credentials: .*nobody.*Correct AWS_PROFILE"):
        preflight.check(settings())


def refused(code: str, status: int = 403) -> ClientError:
    error = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(error, "GetCallerIdentity")  # type: ignore[arg-type]  # as AWS sends it, not all it may send


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refused("ExpiredToken"), "the AWS credentials have expired"),
        (UnauthorizedSSOTokenError(), "the AWS credentials have expired"),
        (refused("InvalidClientTokenId"), "AWS does not accept the credentials"),
        (refused("SignatureDoesNotMatch"), "AWS does not accept the credentials"),
        (refused("AccessDenied"), r"AWS refused GetCallerIdentity \(AccessDenied\): no"),
    ],
)
def test_refuses_credentials_that_aws_refuses(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    def refuse() -> None:
        raise error

    monkeypatch.setattr(boto3, "client", lambda *_, **__: SimpleNamespace(get_caller_identity=refuse))
    with pytest.raises(UserError, match=said):
        preflight.check_account(settings())


@pytest.mark.usefixtures("keys")
def test_refuses_when_aws_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"AWS cannot be reached: .*127\.0\.0\.1:9.*region = us-west-2"):
        preflight.check_account(settings())


@pytest.mark.usefixtures("aws")
def test_refuses_another_account_and_names_both() -> None:
    with pytest.raises(UserError) as caught:
        preflight.check(settings(account_id="999999999999"))
    for part in (MOTO_ACCOUNT, "999999999999", "account_id", "environments/dev.tfvars"):
        assert part in str(caught.value)


@pytest.mark.usefixtures("aws")
def test_refuses_a_missing_state_bucket_and_says_how_to_make_it() -> None:
    with pytest.raises(UserError, match=r"bucket state does not exist .*make bootstrap ENV=dev"):
        preflight.check(settings())


@pytest.mark.usefixtures("aws")
def test_refuses_a_missing_lock_table_only_where_it_is_used() -> None:
    make_bucket()
    with pytest.raises(UserError, match=r"lock table lock does not exist .*make bootstrap ENV=dev"):
        preflight.check(settings())
    assert preflight.check(settings(lock="s3")) == MOTO_ACCOUNT


@pytest.mark.usefixtures("aws")
def test_refuses_a_bucket_in_another_region() -> None:
    make_bucket("far", "eu-west-1")
    with pytest.raises(
        UserError, match=r"bucket far is in eu-west-1, but region in environments/dev\.tfvars is us-west-2"
    ):
        preflight.check(settings(bucket="far"))


def test_refuses_a_bucket_of_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def head_bucket(**_: str) -> None:
        raise refused("403")

    monkeypatch.setattr(boto3, "client", lambda *_, **__: SimpleNamespace(head_bucket=head_bucket))
    with pytest.raises(UserError, match="may not use it: it belongs to another account"):
        preflight.check_state(settings())


@pytest.mark.usefixtures("aws")
def test_says_which_account_it_is_when_all_is_well() -> None:
    make_bucket()
    make_table()
    assert preflight.check(settings(account_id=MOTO_ACCOUNT)) == MOTO_ACCOUNT
    assert preflight.state_object_exists(settings(), "no-such-key") is False


@pytest.mark.usefixtures("aws")
def test_a_local_state_needs_no_bucket() -> None:
    assert preflight.check(settings(backend="local")) == MOTO_ACCOUNT


def building(source: str = "build") -> Any:
    return settings(
        images=SimpleNamespace(source=source, base_registry="docker.io/library"),
        service=SimpleNamespace(architecture="arm64"),
        repository_name="mlflow-dev/{}".format,
    )


def publish(build: Build) -> None:
    ecr = boto3.client("ecr", region_name="us-west-2")
    ecr.create_repository(repositoryName=f"mlflow-dev/{build.name}")
    manifest = json.dumps({"mediaType": "application/vnd.oci.image.manifest.v1+json", "config": build.name})
    ecr.put_image(repositoryName=f"mlflow-dev/{build.name}", imageTag=build.tag(), imageManifest=manifest)


@pytest.mark.usefixtures("aws")
def test_refuses_to_go_without_an_engine_as_long_as_an_image_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTAINER_ENGINE", "no-such-engine")
    nginx, mlflow = preflight.builds(building())
    with pytest.raises(UserError, match="CONTAINER_ENGINE is 'no-such-engine'"):
        preflight.check_images(building())
    publish(nginx)
    with pytest.raises(UserError, match="CONTAINER_ENGINE is 'no-such-engine'"):
        preflight.check_images(building())
    publish(mlflow)
    preflight.check_images(building())


@pytest.mark.usefixtures("aws")
def test_images_of_a_registry_need_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTAINER_ENGINE", "no-such-engine")
    assert preflight.builds(building("registry")) == ()
    preflight.check_images(building("registry"))


def test_refuses_a_region_whose_databases_the_image_cannot_verify() -> None:
    elsewhere = building()
    elsewhere.region = "xx-nowhere-1"
    with pytest.raises(UserError, match=r"no CA of RDS in xx-nowhere-1.+https://truststore\.pki\.rds"):
        preflight.check_images(elsewhere)


LOCK = {
    "ID": "0c1a2b3c-0000-1111-2222-333344445555",
    "Operation": "OperationTypeApply",
    "Who": "ann@laptop",
    "Version": "1.11.4",
    "Created": "2026-01-02T03:04:05.6Z",
    "Path": "state/dev.tfstate",
}


def lock_in_table() -> None:
    make_table()
    item = {"LockID": {"S": "state/dev.tfstate"}, "Info": {"S": json.dumps(LOCK)}}
    boto3.client("dynamodb", region_name="us-west-2").put_item(TableName="lock", Item=item)


def lock_in_bucket() -> None:
    boto3.client("s3").put_object(Bucket="state", Key="dev.tfstate.tflock", Body=json.dumps(LOCK))


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("lock", "option"),
    [(lock_in_table, {"dynamodb_table": "lock"}), (lock_in_bucket, {"use_lockfile": True})],
    ids=["dynamodb", "s3"],
)
def test_a_locked_state_says_who_holds_it_and_how_to_free_it(
    tmp_path: Path, lock: Callable[[], None], option: dict[str, Any]
) -> None:
    make_bucket()
    lock()
    folder = tmp_path / "dev-platform"
    write_stack(folder, {"s3": {"bucket": "state", "key": "dev.tfstate", "region": "us-west-2", **option}})
    terraform = Terraform(folder)
    terraform.init()
    with pytest.raises(UserError) as caught:
        terraform.plan()
    lines = [line.strip() for line in str(caught.value).splitlines()]
    assert lines[0] == "dev-platform: the state is locked by another run"
    assert lines[1] == "who:       ann@laptop"
    assert lines[2].startswith("since:     2026-01-02")
    assert lines[3] == "operation: apply"
    assert lines[4] == f"lock id:   {LOCK['ID']}"
    assert lines[-1].endswith(f"-chdir={folder} force-unlock {LOCK['ID']}")

    terraform.force_unlock(LOCK["ID"])
    assert terraform.plan().changes == Changes(add=1)


def write_stack(folder: Path, backend: dict[str, Any], **resource: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stack = {"terraform": {"backend": backend}, "resource": {"terraform_data": {"bucket": resource}}}
    (folder / "cdk.tf.json").write_text(json.dumps(stack))


class FakeMain(ModuleType):
    """Stands for main.py: a state backend whose bucket is made by a provisioner, so that no provider is needed."""

    def __init__(self) -> None:
        super().__init__("main")
        self.input = "first"

    def synthesise_state_backend(self, settings: Any, outdir: Path, *, local_state: bool) -> None:
        folder = outdir / "stacks" / "dev-state-backend"
        remote = {"bucket": "state", "key": "mlflow/dev/state-backend.tfstate", "region": settings.region}
        backend = {"local": {"path": "terraform.tfstate"}} if local_state else {"s3": remote}
        where = "CreateBucketConfiguration={'LocationConstraint': 'us-west-2'}"
        make = f"import boto3; boto3.client('s3', region_name='us-west-2').create_bucket(Bucket='state', {where})"
        provisioner = {"local-exec": {"command": f'{sys.executable} -c "{make}"'}}
        write_stack(folder, backend, input=self.input, provisioner=[provisioner])
        entry = {"name": folder.name, "dependencies": [], "workingDirectory": f"stacks/{folder.name}"}
        (outdir / "manifest.json").write_text(json.dumps({"stacks": {folder.name: entry}}))


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> FakeMain:
    module = FakeMain()
    monkeypatch.setitem(sys.modules, "main", module)
    return module


def run_bootstrap(outdir: Path, approve: Callable[[StackPlan], bool] = lambda _: True, **changes: Any) -> str:
    shown = io.StringIO()
    bootstrap(settings(**changes), outdir, Display(Console(file=shown, width=200)), approve)
    return shown.getvalue()


def state_in_bucket() -> Any:
    state = boto3.client("s3").get_object(Bucket="state", Key="mlflow/dev/state-backend.tfstate")
    return json.loads(state["Body"].read())["resources"][0]["instances"][0]["attributes"]["input"]["value"]


def never(_: StackPlan) -> bool:
    raise AssertionError("asked, although there is nothing to change")


@pytest.mark.usefixtures("aws")
def test_bootstrap_moves_its_state_into_its_bucket_and_can_be_repeated(tmp_path: Path, main: FakeMain) -> None:
    run_bootstrap(tmp_path)
    assert state_in_bucket() == "first"
    assert not list((tmp_path / "stacks/dev-state-backend").glob("terraform.tfstate*"))
    assert "no changes" in run_bootstrap(tmp_path, never)
    assert "no changes" in run_bootstrap(tmp_path / "another-clone", never)
    main.input = "second"
    run_bootstrap(tmp_path)
    assert state_in_bucket() == "second"


@pytest.mark.usefixtures("aws", "main")
def test_bootstrap_that_was_killed_before_the_move_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as killed:
        killed.setattr("deployment.bootstrap._move", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_bootstrap(tmp_path)
    assert "no changes" in run_bootstrap(tmp_path, never)
    assert state_in_bucket() == "first"


@pytest.mark.usefixtures("aws", "main")
def test_bootstrap_that_was_killed_after_the_move_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_bootstrap(tmp_path)
    assert "no changes" in run_bootstrap(tmp_path, never)
    assert state_in_bucket() == "first"


@pytest.mark.usefixtures("aws", "main")
def test_bootstrap_refuses_a_bucket_that_it_did_not_make(tmp_path: Path) -> None:
    make_bucket()
    with pytest.raises(
        UserError, match=r"exists in this account, but was not made by this(.|\n)*state\.create = false"
    ):
        run_bootstrap(tmp_path)


@pytest.mark.usefixtures("main")
def test_bootstrap_refuses_a_name_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "find_bucket", lambda _: "foreign")
    with pytest.raises(
        UserError, match=r"state is taken by another account .*state\.bucket in environments/dev\.tfvars"
    ):
        run_bootstrap(tmp_path)


@pytest.mark.usefixtures("aws", "main")
def test_bootstrap_only_checks_what_others_look_after(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"bucket state does not exist .*state\.create = true"):
        run_bootstrap(tmp_path, never, create=False)
    make_bucket()
    assert "left as it is" in run_bootstrap(tmp_path, never, create=False, lock="s3")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("main")
def test_bootstrap_has_nothing_to_do_for_a_local_state(tmp_path: Path) -> None:
    assert "nothing to bootstrap" in run_bootstrap(tmp_path, never, backend="local")


@pytest.mark.usefixtures("aws", "main")
def test_bootstrap_that_is_not_approved_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="dev-state-backend was not approved"):
        run_bootstrap(tmp_path, lambda _: False)
    assert boto3.client("s3").list_buckets()["Buckets"] == []


@pytest.mark.usefixtures("aws")
def test_refuses_a_bucket_that_holds_anything() -> None:
    make_bucket("artifacts")
    preflight.check_is_empty(settings(), "artifacts")
    boto3.client("s3", region_name="us-west-2").put_object(Bucket="artifacts", Key="model")
    with pytest.raises(UserError, match=r"bucket artifacts is not empty.*artifacts\.force_destroy = true"):
        preflight.check_is_empty(settings(), "artifacts", but={"notebook/setup.sh"})


@pytest.mark.usefixtures("aws")
def test_takes_a_bucket_for_empty_whose_objects_go_with_the_stacks() -> None:
    make_bucket("artifacts")
    s3 = boto3.client("s3", region_name="us-west-2")
    s3.put_bucket_versioning(Bucket="artifacts", VersioningConfiguration={"Status": "Enabled"})
    for key in ("notebook/setup.sh", "notebook/setup.sh", "notebook/lab.ipynb"):
        s3.put_object(Bucket="artifacts", Key=key)
    s3.delete_object(Bucket="artifacts", Key="notebook/lab.ipynb")
    preflight.check_is_empty(settings(), "artifacts", but={"notebook/setup.sh", "notebook/lab.ipynb"})
    with pytest.raises(UserError, match="bucket artifacts is not empty"):
        preflight.check_is_empty(settings(), "artifacts", but={"notebook/setup.sh"})

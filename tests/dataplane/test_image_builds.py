"""The real Dockerfiles: built, started as the task definition starts them, pushed and pulled.

Where the official images cannot be had, a stand-in takes their names; all that comes after FROM is the real thing.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from dataplane.containers import answers
from dataplane.mariadb import MariaDb
from dataplane.process import LOOPBACK, free_port
from images import publish
from images.context import NAMES, PLATFORMS, Build
from tests.dataplane.buildah import (
    ARCHITECTURE,
    Buildah,
    Container,
    Registry,
    base_of,
    process_status,
    require_programs,
)

USERS = {"nginx": 101, "mlflow": 10001}
PORTS = {"nginx": "8080/tcp", "mlflow": "5000/tcp"}
STOP_SIGNALS = {"nginx": "SIGQUIT", "mlflow": "SIGTERM"}
PASSWORD, DATABASE_PASSWORD = "correct:horse@battery/staple", "p@ss:word/%20#?"
HEALTHY_SECONDS = 180.0  # what ECS grants

Images = Mapping[str, str]


class LocalRepository(publish.Repository):
    """A repository of the local registry in place of one of ECR's."""

    def __init__(self, registry: Registry, name: str) -> None:
        self.registry = registry.host
        self.name = name
        self._local = registry

    def has(self, tag: str) -> bool:
        return self._local.manifest(self.name, tag) is not None

    def credentials(self) -> tuple[str, str]:
        return "AWS", "any"


class Running:
    """Both images side by side on a database, as in a task."""

    def __init__(self, nginx: Container, port: int) -> None:
        self.nginx = nginx
        self.port = port
        self.mlflow: Container
        self.without_mlflow = self.status("/elb-status")

    def status(self, path: str, login: tuple[str, str] | None = None) -> int:
        return requests.get(f"http://{LOOPBACK}:{self.port}{path}", auth=login, timeout=30).status_code


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    require_programs()
    with Registry(tmp_path_factory.mktemp("registry") / "registry").serve() as registry:
        yield registry


@pytest.fixture(scope="module")
def buildah(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """buildah with a stand-in for the official images."""
    buildah = Buildah(tmp_path_factory.mktemp("buildah"), registry.host)
    try:
        buildah.make_base([base_of(Build(name, ARCHITECTURE)) for name in NAMES])
        yield buildah
    finally:
        buildah.remove()


@pytest.fixture(scope="module")
def images(buildah: Buildah, registry: Registry) -> Images:
    """The names of both images, built as ``make images`` and ``terraform apply`` build them."""
    images = {}
    for name in NAMES:
        build = Build(name, ARCHITECTURE)
        images[name] = f"{registry.host}/mlflow/{name}:{build.tag()}"
        publish.build_image(buildah.engine, build, images[name])
    return images


@pytest.fixture(scope="module")
def running(buildah: Buildah, images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("running")
    port, mlflow_port = free_port(), free_port()
    nginx_environment = {
        "AUTH_MODE": "basic",
        "AUTH_USERNAME": "mlflow",
        "AUTH_PASSWORD": PASSWORD,
        "MLFLOW_PORT": str(mlflow_port),
        "NGINX_LISTEN": f"{LOOPBACK}:{port}",
    }
    with (
        MariaDb(folder / "database") as database,
        Container(buildah, images["nginx"], nginx_environment, folder / "nginx.log") as nginx,
    ):
        database.create_database("mlflow", user="mlflow", password=DATABASE_PASSWORD)
        mlflow_environment = {
            "DATABASE_HOST": LOOPBACK,
            "DATABASE_PORT": str(database.port),
            "DATABASE_NAME": "mlflow",
            "DATABASE_USERNAME": "mlflow",
            "DATABASE_PASSWORD": DATABASE_PASSWORD,
            "DATABASE_TLS": "off",
            "ARTIFACTS_URI": "s3://artifacts",
            "MLFLOW_PORT": str(mlflow_port),
        }
        nginx.process.wait_until(lambda: _listens(port), seconds=HEALTHY_SECONDS)
        running = Running(nginx, port)
        with Container(buildah, images["mlflow"], mlflow_environment, folder / "mlflow.log") as running.mlflow:
            running.mlflow.process.wait_until(lambda: answers(mlflow_port, "/health"), seconds=HEALTHY_SECONDS)
            yield running


@pytest.mark.parametrize("name", NAMES)
def test_an_image_has_a_numeric_user_an_entrypoint_without_shell_a_port_and_a_stop_signal(
    buildah: Buildah, images: Images, name: str
) -> None:
    config = buildah.inspect(images[name])["OCIv1"]["config"]
    assert config["User"] == f"{USERS[name]}:{USERS[name]}"
    assert config["Entrypoint"][0] not in ("/inherited", "sh", "/bin/sh")
    assert "Cmd" not in config
    assert list(config["ExposedPorts"]) == [PORTS[name]]
    assert config["StopSignal"] == STOP_SIGNALS[name]


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_for_the_architecture_it_was_built_for(buildah: Buildah, images: Images, name: str) -> None:
    image = buildah.inspect(images[name])["OCIv1"]
    assert f"{image['os']}/{image['architecture']}" == PLATFORMS[ARCHITECTURE]


@pytest.mark.parametrize("name", NAMES)
def test_an_images_only_volume_is_tmp_which_is_its_users(buildah: Buildah, images: Images, name: str) -> None:
    volumes = buildah.inspect(images[name])["OCIv1"]["config"]["Volumes"]
    assert [*volumes] == ["/tmp"]  # noqa: S108 - the image's
    owner = buildah.look_into(images[name], 'stat -c %u:%g "$root/tmp"').strip()
    assert owner == f"{USERS[name]}:{USERS[name]}"


@pytest.mark.parametrize("name", NAMES)
def test_an_image_tells_no_secret_and_nothing_of_the_machine_that_built_it(
    buildah: Buildah, images: Images, name: str
) -> None:
    known = buildah.inspect(images[name])
    config = known["OCIv1"]["config"]
    variables = {variable.partition("=")[0] for variable in config["Env"]}
    assert variables <= {"PATH", "HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    assert set(config["Labels"]) <= {"io.buildah.version"}
    told = json.dumps([known["OCIv1"], known["Docker"]])
    assert "PIP_" not in told
    assert "PASSWORD" not in told.upper()


@pytest.mark.parametrize("name", NAMES)
def test_an_images_user_can_write_nothing_but_tmp_and_debians_shared_folders(
    buildah: Buildah, images: Images, name: str
) -> None:
    as_user = f"setpriv --reuid {USERS[name]} --regid {USERS[name]} --clear-groups"
    script = f'chroot "$root" {as_user} find / -type d,f -writable -printf "%P\\n" 2>/dev/null || true'
    writable = set(buildah.look_into(images[name], script).split())
    assert "tmp" in writable
    assert writable <= {"tmp", "var/tmp", "run/lock"}


def test_built_nginx_says_503_without_mlflow_and_200_with_it(running: Running) -> None:
    assert running.without_mlflow == 503
    assert running.status("/elb-status") == 200


def test_built_images_let_the_right_password_in_and_refuse_any_other(running: Running) -> None:
    path = "/api/2.0/mlflow/experiments/search?max_results=1"
    assert running.status(path, ("mlflow", PASSWORD)) == 200
    assert running.status(path, ("mlflow", PASSWORD[:-1])) == 401
    assert running.status(path) == 401


@pytest.mark.parametrize("name", NAMES)
def test_built_images_run_without_roots_rights_on_a_read_only_file_system(running: Running, name: str) -> None:
    container: Container = getattr(running, name)
    pids = container.pids()
    assert pids, container.process.output()
    for pid in pids:
        status = process_status(pid)
        assert set(status["Uid"].split()) == {str(USERS[name])}
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert status["Root"].split(",")[0] == "ro"


def test_built_mlflow_ends_with_0_on_its_stop_signal_and_then_nginx_does(running: Running) -> None:
    """The last one of those that use them."""
    assert running.mlflow.stop() == 0, running.mlflow.process.output()
    assert running.status("/elb-status") == 503
    assert running.nginx.stop() == 0, running.nginx.process.output()


def test_a_tag_is_pushed_once_and_pulled_elsewhere_as_the_same_image(
    buildah: Buildah,
    images: Images,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    build = Build("nginx", ARCHITECTURE)
    repository = LocalRepository(registry, "mlflow/nginx")
    monkeypatch.setenv("CONTAINER_ENGINE", shlex.join(buildah.building_command))
    assert not repository.has(build.tag())
    publish.publish(build, repository, images["nginx"])
    said = capfd.readouterr().out
    assert "is built already" in said
    assert "pushed" in said
    pushed = registry.manifest(repository.name, build.tag())
    assert pushed is not None
    assert pushed["config"]["digest"] == f"sha256:{buildah.image_id(images['nginx'])}"

    publish.publish(build, repository, images["nginx"])
    assert "nothing to do" in capfd.readouterr().out
    assert registry.manifest(repository.name, build.tag()) == pushed

    elsewhere = Buildah(tmp_path / "elsewhere", registry.host)
    try:
        assert not elsewhere.engine.has(images["nginx"])
        elsewhere.run("pull", images["nginx"])
        assert elsewhere.image_id(images["nginx"]) == buildah.image_id(images["nginx"])
    finally:
        elsewhere.remove()


def _listens(port: int) -> bool:
    try:
        requests.get(f"http://{LOOPBACK}:{port}/elb-status", timeout=10)
    except requests.ConnectionError:
        return False
    return True

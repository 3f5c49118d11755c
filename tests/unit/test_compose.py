import re
from typing import Any

import pytest
import yaml

from images.mlflow.startup import configuration
from images.requirements import ROOT

IMAGES = ROOT / "images"


@pytest.fixture(scope="module")
def services() -> Any:
    return yaml.safe_load((IMAGES / "compose.yaml").read_text(encoding="utf-8"))["services"]


def test_the_mlflow_image_accepts_its_variables(services: Any) -> None:
    settings = configuration.read(services["mlflow"]["environment"])
    assert settings.proxied
    assert (settings.database.host, settings.database.ca_file) == ("127.0.0.1", None)


def test_the_nginx_image_knows_its_variables(services: Any) -> None:
    known = re.findall(r"^#   ([A-Z_]+) ", (IMAGES / "nginx" / "entrypoint.sh").read_text(encoding="utf-8"), re.M)
    assert services["nginx"]["environment"].keys() <= set(known)


def test_both_images_run_as_in_a_task(services: Any) -> None:
    for name in ("mlflow", "nginx"):
        service = services[name]
        assert (IMAGES / service["build"] / "Dockerfile").is_file()
        assert (service["read_only"], service["tmpfs"], service["stop_grace_period"]) == (True, ["/tmp"], "30s")  # noqa: S108 - a path in the container
        assert service["network_mode"] == "service:database"


def test_only_loopback_is_published_and_no_password_is_written_down(services: Any) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    passwords = [
        value
        for service in services.values()
        for name, value in service.get("environment", {}).items()
        if name.endswith("_PASSWORD") and "RANDOM" not in name
    ]
    assert len(passwords) == 3
    assert all(re.fullmatch(r"\$\{MLFLOW_PASSWORD(:\?[^}]+)?\}", value) for value in passwords)
